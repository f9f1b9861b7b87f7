// SPDX-License-Identifier: GPL-2.0-only
/* What is answered to a question. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/strings.h"
#include "base/time.h"
#include "store/history_private.h"

enum {
	AWAIT_MS = 250, /* for what was told just now */
	STEPS = 10000,  /* of SQLite's machine, between looks at the clock */
};

/* -- Telling --------------------------------------------------------------------------
 */

enum column {
	COLUMN_ID,
	COLUMN_TYPE,
	COLUMN_SOURCE,
	COLUMN_PLACE,
	COLUMN_ADDRESS,
	COLUMN_NETNS,
	COLUMN_COOKIE,
	COLUMN_FLAGS,
	COLUMN_NUMBER,
	COLUMN_LIFETIME,
	COLUMN_DETAILS,
	COLUMN_SERVICE,
	COLUMN_PROCESS, /* the first of PROCESS_COLUMNS */
	PROCESS_COLUMNS = 12,
	COLUMN_HOLDER = COLUMN_PROCESS + PROCESS_COLUMNS,
};

#define PROCESS_OF(p)                                                                \
	p ".pid," p ".ppid," p ".start," p ".uid," p ".comm," p ".exe," p ".user," p \
	  ".cwd," p ".cgroup," p ".unit," p ".container," p ".cmdline"

static const char entry_sql[] =
	"SELECT e.id, e.type, e.source, e.place, e.address, e.netns, e.cookie, e.flags,"
	" e.number, e.lifetime, e.details, s.name, " PROCESS_OF("p") ", " PROCESS_OF(
		"q") " FROM entry AS e LEFT JOIN service AS s ON s.id = e.service"
		     " LEFT JOIN process AS p ON p.id = e.process"
		     " LEFT JOIN process AS q ON q.id = e.holder WHERE e.id = ?1";

/* A row, with SQLite's words for it. */
struct row {
	struct reading *r;
	sqlite3_stmt *stmt;
	enum event_type type;
};

static bool has(const struct row *row, int column)
{
	return row->r->h->sqlite.column_type(row->stmt, column) != SQLITE_NULL;
}

static int64_t number(const struct row *row, int column)
{
	return row->r->h->sqlite.column_int64(row->stmt, column);
}

/* Borrowed; NULL. */
static char *text(const struct row *row, int column)
{
	return (char *)row->r->h->sqlite.column_text(row->stmt, column);
}

/* Words as they stand in the file, each with its NUL; pointers into @blob. */
static char **words_of(const char *blob, size_t size)
{
	char **words;
	size_t n = 0;

	for (size_t i = 0; i < size; i++)
		n += blob[i] == '\0';
	words = n && blob[size - 1] == '\0' ? calloc(n + 1, sizeof(*words)) : NULL;
	for (size_t i = 0; words && i < n; i++) {
		words[i] = (char *)blob;
		blob += strlen(blob) + 1;
	}
	return words;
}

static struct doc *process_doc(const struct row *row, int first)
{
	const struct sqlite *sq = &row->r->h->sqlite;
	static const struct viewer everybody = { .all = true };
	_cleanup_(freep) char **words = NULL;
	struct process p = { .info.uid = (uid_t)-1 };
	const char *comm = text(row, first + 4);

	if (!has(row, first))
		return doc_string_new(NULL);
	p.info.id.pid = (pid_t)number(row, first);
	p.info.ppid = (pid_t)number(row, first + 1);
	p.info.start_ns = (uint64_t)number(row, first + 2);
	if (has(row, first + 3))
		p.info.uid = (uid_t)number(row, first + 3);
	snprintf(p.info.comm, sizeof(p.info.comm), "%s", comm ? comm : "");
	p.info.exe = text(row, first + 5);
	p.info.user = text(row, first + 6);
	p.info.cwd = text(row, first + 7);
	p.info.cgroup = text(row, first + 8);
	p.info.unit = text(row, first + 9);
	p.info.container = text(row, first + 10);
	if (has(row, first + 11)) {
		const char *blob = sq->column_blob(row->stmt, first + 11);

		words = words_of(blob, (size_t)sq->column_bytes(row->stmt, first + 11));
	}
	p.info.cmdline = words;
	return codec_encode_process(&p, &everybody);
}

static void set_place(struct doc *doc, const struct row *row)
{
	const struct sqlite *sq = &row->r->h->sqlite;
	struct endpoint at = { 0 };
	char address[INET6_ADDRSTRLEN];
	size_t size = (size_t)sq->column_bytes(row->stmt, COLUMN_ADDRESS);

	if (has(row, COLUMN_PLACE)) {
		int64_t place = number(row, COLUMN_PLACE);

		doc_put_int(doc, "port", place / 2);
		doc_put_string(doc, "proto", place % 2 ? "udp" : "tcp");
	} else {
		doc_put_null(doc, "port");
		doc_put_null(doc, "proto");
	}
	if (size == 4 || size == sizeof(at.addr)) {
		at.family = size == 4 ? AF_INET : AF_INET6;
		memcpy(at.addr, sq->column_blob(row->stmt, COLUMN_ADDRESS), size);
	}
	doc_put_string(doc, "address",
		       at.family ? endpoint_format_address(&at, address) : NULL);
	if (has(row, COLUMN_NETNS))
		doc_put_int(doc, "netns", number(row, COLUMN_NETNS));
	else
		doc_put_null(doc, "netns");
}

/* A member of the details, or of what is below it. */
static struct doc *detail(const struct doc *details, const char *name)
{
	const struct doc *member = doc_get(details, name);

	return member ? doc_copy(member) : doc_string_new(NULL);
}

static struct doc *alert_doc(const struct row *row, const struct doc *details)
{
	static const char *const members[] = { "id",      "kind",        "severity",
					       "since",   "resolved_at", "latency_us",
					       "repeats", "expected",    "message",
					       "fix" };
	struct doc *doc = doc_object();

	for (size_t i = 0; i < sizeof(members) / sizeof(*members); i++)
		doc_put(doc, members[i], detail(details, members[i]));
	doc_put_string(doc, "state",
		       row->type == EVENT_ALERT_FIRING ? "firing" : "resolved");
	doc_put(doc, "found", process_doc(row, COLUMN_PROCESS));
	doc_put(doc, "holder", process_doc(row, COLUMN_HOLDER));
	return doc;
}

static void set_cookie(struct doc *doc, const struct row *row)
{
	char digits[24];

	snprintf(digits, sizeof(digits), "%ju", (uintmax_t)number(row, COLUMN_COOKIE));
	doc_put_string(doc, "cookie", has(row, COLUMN_COOKIE) ? digits : NULL);
}

static void set_socket(struct doc *doc, const struct row *row, const struct doc *details)
{
	int64_t lifetime = number(row, COLUMN_LIFETIME);

	set_cookie(doc, row);
	if (row->type == EVENT_SOCKET_BIND_FAILED) {
		doc_put_string(doc, "errno",
			       has(row, COLUMN_NUMBER)
				       ? strerrorname_np((int)number(row, COLUMN_NUMBER))
				       : NULL);
		doc_put_bool(doc, "inferred", doc_get_bool(details, "inferred", false));
		doc_put(doc, "holder", process_doc(row, COLUMN_HOLDER));
	}
	if (row->type != EVENT_SOCKET_RELEASED)
		return;
	doc_put_string(doc, "cause",
		       number(row, COLUMN_NUMBER) == RELEASE_EXIT ? "exit" : "close");
	if (lifetime)
		doc_put_double(doc, "lifetime_s",
			       (double)(lifetime / (int64_t)NS_PER_MS) / 1000);
	else
		doc_put_null(doc, "lifetime_s");
}

static void set_allocation(struct doc *doc, const struct row *row,
			   const struct doc *details)
{
	struct doc *alloc = doc_object();

	doc_put(alloc, "started_by", detail(details, "started_by"));
	doc_put(alloc, "purpose", detail(details, "purpose"));
	if (has(row, COLUMN_NUMBER))
		doc_put_int(alloc, "pid", number(row, COLUMN_NUMBER));
	else
		doc_put_null(alloc, "pid");
	doc_put(doc, "allocation", alloc);
}

static void set_particulars(struct doc *doc, const struct row *row,
			    const struct doc *details)
{
	switch (row->type) {
	case EVENT_SOCKET_BOUND:
	case EVENT_SOCKET_LISTENING:
	case EVENT_SOCKET_RELEASED:
	case EVENT_SOCKET_BIND_FAILED:
		set_socket(doc, row, details);
		break;
	case EVENT_PROCESS_EXITED:
		codec_put_exit(doc, has(row, COLUMN_NUMBER)
					    ? (int)number(row, COLUMN_NUMBER)
					    : -1);
		break;
	case EVENT_ALERT_FIRING:
	case EVENT_ALERT_RESOLVED:
		doc_put(doc, "alert", alert_doc(row, details));
		break;
	case EVENT_ALLOCATION_CREATED:
	case EVENT_ALLOCATION_CLAIMED:
	case EVENT_ALLOCATION_RELEASED:
		set_allocation(doc, row, details);
		break;
	case EVENT_REGISTRY_RELOADED:
	case EVENT_REGISTRY_REJECTED:
	case EVENT_KERNEL_LOST:
	case EVENT_KERNEL_RESYNCED:
		doc_put_int(doc, "count", number(row, COLUMN_NUMBER));
		doc_put(doc, "reason", detail(details, "reason"));
		break;
	default: /* service.* */
		doc_put(doc, "reason", detail(details, "reason"));
		break;
	}
}

/* NULL for want of memory. */
static struct doc *entry_doc(struct row *row)
{
	const char *json = text(row, COLUMN_DETAILS);
	_cleanup_(doc_freep) struct doc *details =
		json ? doc_parse(json, strlen(json), NULL) : NULL;
	int type = history_type_of_code(number(row, COLUMN_TYPE));
	struct doc *doc = doc_object();
	char id[24];

	row->type = (enum event_type)type;
	/* It may pass 2^53. */
	snprintf(id, sizeof(id), "%ju", (uintmax_t)number(row, COLUMN_ID));
	doc_put_string(doc, "id", id);
	doc_put_time(doc, "time", (uint64_t)number(row, COLUMN_ID));
	doc_put_string(doc, "type", type < 0 ? "unknown" : event_type_name(row->type));
	doc_put_string(doc, "source",
		       source_name(history_source_of_code(number(row, COLUMN_SOURCE))));
	set_place(doc, row);
	doc_put_string(doc, "service", text(row, COLUMN_SERVICE));
	doc_put(doc, "process", process_doc(row, COLUMN_PROCESS));
	if (type >= 0)
		set_particulars(doc, row, details);
	codec_redact(doc, row->r->viewer);
	history_describe(doc);
	return doc;
}

/* -- The answer -----------------------------------------------------------------------
 */

/* Entries as text, newest first: a tree of ten thousand would take 30 MB. */
struct pieces {
	struct buffer text;
	size_t *ends; /* of each entry */
	size_t n;
};

static void pieces_done(struct pieces *pieces)
{
	buffer_done(&pieces->text);
	free(pieces->ends);
}

static int add_entry(struct reading *r, sqlite3_stmt *stmt, int64_t id,
		     struct pieces *pieces)
{
	struct row row = { .r = r, .stmt = stmt };
	const struct sqlite *sq = &r->h->sqlite;
	_cleanup_(doc_freep) struct doc *doc = NULL;
	_cleanup_(freep) char *json = NULL;
	size_t size;

	sq->bind_int64(stmt, 1, id);
	if (sq->step(stmt) != SQLITE_ROW)
		return history_reading_fault(r);
	doc = entry_doc(&row);
	sq->reset(stmt);
	json = doc ? doc_print(doc, false, &size) : NULL;
	if (!json)
		return -ENOMEM;
	buffer_add(&pieces->text, json, size);
	pieces->ends[pieces->n++] = pieces->text.size;
	return pieces->text.failed ? -ENOMEM : 0;
}

/* As many as were asked for, or as fit. */
static int tell(struct reading *r, struct pieces *pieces)
{
	size_t n = r->n < r->query->limit ? r->n : r->query->limit;
	sqlite3_stmt *stmt = NULL;
	int err = history_prepare(r->h, r->db, entry_sql, &stmt, r->reterr);

	pieces->ends = calloc(n + 1, sizeof(*pieces->ends));
	if (!pieces->ends)
		err = -ENOMEM;
	while (err == 0 && pieces->n < n && pieces->text.size < HISTORY_ANSWER_BYTES)
		err = add_entry(r, stmt, r->ids[pieces->n], pieces);
	r->told = pieces->n;
	r->h->sqlite.finalize(stmt);
	return err;
}

static bool has_more(const struct reading *r)
{
	return r->n > r->told;
}

/* What is missing from the time that the answer is of. */
static int read_gaps(struct reading *r, uint64_t *ret)
{
	const struct sqlite *sq = &r->h->sqlite;
	sqlite3_stmt *stmt = NULL;
	int64_t since = (int64_t)r->query->since_ns;
	int err = history_prepare(r->h, r->db,
				  "SELECT total(entries) FROM gap "
				  "WHERE until >= ?1 AND start < ?2",
				  &stmt, r->reterr);

	if (err < 0)
		return err;
	if (has_more(r))
		since = r->ids[r->told - 1];
	sq->bind_int64(stmt, 1, since);
	sq->bind_int64(stmt, 2, r->before);
	if (sq->step(stmt) == SQLITE_ROW)
		*ret = (uint64_t)sq->column_int64(stmt, 0);
	else
		err = history_reading_fault(r);
	sq->finalize(stmt);
	return err;
}

static int is_late(void *arg)
{
	const struct reading *r = arg;

	return now_mono_ns() > r->deadline_ns;
}

static int read_file(struct reading *r, struct pieces *pieces, uint64_t *ret_dropped)
{
	int err = history_file_open_to_read(r->h, &r->db, r->reterr);

	if (err < 0)
		return err;
	r->deadline_ns = now_mono_ns() + HISTORY_PATIENCE_MS * NS_PER_MS;
	r->h->sqlite.progress_handler(r->db, STEPS, is_late, r);
	/* One moment for all of it, however much is written meanwhile. */
	err = history_exec(r->h, r->db, "BEGIN", r->reterr);
	if (err == 0)
		err = history_find(r);
	if (err == 0)
		err = tell(r, pieces);
	if (err == 0)
		err = read_gaps(r, ret_dropped);
	history_file_close(r->h, r->db);
	return err;
}

/* What was told before the question is in the answer, unless the disk keeps it. */
static void await(struct history *h, uint64_t mark)
{
	uint64_t until_ns = now_mono_ns() + AWAIT_MS * NS_PER_MS;
	struct timespec until = { .tv_sec = (time_t)(until_ns / NS_PER_S),
				  .tv_nsec = (long)(until_ns % NS_PER_S) };
	int err = 0;

	pthread_mutex_lock(&h->lock);
	while (h->n_taken < mark && h->begun && err != ETIMEDOUT)
		err = pthread_cond_timedwait(&h->written, &h->lock, &until);
	pthread_mutex_unlock(&h->lock);
}

static void set_end(const struct reading *r, uint64_t dropped, struct doc *doc)
{
	struct history_counters counters;
	struct gap gap;
	char id[24] = "";

	history_counters(r->h, &counters);
	pthread_mutex_lock(&r->h->lock);
	gap = r->h->gap;
	pthread_mutex_unlock(&r->h->lock);
	if (has_more(r))
		snprintf(id, sizeof(id), "%ju", (uintmax_t)r->ids[r->told - 1]);
	if (gap.entries && gap.until_ns >= r->query->since_ns &&
	    (int64_t)gap.from_ns < r->before)
		dropped += gap.entries;
	doc_put_string(doc, "next", id[0] ? id : NULL);
	doc_put_int(doc, "dropped", (int64_t)dropped);
	doc_put_string(doc, "fault", counters.fault[0] ? counters.fault : NULL);
}

/* The document around the entries.  -ENOMEM. */
static int assemble(const struct reading *r, const struct pieces *pieces,
		    uint64_t dropped, struct history_answer *ret)
{
	_cleanup_(buffer_done) struct buffer text = { 0 };
	_cleanup_(doc_freep) struct doc *end = doc_object();
	_cleanup_(freep) char *json = NULL;

	set_end(r, dropped, end);
	json = end ? doc_print(end, false, NULL) : NULL;
	if (!json)
		return -ENOMEM;
	buffer_puts(&text, "{\"schema\":\"portwatch.history/v1\",\"entries\":[");
	for (size_t i = 0; i < pieces->n; i++) {
		size_t at = r->query->oldest_first ? pieces->n - 1 - i : i;
		size_t begin = at > 0 ? pieces->ends[at - 1] : 0;

		if (i > 0)
			buffer_puts(&text, ",");
		buffer_add(&text, pieces->text.data + begin, pieces->ends[at] - begin);
	}
	buffer_printf(&text, "],%s", json + 1);
	if (text.failed)
		return -ENOMEM;

	*ret = (struct history_answer){ .size = text.size, .count = pieces->n };
	ret->text = take(text.data);
	return 0;
}

static void report_damage(struct history *h)
{
	pthread_mutex_lock(&h->lock);
	h->damaged = true;
	pthread_mutex_unlock(&h->lock);
}

int history_read(struct history *h, const struct history_query *query,
		 const struct viewer *viewer, struct history_answer *ret, char *reterr)
{
	struct reading r = {
		.h = h,
		.query = query,
		.viewer = viewer,
		.reterr = reterr,
		.wanted = (size_t)query->limit + 1, /* is there more? */
		.since = (int64_t)query->since_ns,
		.before = query->before ? (int64_t)query->before : INT64_MAX,
	};
	__attribute__((cleanup(pieces_done))) struct pieces pieces = { 0 };
	_cleanup_(freep) int64_t *ids = NULL;
	uint64_t dropped = 0;
	int err;

	r.capacity = 2 * r.wanted;
	r.ids = ids = malloc(r.capacity * sizeof(*ids));
	if (!ids)
		return -ENOMEM;
	if (h->options.writes)
		await(h, query->mark);
	err = read_file(&r, &pieces, &dropped);
	/* A daemon that has had nothing to write. */
	if (err == -ENOENT && h->options.writes)
		err = 0;
	if (err == -EBADMSG && h->options.writes)
		report_damage(h);
	return err < 0 ? err : assemble(&r, &pieces, dropped, ret);
}
