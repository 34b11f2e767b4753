/*
 * Which addresses everybody on the internet may have, and which are this host.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "store/web.h"
#include "store/web_parts.h"

/* Special-purpose blocks (RFC 6890 and its registries) that are not global. */
static const struct block {
	const char *from;
	int bits;
} blocks_v4[] = {
	{ "0.0.0.0", 8 },
	{ "10.0.0.0", 8 },
	{ "100.64.0.0", 10 },
	{ "127.0.0.0", 8 },
	{ "169.254.0.0", 16 },
	{ "172.16.0.0", 12 },
	{ "192.0.0.0", 24 },
	{ "192.0.2.0", 24 },
	{ "192.88.99.0", 24 },
	{ "192.168.0.0", 16 },
	{ "198.18.0.0", 15 },
	{ "198.51.100.0", 24 },
	{ "203.0.113.0", 24 },
	{ "224.0.0.0", 4 },
	{ "240.0.0.0", 4 },
};

static bool
is_public_v4(uint32_t address)
{
	for (size_t i = 0; i < ARRAY_LENGTH(blocks_v4); i++) {
		struct in_addr from;

		inet_pton(AF_INET, blocks_v4[i].from, &from);
		if ((address ^ ntohl(from.s_addr)) >> (32 - blocks_v4[i].bits) == 0)
			return false;
	}
	return true;
}

static uint32_t
v4_at(const unsigned char *bytes)
{
	return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 |
	       bytes[3];
}

/*
 * Global unicast is 2000::/3; all else (loopback, mapped IPv4, ULA, link-local, multicast) is not,
 * but 64:ff9b::/96, behind which stands an IPv4 address, as one stands in 6to4's 2002::/16. Teredo,
 * documentation and benchmarking lie within 2001::/23 and 2001:db8::/32.
 */
static bool
is_public_v6(const unsigned char *a)
{
	static const unsigned char nat64[12] = { 0, 0x64, 0xff, 0x9b };

	if (memcmp(a, nat64, sizeof(nat64)) == 0)
		return is_public_v4(v4_at(a + 12));
	if (a[0] >> 5 != 1)
		return false;
	if (a[0] == 0x20 && a[1] == 0x02)
		return is_public_v4(v4_at(a + 2));
	if (a[0] == 0x20 && a[1] == 0x01)
		return a[2] > 1 && !(a[2] == 0x0d && a[3] == 0xb8);
	return !(a[0] == 0x3f && a[1] == 0xff);
}

bool
web_is_public(const struct sockaddr *address)
{
	if (address->sa_family == AF_INET)
		return is_public_v4(ntohl(
			((const struct sockaddr_in *)(const void *)address)->sin_addr.s_addr));
	if (address->sa_family == AF_INET6)
		return is_public_v6(
			((const struct sockaddr_in6 *)(const void *)address)->sin6_addr.s6_addr);
	return false;
}

bool
web_address_is_public(const char *address)
{
	struct in6_addr v6;
	struct in_addr v4;

	if (inet_pton(AF_INET, address, &v4) == 1)
		return is_public_v4(ntohl(v4.s_addr));
	return inet_pton(AF_INET6, address, &v6) == 1 && is_public_v6(v6.s6_addr);
}

bool
web_is_loopback(const char *host)
{
	struct in6_addr v6;
	struct in_addr v4;

	if (inet_pton(AF_INET, host, &v4) == 1)
		return ntohl(v4.s_addr) >> 24 == 127;
	if (inet_pton(AF_INET6, host, &v6) == 1)
		return IN6_IS_ADDR_LOOPBACK(&v6);
	return strcasecmp(host, "localhost") == 0;
}
