// SPDX-License-Identifier: GPL-2.0-only
/* The thread's half: records into rows, old rows out. */
#include <errno.h>
#include <inttypes.h>
#include <malloc.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/strings.h"
#include "base/time.h"
#include "json/doc.h"
#include "store/history_writer.h"

enum { NICENESS = 10 }; /* what it writes is less urgent than what it is about */
/* Entries that are told later than they happened, by less than this, stay in the order
 * in which they were told. */
#define SAME_MOMENT_NS NS_PER_MS
/* How long before the start of the host its clock may have been wrong. */
#define BOOT_SLACK_NS (60 * NS_PER_S)

static const char *const statements[STATEMENTS] = {
	[ADD_ENTRY] = "INSERT INTO entry (id, type, source, place, address, netns,"
		      " service, process, holder, cookie, flags, number, lifetime,"
		      " details) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11,"
		      " ?12, ?13, ?14)",
	[FIND_SERVICE] = "SELECT id FROM service WHERE name = ?1",
	[ADD_SERVICE] = "INSERT INTO service (name) VALUES (?1)",
	[ADD_PROCESS] =
		"INSERT INTO process (pid, ppid, start, uid, comm, exe, user, cwd,"
		" cgroup, unit, container, cmdline)"
		" VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
	/* Cookies are not given twice while the host is up. */
	[FIND_STANDING] = "SELECT 1 FROM (SELECT cookie, type FROM entry"
			  " WHERE place = ?1 AND id > ?2 ORDER BY id DESC LIMIT 64)"
			  " WHERE cookie = ?3 AND type = ?4 LIMIT 1",
	[PRUNE] = "DELETE FROM entry WHERE id IN"
		  " (SELECT id FROM entry WHERE id < ?1 ORDER BY id LIMIT ?2)",
	[SWEEP] = "DELETE FROM process AS p WHERE p.id > ?1 AND p.id <= ?2"
		  " AND NOT EXISTS (SELECT 1 FROM entry AS e WHERE e.process = p.id)"
		  " AND NOT EXISTS (SELECT 1 FROM entry AS e WHERE e.holder = p.id)",
	[LAST_PROCESS] = "SELECT max(id) FROM process",
	[COUNT_PAGES] = "SELECT (SELECT page_count FROM pragma_page_count),"
			" (SELECT freelist_count FROM pragma_freelist_count),"
			" (SELECT page_size FROM pragma_page_size)",
	[ADD_GAP] = "INSERT INTO gap (start, until, entries) VALUES (?1, ?2, ?3)",
	[FORGET_GAPS] = "DELETE FROM gap WHERE until < ?1",
};

/* -- Opening and closing --------------------------------------------------------------
 */

struct history_writer *history_writer_new(struct history *h)
{
	struct history_writer *w = calloc(1, sizeof(*w));

	/* Of this thread alone; a thread that may not is as urgent as the others. */
	(void)setpriority(PRIO_PROCESS, (id_t)gettid(), NICENESS);
	if (!w)
		return NULL;
	w->h = h;
	w->boot_ns = now_wall_ns() - now_boot_ns() - BOOT_SLACK_NS;
	return w;
}

void history_forget_rows(struct history_writer *w)
{
	for (size_t i = 0; i < RECORD_PLACES; i++)
		w->told[i].row = 0;
	w->service[0] = '\0';
}

static void close_file(struct history_writer *w)
{
	if (!w->db)
		return;
	for (size_t i = 0; i < STATEMENTS; i++) {
		w->h->sqlite.finalize(w->stmts[i]);
		w->stmts[i] = NULL;
	}
	history_file_close(w->h, take(w->db));
	history_forget_rows(w);
}

static int open_file(struct history_writer *w)
{
	int err = history_file_open(w->h, &w->db, w->reterr);

	for (size_t i = 0; err == 0 && i < STATEMENTS; i++)
		err = history_prepare(w->h, w->db, statements[i], &w->stmts[i],
				      w->reterr);
	if (err < 0)
		close_file(w);
	return err;
}

static int set_aside(struct history_writer *w)
{
	_cleanup_(freep) char *name = NULL;
	int err;

	close_file(w);
	err = history_file_set_aside(w->h, &name);
	if (err < 0) {
		snprintf(w->reterr, sizeof(w->reterr),
			 "%s is damaged and cannot be set aside: %s", w->h->path,
			 strerrordesc_np(-err));
		return err;
	}
	history_complain(w->h, "%s is damaged: it is kept as %s, and a new one is begun",
			 w->h->path, name);
	return 0;
}

static bool take_damaged(struct history *h)
{
	bool damaged;

	pthread_mutex_lock(&h->lock);
	damaged = h->damaged;
	h->damaged = false;
	pthread_mutex_unlock(&h->lock);
	return damaged;
}

/* It is tried again now and then, and not for each batch. */
static void give_up(struct history_writer *w)
{
	close_file(w);
	w->retry_mono_ns = now_mono_ns() + w->h->options.retry_ms * NS_PER_MS;
	history_set_fault(w->h, w->reterr);
}

static bool make_open(struct history_writer *w)
{
	int err = 0;

	if (take_damaged(w->h))
		err = set_aside(w);
	else if (w->db)
		return true;
	else if (now_mono_ns() < w->retry_mono_ns)
		return false;
	if (err == 0)
		err = open_file(w);
	if (err == -EBADMSG) {
		err = set_aside(w);
		if (err == 0)
			err = open_file(w);
	}
	if (err < 0) {
		give_up(w);
		return false;
	}
	return true;
}

/* -- Rows -----------------------------------------------------------------------------
 */

static void bind_number(struct history_writer *w, sqlite3_stmt *stmt, int at,
			int64_t value, bool known)
{
	if (known)
		w->h->sqlite.bind_int64(stmt, at, value);
}

/* Borrowed until the statement is reset. */
static void bind_part(struct history_writer *w, sqlite3_stmt *stmt, int at,
		      const struct record_head *head, unsigned part)
{
	const char *text = record_part(head, part, NULL);

	if (text)
		w->h->sqlite.bind_text(stmt, at, text, -1, SQLITE_STATIC);
}

int history_step(struct history_writer *w, sqlite3_stmt *stmt, int64_t *ret)
{
	int code = w->h->sqlite.step(stmt);

	if (code == SQLITE_ROW && ret)
		*ret = w->h->sqlite.column_int64(stmt, 0);
	if (code != SQLITE_ROW && code != SQLITE_DONE)
		history_error(w->h, w->db, w->reterr);
	w->h->sqlite.reset(stmt);
	w->h->sqlite.clear_bindings(stmt);
	return code;
}

int history_writer_fault(struct history_writer *w)
{
	return history_error(w->h, w->db, w->reterr);
}

/* 0 in *ret for none. */
static int find_service(struct history_writer *w, const char *name, int64_t *ret)
{
	sqlite3_stmt *find = w->stmts[FIND_SERVICE], *add = w->stmts[ADD_SERVICE];
	int code;

	*ret = 0;
	if (!name || strlen(name) >= sizeof(w->service))
		return 0;
	if (!streq(name, w->service)) {
		w->service[0] = '\0';
		w->h->sqlite.bind_text(find, 1, name, -1, SQLITE_STATIC);
		code = history_step(w, find, &w->service_row);
		if (code == SQLITE_DONE) {
			w->h->sqlite.bind_text(add, 1, name, -1, SQLITE_STATIC);
			code = history_step(w, add, NULL);
			w->service_row = w->h->sqlite.last_insert_rowid(w->db);
		}
		if (code != SQLITE_ROW && code != SQLITE_DONE)
			return history_writer_fault(w);
		strcpy(w->service, name);
	}
	*ret = w->service_row;
	return 0;
}

static int add_process(struct history_writer *w, struct told *told)
{
	const struct record_process *p = told->record;
	sqlite3_stmt *stmt = w->stmts[ADD_PROCESS];
	const char *cmdline;
	size_t size;

	bind_number(w, stmt, 1, p->pid, true);
	bind_number(w, stmt, 2, p->ppid, p->ppid != 0);
	bind_number(w, stmt, 3, (int64_t)p->start_ns, p->start_ns != 0);
	bind_number(w, stmt, 4, p->uid, p->uid != (uid_t)-1);
	for (unsigned part = PART_COMM; part < PART_CMDLINE; part++)
		bind_part(w, stmt, 5 + (int)part, &p->head, part);
	cmdline = record_part(&p->head, PART_CMDLINE, &size);
	if (cmdline)
		w->h->sqlite.bind_blob(stmt, 12, cmdline, (int)size, SQLITE_STATIC);
	if (history_step(w, stmt, NULL) != SQLITE_DONE)
		return history_writer_fault(w);
	told->row = w->h->sqlite.last_insert_rowid(w->db);
	return 0;
}

static int find_process(struct history_writer *w, uint16_t place, int64_t *ret)
{
	struct told *told = place < RECORD_PLACES ? &w->told[place] : NULL;
	int err = 0;

	*ret = 0;
	if (!told || !told->record)
		return 0;
	if (!told->row)
		err = add_process(w, told);
	*ret = told->row;
	return err;
}

/* What is not asked for by: an object, or NULL where there is nothing. */
static struct doc *details_of(const struct record *r)
{
	static const struct {
		unsigned part;
		const char *name;
	} texts[] = {
		{ PART_REASON, "reason" },   { PART_STARTED_BY, "started_by" },
		{ PART_PURPOSE, "purpose" }, { PART_EXPECTED, "expected" },
		{ PART_MESSAGE, "message" }, { PART_FIX, "fix" },
	};
	const char *packed = record_part(&r->head, PART_ALERT, NULL);
	struct doc *doc = doc_object();
	struct record_alert alert;

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		if (r->head.part_size[texts[i].part])
			doc_put_string(doc, texts[i].name,
				       record_part(&r->head, texts[i].part, NULL));
	if (packed) {
		memcpy(&alert, packed, sizeof(alert));
		doc_put_int(doc, "id", (int64_t)alert.id);
		doc_put_string(doc, "kind", alert_kind_name((enum alert_kind)alert.kind));
		doc_put_string(doc, "severity",
			       severity_name((enum alert_severity)alert.severity));
		doc_put_time(doc, "since", alert.since_ns);
		doc_put_time(doc, "resolved_at", alert.firing ? 0 : alert.resolved_ns);
		doc_put_int(doc, "latency_us", (int64_t)alert.latency_us);
		doc_put_int(doc, "repeats", (int64_t)alert.repeats);
	}
	if (r->inferred)
		doc_put_bool(doc, "inferred", true);
	return doc_count(doc) ? doc : doc_free(doc);
}

/* What the column `number` means goes by the type. */
static bool number_of(const struct record *r, int64_t *ret)
{
	switch ((enum event_type)r->type) {
	case EVENT_SOCKET_BIND_FAILED:
	case EVENT_PROCESS_EXITED:
		*ret = r->error;
		return r->type == EVENT_PROCESS_EXITED ? r->error >= 0 : r->error > 0;
	case EVENT_SOCKET_RELEASED:
		*ret = r->cause;
		return true;
	default:
		*ret = (int64_t)r->count;
		return r->count != 0;
	}
}

static int64_t next_id(const struct history_writer *w, uint64_t wall_ns)
{
	int64_t id = (int64_t)wall_ns;

	return id <= w->last_id && w->last_id - id < (int64_t)SAME_MOMENT_NS
		       ? w->last_id + 1
		       : id;
}

static void bind_event(struct history_writer *w, sqlite3_stmt *stmt,
		       const struct record *r)
{
	int64_t number;
	bool known = number_of(r, &number);

	bind_number(w, stmt, 2, history_code_of_type((enum event_type)r->type), true);
	bind_number(w, stmt, 3, history_code_of_source((enum source)r->source), true);
	bind_number(w, stmt, 4, history_place(r->at.port, r->at.proto), r->at.port != 0);
	if (r->at.family)
		w->h->sqlite.bind_blob(stmt, 5, r->at.addr,
				       r->at.family == AF_INET6 ? 16 : 4, SQLITE_STATIC);
	bind_number(w, stmt, 6, r->at.netns, r->at.netns != 0);
	bind_number(w, stmt, 10, (int64_t)r->cookie, r->cookie != 0);
	bind_number(w, stmt, 11, r->flags, r->flags != 0);
	bind_number(w, stmt, 12, number, known);
	bind_number(w, stmt, 13, (int64_t)r->lifetime_ns, r->lifetime_ns != 0);
}

static int add_entry(struct history_writer *w, const struct record *r)
{
	const struct sqlite *sq = &w->h->sqlite;
	_cleanup_(doc_freep) struct doc *details = details_of(r);
	_cleanup_(freep) char *json = details ? doc_print(details, false, NULL) : NULL;
	sqlite3_stmt *stmt = w->stmts[ADD_ENTRY];
	int64_t service = 0, process = 0, holder = 0, id = next_id(w, r->wall_ns);
	int code, err = find_service(w, record_part(&r->head, PART_SERVICE, NULL),
				     &service);

	if (err == 0)
		err = find_process(w, r->process, &process);
	if (err == 0)
		err = find_process(w, r->holder, &holder);
	if (err < 0)
		return err;
	bind_event(w, stmt, r);
	bind_number(w, stmt, 7, service, service != 0);
	bind_number(w, stmt, 8, process, process != 0);
	bind_number(w, stmt, 9, holder, holder != 0);
	if (json)
		sq->bind_text(stmt, 14, json, -1, SQLITE_STATIC);
	do {
		sq->bind_int64(stmt, 1, id++);
		code = sq->step(stmt);
		sq->reset(stmt);
	} while (code == SQLITE_CONSTRAINT);
	sq->clear_bindings(stmt);
	if (code != SQLITE_DONE)
		return history_writer_fault(w);
	w->last_id = id - 1;
	return 0;
}

/* 1 where the file has told already that this socket is there. */
static int is_known(struct history_writer *w, const struct record *r)
{
	sqlite3_stmt *stmt = w->stmts[FIND_STANDING];
	int code;

	bind_number(w, stmt, 1, history_place(r->at.port, r->at.proto), true);
	bind_number(w, stmt, 2, (int64_t)w->boot_ns, true);
	bind_number(w, stmt, 3, (int64_t)r->cookie, true);
	bind_number(w, stmt, 4, history_code_of_type((enum event_type)r->type), true);
	code = history_step(w, stmt, NULL);
	return code == SQLITE_ROW ? 1 : code == SQLITE_DONE ? 0 : history_writer_fault(w);
}

static int write_event(struct history_writer *w, const struct record *r)
{
	int known = r->standing ? is_known(w, r) : 0;

	if (known != 0)
		return known < 0 ? known : 0;
	return add_entry(w, r);
}

/* Without it what refers to its place would name somebody else. */
static void keep_process(struct history_writer *w, const struct record_head *head)
{
	struct told *told = &w->told[head->place];

	free(told->record);
	told->row = 0;
	told->record = malloc(head->size);
	if (told->record)
		memcpy(told->record, head, head->size);
}

/* -- Batches --------------------------------------------------------------------------
 */

static int write_chunk(struct history_writer *w, const struct chunk *chunk)
{
	int err = w->db ? history_exec(w->h, w->db, "BEGIN IMMEDIATE", w->reterr) : -EIO;
	struct gap gap = { 0 };
	bool more;

	for (size_t at = 0; at < chunk->used;) {
		const struct record_head *head =
			(const struct record_head *)(chunk->data + at);

		at += head->size;
		if (head->place != RECORD_NOBODY)
			keep_process(w, head);
		else if (err == 0)
			err = write_event(w, (const struct record *)head);
	}
	if (err == 0)
		gap = history_take_gap(w->h);
	if (err == 0)
		err = history_write_gap(w, &gap);
	if (err == 0)
		err = history_prune(w, HISTORY_PRUNED_MIN + 2 * (unsigned)chunk->n_events,
				    &more);
	if (err == 0)
		err = history_exec(w->h, w->db, "COMMIT", w->reterr);
	if (err < 0)
		history_put_gap(w->h, &gap);
	return err;
}

uint64_t history_writer_write(struct history_writer *w, const struct chunk *chunks)
{
	uint64_t written = 0;

	for (; chunks; chunks = chunks->next) {
		bool is_open = make_open(w);
		int err = write_chunk(w, chunks);

		if (!is_open)
			continue;
		if (err == 0) {
			written += chunks->n_events;
			history_set_fault(w->h, "");
			continue;
		}
		w->h->sqlite.exec(w->db, "ROLLBACK", NULL, NULL, NULL);
		history_forget_rows(w);
		if (err == -EBADMSG)
			err = set_aside(w);
		if (err < 0)
			give_up(w);
	}
	if (w->db)
		sqlite_rest(&w->h->sqlite);
	return written;
}

void history_writer_rest(struct history_writer *w)
{
	if (!w || !w->db)
		return;
	history_tidy(w);
	close_file(w);
	/* SQLite's pages lie between those of others. */
	malloc_trim(0);
}

struct history_writer *history_writer_free(struct history_writer *w)
{
	if (!w)
		return NULL;
	close_file(w);
	for (size_t i = 0; i < RECORD_PLACES; i++)
		free(w->told[i].record);
	free(w);
	return NULL;
}
