// SPDX-License-Identifier: GPL-2.0-only
#include "core/bind_rules.h"

#include <errno.h>
#include <string.h>

/* The IPv4 face of an address: 0 for a wildcard. */
struct face {
	bool has_v4; /* false: an IPv6 address of its own */
	uint32_t v4_be;
	bool is_wildcard_v6;
};

static struct face face_of(const struct endpoint *at)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff }, zero[16];
	struct face face = { 0 };

	if (at->family == AF_INET) {
		face.has_v4 = true;
		memcpy(&face.v4_be, at->addr, 4);
	} else if (memcmp(at->addr, mapped, sizeof(mapped)) == 0) {
		face.has_v4 = true;
		memcpy(&face.v4_be, at->addr + 12, 4);
	} else {
		face.is_wildcard_v6 = memcmp(at->addr, zero, sizeof(zero)) == 0;
	}
	return face;
}

/* Two IPv4 addresses, or IPv6 addresses that stand for them. */
static enum bind_overlap overlap_v4(uint32_t theirs, uint32_t ours)
{
	if (theirs == ours)
		return OVERLAP_SAME;
	if (theirs == 0)
		return OVERLAP_THEIRS;
	return ours == 0 ? OVERLAP_OURS : OVERLAP_NONE;
}

/*
 * A socket at an IPv6 address that did not come there by bind(2) has an IPv4 address in
 * name (LOOPBACK4_IPV6), so that the IPv4 wildcard meets it.
 */
static bool has_phantom_v4(const struct port_socket *sock)
{
	return sock->use != PORT_BOUND && sock->use != PORT_LISTENING && !sock->v6only;
}

enum bind_overlap bind_overlap(const struct port_socket *sock,
			       const struct bind_wish *wish)
{
	struct face theirs = face_of(&sock->at), ours = face_of(&wish->at);

	if (ours.has_v4 && theirs.has_v4)
		return sock->v6only ? OVERLAP_NONE : overlap_v4(theirs.v4_be, ours.v4_be);
	if (ours.has_v4) {
		if (theirs.is_wildcard_v6)
			return sock->v6only ? OVERLAP_NONE : OVERLAP_FAMILY;
		return wish->at.family == AF_INET && ours.v4_be == 0 &&
				       has_phantom_v4(sock)
			       ? OVERLAP_OURS
			       : OVERLAP_NONE;
	}
	if (theirs.has_v4)
		return ours.is_wildcard_v6 && !wish->v6only ? OVERLAP_FAMILY
							    : OVERLAP_NONE;
	if (memcmp(sock->at.addr, wish->at.addr, sizeof(wish->at.addr)) == 0)
		return OVERLAP_SAME;
	if (theirs.is_wildcard_v6)
		return OVERLAP_THEIRS;
	return ours.is_wildcard_v6 ? OVERLAP_OURS : OVERLAP_NONE;
}

static bool shares_device(const struct endpoint *a, const struct endpoint *b)
{
	return !a->ifindex || !b->ifindex || a->ifindex == b->ifindex;
}

/* What is assumed of sockets whose options are not known. */
enum assumption { ASSUME_NONE, ASSUME_BOTH };

static bool has_reuseaddr(const struct port_socket *sock, enum assumption assumption)
{
	return sock->options_unknown ? assumption == ASSUME_BOTH : sock->reuseaddr;
}

static bool has_reuseport(const struct port_socket *sock, enum assumption assumption)
{
	return sock->options_unknown ? assumption == ASSUME_BOTH : sock->reuseport;
}

enum meeting { MEETS_NOT, MEETS_SHARING, MEETS_CONFLICT };

static enum meeting meet(const struct port_socket *sock, const struct bind_wish *wish,
			 enum assumption assumption)
{
	bool udp = wish->at.proto == IPPROTO_UDP;
	bool may_listen = !udp && sock->use == PORT_LISTENING;
	bool reuses = wish->reuseaddr && has_reuseaddr(sock, assumption) && !may_listen;
	/* TIME_WAIT is nobody's any more. */
	bool same_user = sock->uid == wish->uid || (!udp && sock->use == PORT_WAITING);

	if (!shares_device(&sock->at, &wish->at) ||
	    bind_overlap(sock, wish) == OVERLAP_NONE || (udp && reuses))
		return MEETS_NOT;
	if (wish->reuseport && has_reuseport(sock, assumption) && same_user)
		return MEETS_SHARING;
	return reuses ? MEETS_NOT : MEETS_CONFLICT;
}

/* Who explains it best: a listener before what is only bound, that before a connection,
 * that before TIME_WAIT; the same address before a wildcard. */
static unsigned weight(const struct port_socket *sock, enum bind_overlap overlap)
{
	static const unsigned by_use[] = { [PORT_LISTENING] = 40,
					   [PORT_BOUND] = 30,
					   [PORT_CONNECTED] = 20,
					   [PORT_WAITING] = 10 };

	return by_use[sock->use] + (overlap == OVERLAP_SAME ? 1 : 0);
}

static void blame(const struct port_socket *socks, size_t i, const struct bind_wish *wish,
		  struct bind_answer *answer)
{
	enum bind_overlap overlap = bind_overlap(&socks[i], wish);

	if (answer->conflicts++ > 0 &&
	    weight(&socks[i], overlap) <=
		    weight(&socks[answer->culprit], answer->overlap))
		return;
	answer->culprit = i;
	answer->overlap = overlap;
	answer->other_user =
		wish->reuseport && socks[i].reuseport && !socks[i].options_unknown;
}

static void look(const struct port_socket *socks, size_t n, const struct bind_wish *wish,
		 enum assumption assumption, struct bind_answer *answer)
{
	*answer = (struct bind_answer){ 0 };
	for (size_t i = 0; i < n; i++) {
		switch (meet(&socks[i], wish, assumption)) {
		case MEETS_NOT:
			break;
		case MEETS_SHARING:
			if (wish->at.proto == IPPROTO_UDP && answer->conflicts == 0)
				return;
			answer->uncertain = wish->at.proto != IPPROTO_UDP;
			break;
		case MEETS_CONFLICT:
			blame(socks, i, wish, answer);
			break;
		}
	}
	/* One for whom the port may be shared: where that was the last to be bound, the
	 * kernel asks nobody else (sk_reuseport_match). */
	if (answer->conflicts > 0)
		answer->error = -EADDRINUSE;
	else
		answer->uncertain = false;
}

void bind_predict(const struct port_socket *socks, size_t n, const struct bind_wish *wish,
		  struct bind_answer *ret)
{
	struct bind_answer best;

	*ret = (struct bind_answer){ 0 };
	if (wish->at.family == AF_INET6 && wish->v6only && face_of(&wish->at).has_v4) {
		ret->error = -EINVAL;
		return;
	}
	if (wish->at.port && wish->at.port < wish->unprivileged_port &&
	    !wish->may_privileged) {
		ret->error = -EACCES;
		return;
	}
	look(socks, n, wish, ASSUME_NONE, ret);
	if (ret->error == 0)
		return;
	look(socks, n, wish, ASSUME_BOTH, &best);
	ret->uncertain |= best.error == 0;
}
