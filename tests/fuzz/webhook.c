/*
 * Webhooks: the signature of a call is one over exactly its id, time and body; and which addresses
 * may be called.
 *
 * Input: a number; a line; the rest, which is a body and, after https://, an address.
 */
#include "fuzz.h"

#include "domain/webhook.h"
#include "store/web.h"

#define SECRET "0123456789abcdef0123456789abcdef"

static const char *
sign(const char *id, int64_t unix_s, const char *body)
{
	const char *text = webhook_signature(arena, SECRET, strlen(SECRET), id, unix_s, body);

	assert(str_starts(text, "v1,") && strlen(text) == 3 + 44);
	return text;
}

static void
check_signature(const char *id, int64_t unix_s, const char *body, uint64_t where)
{
	const char *good = sign(id, unix_s, body);
	char *other = arena_strdup(arena, body);

	assert(str_equal(sign(id, unix_s, body), good));
	assert(!str_equal(sign(id, unix_s ^ 1, body), good));
	assert(!str_equal(sign(arena_printf(arena, "%s.", id), unix_s, body), good));
	/* What belongs to the id does not move into the time. */
	assert(!str_equal(sign(arena_printf(arena, "%s1", id), unix_s, body),
		sign(id, INT64_C(10000000000) + unix_s, body)));
	if (*body) {
		where %= 8 * strlen(body);
		other[where / 8] = (char)(other[where / 8] ^ 1 << where % 8);
		assert(!str_equal(sign(id, unix_s, other), good));
	}
}

static void
check_address(const char *url)
{
	struct web_url parts = { 0 };
	bool read = web_url_read(arena, url, "http", &parts);
	const char *mistake = webhook_address_mistake(arena, url, false);

	if (mistake) {
		assert(*mistake);
		return;
	}
	assert(read && parts.tls && !parts.secrets && !parts.loopback);
	assert(*parts.host && !strchr(url, '#') && strlen(url) <= 2000);
	assert(!webhook_address_mistake(arena, url, true));
	for (const char *at = url; *at; at++)
		assert((unsigned char)*at > ' ' && *at != 0x7f);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	const char *id, *rest;
	int64_t number;

	fuzz_begin();
	number = fuzz_int(&in);
	id = fuzz_line(&in);
	rest = fuzz_text(&in);
	/* Of ten digits, as times are. */
	check_signature(id, (number & INT32_MAX) | INT32_C(1) << 30, rest, (uint64_t)number);
	check_address(rest);
	check_address(arena_printf(arena, "https://%s", rest));
	return 0;
}
