// SPDX-License-Identifier: GPL-2.0-only
/* Who is due next: a binary heap, whose elements know their places. */
#include "service/watchdog_private.h"

#include <errno.h>
#include <stdlib.h>

static void place(struct agenda *agenda, size_t index, struct subject *s)
{
	agenda->heap[index] = s;
	s->place = index + 1;
}

static void sift_up(struct agenda *agenda, size_t i)
{
	struct subject *s = agenda->heap[i];

	while (i > 0 && agenda->heap[(i - 1) / 2]->due_ns > s->due_ns) {
		place(agenda, i, agenda->heap[(i - 1) / 2]);
		i = (i - 1) / 2;
	}
	place(agenda, i, s);
}

static void sift_down(struct agenda *agenda, size_t i)
{
	struct subject *s = agenda->heap[i];
	size_t child;

	while ((child = 2 * i + 1) < agenda->count) {
		if (child + 1 < agenda->count &&
		    agenda->heap[child + 1]->due_ns < agenda->heap[child]->due_ns)
			child++;
		if (agenda->heap[child]->due_ns >= s->due_ns)
			break;
		place(agenda, i, agenda->heap[child]);
		i = child;
	}
	place(agenda, i, s);
}

int agenda_put(struct agenda *agenda, struct subject *s)
{
	struct subject **heap;
	size_t capacity;

	if (s->place == 0) {
		if (agenda->count == agenda->capacity) {
			capacity = agenda->capacity ? agenda->capacity * 2 : 16;
			heap = reallocarray(agenda->heap, capacity, sizeof(*heap));
			if (!heap)
				return -ENOMEM;
			agenda->heap = heap;
			agenda->capacity = capacity;
		}
		place(agenda, agenda->count++, s);
	}
	sift_up(agenda, s->place - 1);
	sift_down(agenda, s->place - 1);
	return 0;
}

void agenda_remove(struct agenda *agenda, struct subject *s)
{
	struct subject *last;
	size_t i = s->place - 1;

	if (s->place == 0)
		return;
	s->place = 0;
	last = agenda->heap[--agenda->count];
	if (last == s)
		return;
	place(agenda, i, last);
	sift_up(agenda, i);
	sift_down(agenda, last->place - 1);
}

struct subject *agenda_first(const struct agenda *agenda)
{
	return agenda->count ? agenda->heap[0] : NULL;
}
