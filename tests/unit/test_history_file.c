// SPDX-License-Identifier: GPL-2.0-only
#include "store/history.h"
#include "history_stage.h"

#include <dirent.h>
#include <sys/stat.h>

#include "store/sqlite.h"

#define FILE_NAME "state/history.db"
static const struct history_query all = { .limit = 1000 };

/* -- What is on the disk --------------------------------------------------------------
 */

/* The statements of @sql in @path, without the history; the number that the last answers,
 * -1 none. */
static int64_t query(const char *path, const char *sql)
{
	struct sqlite sq;
	sqlite3 *db = NULL;
	int64_t number = -1;

	sqlite_init(&sq);
	CHECK_EQ(sqlite_get(&sq), 0);
	CHECK_EQ(sq.open_v2(path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL),
		 SQLITE_OK);
	while (*sql) {
		sqlite3_stmt *stmt = NULL;
		int code;

		CHECK_EQ(sq.prepare_v2(db, sql, -1, &stmt, &sql), SQLITE_OK);
		code = sq.step(stmt);
		CHECK(code == SQLITE_ROW || code == SQLITE_DONE);
		number = code == SQLITE_ROW ? sq.column_int64(stmt, 0) : -1;
		sq.finalize(stmt);
	}
	sq.close_v2(db);
	sqlite_put(&sq);
	sqlite_done(&sq);
	return number;
}

/* The one file of the folder that begins so; owned; NULL. */
static char *find_file(const char *prefix)
{
	DIR *folder = opendir("state");
	struct dirent *entry;
	char *found = NULL;

	CHECK(folder);
	while (!found && (entry = readdir(folder)))
		if (starts_with(entry->d_name, prefix))
			CHECK(asprintf(&found, "state/%s", entry->d_name) > 0);
	closedir(folder);
	return found;
}

static bool has_file(const char *prefix)
{
	_cleanup_(freep) char *found = find_file(prefix);

	return found;
}

/* -- What outlives --------------------------------------------------------------------
 */

TEST(entries_outlive_the_process)
{
	struct stage s;

	stage_begin(&s);
	stage_bind(&s, 8080, 0);
	stage_close(&s);
	CHECK_EQ(query(FILE_NAME, "SELECT count(*) FROM entry"), 1);
	CHECK(!has_file("history.db-wal"));
	stage_open(&s);
	stage_bind(&s, 8081, 10);
	stage_ask(&s, &all);
	stage_expect_ports(&s, (const int[]){ 8081, 8080, 0 });
	stage_end(&s);
}

static size_t threads(void)
{
	DIR *folder = opendir("/proc/self/task");
	size_t n = 0;

	CHECK(folder);
	while (readdir(folder))
		n++;
	closedir(folder);
	return n - 2; /* . and .. */
}

TEST(what_is_told_wakes_nobody_until_it_is_to_be_written)
{
	struct stage s;

	stage_begin(&s);
	stage_bind(&s, 8080, 0);
	CHECK_EQ(threads(), 1);
	CHECK_EQ(stage_counters(&s).waiting, 1);
	history_write(s.history);
	CHECK_EQ(threads(), 2);
	while (stage_counters(&s).waiting > 0)
		usleep(1000);
	CHECK_EQ(stage_counters(&s).written, 1);
	stage_end(&s);
}

TEST(nobody_else_may_read_the_file)
{
	struct stat st;
	struct stage s;

	stage_begin(&s);
	stage_bind(&s, 8080, 0);
	stage_settle(&s);
	CHECK_EQ(stat(FILE_NAME, &st), 0);
	CHECK_EQ(st.st_mode & 0777, 0640);
	stage_end(&s);
}

TEST(without_events_there_is_no_file_and_no_fault)
{
	struct stage s;

	stage_begin(&s);
	stage_ask(&s, &all);
	CHECK_EQ(stage_count(&s), 0);
	stage_close(&s);
	CHECK(access("state", F_OK) < 0);
	stage_end(&s);
}

TEST(the_file_is_closed_in_quiet_and_opened_again)
{
	struct stage s;

	stage_prepare(&s);
	stage_open_with(&s, (struct history_options){ .writes = true, .quiet_ms = 1 });
	for (int i = 0; i < 5; i++) {
		stage_bind(&s, (uint16_t)(8080 + i), (uint64_t)i * 10);
		stage_settle(&s);
		while (has_file("history.db-wal"))
			usleep(1000);
	}
	stage_ask(&s, &all);
	stage_expect_ports(&s, (const int[]){ 8084, 8083, 8082, 8081, 8080, 0 });
	CHECK_STR(stage_process(&s, 0, "process", "comm"), "python3");
	stage_end(&s);
}

/* -- Who only reads -------------------------------------------------------------------
 */

TEST(a_reader_leaves_nothing_behind)
{
	struct stage s;

	stage_begin(&s);
	stage_bind(&s, 8080, 0);
	stage_close(&s);
	stage_open_with(&s, (struct history_options){ .writes = false });
	stage_bind(&s, 8081, 10); /* not its business */
	stage_ask(&s, &all);
	stage_expect_ports(&s, (const int[]){ 8080, 0 });
	CHECK(!has_file("history.db-"));
	stage_end(&s);
}

TEST(a_reader_says_that_there_is_nothing)
{
	struct stage s;

	stage_prepare(&s);
	stage_open_with(&s, (struct history_options){ .writes = false });
	CHECK_EQ(stage_try(&s, &all, NULL), -ENOENT);
	stage_end(&s);
}

TEST(it_is_read_while_it_is_written)
{
	const struct history_query whole = { .limit = 10000 };
	size_t before = 0;
	struct stage s;

	stage_begin(&s);
	for (int i = 0; i < 5000; i++) {
		stage_bind(&s, 8080, (uint64_t)(2 * i));
		if (i % 100 != 0)
			continue;
		/* Of a moment: entries without a gap, from the first on. */
		CHECK_EQ(stage_try(&s, &whole, NULL), 0);
		CHECK(stage_count(&s) >= before && stage_count(&s) <= (size_t)i + 1);
		before = stage_count(&s);
		CHECK_EQ(stage_counters(&s).dropped, 0);
	}
	stage_ask(&s, &whole);
	CHECK_EQ(stage_count(&s), 5000);
	stage_end(&s);
}

/* -- Bounds ---------------------------------------------------------------------------
 */

TEST(the_queue_is_bounded_and_what_it_dropped_is_told)
{
	enum { TOLD = 12000 };
	char reason[901];
	struct history_counters counters;
	struct history_options options = { .folder = "state",
					   .writes = true,
					   .retain_ms = 3600000 };
	struct stage s;

	stage_prepare(&s);
	CHECK_EQ(history_new(&options, &s.history), 0);
	memset(reason, 'x', sizeof(reason) - 1);
	reason[sizeof(reason) - 1] = '\0';
	/* It has not begun, as where the disk stands still. */
	for (int i = 0; i < TOLD; i++)
		stage_tell(&s,
			   (struct event){ .type = EVENT_SERVICE_STOPPED,
					   .service = "wizard",
					   .reason = reason },
			   0, (uint64_t)(i % 1000));
	counters = stage_counters(&s);
	CHECK(counters.dropped > 0 && counters.dropped < TOLD);
	CHECK_EQ(counters.waiting, TOLD - counters.dropped);
	history_begin(s.history);
	stage_settle(&s);
	CHECK_EQ(stage_counters(&s).written, TOLD - counters.dropped);
	stage_ask(&s, &all);
	CHECK_EQ(doc_get_int(s.answer, "dropped", 0), counters.dropped);
	/* And the next one knows of it. */
	stage_close(&s);
	stage_open(&s);
	stage_ask(&s, &all);
	CHECK_EQ(doc_get_int(s.answer, "dropped", 0), counters.dropped);
	/* Of another time, nothing is missing. */
	stage_ask(&s, &(struct history_query){ .limit = 10, .before = s.base_ns - 1 });
	CHECK_EQ(doc_get_int(s.answer, "dropped", -1), 0);
	stage_end(&s);
}

TEST(what_is_too_old_goes_with_what_is_written)
{
	struct stage s;

	stage_begin(&s);
	for (int i = 0; i < 700; i++)
		stage_bind(&s, (uint16_t)(10000 + i), (uint64_t)i);
	stage_settle(&s);
	history_set_retain(s.history, 500 * 1000); /* the stage is 1000 s ago */
	s.base_ns = now_wall_ns();
	s.process.info.id.pid = 5000;
	stage_bind(&s, 8080, 0);
	stage_settle(&s);
	stage_close(&s); /* there may be more than goes at once */
	CHECK_EQ(query(FILE_NAME, "SELECT count(*) FROM entry"), 1);
	CHECK_EQ(query(FILE_NAME, "SELECT count(*) FROM process"), 1);
	CHECK_EQ(query(FILE_NAME, "SELECT pid FROM process"), 5000);
	stage_end(&s);
}

/* One that lives on is named by what comes, though all that came has gone. */
TEST(a_process_outlives_its_entries)
{
	struct stage s;

	stage_begin(&s);
	stage_bind(&s, 8080, 0);
	stage_settle(&s);
	history_set_retain(s.history, 500 * 1000);
	s.base_ns = now_wall_ns() - 10 * NS_PER_S;
	for (int i = 0; i < 3; i++) {
		stage_tell(&s, (struct event){ .type = EVENT_KERNEL_LOST, .count = 1 }, 0,
			   (uint64_t)i);
		stage_settle(&s);
	}
	stage_bind(&s, 8081, 100);
	stage_ask(&s, &all);
	CHECK_EQ(stage_port(&s, 0), 8081);
	CHECK_STR(stage_process(&s, 0, "process", "comm"), "python3");
	stage_end(&s);
}

TEST(the_file_is_bounded)
{
	struct stage s;

	stage_prepare(&s);
	stage_open_with(
		&s, (struct history_options){ .writes = true, .bytes_max = 256 * 1024 });
	for (int i = 0; i < 12000; i++) {
		stage_bind(&s, (uint16_t)(1024 + i * 7919 % 60000), (uint64_t)i);
		if (i % 1000 == 0)
			stage_settle(&s);
	}
	stage_close(&s);
	CHECK(query(FILE_NAME, "SELECT page_count * 4096 FROM pragma_page_count") <
	      4 * 256 * 1024);
	CHECK(query(FILE_NAME, "SELECT count(*) FROM entry") > 100);
	/* The oldest went. */
	stage_open(&s);
	stage_ask(&s, &(struct history_query){ .limit = 1 });
	CHECK_EQ(stage_port(&s, 0), 1024 + 11999ll * 7919 % 60000);
	stage_end(&s);
}

/* -- Other versions -------------------------------------------------------------------
 */

/* As version 1 wrote it: .dump of such a file. */
static const char version_1[] =
	"PRAGMA application_id=1886865513; PRAGMA user_version=1;"
	"PRAGMA journal_mode=WAL;"
	"CREATE TABLE entry (id INTEGER PRIMARY KEY, type INTEGER NOT NULL, source "
	"INTEGER NOT NULL, place INTEGER, address BLOB, netns INTEGER, service INTEGER, "
	"process INTEGER, holder INTEGER, cookie INTEGER, flags INTEGER, number INTEGER, "
	"lifetime INTEGER, details TEXT);"
	"INSERT INTO entry VALUES(1768651200000000000,1,0,17530,X'7F000001',7,1,1,NULL,"
	"8765,NULL,NULL,NULL,NULL);"
	"INSERT INTO entry VALUES(1768651200002000000,4,0,17530,X'7F000001',7,NULL,1,2,"
	"8765,NULL,98,NULL,NULL);"
	"INSERT INTO entry VALUES(1768651200003000000,6,0,17530,X'7F000001',7,2,1,NULL,"
	"NULL,NULL,NULL,NULL,'{\"expected\":\"goblin\",\"message\":\"python3 holds "
	"it\",\"fix\":\"portwatch kill :8765\",\"id\":3,\"kind\":\"occupied\","
	"\"severity\":\"critical\",\"since\":\"2026-01-17T12:00:00.000000000Z\","
	"\"resolved_at\":null,\"latency_us\":77,\"repeats\":0}');"
	"CREATE TABLE process (id INTEGER PRIMARY KEY, pid INTEGER NOT NULL, ppid "
	"INTEGER, start INTEGER, uid INTEGER, comm TEXT, exe TEXT, cmdline BLOB, user "
	"TEXT, cwd TEXT, cgroup TEXT, unit TEXT, container TEXT);"
	"INSERT INTO process VALUES(1,4711,1,1768651200000000000,1000,'python3',"
	"'/usr/bin/python3.11',X'707974686F6E33002D6D0077697A61726400','ann',NULL,NULL,"
	"NULL,NULL);"
	"INSERT INTO process VALUES(2,12,NULL,NULL,0,'nginx',NULL,NULL,NULL,NULL,NULL,"
	"NULL,NULL);"
	"CREATE TABLE service (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);"
	"INSERT INTO service VALUES(1,'wizard'); INSERT INTO service VALUES(2,'goblin');"
	"CREATE INDEX entry_place ON entry (place) WHERE place IS NOT NULL;"
	"CREATE INDEX entry_service ON entry (service) WHERE service IS NOT NULL;"
	"CREATE INDEX entry_process ON entry (process) WHERE process IS NOT NULL;"
	"CREATE INDEX entry_holder ON entry (holder) WHERE holder IS NOT NULL;"
	"CREATE INDEX process_pid ON process (pid);";

TEST(a_file_of_version_1_is_brought_up_to_date_and_goes_on)
{
	struct history_options options = { .writes = true,
					   .retain_ms = 100ull * 365 * 86400 * 1000 };
	struct stage s;

	stage_prepare(&s);
	CHECK_EQ(make_directories("state", 0755), 0);
	query(FILE_NAME, version_1);
	stage_open_with(&s, options);
	stage_bind(&s, 8080, 0);
	stage_ask(&s, &all);
	stage_expect_ports(&s, (const int[]){ 8080, 8765, 8765, 8765, 0 });
	CHECK_STR(doc_get_string(doc_get(stage_entry(&s, 1), "alert"), "kind"),
		  "occupied");
	CHECK_STR(stage_text(&s, 2, "text"), "EADDRINUSE, held by nginx (pid 12)");
	CHECK_STR(stage_text(&s, 3, "service"), "wizard");
	CHECK_STR(s.complaints, "");
	stage_close(&s);
	CHECK_EQ(query(FILE_NAME, "PRAGMA user_version"), 2);
	CHECK_EQ(query(FILE_NAME, "SELECT count(*) FROM gap"), 0);
	stage_end(&s);
}

TEST(who_only_reads_brings_nothing_up_to_date)
{
	struct stage s;

	stage_prepare(&s);
	CHECK_EQ(make_directories("state", 0755), 0);
	query(FILE_NAME, version_1);
	stage_open_with(&s, (struct history_options){ .writes = false });
	CHECK_EQ(stage_try(&s, &all, NULL), -ESTALE);
	CHECK(strstr(s.reterr, "older"));
	CHECK_EQ(query(FILE_NAME, "PRAGMA user_version"), 1);
	stage_end(&s);
}

/* Nothing of it is changed, and it is said once. */
static void expect_left_alone(struct stage *s, const char *sql, const char *why)
{
	_cleanup_(freep) char *before = NULL, *after = NULL;
	size_t size_before, size_after;
	const char *first;

	stage_prepare(s);
	CHECK_EQ(make_directories("state", 0755), 0);
	query(FILE_NAME, sql);
	CHECK_EQ(file_read(FILE_NAME, 1 << 20, &before, &size_before), 0);
	stage_open_with(s, (struct history_options){ .writes = true, .retry_ms = 1 });
	for (int i = 0; i < 5; i++) {
		stage_bind(s, 8080, (uint64_t)i);
		stage_settle(s);
	}
	CHECK_EQ(stage_counters(s).dropped, 5);
	CHECK(strstr(stage_counters(s).fault, why));
	first = strstr(s->complaints, why);
	CHECK(first && !strstr(first + 1, why));
	CHECK_EQ(stage_try(s, &all, NULL), -ESTALE);
	CHECK_EQ(file_read(FILE_NAME, 1 << 20, &after, &size_after), 0);
	CHECK_EQ(size_after, size_before);
	CHECK_EQ(memcmp(before, after, size_before), 0);
	CHECK(!has_file("history.db."));
	stage_end(s);
}

TEST(a_file_of_a_newer_version_is_left_alone)
{
	struct stage s;

	expect_left_alone(&s,
			  "PRAGMA application_id=1886865513; PRAGMA user_version=77;"
			  "CREATE TABLE entry (id INTEGER PRIMARY KEY, news TEXT);",
			  "newer");
}

TEST(a_file_of_somebody_else_is_left_alone)
{
	struct stage s;

	expect_left_alone(&s, "CREATE TABLE bookmarks (url TEXT);", "no history");
}

/* -- Damage ---------------------------------------------------------------------------
 */

TEST(a_file_that_is_none_is_set_aside)
{
	_cleanup_(freep) char *aside = NULL, *text = NULL;
	struct stage s;

	stage_prepare(&s);
	CHECK_EQ(make_directories("state", 0755), 0);
	folder_write(FILE_NAME, "this is what a bad disk left of the history\n");
	stage_open(&s);
	stage_bind(&s, 8080, 0);
	stage_ask(&s, &all);
	stage_expect_ports(&s, (const int[]){ 8080, 0 });
	aside = find_file("history.db.corrupt-");
	CHECK(aside);
	text = folder_read(aside);
	CHECK(starts_with(text, "this is what"));
	CHECK(strstr(s.complaints,
		     "is damaged: it is kept as state/history.db.corrupt-"));
	CHECK_EQ(stage_counters(&s).dropped, 0);
	CHECK_STR(stage_counters(&s).fault, "");
	stage_end(&s);
}

/* Every page but the first. */
static void damage(void)
{
	_cleanup_(freep) char *text = NULL;
	size_t size;

	CHECK_EQ(file_read(FILE_NAME, 1 << 24, &text, &size), 0);
	CHECK(size > 100 * 4096);
	memset(text + 4096, 0x5a, size - 4096);
	CHECK_EQ(file_write_atomic(FILE_NAME, text, size, 0640), 0);
}

/* The history of a daemon that finds its file damaged. */
static void begin_damaged(struct stage *s)
{
	stage_begin(s);
	for (int i = 0; i < 10000; i++)
		stage_bind(s, (uint16_t)(1024 + i), (uint64_t)i);
	stage_close(s);
	damage();
	stage_open(s);
}

TEST(damage_that_a_question_finds_is_set_aside)
{
	struct history_query port = { .limit = 10,
				      .ports = { { 2000, 2000, 0, 0 } },
				      .n_ports = 1 };
	struct stage s;

	begin_damaged(&s);
	CHECK_EQ(stage_try(&s, &port, NULL), -EBADMSG);
	stage_bind(&s, 2000, 0);
	stage_ask(&s, &port);
	stage_expect_ports(&s, (const int[]){ 2000, 0 });
	CHECK(has_file("history.db.corrupt-"));
	stage_end(&s);
}

TEST(damage_that_writing_finds_is_set_aside)
{
	struct stage s;

	begin_damaged(&s);
	/* The first may be what finds it, and goes with it. */
	for (int i = 0; i < 2; i++) {
		stage_bind(&s, (uint16_t)(2000 + i), (uint64_t)i * 10);
		stage_settle(&s);
	}
	stage_ask(&s, &all);
	CHECK_EQ(stage_port(&s, 0), 2001);
	CHECK_EQ(stage_counters(&s).written + stage_counters(&s).dropped, 2);
	CHECK(has_file("history.db.corrupt-"));
	stage_end(&s);
}

/* -- Faults ---------------------------------------------------------------------------
 */

TEST(a_folder_that_cannot_be_is_said_once_and_when_it_can)
{
	struct history_counters counters;
	struct stage s;

	stage_prepare(&s);
	folder_write("state", "a file in the place of the folder");
	stage_open_with(&s, (struct history_options){ .writes = true, .retry_ms = 1 });
	for (int i = 0; i < 3; i++) {
		stage_bind(&s, 8080, (uint64_t)i * 10);
		stage_settle(&s);
		usleep(2000);
	}
	counters = stage_counters(&s);
	CHECK_EQ(counters.dropped, 3);
	CHECK(strstr(counters.fault, "Not a directory"));
	CHECK(!strstr(strstr(s.complaints, "cannot be written") + 1,
		      "cannot be written"));
	CHECK_EQ(unlink("state"), 0);
	stage_bind(&s, 8081, 100);
	stage_ask(&s, &all);
	stage_expect_ports(&s, (const int[]){ 8081, 0 });
	CHECK_EQ(doc_get_int(s.answer, "dropped", 0), 3);
	CHECK_EQ(doc_type(doc_get(s.answer, "fault")), DOC_NULL);
	CHECK(strstr(s.complaints, "is written again"));
	stage_end(&s);
}
