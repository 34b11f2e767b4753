/*
 * Entity tags: public answers that a cache may keep and check again (RFC 9110, 8.8.3 and 13.1.2).
 */
#include "base/id.h"
#include "http/respond.h"

/*
 * Whoever has an answer asks again after a second, with its tag, which the front server compares.
 * So what a front server may keep is all that anybody waits for a change.
 */
#define CLIENT_AGE_S  1

/* While a front server asks for a new answer, others may have the old one for so long. */
#define RENEWAL_AGE_S 1

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

static const char *
quoted(struct request *r, const char *etag)
{
	return arena_printf(r->arena, "\"%s\"", etag);
}

bool
respond_is_known(struct request *r, const char *etag)
{
	const char *condition = request_header(r, "HTTP_IF_NONE_MATCH");

	return condition && list_has(condition, quoted(r, etag));
}

void
respond_cacheable(struct request *r, int shared_age_s, const char *etag)
{
	unsigned char hash[ID_SHA256_BYTES];
	char hex[ID_SHA256_HEX];

	assert(etag || !r->inset);
	if (!etag) {
		id_sha256(r->out.data, r->out.len, hash);
		id_hex(hash, 16, hex);
		etag = hex;
	}
	respond_header(r, "ETag", quoted(r, etag));
	respond_header(r, "Cache-Control",
		arena_printf(r->arena, "public, max-age=%d, s-maxage=%d, stale-while-revalidate=%d",
			CLIENT_AGE_S, shared_age_s, RENEWAL_AGE_S));
	r->cacheable = true;
	if (r->status == 200 && respond_is_known(r, etag))
		respond_empty(r, 304);
}
