/*
 * Reading the address of a Redis server.
 */
#include "store/redis_url.h"

#include "base/str.h"

#include <arpa/inet.h>

#define PORT_DEFAULT 6379
#define DB_MAX       1000000

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* len bytes at text with their percent-encoding taken away; NULL if that is broken or hides
 * a NUL. */
static const char *
percent_decode(struct arena *arena, const char *text, size_t len)
{
	struct str s;

	str_init(&s, arena);
	for (size_t i = 0; i < len; i++) {
		int high, low;

		if (text[i] != '%') {
			str_add_char(&s, text[i]);
			continue;
		}
		if (i + 2 >= len)
			return NULL;
		high = hex_digit(text[i + 1]);
		low = hex_digit(text[i + 2]);
		if (high < 0 || low < 0 || (high == 0 && low == 0))
			return NULL;
		str_add_char(&s, (char)(high * 16 + low));
		i += 2;
	}
	return s.data;
}

static bool
db_read(const char *text, int *db)
{
	int64_t n;

	if (*text == '\0')
		return true;
	if (!str_to_int(text, 0, DB_MAX, &n))
		return false;
	*db = (int)n;
	return true;
}

/* user:password before the @, either of them possibly empty. */
static bool
user_read(struct arena *arena, const char *text, size_t len, struct redis_url *url)
{
	const char *colon = memchr(text, ':', len);
	size_t user_len = colon != NULL ? (size_t)(colon - text) : len;

	if (user_len > 0 && (url->user = percent_decode(arena, text, user_len)) == NULL)
		return false;
	if (colon == NULL)
		return true;
	url->password = percent_decode(arena, colon + 1, len - user_len - 1);
	return url->password != NULL;
}

/* RFC 3986, 3.2.2: in brackets stands an IPv6 address, here with or without the name of a zone. */
static bool
is_address(struct arena *arena, const char *text)
{
	size_t len = strcspn(text, "%");
	struct in6_addr address;

	return inet_pton(AF_INET6, arena_copy(arena, text, len), &address) == 1;
}

/* host[:port] or [address]:port, len bytes of it. */
static bool
host_read(struct arena *arena, const char *text, size_t len, struct redis_url *url)
{
	const char *copy = arena_copy(arena, text, len);
	const char *port = strrchr(copy, ':');
	int64_t n;

	if (*copy == '[') {
		const char *end = strchr(copy, ']');

		if (end == NULL || (end[1] != '\0' && end[1] != ':'))
			return false;
		url->host = arena_copy(arena, copy + 1, (size_t)(end - copy - 1));
		port = end[1] == ':' ? end + 1 : NULL;
		if (!is_address(arena, url->host))
			return false;
	} else {
		url->host = port != NULL ? arena_copy(arena, copy, (size_t)(port - copy)) : copy;
		if (*url->host == '\0' || strpbrk(url->host, ":[]") != NULL)
			return false;
	}
	if (port == NULL)
		return true;
	if (!str_to_int(port + 1, 1, 65535, &n))
		return false;
	url->port = (int)n;
	return true;
}

static bool
unix_read(struct arena *arena, const char *rest, struct redis_url *url, const char **mistake)
{
	const char *query = strchr(rest, '?');

	*mistake = "the path of a unix socket begins with /";
	if (*rest != '/')
		return false;
	*mistake = "after the path of a unix socket only ?db=N may follow";
	if (query != NULL && (!str_starts(query, "?db=") || !db_read(query + 4, &url->db)))
		return false;
	url->path = arena_copy(arena, rest, query != NULL ? (size_t)(query - rest) : strlen(rest));
	return true;
}

bool
redis_url_read(struct arena *arena, const char *text, struct redis_url *url, const char **mistake)
{
	struct redis_url found = { .port = PORT_DEFAULT };
	bool is_unix = str_starts(text, "unix://");
	const char *rest, *at, *slash;

	*mistake = "it begins with redis:// or unix://";
	if (!is_unix && !str_starts(text, "redis://"))
		return false;
	rest = text + (is_unix ? strlen("unix://") : strlen("redis://"));
	at = memrchr(rest, '@', strcspn(rest, "/"));
	if (at != NULL) {
		*mistake = "user or password are not well percent-encoded";
		if (!user_read(arena, rest, (size_t)(at - rest), &found))
			return false;
		rest = at + 1;
	}
	if (is_unix) {
		if (!unix_read(arena, rest, &found, mistake))
			return false;
	} else {
		slash = strchr(rest, '/');
		*mistake = "host or port are not usable";
		if (!host_read(arena, rest, slash != NULL ? (size_t)(slash - rest) : strlen(rest),
			    &found))
			return false;
		*mistake = "the database after the host is not a number";
		if (slash != NULL && !db_read(slash + 1, &found.db))
			return false;
	}
	*mistake = NULL;
	*url = found;
	return true;
}
