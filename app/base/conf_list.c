/*
 * Settings that are lists.
 */
#include "base/conf_list.h"

#include <arpa/inet.h>

#include "base/str.h"

#define ORIGIN_CHARS_MAX  300
#define NETWORK_CHARS_MAX 64

static size_t
next_word(const char **at, const char *between, const char **word)
{
	size_t len;

	*word = *at + strspn(*at, between);
	len = strcspn(*word, between);
	*at = *word + len;
	return len;
}

static bool
is_network(char *word)
{
	unsigned char address[sizeof(struct in6_addr)];
	char *bits = strchr(word, '/');
	bool v6 = strchr(word, ':');
	int64_t n;

	if (bits)
		*bits++ = '\0';
	return inet_pton(v6 ? AF_INET6 : AF_INET, word, address) == 1 &&
	       (!bits || str_to_int(bits, 0, v6 ? 128 : 32, &n));
}

const char *
conf_check_networks(const char *list)
{
	char copy[NETWORK_CHARS_MAX];
	const char *word;

	for (size_t len; (len = next_word(&list, " \t,", &word)) > 0;) {
		snprintf(copy, sizeof(copy), "%.*s", (int)len, word);
		if (len >= sizeof(copy) || !is_network(copy))
			return "it must be addresses or address/bits, with commas";
	}
	return NULL;
}

size_t
conf_next_origin(const char **at, const char **origin)
{
	/* A JSON list differs from a plain one by brackets and quotes, which no origin has that is
	 * taken here. */
	return next_word(at, " \t,[]\"", origin);
}

/* scheme://host, scheme://host:port, `null` of pages without an origin, or *. */
static bool
is_origin(char *word)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
	static const char others[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "0123456789._-";
	size_t len = strlen(word), scheme = strspn(word, others);
	char *host, *port;
	int64_t n;

	if (str_equal(word, "*") || str_equal(word, "null"))
		return true;
	if (!strchr(letters, *word) || strncmp(word + scheme, "://", 3) != 0)
		return false;
	if (word[len - 1] == '/')
		word[len - 1] = '\0';
	host = word + scheme + 3;
	port = host + strspn(host, others);
	if (port == host)
		return false;
	return *port == '\0' || (*port == ':' && str_to_int(port + 1, 1, 65535, &n));
}

/* Brackets stand around a list or nowhere, and quotes around words. */
static bool
is_list(const char *list)
{
	size_t open = 0, closed = 0, quotes = 0, len;

	list += strspn(list, " \t");
	len = strlen(list);
	while (len > 0 && strchr(" \t", list[len - 1]))
		len--;
	for (size_t i = 0; i < len; i++) {
		open += list[i] == '[';
		closed += list[i] == ']';
		quotes += list[i] == '"';
	}
	return open == closed && quotes % 2 == 0 &&
	       (open == 0 || (open == 1 && list[0] == '[' && list[len - 1] == ']'));
}

const char *
conf_check_origins(const char *list)
{
	static const char mistake[] =
		"it must be origins, scheme://host or scheme://host:port, with commas or as a JSON "
		"list; or *";
	char copy[ORIGIN_CHARS_MAX];
	const char *word;
	size_t count = 0;

	if (!is_list(list))
		return mistake;
	for (size_t len; (len = conf_next_origin(&list, &word)) > 0;) {
		snprintf(copy, sizeof(copy), "%.*s", (int)len, word);
		if (len >= sizeof(copy) || !is_origin(copy))
			return mistake;
		if (++count > CONF_ORIGINS_MAX)
			return "it must not be more than 64 origins";
	}
	return NULL;
}
