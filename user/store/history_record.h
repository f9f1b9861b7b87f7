/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * history_record - an event as it waits in the queue: flat, so that it is copied once.
 *
 * A process is told once, as a record of its own, and referred to by its place from then
 * on: a server that binds 100,000 times a second is one process.
 *
 * Private to user/store.
 */
#ifndef PORTWATCH_STORE_HISTORY_RECORD_H
#define PORTWATCH_STORE_HISTORY_RECORD_H

#include "core/event.h"

enum {
	RECORD_PLACES = 512,
	RECORD_NOBODY = 0xffff,
	RECORD_TEXT_MAX = 1024,  /* bytes of a text that are kept */
	RECORD_WORDS_MAX = 4096, /* of a command line */
	RECORD_PARTS = 8,
	RECORD_MAX = 16 * 1024, /* nothing packed is larger */
};

/* What stands behind an event's head, each with its NUL. */
enum event_part {
	PART_SERVICE,
	PART_REASON,
	PART_STARTED_BY, /* of an allocation */
	PART_PURPOSE,
	PART_ALERT, /* a struct record_alert */
	PART_EXPECTED,
	PART_MESSAGE,
	PART_FIX,
};

/* And behind a process. */
enum process_part {
	PART_COMM,
	PART_EXE,
	PART_USER,
	PART_CWD,
	PART_CGROUP,
	PART_UNIT,
	PART_CONTAINER,
	PART_CMDLINE, /* words, each with its NUL */
};

/* What every record begins with.  Sizes are multiples of 8. */
struct record_head {
	uint32_t size;
	uint16_t place; /* of the process that it tells; RECORD_NOBODY: an event */
	uint16_t part_size[RECORD_PARTS]; /* 0: there is none */
};

struct record {
	struct record_head head;
	uint8_t type; /* enum event_type */
	uint8_t source;
	uint8_t cause;
	bool inferred, standing;
	uint64_t wall_ns, cookie, lifetime_ns;
	uint64_t count;     /* or an allocation's pid */
	struct endpoint at; /* port 0: none */
	uint32_t flags;     /* of the socket */
	int32_t error;      /* a positive errno, 0 unknown; or wait status, -1 unknown */
	uint16_t process, holder; /* places, or RECORD_NOBODY */
};

struct record_alert {
	uint64_t id, since_ns, resolved_ns, latency_us, repeats;
	uint8_t kind, severity;
	bool firing;
};

struct record_process {
	struct record_head head;
	pid_t pid, ppid;
	uid_t uid;
	uint64_t start_ns; /* wall clock */
};

/* Which processes were told; zeroed: none. */
struct record_places {
	struct {
		struct process_id id;
		uint32_t exec_count;
		bool complete;
	} items[RECORD_PLACES];
};

/* A holder has other places than whom the event is about: the two never share one. */
enum record_role { ROLE_SUBJECT, ROLE_HOLDER };

/* Its place; *ret_told is whether it was told as it is now.  @p may be NULL. */
uint16_t record_place_of(const struct record_places *places, const struct process *p,
			 enum record_role role, bool *ret_told);
void record_told(struct record_places *places, uint16_t place, const struct process *p);

/* Into @buf, of RECORD_MAX bytes and aligned to 8; answer the size. */
size_t record_pack(const struct event *event, char *buf);
size_t record_pack_process(const struct process *p, uint16_t place, char *buf);

/* Whom an event is about, and who is in their way; NULL. */
const struct process *record_subject(const struct event *event);
const struct process *record_holder(const struct event *event);

/* NULL where there is none; *ret_size (may be NULL) is with its NUL. */
const char *record_part(const struct record_head *head, unsigned part, size_t *ret_size);

#endif /* PORTWATCH_STORE_HISTORY_RECORD_H */
