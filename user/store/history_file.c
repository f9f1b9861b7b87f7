// SPDX-License-Identifier: GPL-2.0-only
/* The file: made, migrated, opened, set aside. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/files.h"
#include "base/strings.h"
#include "base/time.h"
#include "store/history_private.h"

enum {
	FOLDER_MODE = 0755,
	FILE_MODE = 0640, /* command lines are for root and the group */
	BUSY_MS = 1000,
	APPLICATION = 0x70774869, /* "pwHi": what `file` shows */
};

/*
 * An entry's id is its time, in nanoseconds since 1970, moved on by one where that is
 * taken: so what is asked for by time needs no index, and every other index is in order
 * of time.  Entries without a port, a service or a process are in no index of those.
 */
static const char version_1[] =
	"CREATE TABLE entry (id INTEGER PRIMARY KEY, type INTEGER NOT NULL,"
	" source INTEGER NOT NULL, place INTEGER, address BLOB, netns INTEGER,"
	" service INTEGER, process INTEGER, holder INTEGER, cookie INTEGER,"
	" flags INTEGER, number INTEGER, lifetime INTEGER, details TEXT);"
	"CREATE INDEX entry_place ON entry (place) WHERE place IS NOT NULL;"
	"CREATE INDEX entry_service ON entry (service) WHERE service IS NOT NULL;"
	"CREATE INDEX entry_process ON entry (process) WHERE process IS NOT NULL;"
	"CREATE INDEX entry_holder ON entry (holder) WHERE holder IS NOT NULL;"
	"CREATE TABLE service (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);"
	"CREATE TABLE process (id INTEGER PRIMARY KEY, pid INTEGER NOT NULL,"
	" ppid INTEGER, start INTEGER, uid INTEGER, comm TEXT, exe TEXT, cmdline BLOB,"
	" user TEXT, cwd TEXT, cgroup TEXT, unit TEXT, container TEXT);"
	"CREATE INDEX process_pid ON process (pid);";

/* What could not be written, that an answer can say so after the daemon has gone, too. */
static const char version_2[] = "CREATE TABLE gap (id INTEGER PRIMARY KEY,"
				" start INTEGER NOT NULL, until INTEGER NOT NULL,"
				" entries INTEGER NOT NULL);";

/* What leads from the version before to each. */
static const char *const steps[HISTORY_VERSION] = { version_1, version_2 };

/* -- Numbers --------------------------------------------------------------------------
 */

/* On the disk: never changed, only added to. */
static const struct {
	int code;
	enum event_type type;
} types[] = {
	{ 1, EVENT_SOCKET_BOUND },        { 2, EVENT_SOCKET_LISTENING },
	{ 3, EVENT_SOCKET_RELEASED },     { 4, EVENT_SOCKET_BIND_FAILED },
	{ 5, EVENT_PROCESS_EXITED },      { 6, EVENT_ALERT_FIRING },
	{ 7, EVENT_ALERT_RESOLVED },      { 8, EVENT_SERVICE_STARTING },
	{ 9, EVENT_SERVICE_RUNNING },     { 10, EVENT_SERVICE_STOPPED },
	{ 11, EVENT_SERVICE_HEALTHY },    { 12, EVENT_SERVICE_UNHEALTHY },
	{ 13, EVENT_SERVICE_RESTARTING }, { 14, EVENT_ALLOCATION_CREATED },
	{ 15, EVENT_ALLOCATION_CLAIMED }, { 16, EVENT_ALLOCATION_RELEASED },
	{ 17, EVENT_REGISTRY_RELOADED },  { 18, EVENT_REGISTRY_REJECTED },
	{ 19, EVENT_KERNEL_LOST },        { 20, EVENT_KERNEL_RESYNCED },
};

static const enum source sources[] = { SOURCE_KERNEL, SOURCE_SNAPSHOT, SOURCE_RESYNC,
				       SOURCE_DAEMON };

int history_code_of_type(enum event_type type)
{
	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++)
		if (types[i].type == type)
			return types[i].code;
	return 0;
}

int history_type_of_code(int64_t code)
{
	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++)
		if (types[i].code == code)
			return (int)types[i].type;
	return -EINVAL;
}

int history_code_of_source(enum source source)
{
	for (size_t i = 0; i < sizeof(sources) / sizeof(*sources); i++)
		if (sources[i] == source)
			return (int)i;
	return -EINVAL;
}

enum source history_source_of_code(int64_t code)
{
	return code >= 0 && code < (int64_t)(sizeof(sources) / sizeof(*sources))
		       ? sources[code]
		       : SOURCE_DAEMON;
}

/* -- Calls that fail ------------------------------------------------------------------
 */

int history_error(struct history *h, sqlite3 *db, char *reterr)
{
	const struct sqlite *sq = &h->sqlite;
	int code = db ? sq->extended_errcode(db) : SQLITE_NOMEM;
	int errnum = 0;

	if ((code & 0xff) == SQLITE_CANTOPEN || (code & 0xff) == SQLITE_IOERR)
		errnum = sq->system_errno(db);
	snprintf(reterr, HISTORY_FAULT, "%s: %s%s%s", h->path,
		 db ? sq->errmsg(db) : "out of memory", errnum ? ": " : "",
		 errnum ? strerrordesc_np(errnum) : "");
	switch (code & 0xff) {
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return -EBADMSG;
	case SQLITE_FULL:
		return -ENOSPC;
	case SQLITE_PERM:
	case SQLITE_READONLY:
		return -EACCES;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return -EBUSY;
	case SQLITE_NOMEM:
		return -ENOMEM;
	case SQLITE_INTERRUPT:
		return -ETIMEDOUT;
	case SQLITE_CANTOPEN:
		return errnum == EACCES || errnum == EPERM ? -EACCES : -EIO;
	default:
		return -EIO;
	}
}

int history_exec(struct history *h, sqlite3 *db, const char *sql, char *reterr)
{
	if (h->sqlite.exec(db, sql, NULL, NULL, NULL) == SQLITE_OK)
		return 0;
	return history_error(h, db, reterr);
}

int history_prepare(struct history *h, sqlite3 *db, const char *sql, sqlite3_stmt **ret,
		    char *reterr)
{
	if (h->sqlite.prepare_v2(db, sql, -1, ret, NULL) == SQLITE_OK)
		return 0;
	return history_error(h, db, reterr);
}

/* -- Opening --------------------------------------------------------------------------
 */

static int read_number(struct history *h, sqlite3 *db, const char *sql, int64_t *ret,
		       char *reterr)
{
	sqlite3_stmt *stmt = NULL;
	int err = history_prepare(h, db, sql, &stmt, reterr);

	if (err == 0 && h->sqlite.step(stmt) == SQLITE_ROW)
		*ret = h->sqlite.column_int64(stmt, 0);
	else if (err == 0)
		err = history_error(h, db, reterr);
	h->sqlite.finalize(stmt);
	return err;
}

static int migrate(struct history *h, sqlite3 *db, int64_t from, char *reterr)
{
	char done[80];
	int err = history_exec(h, db, "BEGIN IMMEDIATE", reterr);

	/* Somebody else may have been quicker. */
	if (err == 0)
		err = read_number(h, db, "PRAGMA user_version", &from, reterr);
	for (int64_t i = from; err == 0 && i < HISTORY_VERSION; i++)
		err = history_exec(h, db, steps[i], reterr);
	snprintf(done, sizeof(done),
		 "PRAGMA application_id=%d; PRAGMA user_version=%d; COMMIT", APPLICATION,
		 from > HISTORY_VERSION ? (int)from : HISTORY_VERSION);
	if (err == 0)
		err = history_exec(h, db, done, reterr);
	if (err < 0)
		h->sqlite.exec(db, "ROLLBACK", NULL, NULL, NULL);
	return err;
}

/* Whose file is it, and how old? */
static int check_version(struct history *h, sqlite3 *db, bool writes, char *reterr)
{
	int64_t version = 0, application = 0, tables = 0;
	int err = read_number(h, db, "PRAGMA user_version", &version, reterr);

	if (err == 0)
		err = read_number(h, db, "PRAGMA application_id", &application, reterr);
	if (err == 0)
		err = read_number(h, db, "SELECT count(*) FROM sqlite_schema", &tables,
				  reterr);
	if (err < 0)
		return err;
	if (tables > 0 && application != APPLICATION) {
		snprintf(reterr, HISTORY_FAULT, "%s is no history of portwatch", h->path);
		return -ESTALE;
	}
	if (version > HISTORY_VERSION) {
		snprintf(reterr, HISTORY_FAULT,
			 "%s is of a newer portwatch (its version is %jd, that of this "
			 "one %d)",
			 h->path, (intmax_t)version, HISTORY_VERSION);
		return -ESTALE;
	}
	/* Only a file without tables can be taught to shrink. */
	if (tables == 0 && writes)
		err = history_exec(h, db, "PRAGMA auto_vacuum=INCREMENTAL", reterr);
	if (err == 0 && version < HISTORY_VERSION && writes)
		return migrate(h, db, version, reterr);
	if (err < 0)
		return err;
	if (version < HISTORY_VERSION) {
		snprintf(reterr, HISTORY_FAULT,
			 "%s is of an older portwatch; a daemon that is started brings "
			 "it up to date",
			 h->path);
		return -ESTALE;
	}
	return 0;
}

static int open_file(struct history *h, const char *name, int flags, sqlite3 **ret,
		     char *reterr)
{
	sqlite3 *db = NULL;
	int err = 0;

	if (h->sqlite.open_v2(name, &db, flags | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK)
		err = history_error(h, db, reterr);
	if (err == 0)
		h->sqlite.busy_timeout(db, BUSY_MS);
	if (err < 0) {
		h->sqlite.close_v2(db);
		return err;
	}

	*ret = db;
	return 0;
}

static int load_library(struct history *h, char *reterr)
{
	int err = sqlite_get(&h->sqlite);

	if (err < 0)
		snprintf(reterr, HISTORY_FAULT,
			 "libsqlite3.so.0 is missing; install it (libsqlite3-0)");
	return err;
}

/* With the mode that it is to have: SQLite's own would let everybody read. */
static int make_file(struct history *h, char *reterr)
{
	int err = make_directories(h->options.folder, FOLDER_MODE), fd;

	if (err < 0) {
		snprintf(reterr, HISTORY_FAULT, "%s: %s", h->options.folder,
			 strerrordesc_np(-err));
		return err;
	}
	fd = open(h->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, FILE_MODE);
	if (fd < 0) {
		err = -errno;
		snprintf(reterr, HISTORY_FAULT, "%s: %s", h->path, strerrordesc_np(-err));
		return err;
	}
	close_fd(fd);
	return 0;
}

int history_file_open(struct history *h, sqlite3 **ret, char *reterr)
{
	static const char settings[] = "PRAGMA journal_mode=WAL;"
				       "PRAGMA synchronous=NORMAL;"
				       "PRAGMA journal_size_limit=4194304;"
				       "PRAGMA wal_autocheckpoint=2000;"
				       "PRAGMA mmap_size=0;"
				       "PRAGMA cache_size=-4096;"
				       "PRAGMA temp_store=MEMORY;";
	sqlite3 *db = NULL;
	int err = load_library(h, reterr);

	if (err < 0)
		return err;
	err = make_file(h, reterr);
	if (err == 0)
		err = open_file(h, h->path, SQLITE_OPEN_READWRITE, &db, reterr);
	/* Nothing is changed in a file that is not ours: settings come second. */
	if (err == 0)
		err = check_version(h, db, true, reterr);
	if (err == 0)
		err = history_exec(h, db, settings, reterr);
	if (err < 0) {
		history_file_close(h, db);
		return err;
	}

	*ret = db;
	return 0;
}

/* Nobody has it open, and nothing waits to be merged into it: it can be read as it is,
 * without the files that SQLite would make beside it. */
static bool is_at_rest(const struct history *h)
{
	_cleanup_(freep) char *wal = NULL;
	struct stat st;

	if (h->options.writes || asprintf(&wal, "%s-wal", h->path) < 0)
		return false;
	return stat(wal, &st) < 0 ? errno == ENOENT : st.st_size == 0;
}

/* A file: URI; NULL for want of memory. */
static char *uri_of(const char *path)
{
	_cleanup_(buffer_done) struct buffer uri = { 0 };

	buffer_puts(&uri, "file:");
	for (; *path; path++)
		buffer_printf(&uri, strchr("%?#", *path) ? "%%%02X" : "%c",
			      (unsigned char)*path);
	buffer_puts(&uri, "?immutable=1");
	return uri.failed ? NULL : take(uri.data);
}

int history_file_open_to_read(struct history *h, sqlite3 **ret, char *reterr)
{
	_cleanup_(freep) char *uri = NULL;
	sqlite3 *db = NULL;
	int err;

	/* What SQLite says of these is "unable to open database file". */
	if (access(h->path, R_OK) < 0) {
		err = errno == EPERM ? -EACCES : -errno;
		snprintf(reterr, HISTORY_FAULT, "%s: %s", h->path, strerrordesc_np(-err));
		return err;
	}
	err = load_library(h, reterr);
	if (err < 0)
		return -EIO;
	if (is_at_rest(h))
		uri = uri_of(h->path);
	err = open_file(h, uri ? uri : h->path,
			SQLITE_OPEN_READONLY | (uri ? SQLITE_OPEN_URI : 0), &db, reterr);
	if (err == 0)
		err = check_version(h, db, false, reterr);
	if (err < 0) {
		history_file_close(h, db);
		return err;
	}

	*ret = db;
	return 0;
}

void history_file_close(struct history *h, sqlite3 *db)
{
	if (db)
		h->sqlite.close_v2(db);
	sqlite_put(&h->sqlite);
}

/* -- Setting aside --------------------------------------------------------------------
 */

static int move(const char *path, const char *suffix, const char *to)
{
	_cleanup_(freep) char *old = NULL, *new = NULL;

	if (asprintf(&old, "%s%s", path, suffix) < 0)
		old = NULL;
	if (asprintf(&new, "%s%s", to, suffix) < 0)
		new = NULL;
	if (!old || !new)
		return -ENOMEM;
	return rename(old, new) < 0 ? -errno : 0;
}

int history_file_set_aside(struct history *h, char **ret_name)
{
	_cleanup_(freep) char *name = NULL;
	time_t now = (time_t)(now_wall_ns() / NS_PER_S);
	struct tm tm;
	char stamp[32];
	int err;

	gmtime_r(&now, &tm);
	strftime(stamp, sizeof(stamp), "%Y%m%dT%H%M%SZ", &tm);
	if (asprintf(&name, "%s.corrupt-%s", h->path, stamp) < 0) {
		name = NULL;
		return -ENOMEM;
	}
	err = move(h->path, "", name);
	if (err < 0)
		return err;
	/* What SQLite needs to recover what there is; an index of it that is left behind
	 * would be taken for that of the new file. */
	(void)move(h->path, "-wal", name);
	(void)move(h->path, "-shm", name);

	*ret_name = take(name);
	return 0;
}
