// SPDX-License-Identifier: GPL-2.0-only
/*
 * What an actor does to one socket, and what that makes of it.  What becomes of a port
 * was measured (6.1, 6.12, 6.18): one that bind(2) asked for stays until the close; one
 * that the kernel chose is given up when a connection fails or ends, or a listener is
 * shut down.  The address becomes the wildcard that it was, but for a socket that was
 * bound to an address before, and be it at a port given up since: that one keeps the
 * address that the connection was tried from.
 */
#include "kernel/model_private.h"

#include "harness.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

enum act_kind {
	NONE,
	MAKE,
	BIND,
	LISTEN,
	CONNECT,
	REFUSED,
	SEND,
	SHUTDOWN,
	CLOSE,
	DUP,
	SET
};

static struct doing {
	enum act_kind kind;
	unsigned slot, to;
	bool chosen;       /* BIND: port 0 */
	struct prop shape; /* MAKE */
	char text[24];
} doing[CAST_MAX];

static struct doing *doing_of(struct model *m, struct member *who)
{
	return &doing[who - m->cast];
}

/* Tell it, and keep the words without the slot for the socket's life. */
static void tell(struct member *who, struct doing *d, const char *verb, const char *fmt,
		 ...)
{
	char rest[64];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(rest, sizeof(rest), fmt, ap);
	va_end(ap);
	snprintf(d->text, sizeof(d->text), "%.6s,%.16s", verb, rest);
	actor_tell(who->actor, "%s %u %s", verb, d->slot, rest);
}

static const char *some_path(struct model *m)
{
	size_t n = 0;

	while (n < 3 && m->paths[n])
		n++;
	return m->paths[model_random(m, (unsigned)n)];
}

static bool has_free_slot(struct model *m, struct member *who, unsigned *ret)
{
	unsigned start = model_random(m, PLAY_SLOTS);

	for (unsigned i = 0; i < PLAY_SLOTS; i++) {
		unsigned slot = (start + i) % PLAY_SLOTS;

		if (!who->slots[slot]) {
			*ret = slot;
			return true;
		}
	}
	return false;
}

static bool begin_make(struct model *m, struct member *who, struct doing *d)
{
	static const char *const protos[] = { "tcp", "udp", "tcp", "udp", "mptcp" };
	const char *proto = protos[model_random(m, m->mptcp ? 5 : 4)];
	bool direct = m->direct && model_random(m, 12) == 0;
	bool quiet = model_random(m, 2);

	if (m->n_live >= LIVE_MAX - CAST_MAX || !has_free_slot(m, who, &d->slot))
		return false;
	if (proto[0] == 'm')
		direct = false;
	/* A direct descriptor would give its cookie by io_uring alone. */
	if (direct)
		quiet = false;
	d->kind = MAKE;
	d->shape = (struct prop){ .v6 = model_random(m, 2), .direct = direct };
	d->shape.known.at.proto = proto[0] == 'u' ? IPPROTO_UDP : IPPROTO_TCP;
	d->shape.known.at.family = d->shape.v6 ? AF_INET6 : AF_INET;
	d->shape.known.flags = proto[0] == 'm' ? SOCKET_MPTCP : 0;
	tell(who, d, quiet ? "quiet" : "socket", "%s %s %s", d->shape.v6 ? "6" : "4",
	     proto, direct ? "direct" : some_path(m));
	return true;
}

static void begin_bind(struct model *m, struct member *who, struct doing *d,
		       const struct prop *p)
{
	static const char *const four[] = { "127.0.0.1", "0.0.0.0", "127.0.0.2" };
	static const char *const six[] = { "::1", "::", "::ffff:127.0.0.1" };
	unsigned which = model_random(m, 3);

	d->kind = BIND;
	d->chosen = model_random(m, 2);
	/* Few ports, so that many binds fail. */
	tell(who, d, "bind", "%s %u %s", p->v6 ? six[which] : four[which],
	     d->chosen ? 0 : 1000 + model_random(m, 60), some_path(m));
}

static void begin_connect(struct model *m, struct member *who, struct doing *d,
			  const struct prop *p, bool refused)
{
	bool udp = p->known.at.proto == IPPROTO_UDP;

	d->kind = refused ? REFUSED : CONNECT;
	(void)m;
	tell(who, d, "connect", "%s %d", p->v6 ? "::1" : "127.0.0.1",
	     refused ? 1
	     : udp   ? 9
		     : SERVER_PORT);
}

/* A mapped address and ::1 do not connect. */
static bool can_connect(const struct prop *p)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

	if (p->direct || p->known.state != SOCKET_BOUND || p->spent)
		return false;
	/* The address stays where the port is given up. */
	return !(p->v6 && memcmp(p->known.at.addr, mapped, sizeof(mapped)) == 0);
}

static void begin_set(struct model *m, struct member *who, struct doing *d)
{
	static const char *const options[] = { "reuseaddr", "reuseport", "v6only" };

	d->kind = SET;
	tell(who, d, "set", "%s", options[model_random(m, 3)]);
}

static void begin_close(struct model *m, struct member *who, struct doing *d,
			const struct prop *p)
{
	d->kind = CLOSE;
	if (!p->direct && model_random(m, 8) == 0)
		tell(who, d, "range", "");
	else
		tell(who, d, "close", "%s", m->every_path ? some_path(m) : "sys");
}

static bool begin_dup(struct model *m, struct member *who, struct doing *d,
		      const struct prop *p)
{
	if (p->direct || !has_free_slot(m, who, &d->to))
		return false;
	d->kind = DUP;
	tell(who, d, "dup", "%u", d->to);
	return true;
}

/* An unbound socket: give it options, a port, or let the kernel do it. */
static void begin_on_fresh(struct model *m, struct member *who, struct doing *d,
			   const struct prop *p)
{
	bool udp = p->known.at.proto == IPPROTO_UDP;

	switch (model_random(m, 10)) {
	case 0:
	case 1:
		if (!p->direct) {
			begin_set(m, who, d);
			return;
		}
		break;
	case 2:
		if (!udp) {
			d->kind = LISTEN;
			tell(who, d, "listen", "%s", some_path(m));
			return;
		}
		break;
	case 3:
		if (udp && !p->direct) {
			d->kind = SEND;
			tell(who, d, "send", "%s 9", p->v6 ? "::1" : "127.0.0.1");
			return;
		}
		break;
	case 4:
		if (can_connect(p)) {
			begin_connect(m, who, d, p, false);
			return;
		}
		break;
	}
	begin_bind(m, who, d, p);
}

static bool begin_on_bound(struct model *m, struct member *who, struct doing *d,
			   const struct prop *p)
{
	bool udp = p->known.at.proto == IPPROTO_UDP;

	switch (model_random(m, 8)) {
	case 0:
	case 1:
		if (udp || p->known.state != SOCKET_BOUND)
			return false;
		d->kind = LISTEN;
		tell(who, d, "listen", "%s", some_path(m));
		return true;
	case 2:
	case 3:
		if (!can_connect(p))
			return false;
		begin_connect(m, who, d, p, !udp && model_random(m, 3) == 0);
		return true;
	case 4:
		if (p->known.state != SOCKET_LISTENING || p->direct)
			return false;
		d->kind = SHUTDOWN;
		tell(who, d, "shutdown", "");
		return true;
	case 5:
		return begin_dup(m, who, d, p);
	default:
		return false;
	}
}

bool model_begin_act(struct model *m, struct member *who)
{
	struct doing *d = doing_of(m, who);
	struct prop *p;

	*d = (struct doing){ .slot = model_random(m, PLAY_SLOTS) };
	p = who->slots[d->slot];
	if (!p)
		return begin_make(m, who, d);
	if (p->busy)
		return false;
	p->busy = true;
	if (p->spent || model_random(m, 4) == 0)
		begin_close(m, who, d, p);
	else if (!p->known.bound)
		begin_on_fresh(m, who, d, p);
	else if (!begin_on_bound(m, who, d, p))
		begin_close(m, who, d, p);
	return true;
}

static void end_make(struct model *m, struct member *who, const struct doing *d,
		     int64_t value)
{
	struct prop *p;

	if (value <= 0)
		test_fail(__FILE__, __LINE__, "socket: %s", strerror((int)-value));
	p = model_add(m, d->text[0] == 'q' ? 0 : (uint64_t)value, who->place);
	p->v6 = d->shape.v6;
	p->direct = d->shape.direct;
	p->known.at.proto = d->shape.known.at.proto;
	p->known.at.family = d->shape.known.at.family;
	p->known.flags = d->shape.known.flags;
	model_note(p, "%s", d->text);
	who->slots[d->slot] = p;
	who->inherited[d->slot] = false;
}

/* What a direct descriptor is called nobody can ask; sock_diag lists all of them. */
static void learn(struct member *who, const struct doing *d, struct prop *p)
{
	if (!p->direct)
		model_learn_name(p, who->actor, d->slot);
}

static void end_listen(struct member *who, const struct doing *d, struct prop *p)
{
	p->locked = p->known.bound && p->locked;
	p->known.bound = true;
	p->known.state = SOCKET_LISTENING;
	learn(who, d, p);
}

/* The server takes the connection and closes its end: what is left here is half open,
 * connected as far as sock_diag goes, and ends with the close. */
static void end_connect(struct model *m, struct member *who, const struct doing *d,
			struct prop *p)
{
	if (p->known.at.proto != IPPROTO_UDP) {
		actor_must(m->server[p->place], "accept %d 7", p->v6);
		actor_must(m->server[p->place], "close 7");
	}
	p->known.state = SOCKET_CONNECTED;
	p->spent = true;
	learn(who, d, p);
}

/* An MPTCP socket names the address of the connection either way, so it is not asked. */
static void end_refused(struct prop *p)
{
	const char *from = p->v6 ? "::1" : "127.0.0.1";

	model_return(p);
	if (p->known.bound && p->stays && endpoint_is_wildcard(&p->known.at))
		CHECK_EQ(endpoint_parse_address(from, &p->known.at), 0);
}

static void end_succeeded(struct model *m, struct member *who, const struct doing *d,
			  struct prop *p)
{
	switch (d->kind) {
	case BIND:
		p->known.bound = true;
		p->locked = !d->chosen;
		learn(who, d, p);
		p->stays = p->stays || !endpoint_is_wildcard(&p->known.at);
		return;
	case LISTEN:
		end_listen(who, d, p);
		return;
	case CONNECT:
		end_connect(m, who, d, p);
		return;
	case SEND:
		p->spent = true;
		return;
	case SHUTDOWN:
		model_return(p);
		return;
	case CLOSE:
		who->slots[d->slot] = NULL;
		who->inherited[d->slot] = false;
		model_drop(m, p);
		return;
	case DUP:
		who->slots[d->to] = p;
		p->refs++;
		return;
	default:
		return;
	}
}

/* Which failures belong to the play. */
static bool may_fail(enum act_kind kind, int64_t value)
{
	switch (kind) {
	case BIND:
		return value == -EADDRINUSE || value == -EINVAL || value == -EACCES;
	case LISTEN:
		return value == -EADDRINUSE;
	case SET:
		return true;
	default:
		return false;
	}
}

/* Nobody listens at port 1; sockets that share a port cannot share a connection. */
static bool is_refusal(enum act_kind kind, int64_t value)
{
	return (kind == REFUSED && value == -ECONNREFUSED) ||
	       (kind == CONNECT && value == -EADDRNOTAVAIL);
}

/* It was made without a cookie: now that it may be listed, what is it called? */
static void learn_cookie(struct member *who, const struct doing *d, struct prop *p)
{
	if (p->known.cookie == 0 && d->kind != CLOSE && d->kind != SET)
		p->known.cookie = (uint64_t)actor_must(who->actor, "cookie %u", d->slot);
}

void model_end_act(struct model *m, struct member *who)
{
	struct doing *d = doing_of(m, who);
	int64_t value = actor_answer(who->actor);
	struct prop *p = who->slots[d->slot];

	if (d->kind == MAKE) {
		end_make(m, who, d, value);
		return;
	}
	model_note(p, "%s=%d", d->text, value < 0 ? (int)value : 0);
	learn_cookie(who, d, p);
	if (is_refusal(d->kind, value))
		end_refused(p);
	else if (value >= 0)
		end_succeeded(m, who, d, p);
	else if (!may_fail(d->kind, value))
		test_fail(__FILE__, __LINE__, "%s after%s", strerror((int)-value),
			  p->known.life);
}
