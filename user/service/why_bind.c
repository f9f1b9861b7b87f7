// SPDX-License-Identifier: GPL-2.0-only
/* What a bind would get on each address that matters, and the reason in words. */
#include "service/why_private.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ADDRESSES_MAX = 10 };

struct judge {
	struct why *why;
	struct why_port *port;
	struct port_socket *socks; /* of the sitters */
	uid_t uid;
	bool may_privileged;
	uint16_t unprivileged_port;
	struct endpoint addresses[ADDRESSES_MAX];
	size_t n_addresses;
};

static void say(struct why_bind *bind, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static void say(struct why_bind *bind, const char *fmt, ...)
{
	size_t used = strlen(bind->text);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(bind->text + used, sizeof(bind->text) - used, fmt, ap);
	va_end(ap);
}

/* -- The reason -----------------------------------------------------------------------
 */

static enum why_reason reason_of(const struct why_bind *bind)
{
	const struct why_sitter *c = bind->culprit;

	if (bind->answer.error == -EACCES)
		return WHY_PRIVILEGED;
	if (!c)
		return WHY_FREE;
	if (c->sock.use == PORT_WAITING)
		return WHY_TIME_WAIT;
	if (c->sock.use == PORT_CONNECTED)
		return c->accepted ? WHY_CONNECTION : WHY_OUTGOING;
	if (bind->answer.other_user)
		return WHY_REUSEPORT;
	if (bind->answer.overlap == OVERLAP_FAMILY)
		return WHY_OTHER_FAMILY;
	if (bind->answer.overlap != OVERLAP_SAME)
		return WHY_WILDCARD;
	return c->sock.use == PORT_LISTENING ? WHY_LISTENER : WHY_BOUND;
}

static const char *verb_of(const struct why_sitter *s)
{
	if (s->sock.use == PORT_LISTENING)
		return "listens";
	return s->row || s->sock.at.proto != IPPROTO_UDP ? "is bound"
							 : "sends and receives";
}

static void say_culprit(struct why_bind *bind)
{
	char name[WHY_NAME], at[ENDPOINT_TEXT];
	const struct why_sitter *c = bind->culprit;

	why_name_sitter(c, name);
	endpoint_format(&c->sock.at, at);
	switch (bind->answer.overlap) {
	case OVERLAP_THEIRS:
		say(bind, "%s %s on the wildcard %s, which takes in this address", name,
		    verb_of(c), at);
		break;
	case OVERLAP_OURS:
		say(bind, "the wildcard takes in %s, where %s %s", at, name, verb_of(c));
		break;
	case OVERLAP_FAMILY:
		if (bind->wish.at.family == AF_INET6)
			say(bind,
			    "[::] takes in IPv4 unless IPV6_V6ONLY is set, and %s %s on "
			    "%s",
			    name, verb_of(c), at);
		else
			say(bind, "%s %s on %s, which takes in IPv4 without IPV6_V6ONLY",
			    name, verb_of(c), at);
		break;
	default:
		say(bind, "%s %s there", name, verb_of(c));
		break;
	}
	if (bind->answer.other_user)
		say(bind, "; SO_REUSEPORT lets only sockets of one user share a port");
}

static void say_waiting(struct why_bind *bind)
{
	size_t n = bind->answer.conflicts;
	char clock[32];

	say(bind, "%zu connection%s in TIME_WAIT, the last until %s", n,
	    n == 1 ? " is" : "s are", why_clock(bind->until_ns, clock));
	if (!bind->wish.reuseaddr)
		say(bind, "; a server that sets SO_REUSEADDR need not wait if the one "
			  "before set it, too");
	else if (bind->answer.uncertain)
		say(bind, "; it passes if the server before had SO_REUSEADDR, too");
	else
		say(bind, ", of a server without SO_REUSEADDR");
}

static void say_connection(const struct judge *judge, struct why_bind *bind)
{
	const struct why_sitter *c = bind->culprit;
	char name[WHY_NAME], at[ENDPOINT_TEXT], peer[ENDPOINT_TEXT];

	why_name_sitter(c, name);
	say(bind, "%s is connected from %s to %s", name, endpoint_format(&c->sock.at, at),
	    endpoint_format(&c->peer, peer));
	if (!c->accepted && why_is_ephemeral(judge->why, judge->port->port))
		say(bind, ": the kernel chose the port, which lies in "
			  "net.ipv4.ip_local_port_range");
	if (bind->wish.reuseaddr && bind->answer.uncertain)
		say(bind, "; it passes if that socket has SO_REUSEADDR, too");
}

/* -- Free, and yet ... ----------------------------------------------------------------
 */

static bool is_ipv4(const struct endpoint *at)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

	return at->family == AF_INET || memcmp(at->addr, mapped, sizeof(mapped)) == 0;
}

/* A bind to one loopback address, and somebody on the other family's. */
static const struct why_sitter *twin_of(const struct judge *judge,
					const struct bind_wish *wish)
{
	const struct why_port *port = judge->port;

	for (size_t i = 0; i < port->n_sitters; i++) {
		const struct why_sitter *s = &port->sitters[i];

		if (s->sock.use != PORT_CONNECTED && s->sock.use != PORT_WAITING &&
		    is_ipv4(&s->sock.at) != is_ipv4(&wish->at) &&
		    (endpoint_is_loopback(&s->sock.at) ||
		     endpoint_is_wildcard(&s->sock.at)))
			return s;
	}
	return NULL;
}

static void say_free(const struct judge *judge, struct why_bind *bind)
{
	const struct why_sitter *twin = NULL;
	char name[WHY_NAME], at[ENDPOINT_TEXT];

	if (endpoint_is_loopback(&bind->wish.at) || endpoint_is_wildcard(&bind->wish.at))
		twin = twin_of(judge, &bind->wish);
	if (!twin) {
		say(bind, "nothing stands in the way");
		return;
	}
	bind->reason = WHY_OTHER_FAMILY;
	bind->culprit = twin;
	say(bind,
	    "the other family is another port; but %s %s on %s, and \"localhost\" would "
	    "reach one or the other",
	    why_name_sitter(twin, name), verb_of(twin),
	    endpoint_format(&twin->sock.at, at));
}

static void explain(const struct judge *judge, struct why_bind *bind)
{
	bind->reason = reason_of(bind);
	switch (bind->reason) {
	case WHY_FREE:
		say_free(judge, bind);
		break;
	case WHY_PRIVILEGED:
		say(bind,
		    "ports below %u are for CAP_NET_BIND_SERVICE "
		    "(net.ipv4.ip_unprivileged_port_start)",
		    judge->unprivileged_port);
		break;
	case WHY_TIME_WAIT:
		say_waiting(bind);
		break;
	case WHY_OUTGOING:
	case WHY_CONNECTION:
		say_connection(judge, bind);
		break;
	default:
		say_culprit(bind);
		break;
	}
}

/* -- The binds ------------------------------------------------------------------------
 */

/* Of those in the way that end by themselves, the last. */
static uint64_t waiting_until(const struct judge *judge, const struct bind_wish *wish)
{
	const struct why_port *port = judge->port;
	uint64_t until_ns = 0;

	for (size_t i = 0; i < port->n_sitters; i++) {
		const struct why_sitter *s = &port->sitters[i];

		if (s->until_ns > until_ns &&
		    bind_overlap(&s->sock, wish) != OVERLAP_NONE)
			until_ns = s->until_ns;
	}
	return until_ns;
}

static const struct why_bind *try(struct judge *judge, const struct bind_wish *wish,
				  const char *as)
{
	struct why_port *port = judge->port;
	struct why_bind *bind;

	if (port->n_binds == WHY_BINDS_MAX)
		return NULL;
	bind = &port->binds[port->n_binds++];
	*bind = (struct why_bind){ .wish = *wish, .as = as };
	bind_predict(judge->socks, port->n_sitters, wish, &bind->answer);
	if (bind->answer.error == -EADDRINUSE)
		bind->culprit = &port->sitters[bind->answer.culprit];
	if (bind->culprit && bind->culprit->sock.use == PORT_WAITING)
		bind->until_ns = waiting_until(judge, wish);
	explain(judge, bind);
	return bind;
}

/* As most servers bind, where that makes a difference: an option is worth a line only
 * where the answer is another. */
static void try_options(struct judge *judge, const struct why_bind *plain)
{
	struct bind_wish wish = plain->wish;
	struct bind_answer answer;

	if (plain->answer.error != -EADDRINUSE)
		return;
	wish.reuseaddr = true;
	bind_predict(judge->socks, judge->port->n_sitters, &wish, &answer);
	if (answer.error == 0 || answer.uncertain ||
	    plain->culprit->sock.use == PORT_WAITING)
		try(judge, &wish, plain->as);
	wish.reuseaddr = false;
	wish.reuseport = true;
	if (plain->culprit->sock.reuseport && !plain->culprit->sock.options_unknown)
		try(judge, &wish, plain->as);
}

static void add_address(struct judge *judge, const struct endpoint *at)
{
	struct endpoint one = { .netns = at->netns,
				.family = at->family,
				.proto = judge->port->proto,
				.port = judge->port->port };

	memcpy(one.addr, at->addr, sizeof(one.addr));
	for (size_t i = 0; i < judge->n_addresses; i++)
		if (endpoint_equal(&judge->addresses[i], &one))
			return;
	if (judge->n_addresses < ADDRESSES_MAX)
		judge->addresses[judge->n_addresses++] = one;
}

static void choose_addresses(struct judge *judge, uint32_t netns)
{
	static const char *const usual[] = { "0.0.0.0", "127.0.0.1", "::", "::1" };
	bool has_v6 = access("/proc/net/if_inet6", F_OK) == 0;
	const struct service *svc = judge->port->service;

	for (size_t i = 0; svc && i < svc->n_claims; i++)
		if (!svc->claims[i].any_address &&
		    svc->claims[i].at.port == judge->port->port &&
		    svc->claims[i].at.proto == judge->port->proto) {
			struct endpoint at = svc->claims[i].at;

			at.netns = netns;
			add_address(judge, &at);
		}
	for (size_t i = 0; i < 4; i++) {
		struct endpoint at = { .netns = netns };

		if ((i < 2 || has_v6) && endpoint_parse_address(usual[i], &at) == 0)
			add_address(judge, &at);
	}
	for (size_t i = 0; i < judge->port->n_sitters; i++) {
		const struct why_sitter *s = &judge->port->sitters[i];

		if (!s->accepted)
			add_address(judge, &s->sock.at);
	}
}

static void judge_addresses(struct judge *judge, const char *as)
{
	for (size_t i = 0; i < judge->n_addresses; i++) {
		const struct bind_wish wish = {
			.at = judge->addresses[i],
			.uid = judge->uid,
			.may_privileged = judge->may_privileged,
			.unprivileged_port = judge->unprivileged_port,
		};
		const struct why_bind *plain = try(judge, &wish, as);

		if (plain)
			try_options(judge, plain);
	}
}

void why_judge(struct why *why, const struct why_question *question,
	       struct why_port *port)
{
	struct judge judge = {
		.why = why,
		.port = port,
		.uid = question->uid == (uid_t)-1 ? 0 : question->uid,
		.unprivileged_port = engine_unprivileged_port(why->engine),
	};

	judge.may_privileged = judge.uid == 0;
	judge.socks = calloc(port->n_sitters + 1, sizeof(*judge.socks));
	if (!judge.socks)
		return;
	for (size_t i = 0; i < port->n_sitters; i++)
		judge.socks[i] = port->sitters[i].sock;
	choose_addresses(&judge, question->netns);
	/* Root may; who serves there seldom is root. */
	if (judge.may_privileged && port->port < judge.unprivileged_port) {
		const struct bind_wish wish = { .at = judge.addresses[0],
						.uid = 65534,
						.unprivileged_port =
							judge.unprivileged_port };

		try(&judge, &wish, "an ordinary user");
	}
	judge_addresses(&judge, why->user);
	free(judge.socks);
}

const char *why_reason_name(enum why_reason reason)
{
	static const char *const names[] = {
		[WHY_FREE] = "free",           [WHY_PRIVILEGED] = "privileged",
		[WHY_LISTENER] = "listener",   [WHY_BOUND] = "bound",
		[WHY_WILDCARD] = "wildcard",   [WHY_OTHER_FAMILY] = "other_family",
		[WHY_REUSEPORT] = "reuseport", [WHY_TIME_WAIT] = "time_wait",
		[WHY_OUTGOING] = "outgoing",   [WHY_CONNECTION] = "connection",
	};

	return names[reason];
}
