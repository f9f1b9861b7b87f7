// SPDX-License-Identifier: GPL-2.0-only
/*
 * Questions about single sockets that only a walk can answer, put together and asked a
 * moment later, if the sockets are still there by then.
 */
#include "engine/internal.h"

#include <stdlib.h>

/* A socket that was just bound has hardly been handed on yet, and many do not stay. */
#define HOLDERS_NS NS_PER_S
/* What connect(2) leaves behind, or takes back before it returns. */
#define ADDRESS_NS (60 * NS_PER_MS)

void ask(struct engine *e, uint64_t cookie, unsigned what)
{
	struct asking *asking = &e->asking;
	uint64_t due_ns = now_mono_ns() + (what & ASK_ADDRESS ? ADDRESS_NS : HOLDERS_NS);
	size_t i;

	for (i = 0; i < asking->count && asking->items[i].cookie != cookie;)
		i++;
	if (i == ASKED_MAX)
		return;
	if (i == asking->count)
		asking->items[asking->count++] = (struct question){ .cookie = cookie };
	asking->items[i].what |= what;
	if (asking->due_ns == 0 || due_ns < asking->due_ns)
		asking->due_ns = due_ns;
}

bool ask_is_about(const struct engine *e, uint64_t cookie, unsigned what)
{
	for (size_t i = 0; i < e->asking.n_answering; i++) {
		if (e->asking.answering[i].cookie == cookie)
			return e->asking.answering[i].what & what;
	}
	return false;
}

/* Those that have no answer yet. */
static void begin(struct engine *e)
{
	struct asking *asking = &e->asking;

	asking->n_answering = 0;
	for (size_t i = 0; i < asking->count; i++) {
		struct question question = asking->items[i];
		const struct socket *sock = sockets_find(e->sockets, question.cookie);

		if (!sock)
			continue;
		if (sock->holders_known)
			question.what &= ~ASK_HOLDERS;
		if (sock->state != SOCKET_BOUND)
			question.what &= ~ASK_ADDRESS;
		if (question.what)
			asking->answering[asking->n_answering++] = question;
	}
	asking->count = 0;
	asking->due_ns = 0;
}

static void answer_holders(struct engine *e, uint64_t cookie)
{
	struct socket *sock = sockets_find(e->sockets, cookie);

	if (!sock)
		return;
	/* One that was not found has no holders: it is not asked for again. */
	if (!sock->holders_known)
		sockets_set_holders(e->sockets, cookie, NULL, 0);
	evaluate_put(e, sock);
}

void ask_run(struct engine *e, uint64_t now_ns)
{
	struct asking *asking = &e->asking;

	if (asking->due_ns == 0 || asking->due_ns > now_ns)
		return;
	begin(e);
	if (asking->n_answering == 0)
		return;
	engine_set_cause(e, SOURCE_RESYNC, 0, 0);
	heal_now(e, HEAL_KNOWN_ONLY, NULL);
	evaluate_defer(e);
	for (size_t i = 0; i < asking->n_answering; i++) {
		if (asking->answering[i].what & ASK_HOLDERS)
			answer_holders(e, asking->answering[i].cookie);
	}
	evaluate_flush(e);
	asking->n_answering = 0;
}
