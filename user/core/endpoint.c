// SPDX-License-Identifier: GPL-2.0-only
#include "core/endpoint.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/strings.h"

static bool is_mapped(const struct endpoint *at)
{
	static const uint8_t prefix[12] = { [10] = 0xff, [11] = 0xff };

	return at->family == AF_INET6 && !memcmp(at->addr, prefix, sizeof(prefix));
}

/* The IPv4 address, mapped ones among them; NULL for another IPv6 address. */
static const uint8_t *ipv4_of(const struct endpoint *at)
{
	if (at->family == AF_INET)
		return at->addr;
	return is_mapped(at) ? at->addr + 12 : NULL;
}

static bool same_address(const struct endpoint *a, const struct endpoint *b)
{
	const uint8_t *a4 = ipv4_of(a), *b4 = ipv4_of(b);

	if (a4 && b4)
		return !memcmp(a4, b4, 4);
	return !a4 && !b4 && !memcmp(a->addr, b->addr, sizeof(a->addr));
}

bool endpoint_equal(const struct endpoint *a, const struct endpoint *b)
{
	return a->netns == b->netns && a->ifindex == b->ifindex && a->proto == b->proto &&
	       a->port == b->port && same_address(a, b);
}

bool endpoint_is_wildcard(const struct endpoint *at)
{
	static const uint8_t zero[16];
	const uint8_t *v4 = ipv4_of(at);

	return v4 ? !memcmp(v4, zero, 4) : !memcmp(at->addr, zero, sizeof(zero));
}

bool endpoint_is_loopback(const struct endpoint *at)
{
	const uint8_t *v4 = ipv4_of(at);

	return v4 ? v4[0] == 127
		  : !memcmp(at->addr, &in6addr_loopback, sizeof(in6addr_loopback));
}

bool endpoint_is_multicast(const struct endpoint *at)
{
	const uint8_t *v4 = ipv4_of(at);

	return v4 ? (v4[0] & 0xf0) == 0xe0 : at->addr[0] == 0xff;
}

/* Does the wildcard @at, seen by its family, take in the family of @other? */
static bool wildcard_reaches(const struct endpoint *at, bool v6only,
			     const struct endpoint *other)
{
	if (!endpoint_is_wildcard(at))
		return false;
	if (ipv4_of(at))
		return ipv4_of(other);
	return !ipv4_of(other) || !v6only;
}

bool endpoint_overlap(const struct endpoint *a, bool a_v6only, const struct endpoint *b,
		      bool b_v6only)
{
	if (a->netns != b->netns || a->proto != b->proto || a->port != b->port)
		return false;
	if (a->ifindex && b->ifindex && a->ifindex != b->ifindex)
		return false;
	return same_address(a, b) || wildcard_reaches(a, a_v6only, b) ||
	       wildcard_reaches(b, b_v6only, a);
}

static bool is_private_v4(const uint8_t *ip)
{
	return ip[0] == 10 || (ip[0] == 172 && (ip[1] & 0xf0) == 16) ||
	       (ip[0] == 192 && ip[1] == 168) || (ip[0] == 169 && ip[1] == 254) ||
	       (ip[0] == 100 && (ip[1] & 0xc0) == 64);
}

static bool is_private_v6(const uint8_t *ip)
{
	return (ip[0] & 0xfe) == 0xfc || (ip[0] == 0xfe && (ip[1] & 0xc0) == 0x80);
}

enum scope endpoint_scope(const struct endpoint *at)
{
	const uint8_t *v4 = ipv4_of(at);

	if (endpoint_is_loopback(at))
		return SCOPE_LOOPBACK;
	if (v4 ? is_private_v4(v4) : is_private_v6(at->addr))
		return SCOPE_PRIVATE;
	return SCOPE_PUBLIC;
}

const char *scope_name(enum scope scope)
{
	static const char *const names[] = {
		[SCOPE_LOOPBACK] = "loopback",
		[SCOPE_PRIVATE] = "private",
		[SCOPE_PUBLIC] = "public",
	};

	return (unsigned)scope <= SCOPE_PUBLIC ? names[scope] : "unknown";
}

static char *put_octet(char *to, uint8_t octet)
{
	if (octet >= 100)
		*to++ = (char)('0' + octet / 100);
	if (octet >= 10)
		*to++ = (char)('0' + octet / 10 % 10);
	*to++ = (char)('0' + octet % 10);
	return to;
}

/* inet_ntop() goes by way of sprintf(), 15 times as long; most rows have one of these. */
static const char *format_v4(const uint8_t *addr, char *buf)
{
	char *to = buf;

	for (size_t i = 0; i < 4; i++) {
		to = put_octet(to, addr[i]);
		*to++ = i < 3 ? '.' : '\0';
	}
	return buf;
}

const char *endpoint_format_address(const struct endpoint *at, char *buf)
{
	return at->family == AF_INET
		       ? format_v4(at->addr, buf)
		       : inet_ntop(AF_INET6, at->addr, buf, INET6_ADDRSTRLEN);
}

const char *endpoint_format(const struct endpoint *at, char *buf)
{
	char text[INET6_ADDRSTRLEN];

	endpoint_format_address(at, text);
	snprintf(buf, ENDPOINT_TEXT, at->family == AF_INET ? "%s:%u" : "[%s]:%u", text,
		 at->port);
	return buf;
}

int endpoint_parse_address(const char *text, struct endpoint *ret)
{
	uint8_t addr[16] = { 0 };
	uint16_t family = strchr(text, ':') ? AF_INET6 : AF_INET;

	if (inet_pton(family, text, addr) != 1)
		return -EINVAL;

	ret->family = family;
	memcpy(ret->addr, addr, sizeof(addr));
	return 0;
}

const char *proto_name(uint16_t proto)
{
	return proto == IPPROTO_UDP ? "udp" : "tcp";
}

int proto_parse(const char *text, uint16_t *ret)
{
	if (streq(text, "tcp"))
		*ret = IPPROTO_TCP;
	else if (streq(text, "udp"))
		*ret = IPPROTO_UDP;
	else
		return -EINVAL;
	return 0;
}

int port_parse(const char *text, uint16_t *ret)
{
	uint64_t value;
	int err = parse_u64(text, UINT16_MAX, &value);

	if (err < 0)
		return err;
	if (!value)
		return -ERANGE;

	*ret = value;
	return 0;
}
