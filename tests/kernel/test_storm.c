// SPDX-License-Identifier: GPL-2.0-only
/*
 * Many binds and closes at once: the table is the kernel's again a second after, with a
 * ring that holds them and with one of a page, and with an engine that starts meanwhile.
 *
 * PW_STORM_MS (2000).  Each test has its own engine: a loss would be inherited.
 */
#include "kernel/actors.h"
#include "kernel/diag_compare.h"
#include "kernel/scene.h"

#include "base/files.h"
#include "base/time.h"
#include "harness.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { STORMERS = 2, KEEP = 200 };

static const struct mode *mode;

struct storm {
	struct actor *stormers[STORMERS];
	int diag[STORMERS];
	uint32_t netns[STORMERS];
	bool over[STORMERS];
	int64_t binds;
};

const char *test_variant(int n)
{
	static int next;

	setvbuf(stdout, NULL, _IOLBF, 0);
	next = n == 0 ? 0 : next;
	mode = scene_next_mode(&next);
	return mode ? mode->name : NULL;
}

static unsigned storm_ms(void)
{
	const char *text = getenv("PW_STORM_MS");

	return text ? (unsigned)strtoul(text, NULL, 10) : 2000;
}

static struct engine *start_engine(size_t ring_bytes)
{
	struct engine_options options = { .probe = mode->options };
	struct engine *engine = NULL;
	int err;

	options.probe.ring_bytes = ring_bytes;
	err = engine_new(&options, &engine);
	if (err == 0)
		err = engine_need(engine, ENGINE_NEEDS_EVENTS);
	if (err < 0)
		test_fail(__FILE__, __LINE__, "no engine: %s", strerror(-err));
	return engine;
}

/* Each in a namespace of its own, so that nothing else is in what is compared. */
static void storm_begin(struct storm *s)
{
	for (int i = 0; i < STORMERS; i++) {
		s->stormers[i] = actor_start();
		s->netns[i] = (uint32_t)actor_must(s->stormers[i], "unshare");
		actor_must(s->stormers[i], "diag");
		s->diag[i] = actor_take_fd(s->stormers[i]);
	}
	for (int i = 0; i < STORMERS; i++)
		actor_tell(s->stormers[i], "storm %u %u %u", storm_ms(), KEEP, 1u + i);
}

static void storm_done(struct storm *s)
{
	for (int i = 0; i < STORMERS; i++) {
		actor_stop(s->stormers[i]);
		close_fd(s->diag[i]);
	}
}

static bool is_over(struct storm *s)
{
	bool all = true;

	for (int i = 0; i < STORMERS; i++) {
		struct pollfd fd = { .fd = actor_fd(s->stormers[i]), .events = POLLIN };

		if (!s->over[i] && poll(&fd, 1, 0) == 1) {
			s->binds += actor_answer(s->stormers[i]);
			s->over[i] = true;
		}
		all &= s->over[i];
	}
	return all;
}

/* True where more waits. */
static bool run_engine(struct engine *engine, int timeout_ms)
{
	struct pollfd fd = { .fd = engine_fd(engine), .events = POLLIN };
	uint64_t due = engine_deadline(engine), now = now_mono_ns();

	if (due && due < now + (uint64_t)timeout_ms * NS_PER_MS)
		timeout_ms = due <= now ? 0 : (int)((due - now) / NS_PER_MS) + 1;
	poll(&fd, 1, timeout_ms);
	return engine_dispatch(engine);
}

/* The longest that anything else would have had to wait for its turn. */
static uint64_t weather(struct storm *s, struct engine *engine)
{
	uint64_t longest = 0;

	while (!is_over(s)) {
		uint64_t start = now_mono_ns(), took;

		engine_dispatch(engine);
		took = now_mono_ns() - start;
		longest = took > longest ? took : longest;
		run_engine(engine, 1);
	}
	return longest;
}

static int compare(struct storm *s, struct engine *engine, bool last)
{
	struct sockets *table = engine_sockets(engine);
	int differences = 0;

	for (int i = 0; i < STORMERS; i++)
		differences += last ? diag_compare(table, s->diag[i], s->netns[i], NULL)
				    : diag_count(table, s->diag[i], s->netns[i], NULL);
	return differences;
}

static void report(const struct storm *s, const struct engine *engine, uint64_t longest)
{
	struct engine_counters counters;

	engine_counters(engine, &counters);
	printf("# %jd binds, %ju records seen, %ju lost, %ju resyncs, longest turn %ju "
	       "us\n",
	       (intmax_t)s->binds, (uintmax_t)counters.seen, (uintmax_t)counters.lost,
	       (uintmax_t)counters.resyncs, (uintmax_t)longest / 1000);
}

/*
 * Once what was waiting has been read and a second has passed; later only where the
 * machine is too busy for the walk.
 */
static void check_equal_a_second_later(struct storm *s, struct engine *engine)
{
	uint64_t deadline = scene_deadline(), until;

	while (engine_dispatch(engine) && now_mono_ns() < deadline)
		;
	do {
		until = now_mono_ns() + NS_PER_S;
		while (now_mono_ns() < until)
			run_engine(engine, 50);
	} while (compare(s, engine, false) != 0 && now_mono_ns() < deadline);
	CHECK_EQ(compare(s, engine, true), 0);
}

static void require_root(void)
{
	if (scene_unavailable())
		test_skip(scene_unavailable());
}

TEST(a_storm_ends_in_the_kernels_table)
{
	_cleanup_(engine_freep) struct engine *engine = NULL;
	_cleanup_(storm_done) struct storm s = { 0 };
	uint64_t longest;

	require_root();
	engine = start_engine(0);
	storm_begin(&s);
	longest = weather(&s, engine);
	report(&s, engine, longest);
	check_equal_a_second_later(&s, engine);
	CHECK(s.binds > 0);
}

TEST(a_ring_of_one_page_loses_counts_and_heals)
{
	_cleanup_(engine_freep) struct engine *engine = NULL;
	_cleanup_(storm_done) struct storm s = { 0 };
	struct engine_counters counters;
	uint64_t longest;

	require_root();
	engine = start_engine((size_t)sysconf(_SC_PAGESIZE));
	storm_begin(&s);
	longest = weather(&s, engine);
	report(&s, engine, longest);
	check_equal_a_second_later(&s, engine);
	engine_counters(engine, &counters);
	CHECK(counters.lost > 0);
	CHECK(counters.resyncs > 0);
}

TEST(what_a_busy_engine_missed_is_healed)
{
	_cleanup_(engine_freep) struct engine *engine = NULL;
	_cleanup_(storm_done) struct storm s = { 0 };

	/* Nobody drains while the storm lasts. */
	require_root();
	engine = start_engine((size_t)sysconf(_SC_PAGESIZE) * 4);
	storm_begin(&s);
	while (!is_over(&s))
		poll(NULL, 0, 10);
	report(&s, engine, 0);
	check_equal_a_second_later(&s, engine);
}

TEST(an_engine_that_starts_in_a_storm_misses_nothing)
{
	_cleanup_(engine_freep) struct engine *first = NULL, *second = NULL;
	_cleanup_(storm_done) struct storm s = { 0 };
	uint64_t longest;

	require_root();
	first = start_engine(0);
	storm_begin(&s);
	for (uint64_t until = now_mono_ns() + storm_ms() * NS_PER_MS / 4;
	     now_mono_ns() < until;)
		run_engine(first, 1);
	first = engine_free(first);
	second = start_engine(0);
	longest = weather(&s, second);
	report(&s, second, longest);
	check_equal_a_second_later(&s, second);
}
