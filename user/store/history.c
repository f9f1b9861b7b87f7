// SPDX-License-Identifier: GPL-2.0-only
#include "store/history.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>

#include "base/strings.h"
#include "base/time.h"
#include "store/history_private.h"

enum { GATHER_MS = 200, QUIET_MS = 3000, RETRY_MS = 5000 };

static void init_locks(struct history *h)
{
	pthread_condattr_t attr;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_mutex_init(&h->lock, NULL);
	pthread_cond_init(&h->more, &attr);
	pthread_cond_init(&h->written, &attr);
	pthread_condattr_destroy(&attr);
	sqlite_init(&h->sqlite);
}

int history_new(const struct history_options *options, struct history **ret)
{
	struct history *h = calloc(1, sizeof(*h));

	if (!h)
		return -ENOMEM;
	h->options = *options;
	h->options.folder = strdup(options->folder);
	if (!h->options.bytes_max)
		h->options.bytes_max = HISTORY_BYTES_MAX;
	if (!h->options.gather_ms)
		h->options.gather_ms = GATHER_MS;
	if (!h->options.quiet_ms)
		h->options.quiet_ms = QUIET_MS;
	if (!h->options.retry_ms)
		h->options.retry_ms = RETRY_MS;
	h->retain_ms = options->retain_ms;
	h->counters.writes = options->writes;
	h->last = &h->first;
	init_locks(h);
	if (!h->options.folder ||
	    asprintf(&h->path, "%s/history.db", options->folder) < 0) {
		h->path = NULL;
		history_free(h);
		return -ENOMEM;
	}

	*ret = h;
	return 0;
}

static void free_chunks(struct chunk *chunk)
{
	while (chunk) {
		struct chunk *next = chunk->next;

		free(chunk);
		chunk = next;
	}
}

const char *history_path(const struct history *h)
{
	return h->path;
}

/* -- What is told ---------------------------------------------------------------------
 */

void history_complain(struct history *h, const char *fmt, ...)
{
	_cleanup_(freep) char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	text = format_text(fmt, ap);
	va_end(ap);
	if (text && h->options.complain)
		h->options.complain(text, h->options.arg);
}

void history_set_fault(struct history *h, const char *fault)
{
	bool was_well, is_new;

	pthread_mutex_lock(&h->lock);
	was_well = !h->counters.fault[0];
	is_new = !streq(h->counters.fault, fault);
	snprintf(h->counters.fault, sizeof(h->counters.fault), "%s", fault);
	pthread_mutex_unlock(&h->lock);
	if (is_new && *fault)
		history_complain(h,
				 "The history cannot be written: %s; watching goes on, "
				 "without",
				 fault);
	else if (is_new && !was_well)
		history_complain(h, "The history is written again");
}

/* Locked. */
static void widen(struct gap *gap, const struct gap *more)
{
	if (more->entries == 0)
		return;
	if (gap->entries == 0 || more->from_ns < gap->from_ns)
		gap->from_ns = more->from_ns;
	if (more->until_ns > gap->until_ns)
		gap->until_ns = more->until_ns;
	gap->entries += more->entries;
}

struct gap history_take_gap(struct history *h)
{
	struct gap gap;

	pthread_mutex_lock(&h->lock);
	gap = h->gap;
	h->gap = (struct gap){ 0 };
	pthread_mutex_unlock(&h->lock);
	return gap;
}

void history_put_gap(struct history *h, const struct gap *gap)
{
	pthread_mutex_lock(&h->lock);
	widen(&h->gap, gap);
	pthread_mutex_unlock(&h->lock);
}

/* Locked. */
static void count_dropped(struct history *h, uint64_t from_ns, uint64_t n)
{
	uint64_t now_ns = now_wall_ns();
	struct gap more = { from_ns, now_ns > from_ns ? now_ns : from_ns, n };

	h->counters.dropped += n;
	widen(&h->gap, &more);
}

void history_counters(struct history *h, struct history_counters *ret)
{
	pthread_mutex_lock(&h->lock);
	*ret = h->counters;
	ret->waiting = h->n_added - h->n_taken;
	pthread_mutex_unlock(&h->lock);
}

void history_set_retain(struct history *h, uint64_t retain_ms)
{
	pthread_mutex_lock(&h->lock);
	h->retain_ms = retain_ms;
	pthread_mutex_unlock(&h->lock);
}

/* -- The thread -----------------------------------------------------------------------
 */

static struct timespec in_ms(unsigned ms)
{
	uint64_t at_ns = now_mono_ns() + ms * NS_PER_MS;

	return (struct timespec){ .tv_sec = (time_t)(at_ns / NS_PER_S),
				  .tv_nsec = (long)(at_ns % NS_PER_S) };
}

/* False once it has been quiet for long enough.  Locked. */
static bool wait_for_more(struct history *h)
{
	struct timespec until = in_ms(h->options.quiet_ms);
	int err = 0;

	h->sleeping = true;
	while (!h->first && !h->stop && err != ETIMEDOUT)
		err = pthread_cond_timedwait(&h->more, &h->lock, &until);
	h->sleeping = false;
	return h->first;
}

/* Many at once cost little more than one.  Locked. */
static void gather(struct history *h)
{
	struct timespec until = in_ms(h->options.gather_ms);
	int err = 0;

	while (!h->hurry && !h->stop && h->n_chunks < CHUNKS_MAX / 4 && err != ETIMEDOUT)
		err = pthread_cond_timedwait(&h->more, &h->lock, &until);
}

static struct chunk *take_chunks(struct history *h, uint64_t *ret_events,
				 uint64_t *ret_first_ns)
{
	struct chunk *chunks = take(h->first);

	h->last = &h->first;
	h->n_chunks = 0;
	h->hurry = false;
	*ret_events = 0;
	*ret_first_ns = chunks->first_ns;
	for (const struct chunk *c = chunks; c; c = c->next)
		*ret_events += c->n_events;
	return chunks;
}

/* Answers those that are too many.  Locked. */
static struct chunk *keep_spare(struct history *h, struct chunk *chunks)
{
	while (chunks && h->n_spare < SPARE_MAX) {
		struct chunk *next = chunks->next;

		chunks->next = h->spare;
		h->spare = chunks;
		h->n_spare++;
		chunks = next;
	}
	return chunks;
}

/* Locked, but while it writes. */
static void write_all(struct history *h, struct history_writer *w)
{
	while (h->first) {
		uint64_t n, first_ns, written;
		struct chunk *chunks;

		gather(h);
		chunks = take_chunks(h, &n, &first_ns);
		pthread_mutex_unlock(&h->lock);
		written = w ? history_writer_write(w, chunks) : 0;
		pthread_mutex_lock(&h->lock);
		chunks = keep_spare(h, chunks);
		h->n_taken += n;
		h->counters.written += written;
		count_dropped(h, first_ns, n - written);
		pthread_cond_broadcast(&h->written);
		pthread_mutex_unlock(&h->lock);
		free_chunks(chunks);
		pthread_mutex_lock(&h->lock);
	}
}

static void *work(void *arg)
{
	struct history *h = arg;
	struct history_writer *w = history_writer_new(h);

	prctl(PR_SET_NAME, "portwatch-past");
	pthread_mutex_lock(&h->lock);
	do {
		struct chunk *spare;

		while (wait_for_more(h))
			write_all(h, w);
		spare = take(h->spare);
		h->n_spare = 0;
		/* It takes a moment, in which something may come that refers to
		 * processes told before. */
		pthread_mutex_unlock(&h->lock);
		free_chunks(spare);
		history_writer_rest(w);
		pthread_mutex_lock(&h->lock);
	} while (h->first);
	h->forgotten = true;
	h->running = false;
	pthread_cond_broadcast(&h->written);
	pthread_mutex_unlock(&h->lock);
	history_writer_free(w);
	return NULL;
}

/* Signals are for the owner.  Locked. */
static void start(struct history *h)
{
	sigset_t all, before;

	if (h->joinable)
		pthread_join(h->thread, NULL); /* it is over, or about to be */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	h->running = h->joinable = pthread_create(&h->thread, NULL, work, h) == 0;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

/* Locked. */
static void rouse(struct history *h)
{
	if (!h->begun || !h->options.writes)
		return;
	if (!h->running && h->first)
		start(h);
	else if (h->sleeping || h->hurry || h->n_chunks >= CHUNKS_MAX / 4)
		pthread_cond_signal(&h->more);
}

void history_begin(struct history *h)
{
	pthread_mutex_lock(&h->lock);
	h->begun = true;
	rouse(h);
	pthread_mutex_unlock(&h->lock);
}

void history_write(struct history *h)
{
	pthread_mutex_lock(&h->lock);
	rouse(h);
	pthread_mutex_unlock(&h->lock);
}

struct history *history_free(struct history *h)
{
	if (!h)
		return NULL;
	pthread_mutex_lock(&h->lock);
	rouse(h);
	h->stop = true;
	pthread_cond_signal(&h->more);
	pthread_mutex_unlock(&h->lock);
	if (h->joinable)
		pthread_join(h->thread, NULL);
	free_chunks(h->first);
	free_chunks(h->spare);
	pthread_cond_destroy(&h->more);
	pthread_cond_destroy(&h->written);
	pthread_mutex_destroy(&h->lock);
	sqlite_done(&h->sqlite);
	free((char *)h->options.folder);
	free(h->path);
	free(h);
	return NULL;
}

/* -- The queue ------------------------------------------------------------------------
 */

/* Where @size bytes go; NULL where the queue is full.  Locked. */
static struct chunk *room_for(struct history *h, size_t size)
{
	struct chunk *chunk =
		h->first
			? (struct chunk *)((char *)h->last - offsetof(struct chunk, next))
			: NULL;

	if (chunk && CHUNK_DATA - chunk->used >= size)
		return chunk;
	if (h->n_chunks == CHUNKS_MAX)
		return NULL;
	chunk = h->spare;
	if (chunk) {
		h->spare = chunk->next;
		h->n_spare--;
	} else {
		chunk = malloc(CHUNK_BYTES);
	}
	if (!chunk)
		return NULL;
	chunk->next = NULL;
	chunk->used = chunk->n_events = 0;
	chunk->first_ns = now_wall_ns();
	*h->last = chunk;
	h->last = &chunk->next;
	h->n_chunks++;
	return chunk;
}

static bool put(struct history *h, size_t size)
{
	struct chunk *chunk = room_for(h, size);

	if (!chunk)
		return false;
	memcpy(chunk->data + chunk->used, h->scratch, size);
	chunk->used += size;
	return true;
}

/* Its place; it is told first where that was not done. */
static bool put_process(struct history *h, const struct process *p, enum record_role role,
			uint16_t *ret)
{
	bool told;

	*ret = record_place_of(&h->places, p, role, &told);
	if (told)
		return true;
	if (!put(h, record_pack_process(p, *ret, h->scratch)))
		return false;
	record_told(&h->places, *ret, p);
	return true;
}

static bool put_event(struct history *h, const struct event *event, bool standing)
{
	struct record *record = (struct record *)h->scratch;
	uint16_t process, holder;
	size_t size;

	if (!put_process(h, record_holder(event), ROLE_HOLDER, &holder) ||
	    !put_process(h, record_subject(event), ROLE_SUBJECT, &process))
		return false;
	size = record_pack(event, h->scratch);
	record->process = process;
	record->holder = holder;
	record->standing = standing;
	if (!put(h, size))
		return false;
	((struct chunk *)((char *)h->last - offsetof(struct chunk, next)))->n_events++;
	return true;
}

bool history_has_room(struct history *h)
{
	bool room;

	pthread_mutex_lock(&h->lock);
	room = h->n_chunks < CHUNKS_MAX / 2;
	pthread_mutex_unlock(&h->lock);
	return room;
}

static void add(struct history *h, const struct event *event, bool standing)
{
	if (!h->options.writes)
		return;
	pthread_mutex_lock(&h->lock);
	if (h->forgotten)
		memset(&h->places, 0, sizeof(h->places));
	h->forgotten = false;
	h->n_added++;
	if (!put_event(h, event, standing)) {
		h->n_taken++;
		count_dropped(h, event->wall_ns, 1);
	}
	if (h->n_chunks >= CHUNKS_MAX / 4)
		rouse(h);
	pthread_mutex_unlock(&h->lock);
}

void history_add(struct history *h, const struct event *event)
{
	add(h, event, false);
}

void history_add_standing(struct history *h, const struct socket *sock,
			  const char *service, uint64_t wall_ns)
{
	struct event event = {
		.type = sock->state == SOCKET_LISTENING ? EVENT_SOCKET_LISTENING
							: EVENT_SOCKET_BOUND,
		.source = SOURCE_SNAPSHOT,
		.wall_ns = wall_ns,
		.socket = sock,
		.service = service,
	};

	add(h, &event, true);
}

uint64_t history_mark(struct history *h)
{
	uint64_t mark;

	pthread_mutex_lock(&h->lock);
	mark = h->n_added;
	h->hurry = h->first;
	rouse(h);
	pthread_mutex_unlock(&h->lock);
	return mark;
}
