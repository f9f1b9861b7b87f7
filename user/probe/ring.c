// SPDX-License-Identifier: GPL-2.0-only
#include "probe/ring.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "base/time.h"

/*
 * The longer a nap the less it costs those who write: while the consumer reads, each
 * record has both CPUs want the same lines.  A flat out loop of binds lost 38 % to naps
 * of 60 us and 27 % to those of 400.  But a nap must be short beside the ring.
 */
enum { NAP_MIN_NS = 60000, NAP_MAX_NS = 1000000, NAPS_MAX = 8, BUSY_WAKES = 4 };
#define BUSY_GAP_NS (300 * 1000ull)

struct ring {
	struct ring_buffer *buffer;
	struct pw_control *control;
	/* The kernel's positions, to see records that are still being written: libbpf's
	 * consumer stops at one without saying so. */
	const unsigned long *consumer, *producer;
	size_t page;
	ring_fn fn;
	void *arg;
	int yield_fd;
	int left; /* of the budget; negative: no bound */
	unsigned naps;
	uint64_t nap_ns;      /* as long as suits the pace */
	unsigned long bytes;  /* that the ring holds */
	unsigned quick_wakes; /* in a row, each soon after the last */
	uint64_t last_wake_ns;
};

static int take_record(void *arg, void *data, size_t size)
{
	struct ring *ring = arg;

	if (size >= sizeof(struct pw_header))
		ring->fn(data, size, ring->arg);
	if (ring->left > 0 && --ring->left == 0)
		return -ECANCELED; /* libbpf keeps the position and stops */
	return 0;
}

int ring_new(int map_fd, struct pw_control *control, ring_fn fn, void *arg,
	     struct ring **ret)
{
	_cleanup_(ring_freep) struct ring *ring = calloc(1, sizeof(*ring));
	struct bpf_map_info info = { 0 };
	uint32_t info_size = sizeof(info);
	void *consumer, *producer;

	if (!ring)
		return -ENOMEM;
	ring->page = (size_t)sysconf(_SC_PAGESIZE);
	ring->control = control;
	ring->fn = fn;
	ring->arg = arg;
	ring->yield_fd = -EBADF;
	ring->buffer = ring_buffer__new(map_fd, take_record, ring, NULL);
	if (!ring->buffer)
		return -errno;
	if (bpf_obj_get_info_by_fd(map_fd, &info, &info_size) < 0)
		return -errno;
	ring->bytes = info.max_entries;
	consumer = mmap(NULL, ring->page, PROT_READ, MAP_SHARED, map_fd, 0);
	producer =
		mmap(NULL, ring->page, PROT_READ, MAP_SHARED, map_fd, (off_t)ring->page);
	if (consumer != MAP_FAILED)
		ring->consumer = consumer;
	if (producer != MAP_FAILED)
		ring->producer = producer;
	if (!ring->consumer || !ring->producer)
		return -errno;
	*ret = take(ring);
	return 0;
}

struct ring *ring_free(struct ring *ring)
{
	if (!ring)
		return NULL;
	if (ring->consumer)
		munmap((void *)ring->consumer, ring->page);
	if (ring->producer)
		munmap((void *)ring->producer, ring->page);
	ring_buffer__free(ring->buffer);
	free(ring);
	return NULL;
}

int ring_fd(const struct ring *ring)
{
	return ring_buffer__epoll_fd(ring->buffer);
}

unsigned long ring_written(const struct ring *ring)
{
	return __atomic_load_n(ring->producer, __ATOMIC_ACQUIRE);
}

unsigned long ring_taken(const struct ring *ring)
{
	return __atomic_load_n(ring->consumer, __ATOMIC_ACQUIRE);
}

bool ring_is_empty(const struct ring *ring)
{
	unsigned long at = ring_taken(ring);

	return at == ring_written(ring);
}

bool ring_is_busy(const struct ring *ring)
{
	return ring->quick_wakes >= BUSY_WAKES;
}

static void set_awake(struct ring *ring, bool awake)
{
	__atomic_store_n(&ring->control->awake, awake, __ATOMIC_SEQ_CST);
	atomic_thread_fence(memory_order_seq_cst);
}

static void count_wake(struct ring *ring)
{
	uint64_t now = now_mono_ns();

	if (now - ring->last_wake_ns < BUSY_GAP_NS)
		ring->quick_wakes++;
	else
		ring->quick_wakes = 0;
	ring->last_wake_ns = now;
}

/* Longer while it gathers little of what the ring holds, shorter where it is much. */
static void adapt_nap(struct ring *ring, unsigned long gathered)
{
	if (gathered > ring->bytes / 8)
		ring->nap_ns /= 2;
	else if (gathered < ring->bytes / 16)
		ring->nap_ns *= 2;
	if (ring->nap_ns < NAP_MIN_NS)
		ring->nap_ns = NAP_MIN_NS;
	if (ring->nap_ns > NAP_MAX_NS)
		ring->nap_ns = NAP_MAX_NS;
}

/* poll() of no descriptor is a nap like any other.  True where somebody else waits. */
static bool nap(struct ring *ring)
{
	const struct timespec length = { .tv_nsec = (long)ring->nap_ns };
	struct pollfd other = { .fd = ring->yield_fd, .events = POLLIN };
	bool waited_for = ppoll(&other, 1, &length, NULL) > 0;

	if (!waited_for)
		adapt_nap(ring, ring_written(ring) - ring_taken(ring));
	return waited_for;
}

void ring_yield_to(struct ring *ring, int fd)
{
	ring->yield_fd = fd;
}

int ring_drain(struct ring *ring, int budget, bool *ret_more)
{
	int before = budget > 0 ? budget : INT32_MAX;
	bool was_awake = ring->control->awake, waited_for = false;

	if (!was_awake) {
		set_awake(ring, true);
		count_wake(ring);
		ring->naps = 0;
		ring->nap_ns = NAP_MIN_NS;
	}
	ring->left = before;
	ring_buffer__consume(ring->buffer);
	/* Under load: stay awake through a few naps, each ended by what it gathered. */
	while (ring->left > 0 && ring_is_busy(ring) && ring->naps < NAPS_MAX &&
	       !waited_for) {
		int had = ring->left;

		waited_for = nap(ring);
		ring->naps++;
		ring_buffer__consume(ring->buffer);
		if (ring->left == had)
			break;
		ring->naps = 0;
		if (before - ring->left >= 512)
			break;
	}
	*ret_more = ring->left == 0;
	if (ring->left > 0) {
		if (waited_for || (ring_is_busy(ring) && before - ring->left >= 512)) {
			*ret_more = true; /* still in the storm: keep the flag */
			return before - ring->left;
		}
		set_awake(ring, false);
		*ret_more = !ring_is_empty(ring);
	}
	return before - ring->left;
}
