// SPDX-License-Identifier: GPL-2.0-only
/*
 * When to look at the kernel again: after a loss, on a hint, and where the kernel only
 * answers when it is asked.
 */
#include "engine/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define PAUSE_NS (200 * NS_PER_MS) /* between walks while facts are being lost */
#define HINT_NS (50 * NS_PER_MS)
#define HINT_MAX_NS (500 * NS_PER_MS)
#define POLL_NS NS_PER_S

/* 50 ms after the last hint, half a second after the first. */
static void hint(struct healing *healing, uint64_t now_ns)
{
	if (healing->hinted_ns == 0)
		healing->hinted_ns = now_ns;
	healing->hint_due_ns = now_ns + HINT_NS;
	if (healing->hint_due_ns > healing->hinted_ns + HINT_MAX_NS)
		healing->hint_due_ns = healing->hinted_ns + HINT_MAX_NS;
}

int heal_now(struct engine *e, unsigned how, size_t *ret)
{
	struct snapshot_query query = { .unheld_too = !(how & HEAL_KNOWN_ONLY) };
	struct walk walk;
	size_t differed;
	int err;

	err = walk_run(e, &query, &walk);
	if (err < 0)
		return err;
	differed = reconcile(e, &walk, how);
	walk_done(&walk);
	if (ret)
		*ret = differed;
	return 0;
}

static void sooner(uint64_t *due_ns, uint64_t at_ns)
{
	if (*due_ns == 0 || at_ns < *due_ns)
		*due_ns = at_ns;
}

/* Not so often that walking is all that is done. */
static uint64_t after_pause(const struct healing *healing, uint64_t pause_ns,
			    uint64_t now_ns)
{
	uint64_t least_ns = 2 * healing->took_ns;
	uint64_t at_ns = healing->ended_ns + (least_ns > pause_ns ? least_ns : pause_ns);

	return healing->ended_ns == 0 || at_ns < now_ns ? now_ns : at_ns;
}

void heal_note(struct engine *e, uint64_t now_ns)
{
	struct healing *healing = &e->healing;

	if (probe_lost(e->probe, &healing->lost)) {
		healing->has_lost = true;
		sooner(&healing->due_ns, after_pause(healing, PAUSE_NS, now_ns));
	}
	if (probe_wants_look(e->probe))
		hint(healing, now_ns);
}

/* Where a walk takes long, most of the time is for other things. */
void heal_poll(struct engine *e)
{
	uint64_t pause_ns = 4 * e->healing.took_ns;

	e->healing.due_ns = now_mono_ns() + (pause_ns > POLL_NS ? pause_ns : POLL_NS);
}

static void tell_lost(struct engine *e)
{
	struct healing *healing = &e->healing;

	if (healing->lost == healing->lost_told)
		return;
	publish_count(e, EVENT_KERNEL_LOST, healing->lost - healing->lost_told, NULL);
	healing->lost_told = healing->lost;
}

/* Where releases are told and none was lost, a socket that a walk does not see is there
 * all the same: the walk cannot see all that are. */
static unsigned how_to_heal(const struct engine *e)
{
	bool knows_better = engine_is_told(e) && e->senses.tells_releases(e->probe) &&
			    !e->healing.has_lost && !e->healing.once_more;

	return knows_better ? HEAL_KEEP : 0;
}

static void heal(struct engine *e, uint64_t now_ns)
{
	struct healing *healing = &e->healing;
	unsigned how = how_to_heal(e);
	bool has_lost = healing->has_lost;
	size_t differed = 0;

	engine_set_cause(e, SOURCE_RESYNC, 0, 0);
	if (has_lost)
		tell_lost(e);
	healing->due_ns = 0;
	healing->hint_due_ns = 0;
	healing->suspect_due_ns = 0;
	if (heal_now(e, how, &differed) < 0) {
		healing->due_ns = now_ns + POLL_NS;
		return;
	}
	healing->has_lost = false;
	e->counters.resyncs += has_lost;
	if (has_lost || (differed > 0 && !e->polling))
		publish_count(e, EVENT_KERNEL_RESYNCED, differed, NULL);
	/* Facts that were waiting meanwhile may be half of a pair: once more. */
	if (has_lost && !healing->drained)
		sooner(&healing->due_ns, after_pause(healing, PAUSE_NS, now_ns));
	healing->once_more =
		how == 0 && (healing->due_ns != 0 || healing->missing.count > 0);
	if (e->polling)
		heal_poll(e);
}

static bool is_due(uint64_t due_ns, uint64_t now_ns)
{
	return due_ns != 0 && due_ns <= now_ns;
}

void heal_run(struct engine *e, uint64_t now_ns)
{
	struct healing *healing = &e->healing;

	if (is_due(healing->due_ns, now_ns) || is_due(healing->hint_due_ns, now_ns) ||
	    is_due(healing->suspect_due_ns, now_ns))
		heal(e, now_ns);
}

uint64_t heal_deadline(const struct engine *e)
{
	uint64_t due_ns = e->healing.due_ns;

	if (e->healing.hint_due_ns != 0)
		sooner(&due_ns, e->healing.hint_due_ns);
	if (e->healing.suspect_due_ns != 0)
		sooner(&due_ns, e->healing.suspect_due_ns);
	return due_ns;
}
