// SPDX-License-Identifier: GPL-2.0-only
#include "kernel/model_private.h"

#include "base/files.h"
#include "harness.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

unsigned model_random(struct model *m, unsigned n)
{
	return (unsigned)rand_r(&m->seed) % n;
}

struct prop *model_add(struct model *m, uint64_t cookie, int place)
{
	struct prop *p = calloc(1, sizeof(*p));

	if (!p || m->n_live == LIVE_MAX)
		test_fail(__FILE__, __LINE__, "no room for a socket");
	p->known.cookie = cookie;
	p->known.at.netns = m->netns[place];
	p->place = place;
	p->refs = 1;
	m->live[m->n_live++] = p;
	m->made++;
	return p;
}

void model_drop(struct model *m, struct prop *p)
{
	if (--p->refs)
		return;
	for (size_t i = 0; i < m->n_live; i++) {
		if (m->live[i] == p) {
			m->live[i] = m->live[--m->n_live];
			free(p);
			return;
		}
	}
}

void model_learn_name(struct prop *p, struct actor *a, unsigned slot)
{
	struct endpoint at = { .netns = p->known.at.netns, .proto = p->known.at.proto };
	uint16_t port = (uint16_t)actor_must(a, "name %u", slot);

	if (endpoint_parse_address(actor_word(a), &p->known.at) < 0)
		test_fail(__FILE__, __LINE__, "no address: %s", actor_word(a));
	p->known.at.netns = at.netns;
	p->known.at.proto = at.proto;
	p->known.at.port = port;
}

void model_return(struct prop *p)
{
	p->known.state = SOCKET_BOUND;
	p->known.bound = p->known.bound && p->locked;
}

void model_note(struct prop *p, const char *fmt, ...)
{
	char *life = p->known.life, act[40];
	size_t size = sizeof(p->known.life), used = strlen(life), len;
	va_list ap;

	va_start(ap, fmt);
	len = (size_t)vsnprintf(act, sizeof(act), fmt, ap);
	va_end(ap);
	if (len >= sizeof(act))
		len = sizeof(act) - 1;
	if (used + len + 2 > size) {
		memmove(life, life + len + 2, used - len - 1);
		used = strlen(life);
	}
	snprintf(life + used, size - used, " %s", act);
}

static const struct known *find_known(uint64_t cookie, void *arg)
{
	struct model *m = arg;

	for (size_t i = 0; i < m->n_live; i++)
		if (cookie && m->live[i]->known.cookie == cookie)
			return &m->live[i]->known;
	for (size_t i = 0; i < 2 * MODEL_NAMESPACES; i++)
		if (m->servers[i / 2][i % 2].known.cookie == cookie)
			return &m->servers[i / 2][i % 2].known;
	return NULL;
}

static const struct known *nth_known(size_t n, void *arg)
{
	struct model *m = arg;

	if (n < m->n_live)
		return &m->live[n]->known;
	n -= m->n_live;
	return n < 2 * MODEL_NAMESPACES ? &m->servers[n / 2][n % 2].known : NULL;
}

/* The listeners of a namespace that connections go to, one a family. */
static void open_server(struct model *m, int place)
{
	struct actor *a = actor_start();

	m->netns[place] = (uint32_t)actor_must(a, place ? "unshare" : "netns");
	actor_must(a, "diag");
	m->diag[place] = actor_take_fd(a);
	m->server[place] = a;
	for (int v6 = 0; v6 < 2; v6++) {
		struct known *k = &m->servers[place][v6].known;

		k->cookie =
			(uint64_t)actor_must(a, "socket %d %s tcp", v6, v6 ? "6" : "4");
		actor_must(a, "set %d reuseaddr", v6); /* connections of before linger */
		actor_must(a, "bind %d %s %d", v6, v6 ? "::1" : "127.0.0.1", SERVER_PORT);
		actor_must(a, "listen %d", v6);
		k->at.netns = m->netns[place];
		k->at.proto = IPPROTO_TCP;
		k->at.family = v6 ? AF_INET6 : AF_INET;
		k->bound = true;
		k->state = SOCKET_LISTENING;
		model_learn_name(&m->servers[place][v6], a, (unsigned)v6);
	}
}

static void find_paths(struct model *m, bool every_path)
{
	static const char *const names[] = { "int80", "uring" };
	struct actor *a = m->server[0];
	size_t n = 1;

	m->paths[0] = "sys";
	for (size_t i = 0; every_path && i < 2; i++)
		if (actor_ask(a, "have %s", names[i]) >= 0)
			m->paths[n++] = names[i];
	if (every_path && actor_ask(a, "have direct") >= 0) {
		m->direct = actor_ask(a, "socket 5 4 tcp direct") > 0;
		actor_ask(a, "close 5 direct");
	}
	m->mptcp = actor_ask(a, "socket 5 4 mptcp") > 0;
	if (m->mptcp)
		actor_must(a, "close 5");
}

struct model *model_new(const struct model_options *options)
{
	struct model *m = calloc(1, sizeof(*m));

	if (!m)
		test_fail(__FILE__, __LINE__, "out of memory");
	m->seed = options->seed;
	for (int i = 0; i < MODEL_NAMESPACES; i++)
		open_server(m, i);
	find_paths(m, options->every_path);
	for (int i = 0; i < CAST_MIN + 1; i++)
		model_join(m, &m->cast[i], i % MODEL_NAMESPACES);
	m->knowledge = (struct knowledge){ .find = find_known,
					   .nth = nth_known,
					   .arg = m,
					   .shows_bound = diag_shows_bound() };
	return m;
}

struct model *model_free(struct model *m)
{
	if (!m)
		return NULL;
	for (int i = 0; i < CAST_MAX; i++)
		actor_stop(m->cast[i].actor);
	for (int i = 0; i < MODEL_NAMESPACES; i++) {
		actor_stop(m->server[i]);
		close_fd(m->diag[i]);
	}
	for (size_t i = 0; i < m->n_live; i++)
		free(m->live[i]);
	free(m);
	return NULL;
}

void model_step(struct model *m)
{
	bool acts[CAST_MAX] = { false };

	for (size_t i = 0; i < m->n_live; i++)
		m->live[i]->busy = false;
	for (int i = 0; i < CAST_MAX; i++)
		acts[i] = m->cast[i].actor && model_begin_act(m, &m->cast[i]);
	for (int i = 0; i < CAST_MAX; i++)
		if (acts[i])
			model_end_act(m, &m->cast[i]);
	if (model_random(m, 8) == 0)
		model_turn(m);
}

size_t model_made(const struct model *m)
{
	return m->made;
}

const struct knowledge *model_knowledge(struct model *m)
{
	return &m->knowledge;
}

int model_diag(const struct model *m, int n, uint32_t *ret_netns)
{
	*ret_netns = m->netns[n];
	return m->diag[n];
}
