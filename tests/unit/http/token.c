/*
 * Access tokens: ours, and everything that is made to look like one of ours. Forgeries are put
 * together here by hand, so that they can be wrong in any way.
 */
#define _GNU_SOURCE 1 /* asprintf() */
#include <criterion/criterion.h>
#include <criterion/redirect.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/conf.h"
#include "base/id.h"
#include "fake_gate.h"
#include "http/token.h"

#define USER "0b8f7c5e-3a52-4d1c-9f7e-2d6a1b3c4d5e"

static const char first[] = "5c1f0e7ab93d42868f0e6d1b7a3c9e54";
static const char second[] = "e83b2d914f6a07c5d1e92b7f3a60c84d";
static struct conf conf;
static char path[256];

static void
write_keys(const char *text)
{
	FILE *file = fopen(path, "w");

	cr_assert(file);
	fputs(text, file);
	fclose(file);
	token_init(&conf);
}

static void
begin(void)
{
	const char *where = getenv("TMPDIR");

	snprintf(path, sizeof(path), "%s/holdfast-keys-XXXXXX", where ? where : "/tmp");
	close(mkstemp(path));
	fake_begin();
	conf = (struct conf){
		.program = "test",
		.environment = "production",
		.jwt_secret = "",
		.jwt_keys_file = path,
		.jwt_issuer = "holdfast",
		.jwt_audience = "holdfast-api",
		.access_token_seconds = 900,
	};
	write_keys(arena_printf(arena, "# signing keys\nnew %s\n\nold\t%s\n", first, second));
}

static void
end(void)
{
	unlink(path);
	fake_end();
}

TestSuite(token, .init = begin, .fini = end);

static enum problem
check(const char *authorization)
{
	fake_begin();
	if (authorization)
		fake_set("HTTP_AUTHORIZATION", authorization);
	fake_request("GET", "/api/v1/auth/me");
	return token_check(&r);
}

static enum problem
check_token(const char *token)
{
	char *header;
	enum problem err;

	cr_assert_geq(asprintf(&header, "Bearer %s", token), 0);
	err = check(header);
	cr_assert_eq(err == PROBLEM_NONE, r.who.user_id != NULL);
	free(header);
	return err;
}

static void
add_base64url(struct str *s, const unsigned char *bytes, size_t len)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

	for (size_t i = 0; i < len; i += 3) {
		uint32_t group = (uint32_t)bytes[i] << 16;

		if (i + 1 < len)
			group |= (uint32_t)bytes[i + 1] << 8;
		if (i + 2 < len)
			group |= bytes[i + 2];
		for (size_t k = 0; k < 4 && k <= len - i; k++)
			str_add_char(s, digits[group >> (18 - 6 * k) & 63]);
	}
}

/* HMAC-SHA256 as the standard has it (id_hmac() frames its parts and so makes another one). */
static void
plain_hmac(const char *secret, const char *text, size_t len, unsigned char out[ID_SHA256_BYTES])
{
	unsigned char inner[64 + 8192], outer[64 + ID_SHA256_BYTES];

	cr_assert(strlen(secret) <= 64 && len <= 8192);
	for (size_t i = 0; i < 64; i++) {
		unsigned char c = i < strlen(secret) ? (unsigned char)secret[i] : 0;

		inner[i] = c ^ 0x36;
		outer[i] = c ^ 0x5c;
	}
	memcpy(inner + 64, text, len);
	id_sha256(inner, 64 + len, outer + 64);
	id_sha256(outer, sizeof(outer), out);
}

static const char *
sign(const char *header, const char *claims, const char *secret)
{
	static char out[8192];
	unsigned char mac[ID_SHA256_BYTES];
	struct arena *own = arena_new();
	struct str s;

	str_init(&s, own);
	add_base64url(&s, (const unsigned char *)header, strlen(header));
	str_add_char(&s, '.');
	add_base64url(&s, (const unsigned char *)claims, strlen(claims));
	if (secret)
		plain_hmac(secret, s.data, s.len, mac);
	str_add_char(&s, '.');
	if (secret)
		add_base64url(&s, mac, sizeof(mac));
	cr_assert_lt(s.len, sizeof(out));
	memcpy(out, s.data, s.len + 1);
	arena_free(own);
	return out;
}

#define GOOD_HEADER "{\"alg\":\"HS256\",\"typ\":\"JWT\",\"kid\":\"new\"}"

/* Claims that hold, then those of extra, which win where they are named alike. */
static const char *
claims(const char *extra)
{
	static char out[2048];
	long long now = clock_unix_s();

	snprintf(out, sizeof(out),
		"{\"iss\":\"holdfast\",\"aud\":\"holdfast-api\",\"sub\":\"" USER
		"\",\"role\":\"user\",\"iat\":%lld,\"nbf\":%lld,\"exp\":%lld%s%s}",
		now, now, now + 900, *extra ? "," : "", extra);
	return out;
}

Test(token, ours_is_taken)
{
	static const char *const roles[] = { "user", "organizer", "admin" };

	for (size_t i = 0; i < ARRAY_LENGTH(roles); i++) {
		char *token = strdup(token_make(arena, USER, roles[i]));

		cr_assert_eq(check_token(token), PROBLEM_NONE);
		cr_assert_str_eq(r.who.user_id, USER);
		cr_assert_str_eq(r.who.role, roles[i]);
		free(token);
	}
}

Test(token, made_by_hand_is_taken_when_all_is_right)
{
	cr_assert_eq(check_token(sign(GOOD_HEADER, claims(""), first)), PROBLEM_NONE);
}

Test(token, keys_rotate)
{
	char *token = strdup(token_make(arena, USER, "user"));

	cr_assert_eq(check_token(sign("{\"alg\":\"HS256\",\"kid\":\"old\"}", claims(""), second)),
		PROBLEM_NONE);
	/* The next key signs, the one of before still verifies. */
	write_keys(arena_printf(arena, "next %s\nnew %s\n", second, first));
	cr_assert_eq(check_token(token), PROBLEM_NONE);
	/* Once a key is gone, so are its tokens. */
	write_keys(arena_printf(arena, "next %s\n", second));
	cr_assert_eq(check_token(token), PROBLEM_UNAUTHENTICATED);
	free(token);
}

Test(token, scheme_is_bearer_in_any_case)
{
	char *token = strdup(token_make(arena, USER, "user"));
	char *header;

	cr_assert_geq(asprintf(&header, "bEARER  %s", token), 0);
	cr_assert_eq(check(header), PROBLEM_NONE);
	memcpy(header, "Basic ", 6);
	cr_assert_eq(check(header), PROBLEM_UNAUTHENTICATED);
	cr_assert_eq(check(token), PROBLEM_UNAUTHENTICATED);
	cr_assert_eq(check(NULL), PROBLEM_UNAUTHENTICATED);
	cr_assert_eq(check(""), PROBLEM_UNAUTHENTICATED);
	cr_assert_eq(check("Bearer"), PROBLEM_UNAUTHENTICATED);
	cr_assert_eq(check("Bearer "), PROBLEM_UNAUTHENTICATED);
	free(header);
	free(token);
}

Test(token, other_algorithms_are_refused)
{
	static const char *const headers[] = { "{\"alg\":\"none\",\"kid\":\"new\"}",
		"{\"alg\":\"None\",\"kid\":\"new\"}", "{\"alg\":\"NONE\",\"kid\":\"new\"}",
		"{\"alg\":\"HS384\",\"kid\":\"new\"}", "{\"alg\":\"HS512\",\"kid\":\"new\"}",
		"{\"alg\":\"RS256\",\"kid\":\"new\"}", "{\"alg\":\"ES256\",\"kid\":\"new\"}",
		"{\"alg\":\"\",\"kid\":\"new\"}", "{\"alg\":null,\"kid\":\"new\"}",
		"{\"kid\":\"new\"}", "{\"alg\":[\"HS256\"],\"kid\":\"new\"}" };

	for (size_t i = 0; i < ARRAY_LENGTH(headers); i++) {
		cr_assert_eq(check_token(sign(headers[i], claims(""), first)),
			PROBLEM_UNAUTHENTICATED, "%s", headers[i]);
		cr_assert_eq(check_token(sign(headers[i], claims(""), NULL)),
			PROBLEM_UNAUTHENTICATED, "%s", headers[i]);
	}
	cr_assert_eq(check_token(sign(GOOD_HEADER, claims(""), NULL)), PROBLEM_UNAUTHENTICATED);
}

Test(token, key_must_be_known_and_the_right_one)
{
	static const char *const headers[] = { "{\"alg\":\"HS256\"}",
		"{\"alg\":\"HS256\",\"kid\":\"\"}", "{\"alg\":\"HS256\",\"kid\":\"old\"}",
		"{\"alg\":\"HS256\",\"kid\":\"NEW\"}",
		"{\"alg\":\"HS256\",\"kid\":\"../../dev/null\"}", "{\"alg\":\"HS256\",\"kid\":5}",
		"{\"alg\":\"HS256\",\"kid\":null}", "{\"alg\":\"HS256\",\"kid\":[\"new\"]}" };

	for (size_t i = 0; i < ARRAY_LENGTH(headers); i++)
		cr_assert_eq(check_token(sign(headers[i], claims(""), first)),
			PROBLEM_UNAUTHENTICATED, "%s", headers[i]);
	cr_assert_eq(check_token(sign(GOOD_HEADER, claims(""), "")), PROBLEM_UNAUTHENTICATED);
	cr_assert_eq(check_token(sign(GOOD_HEADER, claims(""), "guess")), PROBLEM_UNAUTHENTICATED);
}

Test(token, claims_must_hold)
{
	static const char *const wrong[] = {
		"\"iss\":\"other\"",
		"\"iss\":\"\"",
		"\"iss\":null",
		"\"iss\":[\"holdfast\"]",
		"\"aud\":\"other\"",
		"\"aud\":[\"other\"]",
		"\"aud\":null",
		"\"aud\":1",
		"\"role\":\"root\"",
		"\"role\":\"\"",
		"\"role\":null",
		"\"role\":\"Admin\"",
		"\"role\":true",
		"\"sub\":\"\"",
		"\"sub\":null",
		"\"sub\":\"1\"",
		"\"sub\":7",
		"\"sub\":\"" USER "x\"",
		"\"sub\":\"' or true --\"",
		"\"exp\":1",
		"\"exp\":0",
		"\"exp\":-1",
		"\"exp\":null",
		"\"exp\":\"9999999999\"",
		"\"exp\":9999999999.5",
		"\"exp\":true",
		"\"exp\":[]",
		"\"nbf\":9999999999",
		"\"nbf\":null",
		"\"nbf\":\"1\"",
		"\"nbf\":0",
		"\"iat\":9999999999",
		"\"iat\":null",
		"\"iat\":\"x\"",
	};

	for (size_t i = 0; i < ARRAY_LENGTH(wrong); i++)
		cr_assert_eq(check_token(sign(GOOD_HEADER, claims(wrong[i]), first)),
			PROBLEM_UNAUTHENTICATED, "%s", wrong[i]);
}

Test(token, every_claim_must_be_there)
{
	static const char *const names[] = { "\"iss\"", "\"aud\"", "\"sub\"", "\"role\"", "\"iat\"",
		"\"nbf\"", "\"exp\"" };

	for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
		char *text = strdup(claims(""));

		strstr(text, names[i])[1] = 'X';
		cr_assert_eq(check_token(sign(GOOD_HEADER, text, first)), PROBLEM_UNAUTHENTICATED,
			"%s", names[i]);
		free(text);
	}
}

Test(token, expires_on_the_second)
{
	char extra[64];

	snprintf(extra, sizeof(extra), "\"exp\":%lld", (long long)clock_unix_s() - 1);
	cr_assert_eq(check_token(sign(GOOD_HEADER, claims(extra), first)), PROBLEM_UNAUTHENTICATED);
	snprintf(extra, sizeof(extra), "\"exp\":%lld", (long long)clock_unix_s() + 10);
	cr_assert_eq(check_token(sign(GOOD_HEADER, claims(extra), first)), PROBLEM_NONE);
}

Test(token, clocks_of_hosts_may_differ_a_little)
{
	char extra[64];

	snprintf(extra, sizeof(extra), "\"nbf\":%lld", (long long)clock_unix_s() + 30);
	cr_assert_eq(check_token(sign(GOOD_HEADER, claims(extra), first)), PROBLEM_NONE);
	snprintf(extra, sizeof(extra), "\"nbf\":%lld", (long long)clock_unix_s() + 120);
	cr_assert_eq(check_token(sign(GOOD_HEADER, claims(extra), first)), PROBLEM_UNAUTHENTICATED);
}

Test(token, garbage_is_refused)
{
	static const char *const garbage[] = { "x", ".", "..", "...", "a.b", "a.b.c", "a.b.c.d",
		"e30.e30.", "e30.e30.e30", "eyJ.eyJ.eyJ", "=.=.=", "a b.c.d", "\x01.\x02.\x03",
		"%00.%00.%00", "bnVsbA.bnVsbA.bnVsbA", "W10.W10.W10", "\xff\xfe.a.b" };

	for (size_t i = 0; i < ARRAY_LENGTH(garbage); i++)
		cr_assert_eq(check_token(garbage[i]), PROBLEM_UNAUTHENTICATED, "%s", garbage[i]);
	cr_assert_eq(check_token(sign("[]", "[]", first)), PROBLEM_UNAUTHENTICATED);
	cr_assert_eq(check_token(sign(GOOD_HEADER, "null", first)), PROBLEM_UNAUTHENTICATED);
	cr_assert_eq(check_token(sign(GOOD_HEADER, "{", first)), PROBLEM_UNAUTHENTICATED);
	cr_assert_eq(check_token(sign("{", claims(""), first)), PROBLEM_UNAUTHENTICATED);
}

Test(token, every_changed_character_is_noticed)
{
	char *token = strdup(token_make(arena, USER, "user"));
	size_t len = strlen(token);

	/* The last character carries bits that mean nothing. */
	for (size_t i = 0; i < len - 1; i++) {
		char was = token[i];

		token[i] = was == 'A' ? 'B' : 'A';
		cr_assert_eq(check_token(token), PROBLEM_UNAUTHENTICATED, "at %zu", i);
		token[i] = was;
	}
	token[len - 4] = '\0';
	cr_assert_eq(check_token(token), PROBLEM_UNAUTHENTICATED);
	free(token);
}

Test(token, fourth_part_and_huge_tokens_are_refused)
{
	char *token = strdup(token_make(arena, USER, "user"));
	char *longer;

	cr_assert_geq(asprintf(&longer, "%s.%s", token, "x"), 0);
	cr_assert_eq(check_token(longer), PROBLEM_UNAUTHENTICATED);
	free(longer);
	longer = malloc(1024 * 1024 + 1);
	memset(longer, 'a', 1024 * 1024);
	longer[1024 * 1024] = '\0';
	longer[100] = longer[200] = '.';
	cr_assert_eq(check_token(longer), PROBLEM_UNAUTHENTICATED);
	free(longer);
	free(token);
}

#define REFUSES_TO_START(name, ...)                                                                \
	Test(token, refuses_to_start_with_##name, .exit_code = 2)                                  \
	{                                                                                          \
		cr_redirect_stderr();                                                              \
		__VA_ARGS__;                                                                       \
		token_init(&conf);                                                                 \
	}

REFUSES_TO_START(no_secret, conf.jwt_keys_file = "")
REFUSES_TO_START(a_short_secret, conf.jwt_keys_file = "";
		 conf.jwt_secret = "0123456789abcdef0123456789abcde")
REFUSES_TO_START(a_dull_secret, conf.jwt_keys_file = "";
		 conf.jwt_secret = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")
REFUSES_TO_START(an_example, conf.jwt_keys_file = "";
		 conf.jwt_secret = "your-secret-key-change-in-production-0123456789")
REFUSES_TO_START(a_missing_file, conf.jwt_keys_file = "/nonexistent")
REFUSES_TO_START(an_empty_file, write_keys("# nothing\n"))
REFUSES_TO_START(a_key_without_a_secret, write_keys("kid\n"))
REFUSES_TO_START(two_keys_of_one_name,
	write_keys("k 5c1f0e7ab93d42868f0e6d1b7a3c9e54\nk e83b2d914f6a07c5d1e92b7f3a60c84d\n"))
REFUSES_TO_START(a_short_second_key, write_keys("k 5c1f0e7ab93d42868f0e6d1b7a3c9e54\nl short\n"))

Test(token, development_takes_a_short_secret)
{
	char *token;

	conf.environment = "development";
	conf.jwt_keys_file = "";
	conf.jwt_secret = "short";
	token_init(&conf);
	token = strdup(token_make(arena, USER, "user"));
	cr_assert_eq(check_token(token), PROBLEM_NONE);
	free(token);
}
