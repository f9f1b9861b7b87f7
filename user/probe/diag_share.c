// SPDX-License-Identifier: GPL-2.0-only
#include "probe/diag_private.h"

#include <stdlib.h>
#include <string.h>

enum { WILDCARDS_MAX = 8 };

static int compare_numbers(uint32_t a, uint32_t b)
{
	return a < b ? -1 : a > b;
}

/* Listening TCP sockets first; by namespace, port, address. */
static int compare(const void *x, const void *y)
{
	const struct diag_socket *a = *(struct diag_socket *const *)x;
	const struct diag_socket *b = *(struct diag_socket *const *)y;
	int order = compare_numbers(a->state != SOCKET_LISTENING,
				    b->state != SOCKET_LISTENING);

	if (!order)
		order = compare_numbers(a->at.netns, b->at.netns);
	if (!order)
		order = compare_numbers(a->at.port, b->at.port);
	if (!order)
		order = compare_numbers(a->at.family, b->at.family);
	return order ? order : memcmp(a->at.addr, b->at.addr, sizeof(a->at.addr));
}

static bool overlaps(const struct diag_socket *a, const struct diag_socket *b)
{
	return a != b && endpoint_overlap(&a->at, a->flags & SOCKET_V6ONLY, &b->at,
					  b->flags & SOCKET_V6ONLY);
}

static void mark_pair(struct diag_socket *a, struct diag_socket *b)
{
	if (!overlaps(a, b))
		return;
	a->flags |= SOCKET_REUSEPORT;
	b->flags |= SOCKET_REUSEPORT;
}

/*
 * One port: equal addresses are neighbours, and what overlaps otherwise does so with a
 * wildcard, of which a few stand for all.
 */
static void mark_port(struct diag_socket **socks, size_t n)
{
	struct diag_socket *wildcards[WILDCARDS_MAX];
	size_t n_wildcards = 0;

	for (size_t i = 0; i < n && n_wildcards < WILDCARDS_MAX; i++)
		if (endpoint_is_wildcard(&socks[i]->at) &&
		    (!n_wildcards ||
		     memcmp(wildcards[n_wildcards - 1]->at.addr, socks[i]->at.addr, 16) ||
		     wildcards[n_wildcards - 1]->at.family != socks[i]->at.family))
			wildcards[n_wildcards++] = socks[i];
	for (size_t i = 0; i < n; i++) {
		if (i + 1 < n)
			mark_pair(socks[i], socks[i + 1]);
		for (size_t j = 0; j < n_wildcards; j++)
			mark_pair(socks[i], wildcards[j]);
	}
}

static bool is_one_port(const struct diag_socket *a, const struct diag_socket *b)
{
	return b->state == SOCKET_LISTENING && a->at.netns == b->at.netns &&
	       a->at.port == b->at.port;
}

void diag_infer_reuseport(struct diag_socket **socks, size_t n)
{
	size_t first = 0, end;

	qsort(socks, n, sizeof(*socks), compare);
	while (first < n && socks[first]->state == SOCKET_LISTENING) {
		end = first + 1;
		while (end < n && is_one_port(socks[first], socks[end]))
			end++;
		mark_port(socks + first, end - first);
		first = end;
	}
}
