/*
 * The idempotency key of a request and the fingerprint that tells two requests apart.
 */
#include "base/id.h"
#include "http/request.h"

#define KEY_CHARS_MAX 255

static const char *const key_members[] = { "request_id", "idempotency_key", NULL };

static enum problem
refuse(struct request *r, const char *detail)
{
	r->why.detail = detail;
	return PROBLEM_KEY_INVALID;
}

static bool
is_usable(const char *key)
{
	size_t len = 0;

	for (; key[len]; len++) {
		if (key[len] < 0x21 || key[len] > 0x7e)
			return false;
	}
	return len >= 1 && len <= KEY_CHARS_MAX;
}

/* The text of a structured-field string (RFC 8941, 3.3.3); NULL: it is none. */
static const char *
unquote(struct arena *arena, const char *text, size_t len)
{
	char *out = arena_alloc(arena, len + 1);
	size_t at = 0;

	if (len < 2 || text[len - 1] != '"')
		return NULL;
	for (size_t i = 1; i < len - 1; i++) {
		if (text[i] == '"')
			return NULL;
		if (text[i] == '\\') {
			i++;
			if (i == len - 1 || (text[i] != '"' && text[i] != '\\'))
				return NULL;
		}
		out[at++] = text[i];
	}
	return out;
}

/* NULL: the header is there, but is no key. */
static const char *
key_from_header(struct request *r, const char *text)
{
	size_t len;

	text += strspn(text, " \t");
	len = strlen(text);
	while (len && (text[len - 1] == ' ' || text[len - 1] == '\t'))
		len--;
	return *text == '"' ? unquote(r->arena, text, len) : arena_copy(r->arena, text, len);
}

static enum problem
take_key(struct request *r, const char *key)
{
	if (!key || !is_usable(key))
		return refuse(r, "An idempotency key has 1 to 255 visible ASCII characters.");
	if (r->key && !str_equal(r->key, key))
		return refuse(r, "The request gives two idempotency keys that differ.");
	r->key = key;
	return PROBLEM_NONE;
}

static void
make_fingerprint(struct request *r, const char *body)
{
	unsigned char hash[ID_SHA256_BYTES];
	char *hex = arena_alloc(r->arena, ID_SHA256_HEX);
	struct str s;

	str_init(&s, r->arena);
	str_printf(&s, "%s\n%s\n%s", r->method, r->path, body);
	id_sha256(s.data, s.len, hash);
	id_hex(hash, sizeof(hash), hex);
	r->fingerprint = hex;
}

enum problem
request_read_key(struct request *r)
{
	const char *header = request_header(r, "HTTP_IDEMPOTENCY_KEY");
	const char *canonical;
	const char *detail;
	bool in_body = false;
	enum problem err;

	if (header && gate_param_repeats(r->gate, "HTTP_IDEMPOTENCY_KEY"))
		return refuse(r, "The request has the header Idempotency-Key more than once.");
	if (header) {
		err = take_key(r, key_from_header(r, header));
		if (err)
			return err;
	}
	for (const char *const *name = key_members; *name; name++) {
		const struct json *member = json_get(r->body, *name);

		in_body = in_body || member;
		if (!member || json_kind(member) == JSON_NULL)
			continue;
		err = take_key(r, json_kind(member) == JSON_STRING ? json_string(member) : NULL);
		if (err)
			return err;
	}
	/* Most requests that lose a rush bring no key: then there is nothing to compare. */
	if (!r->key && !in_body)
		return PROBLEM_NONE;
	canonical = json_canonical(r->arena, r->body, key_members);
	if (r->key)
		make_fingerprint(r, canonical);
	if (in_body) {
		r->body = json_parse(r->arena, canonical, strlen(canonical), &detail);
		assert(r->body);
	}
	return PROBLEM_NONE;
}
