/*
 * The address of a list's next page.
 */
#include "http/respond.h"

/* Bytes that may stand in a query as they are (RFC 3986, unreserved). */
static bool
is_plain(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')
		|| (c != '\0' && strchr("-._~", c));
}

void
respond_next(struct request *r, const char *cursor)
{
	struct str link;
	char *rest;

	if (!cursor)
		return;
	str_init(&link, r->arena);
	str_printf(&link, "</api/v1%s?", r->path);
	rest = arena_strdup(r->arena, r->query);
	for (char *word = strsep(&rest, "&"); word; word = strsep(&rest, "&")) {
		if (*word && !str_starts(word, "cursor="))
			str_printf(&link, "%s&", word);
	}
	str_add(&link, "cursor=");
	for (const char *c = cursor; *c; c++) {
		if (is_plain(*c))
			str_add_char(&link, *c);
		else
			str_printf(&link, "%%%02X", (unsigned char)*c);
	}
	str_add(&link, ">; rel=\"next\"");
	respond_header(r, "Link", link.data);
}
