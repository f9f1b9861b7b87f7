// SPDX-License-Identifier: GPL-2.0-only
/* What is done with a plan: signal, wait, look again, and tell. */
#include "service/kill_private.h"

#include <errno.h>
#include <signal.h>

#include "base/files.h"
#include "base/time.h"

/* What a socket that everybody has let go of is given to be released. */
#define SETTLE_NS (500 * NS_PER_MS)
#define CATCH_UP_NS (20 * NS_PER_MS)

static size_t alive(const struct kill *kill)
{
	size_t n = 0;

	for (const struct kill_victim *v = kill->victims; v; v = v->next)
		n += v->fate == FATE_SIGNALLED;
	return n;
}

static void send_to(struct kill *kill, struct kill_victim *victim, int signal)
{
	int err;

	engine_ending(kill->engine, victim->process);
	err = kill_await(kill, victim);
	if (err == 0)
		err = kill_process_signal(victim->pidfd, victim->process->info.id,
					  &kill->order.caller, signal, &victim->rule);
	if (err == 0) {
		victim->fate = FATE_SIGNALLED;
		victim->signal = signal;
		return;
	}
	/* It has gone by itself, or became another user's; whatever else, nothing was
	 * done to it. */
	victim->fate = err == -ESRCH ? FATE_ENDED : FATE_REFUSED;
	victim->pidfd = close_fd(victim->pidfd);
	engine_spared(kill->engine, victim->process);
}

/* All with that fate. */
static void send_all(struct kill *kill, enum kill_fate fate, int signal)
{
	for (struct kill_victim *v = kill->victims; v; v = v->next)
		if (v->fate == fate)
			send_to(kill, v, signal);
}

/* What the engine says next is to be as of now. */
static void catch_up(struct engine *engine)
{
	uint64_t until_ns = now_mono_ns() + CATCH_UP_NS;

	while (engine_dispatch(engine) && now_mono_ns() < until_ns)
		;
}

static enum kill_outcome outcome_of(const struct kill *kill)
{
	bool partly = false;

	if (alive(kill) > 0)
		return KILL_TIMED_OUT;
	for (const struct kill_port *port = kill->ports; port; port = port->next) {
		if (port->is_taken)
			return KILL_TAKEN;
		partly |= !port->free;
	}
	for (const struct kill_victim *v = kill->victims; v; v = v->next)
		partly |= v->fate == FATE_REFUSED;
	return partly ? KILL_PARTLY : KILL_DONE;
}

static void finish(struct kill *kill, uint64_t now_ns)
{
	catch_up(kill->engine);
	for (struct kill_victim *v = kill->victims; v; v = v->next) {
		v->pidfd = close_fd(v->pidfd);
		engine_spared(kill->engine, v->process);
	}
	kill->outcome = outcome_of(kill);
	kill->ended_mono_ns = now_ns;
	kill->changed(kill->arg);
}

static bool may_go_on(const struct kill *kill, uint64_t now_ns)
{
	return now_ns < kill->due_ns || (kill->order.force && !kill->forced);
}

static void time_is_up(struct kill *kill, uint64_t now_ns)
{
	struct kill_rest rest;

	if (!may_go_on(kill, now_ns)) {
		(void)kill_look_again(kill, false, &rest);
		finish(kill, now_ns);
		return;
	}
	kill->forced = true;
	kill->due_ns = now_ns + KILL_FORCED_MS * NS_PER_MS;
	send_all(kill, FATE_SIGNALLED, SIGKILL);
}

static void all_ended(struct kill *kill, uint64_t now_ns)
{
	struct kill_rest rest;

	if (now_ns < kill->settle_ns && !kill->released)
		return;
	kill->released = false;
	/* Unknown then, and told as not free. */
	if (kill_look_again(kill, may_go_on(kill, now_ns), &rest) < 0) {
		finish(kill, now_ns);
		return;
	}
	if (rest.added > 0)
		send_all(kill, FATE_MEANT, kill->forced ? SIGKILL : kill->order.signal);
	if (alive(kill) > 0)
		return;
	if (rest.lingers && kill->settle_ns == 0)
		kill->settle_ns = now_ns + SETTLE_NS;
	if (!rest.lingers || kill->settle_ns <= now_ns)
		finish(kill, now_ns);
}

void kill_advance(struct kill *kill, uint64_t now_ns)
{
	if (kill->outcome != KILL_WAITING)
		return;
	if (kill->beat_ns <= now_ns) {
		kill->beat_ns = now_ns + KILL_BEAT_MS * NS_PER_MS;
		kill->changed(kill->arg);
	}
	if (alive(kill) == 0)
		all_ended(kill, now_ns);
	else if (kill->due_ns <= now_ns)
		time_is_up(kill, now_ns);
}

void kill_start(struct kill *kill, void (*changed)(void *arg), void *arg)
{
	uint64_t now_ns = now_mono_ns();

	kill->changed = changed;
	kill->arg = arg;
	kill->outcome = KILL_WAITING;
	kill->due_ns = now_ns + kill->order.grace_ms * NS_PER_MS;
	kill->beat_ns = now_ns + KILL_BEAT_MS * NS_PER_MS;
	send_all(kill, FATE_MEANT, kill->order.signal);
	kill_advance(kill, now_ns);
	kills_update(kill->kills);
}
