/*
 * Access tokens: whatever comes as one is refused, but for those that say, under a key of ours,
 * what a token has to say.
 *
 * Input: a kind; then 0: the header field; 1: which bit of a good token is another; else choices
 * among values of each claim, of which a token is put together and signed.
 */
#include "gate.h"

#include "base/base64.h"
#include "base/clock.h"
#include "base/id.h"
#include "http/token.h"

#define USER  "0b8f7c5e-3a52-4d1c-9f7e-2d6a1b3c4d5e"
#define FIRST "5c1f0e7ab93d42868f0e6d1b7a3c9e54"

static const char second[] = "e83b2d914f6a07c5d1e92b7f3a60c84d";
static char keys_path[] = "/tmp/holdfast-fuzz-keys-XXXXXX";

static void
remove_keys(void)
{
	remove(keys_path);
}

static void
prepare(void)
{
	static struct conf conf = {
		.program = "fuzz",
		.environment = "production",
		.jwt_secret = "",
		.jwt_keys_file = keys_path,
		.jwt_issuer = "holdfast",
		.jwt_audience = "holdfast-api",
		.access_token_seconds = 86400,
	};
	static bool done;
	FILE *file;
	int fd;

	if (done)
		return;
	done = true;
	fd = mkstemp(keys_path);
	file = fd < 0 ? NULL : fdopen(fd, "w");
	assert(file);
	fprintf(file, "new " FIRST "\nold %s\n", second);
	fclose(file);
	atexit(remove_keys);
	clock_tell(INT64_C(1800000000) * 1000000);
	token_init(&conf);
}

static bool
is_taken(const char *authorization)
{
	gate_again();
	fake_set("HTTP_AUTHORIZATION", authorization);
	if (token_check(&r) != PROBLEM_NONE) {
		assert(!r.who.user_id);
		return false;
	}
	assert(id_is_uuid(r.who.user_id) && *r.who.role);
	return true;
}

/* One value out of a list, of which the first is the right one. */
static const char *
choose(struct input *in, const char *const *values, size_t count, bool *right)
{
	size_t chosen = fuzz_byte(in) % count;

	*right = *right && chosen == 0;
	return values[chosen];
}

#define CHOOSE(in, right, ...)                                                                     \
	choose(in, (const char *const[]){ __VA_ARGS__ },                                           \
		ARRAY_LENGTH(((const char *const[]){ __VA_ARGS__ })), right)

static void
check_choices(struct input *in)
{
	bool right = true;
	unsigned char mac[ID_SHA256_BYTES];
	const char *head = arena_printf(arena, "{%s%s}",
		CHOOSE(in, &right, "\"alg\":\"HS256\"", "\"alg\":\"none\"", "\"alg\":\"HS512\"",
			"\"alg\":\"hs257\"", "\"alg\":256", "\"alg\":null", "\"typ\":\"JWT\""),
		CHOOSE(in, &right, ",\"kid\":\"old\"", "", ",\"kid\":\"\"", ",\"kid\":\"older\"",
			",\"kid\":7"));
	const char *claims = arena_printf(arena, "{%s%s%s%s%s%s%s}",
		CHOOSE(in, &right, "\"iss\":\"holdfast\"", "\"iss\":\"holdfas\"", "\"iss\":7"),
		CHOOSE(in, &right, ",\"aud\":\"holdfast-api\"", ",\"aud\":[\"holdfast-api\"]", ""),
		CHOOSE(in, &right, ",\"sub\":\"" USER "\"", ",\"sub\":\"1\"", ",\"sub\":null", ""),
		CHOOSE(in, &right, ",\"role\":\"admin\"", ",\"role\":\"root\"", ",\"role\":\"\"",
			""),
		CHOOSE(in, &right, ",\"exp\":1800000600", ",\"exp\":1799999999", ",\"exp\":0",
			",\"exp\":-1", ",\"exp\":\"1800000600\"", ",\"exp\":1e99", ""),
		CHOOSE(in, &right, ",\"nbf\":1800000000", ",\"nbf\":1800090000", ",\"nbf\":\"\"",
			""),
		CHOOSE(in, &right, ",\"iat\":1800000000", ",\"iat\":1800090000", ",\"iat\":{}",
			""));
	const char *secret = CHOOSE(in, &right, second, FIRST, "", "secret");
	const char *text = arena_printf(arena, "%s.%s", base64url_write(arena, head, strlen(head)),
		base64url_write(arena, claims, strlen(claims)));

	id_hmac_bytes(secret, strlen(secret), text, strlen(text), mac);
	text = arena_printf(arena, "Bearer %s%s%s", text, CHOOSE(in, &right, ".", "", "..", ".AA"),
		base64url_write(arena, mac, sizeof(mac)));
	assert(is_taken(text) == right);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	unsigned kind = fuzz_byte(&in);
	char *good;
	uint64_t bit;

	fake_begin();
	prepare();
	if (kind == 0) {
		assert(!is_taken(fuzz_text(&in)));
		assert(!is_taken(arena_printf(arena, "Bearer %.*s", (int)in.left, in.at)));
	} else if (kind == 1) {
		good = arena_printf(arena, "Bearer %s", token_make(arena, USER, "user"));
		assert(is_taken(good));
		bit = (uint64_t)fuzz_int(&in) % (8 * strlen(good));
		good[bit / 8] = (char)(good[bit / 8] ^ 1 << bit % 8);
		/* The scheme is written in any case. */
		assert(!is_taken(good) || bit / 8 < strlen("Bearer"));
	} else {
		check_choices(&in);
	}
	return 0;
}
