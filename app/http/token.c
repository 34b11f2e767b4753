/*
 * Access tokens. libjwt is included here alone, since its decoder is easy to use wrongly: without a
 * key it verifies nothing, with one it takes whatever algorithm the token names, and it never looks
 * at a claim.
 */
#include "http/token.h"

#include <ctype.h>
#include <errno.h>
#include <jwt.h>

#include "base/clock.h"
#include "base/id.h"
#include "base/keyring.h"
#include "http/token_cache.h"

#define TOKEN_BYTES_MAX 4096
#define CLOCK_SKEW_S    60

/* The first part of the tokens that are made here with each key. */
static char *headers[KEYRING_MAX];
static size_t headers_count;
static const struct conf *token_conf;

/* A token signed with this key; free() it. */
static char *
sign(const struct keyring_key *key, const char *user_id, const char *role)
{
	const long now = (long)clock_unix_s();
	char *text;
	jwt_t *jwt;

	if (jwt_new(&jwt) != 0)
		abort();
	if (jwt_set_alg(jwt, JWT_ALG_HS256, (const unsigned char *)key->secret,
		    (int)strlen(key->secret)) != 0 ||
		jwt_add_header(jwt, "kid", key->kid) != 0 ||
		jwt_add_grant(jwt, "iss", token_conf->jwt_issuer) != 0 ||
		jwt_add_grant(jwt, "aud", token_conf->jwt_audience) != 0 ||
		jwt_add_grant(jwt, "sub", user_id) != 0 || jwt_add_grant(jwt, "role", role) != 0 ||
		jwt_add_grant_int(jwt, "iat", now) != 0 ||
		jwt_add_grant_int(jwt, "nbf", now) != 0 ||
		jwt_add_grant_int(jwt, "exp", now + (long)token_conf->access_token_seconds) != 0)
		abort();
	text = jwt_encode_str(jwt);
	if (!text)
		abort();
	jwt_free(jwt);
	return text;
}

void
token_init(const struct conf *conf)
{
	token_conf = conf;
	token_cache_clear();
	while (headers_count)
		free(headers[--headers_count]);
	keyring_load(conf);
	for (; headers_count < keyring_count(); headers_count++) {
		headers[headers_count] = sign(keyring_at(headers_count), "", "user");
		*strchr(headers[headers_count], '.') = '\0';
	}
}

const char *
token_make(struct arena *arena, const char *user_id, const char *role)
{
	char *text = sign(keyring_at(0), user_id, role);
	const char *out = arena_strdup(arena, text);

	free(text);
	return out;
}

/* Three parts of base64url, of a sane length. */
static bool
has_shape(const char *token)
{
	size_t len = 0;
	int dots = 0;

	for (; token[len]; len++) {
		unsigned char c = (unsigned char)token[len];

		if (len == TOKEN_BYTES_MAX || c > 0x7f ||
			(!isalnum(c) && c != '-' && c != '_' && c != '.'))
			return false;
		dots += c == '.';
	}
	return len && dots == 2;
}

/*
 * The key that the token says it was signed with; nothing in it is believed yet. Tokens made here
 * all begin alike, which saves reading those.
 */
static const struct keyring_key *
find_key(const char *token)
{
	const struct keyring_key *found = NULL;
	const char *kid;
	jwt_t *jwt;

	for (size_t i = 0; i < headers_count; i++) {
		if (str_starts(token, headers[i]) && token[strlen(headers[i])] == '.')
			return keyring_at(i);
	}
	if (jwt_decode(&jwt, token, NULL, 0) != 0)
		return NULL;
	kid = jwt_get_header(jwt, "kid");
	for (size_t i = 0; kid && i < keyring_count(); i++) {
		if (str_equal(keyring_at(i)->kid, kid))
			found = keyring_at(i);
	}
	jwt_free(jwt);
	return found;
}

static bool
is_role(const char *role)
{
	return str_equal(role, "user") || str_equal(role, "organizer") || str_equal(role, "admin");
}

/* A claim that is an integer; false where it is absent or of another type. */
static bool
read_time(jwt_t *jwt, const char *name, int64_t *out)
{
	errno = 0;
	*out = jwt_get_grant_int(jwt, name);
	return errno == 0 && *out > 0;
}

/* Whether the claims hold at this time; what they say, and for how long. */
static bool
claims_hold(jwt_t *jwt, int64_t now, struct token_good *good)
{
	const char *sub = jwt_get_grant(jwt, "sub");
	const char *role = jwt_get_grant(jwt, "role");
	int64_t nbf, iat;

	if (!str_equal(jwt_get_grant(jwt, "iss"), token_conf->jwt_issuer) ||
		!str_equal(jwt_get_grant(jwt, "aud"), token_conf->jwt_audience) || !sub ||
		!id_is_uuid(sub) || !is_role(role) || !read_time(jwt, "exp", &good->until) ||
		!read_time(jwt, "nbf", &nbf) || !read_time(jwt, "iat", &iat))
		return false;
	snprintf(good->user_id, sizeof(good->user_id), "%s", sub);
	snprintf(good->role, sizeof(good->role), "%s", role);
	good->from = (nbf > iat ? nbf : iat) - CLOCK_SKEW_S;
	return good->from <= now && now < good->until;
}

static bool
verify(const char *token, int64_t now, struct token_good *good)
{
	const struct keyring_key *key;
	jwt_t *jwt;
	bool holds;

	if (!has_shape(token))
		return false;
	key = find_key(token);
	if (!key)
		return false;
	if (jwt_decode(&jwt, token, (const unsigned char *)key->secret, (int)strlen(key->secret)) !=
		0)
		return false;
	holds = jwt_get_alg(jwt) == JWT_ALG_HS256 && claims_hold(jwt, now, good);
	jwt_free(jwt);
	return holds;
}

static bool
read_token(const char *token, struct arena *arena, struct request_identity *who)
{
	int64_t now = clock_unix_s();
	const struct token_good *good = token_cache_find(token, now);
	struct token_good fresh;

	if (!good) {
		if (!verify(token, now, &fresh))
			return false;
		token_cache_put(token, &fresh);
		good = &fresh;
	}
	who->user_id = arena_strdup(arena, good->user_id);
	who->role = arena_strdup(arena, good->role);
	return true;
}

enum problem
token_check(struct request *r)
{
	const char *header = request_header(r, "HTTP_AUTHORIZATION");

	if (header && strncasecmp(header, "Bearer ", 7) == 0) {
		header += 7;
		header += strspn(header, " ");
		if (read_token(header, r->arena, &r->who))
			return PROBLEM_NONE;
	}
	return PROBLEM_UNAUTHENTICATED;
}
