/*
 * The address of a Redis server: what was read of one, written again, reads as the same.
 */
#include "fuzz.h"

#include "store/redis_url.h"

static void
encode(struct str *out, const char *text)
{
	for (; text && *text; text++)
		str_printf(out, "%%%02X", (unsigned char)*text);
}

static const char *
write_again(const struct redis_url *url)
{
	struct str out;

	str_init(&out, arena);
	str_add(&out, url->path ? "unix://" : "redis://");
	if (url->user || url->password) {
		encode(&out, url->user);
		if (url->password) {
			str_add_char(&out, ':');
			encode(&out, url->password);
		}
		str_add_char(&out, '@');
	}
	if (url->path)
		str_printf(&out, "%s?db=%d", url->path, url->db);
	else if (strchr(url->host, ':'))
		str_printf(&out, "[%s]:%d/%d", url->host, url->port, url->db);
	else
		str_printf(&out, "%s:%d/%d", url->host, url->port, url->db);
	return out.data;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	struct redis_url url = { .port = -1 }, again;
	const char *mistake = NULL, *text;

	fuzz_begin();
	text = fuzz_text(&in);
	if (!redis_url_read(arena, text, &url, &mistake)) {
		assert(mistake && *mistake && url.port == -1);
		return 0;
	}
	assert(!mistake && !url.path != !url.host);
	assert(url.port >= 1 && url.port <= 65535 && url.db >= 0);
	assert(!url.host || *url.host);
	assert(redis_url_read(arena, write_again(&url), &again, &mistake));
	assert(str_equal(again.path, url.path) && str_equal(again.host, url.host));
	assert(again.port == url.port && again.db == url.db);
	/* A user without a name is none. */
	assert(str_equal(again.user, url.user && *url.user ? url.user : NULL));
	assert(str_equal(again.password, url.password));
	return 0;
}
