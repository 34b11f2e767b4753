/*
 * Pages of lists.
 */
#include "http/page.h"

void
page_read(struct request *r, int64_t limit, int64_t limit_max, struct page *out)
{
	out->limit = request_query_int(r, "limit", limit, 1, limit_max);
	out->cursor = request_query(r, "cursor");
}

/* The same request with the next cursor in place of the one it had, if any. */
static void
add_link(struct request *r, const char *next)
{
	struct str link;
	const char *at = r->query;

	str_init(&link, r->arena);
	str_printf(&link, "</api/v1%s?", r->path);
	while (*at) {
		size_t len = strcspn(at, "&");

		if (len > 0 && strncmp(at, "cursor=", 7) != 0) {
			/* What would end the address, or the header, was not asked for by a client
			 * that we serve: it comes percent-encoded. */
			for (size_t i = 0; i < len; i++) {
				unsigned char c = (unsigned char)at[i];

				if (c <= ' ' || c >= 0x7f || c == '<' || c == '>' || c == '"')
					str_printf(&link, "%%%02X", c);
				else
					str_add_char(&link, (char)c);
			}
			str_add_char(&link, '&');
		}
		at += len + (at[len] == '&');
	}
	str_printf(&link, "cursor=%s>; rel=\"next\"", next);
	respond_header(r, "Link", link.data);
}

void
page_item(struct str *items)
{
	if (items->len > 0)
		str_add_char(items, ',');
}

void
page_respond(struct request *r, const char *items, const char *next)
{
	page_respond_with(r, "", items, next);
}

void
page_respond_with(struct request *r, const char *members, const char *items, const char *next)
{
	struct str out;

	str_init(&out, r->arena);
	str_add_char(&out, '{');
	str_add(&out, members);
	str_add(&out, "\"items\":[");
	str_add(&out, items);
	str_add(&out, "],\"next_cursor\":");
	str_add_json(&out, next);
	str_add_char(&out, '}');
	respond_json(r, 200, out.data);
	if (next)
		add_link(r, next);
}
