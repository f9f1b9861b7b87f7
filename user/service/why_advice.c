// SPDX-License-Identifier: GPL-2.0-only
/* The page in one sentence, and the one command to run. */
#include "service/why_private.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/strings.h"
#include "base/time.h"

enum { NAMED_MAX = 4, TARGET_TEXT = 16 };

static void say(char *buf, size_t size, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static void say(char *buf, size_t size, const char *fmt, ...)
{
	size_t used = strlen(buf);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(buf + used, size - used, fmt, ap);
	va_end(ap);
}

#define SAY(buf, ...) say(buf, sizeof(buf), __VA_ARGS__)

static const char *target_of(const struct why_port *port, char *buf)
{
	snprintf(buf, TARGET_TEXT, port->proto == IPPROTO_UDP ? ":%u/udp" : ":%u",
		 port->port);
	return buf;
}

static const struct service *service_of(const struct why *why,
					const struct why_sitter *holder)
{
	return holder->row ? engine_service_of(why->engine, holder->row) : NULL;
}

/* The one that bound it, where that has gone and left the socket to this one. */
static const struct process *dead_parent(const struct why_sitter *holder)
{
	const struct process *p = holder->process;

	return p && p->parent && p->parent->exited ? p->parent : NULL;
}

/* Somebody else who is on the port as well: another program. */
static const struct why_sitter *other_holder(const struct why_port *port,
					     const struct why_sitter *holder)
{
	for (size_t i = 0; i < port->n_sitters; i++) {
		const struct why_sitter *s = &port->sitters[i];

		if (s->sock.use != PORT_LISTENING && s->sock.use != PORT_BOUND)
			continue;
		if (s->process && holder->process &&
		    !process_same_family(s->process, holder->process))
			return s;
	}
	return NULL;
}

/* -- In one sentence ------------------------------------------------------------------
 */

static void sum_up_holder(struct why *why, const struct why_port *port,
			  const struct why_sitter *holder)
{
	const struct process *dead = dead_parent(holder);
	const struct why_sitter *other = other_holder(port, holder);
	char target[TARGET_TEXT], name[WHY_NAME], at[ENDPOINT_TEXT], age[32];

	SAY(why->summary, "%s is held by %s, which %s on %s", target_of(port, target),
	    why_name_sitter(holder, name),
	    holder->sock.use == PORT_LISTENING ? "listens" : "is bound",
	    endpoint_format(&holder->sock.at, at));
	if (holder->row && holder->row->since_ns && why->wall_ns > holder->row->since_ns)
		SAY(why->summary, ", for %s",
		    duration_format(why->wall_ns - holder->row->since_ns, age,
				    sizeof(age)));
	if (dead)
		SAY(why->summary, "; it was left to it by %s, which is gone",
		    why_name_process(dead, name));
	if (other)
		SAY(why->summary, ", and by %s on %s", why_name_sitter(other, name),
		    endpoint_format(&other->sock.at, at));
}

static void sum_up_connections(struct why *why, const struct why_port *port)
{
	const struct why_sitter *out = why_outgoing(port);
	char target[TARGET_TEXT], name[WHY_NAME], peer[ENDPOINT_TEXT], clock[32];
	uint64_t until_ns = 0;

	for (size_t i = 0; i < port->n_sitters; i++)
		if (port->sitters[i].until_ns > until_ns)
			until_ns = port->sitters[i].until_ns;
	if (out)
		SAY(why->summary,
		    "Nobody listens on %s, yet a connection of %s to %s has it as its "
		    "local end",
		    target_of(port, target), why_name_sitter(out, name),
		    endpoint_format(&out->peer, peer));
	else
		SAY(why->summary,
		    "Nobody holds %s, yet %zu connection%s that ended there %s in "
		    "TIME_WAIT until %s",
		    target_of(port, target), port->n_waiting,
		    port->n_waiting == 1 ? "" : "s", port->n_waiting == 1 ? "is" : "are",
		    why_clock(until_ns, clock));
}

static bool is_refused_as_privileged(const struct why_port *port)
{
	return port->n_binds > 0 && port->binds[0].reason == WHY_PRIVILEGED;
}

static void sum_up(struct why *why, const struct why_port *port)
{
	const struct why_sitter *holder = why_holder(port);
	char target[TARGET_TEXT];

	if (holder)
		sum_up_holder(why, port, holder);
	else if (port->n_outgoing > 0 || port->n_waiting > 0)
		sum_up_connections(why, port);
	else if (is_refused_as_privileged(port))
		SAY(why->summary, "%s is free, but %s may not bind it: it is privileged",
		    target_of(port, target), port->binds[0].as);
	else
		SAY(why->summary, "%s is free: nobody holds it on any address",
		    target_of(port, target));
	SAY(why->summary, ".");
}

static void sum_up_several(struct why *why, size_t n_held)
{
	char target[TARGET_TEXT], name[WHY_NAME];
	size_t named = 0;

	SAY(why->summary, "%zu of %zu ports %s held", n_held, why->n_ports,
	    n_held == 1 ? "is" : "are");
	for (size_t i = 0; i < why->n_ports && named < NAMED_MAX; i++) {
		const struct why_sitter *holder = why_holder(&why->ports[i]);

		if (!holder)
			continue;
		SAY(why->summary, "%s %s by %s", named++ ? "," : ":",
		    target_of(&why->ports[i], target), why_name_sitter(holder, name));
	}
	SAY(why->summary, "%s", n_held > named ? " and others." : ".");
}

/* -- The advice -----------------------------------------------------------------------
 */

/* A system unit's: systemd would start it again, or be told of a failure. */
static const char *unit_of(const struct process *p)
{
	const char *unit = p ? p->info.unit : NULL;
	size_t length = unit ? strlen(unit) : 0;

	if (length < 8 || !streq(unit + length - 8, ".service") || p->info.container ||
	    !p->info.cgroup || !starts_with(p->info.cgroup, "/system.slice/") ||
	    unit[strspn(unit, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
			      "0123456789.:_@-")])
		return NULL;
	return unit;
}

static void advise_holder(struct why *why, const struct why_question *question,
			  const struct why_port *port, const struct why_sitter *holder)
{
	const struct service *wanted =
		question->service ? question->service : port->service;
	const struct service *has = service_of(why, holder);
	const struct why_sitter *other = other_holder(port, holder);
	const char *unit = unit_of(holder->process);
	char target[TARGET_TEXT];

	if (wanted && has == wanted && !other) {
		SAY(why->advice, "%s has its port: there is nothing to do.",
		    wanted->name);
	} else if (!holder->process) {
		SAY(why->advice, "Root sees whose socket it is.");
		SAY(why->command, "sudo portwatch why %s", target_of(port, target));
	} else if (other) {
		const struct why_sitter *end = has && has == wanted ? other : holder;

		SAY(why->advice, "Two programs split the port: end one of them.");
		SAY(why->command, "portwatch kill pid:%d", end->process->info.id.pid);
	} else if (unit) {
		SAY(why->advice,
		    "It is started by systemd: stop its unit, or give one of the two "
		    "another port.");
		SAY(why->command, "systemctl stop %s", unit);
	} else if (dead_parent(holder)) {
		SAY(why->advice,
		    "The server is dead and its child still has the descriptor, so that "
		    "the port stays taken and nobody accepts: end the child.");
		SAY(why->command, "portwatch kill %s", target_of(port, target));
	} else {
		SAY(why->advice,
		    "End it, or give one of the two another port (portwatch available "
		    "lists free ones).");
		SAY(why->command, "portwatch kill %s", target_of(port, target));
	}
}

/* "8000-8010,9000": what is reserved, and @port. */
static void say_reserved(const struct why *why, uint16_t port, char *buf, size_t size)
{
	const uint8_t *bitmap = engine_world(why->engine)->reserved_ports;

	buf[0] = '\0';
	for (unsigned at = 1; at <= UINT16_MAX; at++) {
		unsigned first = at;

		while (at <= UINT16_MAX &&
		       (at == port || (bitmap && bitmap[at / 8] & 1 << at % 8)))
			at++;
		if (at == first)
			continue;
		say(buf, size, "%s%u", buf[0] ? "," : "", first);
		if (at - 1 > first)
			say(buf, size, "-%u", at - 1);
	}
}

static void advise_outgoing(struct why *why, const struct why_port *port)
{
	char target[TARGET_TEXT], reserved[WHY_TEXT];

	SAY(why->advice, "End that connection, which spares its process");
	if (why_is_ephemeral(why, port->port)) {
		say_reserved(why, port->port, reserved, sizeof(reserved));
		SAY(why->advice,
		    "; so that the kernel gives the port to no other connection: sysctl "
		    "-w net.ipv4.ip_local_reserved_ports=%s",
		    reserved);
	}
	SAY(why->advice, ".");
	SAY(why->command, "portwatch kill %s --sockets", target_of(port, target));
}

static void advise_waiting(struct why *why, const struct why_port *port)
{
	char target[TARGET_TEXT];

	SAY(why->advice,
	    "Wait, or end what waits; a server that sets SO_REUSEADDR before bind is not "
	    "kept waiting by what another one with it has left.");
	SAY(why->command, "portwatch kill %s --sockets", target_of(port, target));
}

static void advise_privileged(struct why *why, const struct why_port *port)
{
	SAY(why->advice,
	    "Give the program CAP_NET_BIND_SERVICE (AmbientCapabilities= in its unit, or "
	    "setcap cap_net_bind_service=+ep), or open the ports from %u on to "
	    "everybody.",
	    port->port);
	SAY(why->command, "sysctl -w net.ipv4.ip_unprivileged_port_start=%u", port->port);
}

static void advise_free(struct why *why, const struct why_question *question,
			const struct why_port *port)
{
	const struct service *wanted =
		question->service ? question->service : port->service;
	char reserved[WHY_TEXT];

	if (wanted && why_is_ephemeral(why, port->port)) {
		say_reserved(why, port->port, reserved, sizeof(reserved));
		SAY(why->advice,
		    "It lies in net.ipv4.ip_local_port_range, so that an outgoing "
		    "connection may take it at any time: reserve it.");
		SAY(why->command, "sysctl -w net.ipv4.ip_local_reserved_ports=%s",
		    reserved);
	} else if (wanted) {
		SAY(why->advice, "%s does not run.", wanted->name);
		if (wanted->startup_argv)
			SAY(why->command, "portwatch up %s", wanted->name);
	} else {
		SAY(why->advice, "There is nothing to do: a bind as %s succeeds.",
		    why->user);
	}
}

static void advise(struct why *why, const struct why_question *question,
		   const struct why_port *port)
{
	const struct why_sitter *holder = why_holder(port);

	if (holder)
		advise_holder(why, question, port, holder);
	else if (port->n_outgoing > 0)
		advise_outgoing(why, port);
	else if (port->n_waiting > 0)
		advise_waiting(why, port);
	else if (is_refused_as_privileged(port) &&
		 !streq(port->binds[0].as, "an ordinary user"))
		advise_privileged(why, port);
	else
		advise_free(why, question, port);
}

/* The first port that somebody is on. */
static const struct why_port *matter_of(const struct why *why)
{
	for (size_t i = 0; i < why->n_ports; i++)
		if (why->ports[i].n_sitters > 0)
			return &why->ports[i];
	return &why->ports[0];
}

void why_advise(struct why *why, const struct why_question *question)
{
	size_t n_held = 0;

	for (size_t i = 0; i < why->n_ports; i++)
		n_held += why_holder(&why->ports[i]) != NULL;
	if (why->n_ports == 0) {
		SAY(why->summary, "%s holds no port.",
		    question->service ? question->service->name : "That process");
		SAY(why->advice, "There is nothing to explain.");
		return;
	}
	if (why->n_ports == 1)
		sum_up(why, &why->ports[0]);
	else
		sum_up_several(why, n_held);
	advise(why, question, matter_of(why));
}
