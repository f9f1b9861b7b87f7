/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * endpoint - where a socket is bound: namespace, protocol, address, port.
 *
 * Plain data.  IPv4 addresses stand in the first four bytes; an IPv4-mapped
 * IPv6 address is kept as IPv6 and compared as IPv4.
 */
#ifndef PORTWATCH_CORE_ENDPOINT_H
#define PORTWATCH_CORE_ENDPOINT_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct endpoint {
	uint32_t netns;   /* inode number of the network namespace */
	uint32_t ifindex; /* SO_BINDTODEVICE, else 0 */
	uint16_t family;  /* AF_INET or AF_INET6 */
	uint16_t proto;   /* IPPROTO_TCP (MPTCP too) or IPPROTO_UDP */
	uint16_t port;    /* host byte order */
	uint8_t addr[16]; /* network byte order */
};

enum scope { SCOPE_LOOPBACK, SCOPE_PRIVATE, SCOPE_PUBLIC };

/* Room for "[v6 address]:port" and its NUL. */
enum { ENDPOINT_TEXT = INET6_ADDRSTRLEN + 9 };

bool endpoint_equal(const struct endpoint *a, const struct endpoint *b);

/* 0.0.0.0, ::, or mapped 0.0.0.0 */
bool endpoint_is_wildcard(const struct endpoint *at);
bool endpoint_is_loopback(const struct endpoint *at);
bool endpoint_is_multicast(const struct endpoint *at);

/*
 * Could a packet to one port reach both?  @a_v6only and @b_v6only say whether an
 * IPv6 wildcard leaves IPv4 alone.  Namespace, protocol, port and device count.
 */
bool endpoint_overlap(const struct endpoint *a, bool a_v6only, const struct endpoint *b,
		      bool b_v6only);

/*
 * Loopback; private (RFC 1918, RFC 4193, link-local, 100.64/10 of RFC 6598);
 * anything else, wildcards among it, is public.
 */
enum scope endpoint_scope(const struct endpoint *at);
const char *scope_name(enum scope scope); /* "loopback", "private", "public" */

/* The address alone: "127.0.0.1", "::1".  @buf has INET6_ADDRSTRLEN bytes. */
const char *endpoint_format_address(const struct endpoint *at, char *buf);
/* "127.0.0.1:80" or "[::1]:80".  @buf has ENDPOINT_TEXT bytes. */
const char *endpoint_format(const struct endpoint *at, char *buf);
/* Fills family and addr from "127.0.0.1" or "::1".  -EINVAL. */
int endpoint_parse_address(const char *text, struct endpoint *ret);

const char *proto_name(uint16_t proto);           /* "tcp", "udp" */
int proto_parse(const char *text, uint16_t *ret); /* -EINVAL */
int port_parse(const char *text, uint16_t *ret);  /* 1 to 65535; -EINVAL, -ERANGE */

#endif /* PORTWATCH_CORE_ENDPOINT_H */
