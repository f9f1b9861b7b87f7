// SPDX-License-Identifier: GPL-2.0-only
#include "service/why.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/time.h"
#include "service/why_private.h"

const char *why_clock(uint64_t wall_ns, char *buf)
{
	time_t seconds = (time_t)(wall_ns / NS_PER_S);
	struct tm tm;

	if (wall_ns == 0 || !localtime_r(&seconds, &tm) ||
	    strftime(buf, 32, "%H:%M:%S", &tm) == 0)
		snprintf(buf, 32, "a time unknown");
	return buf;
}

const char *why_name_process(const struct process *p, char *buf)
{
	const struct process_info *info = &p->info;
	const char *comm = info->comm[0] ? info->comm : "a process";

	if (info->user)
		snprintf(buf, WHY_NAME, "%.16s (pid %d, user %.64s)", comm, info->id.pid,
			 info->user);
	else
		snprintf(buf, WHY_NAME, "%.16s (pid %d)", comm, info->id.pid);
	return buf;
}

const char *why_name_sitter(const struct why_sitter *sitter, char *buf)
{
	if (sitter->process)
		return why_name_process(sitter->process, buf);
	if (!sitter->row && sitter->inode == 0)
		snprintf(buf, WHY_NAME, "the kernel, after its process,");
	else if (sitter->sock.uid != (uid_t)-1)
		snprintf(buf, WHY_NAME, "a process of uid %u", sitter->sock.uid);
	else
		snprintf(buf, WHY_NAME, "a process that could not be identified");
	return buf;
}

const struct why_sitter *why_holder(const struct why_port *port)
{
	const struct why_sitter *best = NULL;

	for (size_t i = 0; i < port->n_sitters; i++) {
		const struct why_sitter *s = &port->sitters[i];

		if (s->sock.use == PORT_LISTENING)
			return s;
		if (!best && s->sock.use == PORT_BOUND)
			best = s;
	}
	return best;
}

const struct why_sitter *why_outgoing(const struct why_port *port)
{
	for (size_t i = 0; i < port->n_sitters; i++) {
		const struct why_sitter *s = &port->sitters[i];

		if (s->sock.use == PORT_CONNECTED && !s->accepted)
			return s;
	}
	return NULL;
}

bool why_is_ephemeral(const struct why *why, uint16_t port)
{
	const struct world *world = engine_world(why->engine);

	return port >= world->ephemeral.low && port <= world->ephemeral.high &&
	       !(world->reserved_ports &&
		 world->reserved_ports[port / 8] & 1 << port % 8);
}

static void name_asker(struct why *why, uid_t uid)
{
	if (uid == 0 || uid == (uid_t)-1)
		snprintf(why->user, sizeof(why->user), "root");
	else
		snprintf(why->user, sizeof(why->user), "uid %u", uid);
}

struct held {
	struct engine *engine;
	void (*fn)(const struct socket *sock, void *arg);
	void *arg;
};

static int take_held(const struct snapshot_row *row, void *arg)
{
	const struct held *held = arg;
	const struct socket *sock =
		sockets_find(engine_sockets(held->engine), row->cookie);

	if (sock)
		held->fn(sock, held->arg);
	return 0;
}

int why_each_held(struct engine *engine, pid_t pid,
		  void (*fn)(const struct socket *sock, void *arg), void *arg)
{
	const struct snapshot_query query = { .pid = pid };
	struct held held = { engine, fn, arg };

	return probe_snapshot(engine_probe(engine), &query, take_held, &held);
}

int why_ask(struct engine *engine, const struct why_question *question, struct why *ret)
{
	int err = 0;

	*ret = (struct why){ .engine = engine, .wall_ns = now_wall_ns() };
	name_asker(ret, question->uid);
	engine_refresh_host(engine);
	for (size_t i = 0; i < question->n_ports && err == 0; i++) {
		struct why_port *port = &ret->ports[ret->n_ports++];

		port->proto = question->ports[i].proto;
		port->port = question->ports[i].port;
		port->service = question->ports[i].service;
		/* Without the right to look the owners that are known stand alone. */
		(void)engine_find_holders(engine, question->netns, port->proto,
					  port->port);
		err = why_look(ret, question->netns, port);
		if (err == 0)
			why_judge(ret, question, port);
	}
	if (err < 0) {
		why_done(ret);
		return err;
	}
	why_advise(ret, question);
	return 0;
}

void why_done(struct why *why)
{
	for (size_t i = 0; i < why->n_ports; i++) {
		struct why_port *port = &why->ports[i];

		for (size_t k = 0; k < port->n_sitters; k++)
			processes_unref(engine_processes(why->engine),
					port->sitters[k].process);
		free(port->sitters);
	}
	*why = (struct why){ 0 };
}
