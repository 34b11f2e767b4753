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
#include "http/token_cache.h"

#define KEYS_MAX         16
#define KID_BYTES_MAX    64
#define TOKEN_BYTES_MAX  4096
#define SECRET_BYTES_MIN 32
#define SECRET_DISTINCT  8 /* different bytes that a secret has at least */
#define CLOCK_SKEW_S     60

struct key {
	const char *kid;
	const char *secret;
	char *header; /* the first part of the tokens that are made with it here */
};

static struct key keys[KEYS_MAX]; /* the first signs */
static size_t key_count;
static const struct conf *token_conf;

static _Noreturn void
refuse_start(const char *what)
{
	fprintf(stderr, "holdfast-%s: %s\n", token_conf->program, what);
	exit(2);
}

/* Too short, hardly random, or copied from somebody's example. */
static bool
is_weak(const char *secret)
{
	static const char *const examples[] = { "change-me", "changeme", "change_me", "change-this",
		"your-secret", "your_secret", "secret-key", "secret_key", "supersecret",
		"example" };
	bool seen[256] = { false };
	int distinct = 0;

	for (const char *c = secret; *c; c++) {
		distinct += !seen[(unsigned char)*c];
		seen[(unsigned char)*c] = true;
	}
	for (size_t i = 0; i < ARRAY_LENGTH(examples); i++) {
		if (strcasestr(secret, examples[i]))
			return true;
	}
	return strlen(secret) < SECRET_BYTES_MIN || distinct < SECRET_DISTINCT;
}

static void
add_key(const char *kid, const char *secret)
{
	size_t kid_len = strlen(kid);

	if (!kid_len || kid_len > KID_BYTES_MAX)
		refuse_start("jwt_keys_file: a key's name has 1 to 64 characters");
	if (!*secret)
		refuse_start("a signing secret is empty");
	if (str_equal(token_conf->environment, "production") && is_weak(secret))
		refuse_start(
			"a signing secret of access tokens is a default, or too short: it must "
			"have at least 32 random bytes");
	for (size_t i = 0; i < key_count; i++) {
		if (str_equal(keys[i].kid, kid))
			refuse_start("jwt_keys_file: two keys have the same name");
	}
	if (key_count == KEYS_MAX)
		refuse_start("jwt_keys_file: there are more than 16 keys");
	keys[key_count].kid = strdup(kid);
	keys[key_count].secret = strdup(secret);
	if (!keys[key_count].kid || !keys[key_count].secret)
		abort();
	key_count++;
}

/* Lines of `kid secret`; # begins a comment line. */
static void
read_keys(const char *path)
{
	FILE *file = fopen(path, "re");
	char *line = NULL;
	size_t room = 0;

	if (!file)
		refuse_start("jwt_keys_file cannot be read");
	while (getline(&line, &room, file) >= 0) {
		char *kid = line + strspn(line, " \t\r\n");
		char *secret = kid + strcspn(kid, " \t\r\n");

		if (!*kid || *kid == '#')
			continue;
		if (*secret)
			*secret++ = '\0';
		secret += strspn(secret, " \t\r\n");
		secret[strcspn(secret, " \t\r\n")] = '\0';
		add_key(kid, secret);
	}
	if (line)
		explicit_bzero(line, room);
	free(line);
	fclose(file);
}

/* A token signed with this key; free() it. */
static char *
sign(const struct key *key, const char *user_id, const char *role)
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
	while (key_count) {
		key_count--;
		free(keys[key_count].header);
		free((void *)(uintptr_t)keys[key_count].kid);
		free((void *)(uintptr_t)keys[key_count].secret);
	}
	if (*conf->jwt_keys_file)
		read_keys(conf->jwt_keys_file);
	else if (*conf->jwt_secret)
		add_key("main", conf->jwt_secret);
	if (!key_count)
		refuse_start("no signing secret: jwt_keys_file or jwt_secret must be set");
	for (size_t i = 0; i < key_count; i++) {
		keys[i].header = sign(&keys[i], "", "user");
		*strchr(keys[i].header, '.') = '\0';
	}
}

const char *
token_make(struct arena *arena, const char *user_id, const char *role)
{
	char *text = sign(&keys[0], user_id, role);
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
static const struct key *
find_key(const char *token)
{
	const struct key *found = NULL;
	const char *kid;
	jwt_t *jwt;

	for (size_t i = 0; i < key_count; i++) {
		if (str_starts(token, keys[i].header) && token[strlen(keys[i].header)] == '.')
			return &keys[i];
	}
	if (jwt_decode(&jwt, token, NULL, 0) != 0)
		return NULL;
	kid = jwt_get_header(jwt, "kid");
	for (size_t i = 0; kid && i < key_count; i++) {
		if (str_equal(keys[i].kid, kid))
			found = &keys[i];
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
	const struct key *key;
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
