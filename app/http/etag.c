/*
 * Entity tags: public answers that a cache may keep and check again (RFC 9110, 8.8.3 and 13.1.2).
 */
#include "base/id.h"
#include "http/respond.h"

/* Whether the list of a conditional header holds the quoted tag. W/ is no difference here. */
static bool
list_has(const char *list, const char *tag)
{
	size_t len = strlen(tag);

	for (const char *at = list; *at;) {
		const char *end;

		at += strspn(at, " \t,");
		if (*at == '*')
			return true;
		if (str_starts(at, "W/"))
			at += 2;
		if (*at != '"')
			return false;
		end = strchr(at + 1, '"');
		if (!end)
			return false;
		if ((size_t)(end + 1 - at) == len && memcmp(at, tag, len) == 0)
			return true;
		at = end + 1;
	}
	return false;
}

void
respond_cacheable(struct request *r, int max_age_s, const char *etag)
{
	const char *condition = request_header(r, "HTTP_IF_NONE_MATCH");
	unsigned char hash[ID_SHA256_BYTES];
	char hex[ID_SHA256_HEX];
	const char *tag;

	if (!etag) {
		id_sha256(r->out.data, r->out.len, hash);
		id_hex(hash, 16, hex);
		etag = hex;
	}
	tag = arena_printf(r->arena, "\"%s\"", etag);
	respond_header(r, "ETag", tag);
	respond_header(r, "Cache-Control", arena_printf(r->arena, "public, max-age=%d", max_age_s));
	r->cacheable = true;
	if (r->status == 200 && condition && list_has(condition, tag))
		respond_empty(r, 304);
}
