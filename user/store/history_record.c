// SPDX-License-Identifier: GPL-2.0-only
#include "store/history_record.h"

#include <string.h>
#include <sys/types.h>

enum { ALIGNMENT = 8 };

/* -- Who ------------------------------------------------------------------------------
 */

const struct process *record_subject(const struct event *event)
{
	if (event->process)
		return event->process;
	if (event->socket)
		return event->socket->owner;
	if (event->alert)
		return event->alert->v.found ? event->alert->v.found
					     : event->alert->v.holder;
	return NULL;
}

const struct process *record_holder(const struct event *event)
{
	if (event->n_holders > 0)
		return event->holders[0]->owner;
	/* Who was not found is the subject. */
	if (event->alert && event->alert->v.found)
		return event->alert->v.holder;
	return NULL;
}

static uint16_t place_of(struct process_id id, enum record_role role)
{
	uint64_t mixed = ((uint64_t)id.pid ^ id.start_ticks) * 0x9e3779b97f4a7c15u;
	uint16_t half = RECORD_PLACES / 2;

	return (uint16_t)((mixed >> 48) % half + (role == ROLE_HOLDER ? half : 0));
}

uint16_t record_place_of(const struct record_places *places, const struct process *p,
			 enum record_role role, bool *ret_told)
{
	uint16_t place;

	*ret_told = true;
	if (!p)
		return RECORD_NOBODY;
	place = place_of(p->info.id, role);
	*ret_told = places->items[place].id.pid == p->info.id.pid &&
		    places->items[place].id.start_ticks == p->info.id.start_ticks &&
		    places->items[place].exec_count == p->info.exec_count &&
		    places->items[place].complete == p->complete;
	return place;
}

void record_told(struct record_places *places, uint16_t place, const struct process *p)
{
	places->items[place].id = p->info.id;
	places->items[place].exec_count = p->info.exec_count;
	places->items[place].complete = p->complete;
}

/* -- Packing --------------------------------------------------------------------------
 */

struct packer {
	struct record_head *head;
	size_t size; /* so far */
};

static void add_bytes(struct packer *packer, unsigned part, const void *data, size_t size)
{
	memcpy((char *)packer->head + packer->size, data, size);
	packer->head->part_size[part] = (uint16_t)size;
	packer->size += size;
}

/* Parts go in in their order. */
static void add_text(struct packer *packer, unsigned part, const char *text)
{
	size_t size = text ? strnlen(text, RECORD_TEXT_MAX - 1) : 0;

	if (size == 0)
		return;
	add_bytes(packer, part, text, size);
	((char *)packer->head)[packer->size++] = '\0';
	packer->head->part_size[part]++;
}

static void add_words(struct packer *packer, unsigned part, char *const *words)
{
	char text[RECORD_WORDS_MAX];
	size_t size = 0;

	for (; words && *words && size < sizeof(text) - 1; words++) {
		size_t n = strnlen(*words, sizeof(text) - 1 - size);

		memcpy(text + size, *words, n);
		text[size + n] = '\0';
		size += n + 1;
	}
	if (size > 0)
		add_bytes(packer, part, text, size);
}

static size_t finish(struct packer *packer)
{
	while (packer->size % ALIGNMENT)
		((char *)packer->head)[packer->size++] = '\0';
	packer->head->size = (uint32_t)packer->size;
	return packer->size;
}

static void pack_alert(struct packer *packer, const struct alert *alert)
{
	struct record_alert packed;

	memset(&packed, 0, sizeof(packed));
	packed.id = alert->id;
	packed.since_ns = alert->since_ns;
	packed.resolved_ns = alert->resolved_ns;
	packed.latency_us = alert->latency_us;
	packed.repeats = alert->repeats;
	packed.kind = (uint8_t)alert->v.kind;
	packed.severity = (uint8_t)alert->severity;
	packed.firing = alert->firing;
	add_bytes(packer, PART_ALERT, &packed, sizeof(packed));
	add_text(packer, PART_EXPECTED, alert->v.expected);
	add_text(packer, PART_MESSAGE, alert->v.message);
	add_text(packer, PART_FIX, alert->v.fix);
}

static void fill_in(struct record *record, const struct event *event)
{
	record->type = (uint8_t)event->type;
	record->source = (uint8_t)event->source;
	record->cause = (uint8_t)event->cause;
	record->inferred = event->inferred;
	record->wall_ns = event->wall_ns;
	record->lifetime_ns = event->lifetime_ns;
	record->count = event->count;
	record->error = -event->error;
	if (event->socket) {
		record->cookie = event->socket->cookie;
		record->at = event->socket->at;
		record->flags = event->socket->flags;
	}
	if (event->alert)
		record->at = event->alert->v.at;
	if (event->allocation) {
		record->at.port = event->allocation->port;
		record->at.proto = event->allocation->proto;
		record->count = (uint64_t)event->allocation->process.pid;
	}
	if (event->type == EVENT_PROCESS_EXITED)
		record->error = event->process ? event->process->status : -1;
}

size_t record_pack(const struct event *event, char *buf)
{
	struct record *record = (struct record *)buf;
	struct packer packer = { .head = &record->head, .size = sizeof(*record) };

	memset(record, 0, sizeof(*record));
	record->head.place = RECORD_NOBODY;
	record->process = record->holder = RECORD_NOBODY;
	fill_in(record, event);
	add_text(&packer, PART_SERVICE, event->service);
	add_text(&packer, PART_REASON, event->reason);
	if (event->allocation) {
		add_text(&packer, PART_STARTED_BY, event->allocation->started_by);
		add_text(&packer, PART_PURPOSE, event->allocation->purpose);
	}
	if (event->alert)
		pack_alert(&packer, event->alert);
	return finish(&packer);
}

size_t record_pack_process(const struct process *p, uint16_t place, char *buf)
{
	struct record_process *record = (struct record_process *)buf;
	struct packer packer = { .head = &record->head, .size = sizeof(*record) };

	memset(record, 0, sizeof(*record));
	record->head.place = place;
	record->pid = p->info.id.pid;
	record->ppid = p->info.ppid;
	record->uid = p->info.uid;
	record->start_ns = p->info.start_ns;
	add_text(&packer, PART_COMM, p->info.comm);
	add_text(&packer, PART_EXE, p->info.exe);
	add_text(&packer, PART_USER, p->info.user);
	add_text(&packer, PART_CWD, p->info.cwd);
	add_text(&packer, PART_CGROUP, p->info.cgroup);
	add_text(&packer, PART_UNIT, p->info.unit);
	add_text(&packer, PART_CONTAINER, p->info.container);
	add_words(&packer, PART_CMDLINE, p->info.cmdline);
	return finish(&packer);
}

/* -- Unpacking ------------------------------------------------------------------------
 */

const char *record_part(const struct record_head *head, unsigned part, size_t *ret_size)
{
	size_t at = head->place == RECORD_NOBODY ? sizeof(struct record)
						 : sizeof(struct record_process);

	for (unsigned i = 0; i < part; i++)
		at += head->part_size[i];
	if (ret_size)
		*ret_size = head->part_size[part];
	return head->part_size[part] ? (const char *)head + at : NULL;
}
