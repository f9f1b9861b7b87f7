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

/* Each in its own time: asked too early, connect(2) has not taken back yet what the
 * answer would be taken for. */
void ask(struct engine *e, uint64_t cookie, unsigned what)
{
	struct asking *asking = &e->asking;
	uint64_t due_ns = now_mono_ns() + (what == ASK_ADDRESS ? ADDRESS_NS : HOLDERS_NS);

	for (size_t i = 0; i < asking->count; i++) {
		struct question *known = &asking->items[i];

		if (known->cookie != cookie || known->what != what)
			continue;
		if (what == ASK_ADDRESS) /* another connection: anew */
			known->due_ns = due_ns;
		return;
	}
	if (asking->count == ASKED_MAX)
		return;
	asking->items[asking->count++] = (struct question){ cookie, what, due_ns };
	if (asking->due_ns == 0 || due_ns < asking->due_ns)
		asking->due_ns = due_ns;
}

bool ask_is_about(const struct engine *e, uint64_t cookie, unsigned what)
{
	for (size_t i = 0; i < e->asking.n_answering; i++) {
		if (e->asking.answering[i].cookie == cookie &&
		    e->asking.answering[i].what == what)
			return true;
	}
	return false;
}

static bool is_open(const struct engine *e, const struct question *question)
{
	const struct socket *sock = sockets_find(e->sockets, question->cookie);

	if (!sock)
		return false;
	return question->what == ASK_HOLDERS ? !sock->holders_known
					     : sock->state == SOCKET_BOUND;
}

/* Those that are due and have no answer yet; the others wait on. */
static void begin(struct engine *e, uint64_t now_ns)
{
	struct asking *asking = &e->asking;
	size_t count = 0;

	asking->n_answering = 0;
	asking->due_ns = 0;
	for (size_t i = 0; i < asking->count; i++) {
		const struct question *question = &asking->items[i];

		if (!is_open(e, question))
			continue;
		if (question->due_ns <= now_ns) {
			asking->answering[asking->n_answering++] = *question;
			continue;
		}
		if (asking->due_ns == 0 || question->due_ns < asking->due_ns)
			asking->due_ns = question->due_ns;
		asking->items[count++] = *question;
	}
	asking->count = count;
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
	begin(e, now_ns);
	if (asking->n_answering == 0)
		return;
	engine_set_cause(e, SOURCE_RESYNC, 0, 0);
	heal_now(e, HEAL_KNOWN_ONLY, NULL);
	evaluate_defer(e);
	for (size_t i = 0; i < asking->n_answering; i++) {
		if (asking->answering[i].what == ASK_HOLDERS)
			answer_holders(e, asking->answering[i].cookie);
	}
	evaluate_flush(e);
	asking->n_answering = 0;
}
