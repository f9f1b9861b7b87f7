// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/files.h"
#include "base/log.h"
#include "cli/session.h"
#include "json/doc.h"

struct config {
	bool follow;
	const char *lines; /* NULL: not given */
};

#define AT(member) offsetof(struct config, member)

/* clang-format off */
static const struct option options[] = {
	{ "follow", 'f', OPTION_FLAG, AT(follow), NULL,
	  "go on with what is printed from now on", NULL },
	{ "lines", 'n', OPTION_TEXT, AT(lines), "N",
	  "begin with the last N lines (100)", NULL },
	{ 0 },
};
/* clang-format on */

enum { LINES = 100, LINES_MAX = 1000000, PIECE = 64 * 1024 };

/* The log of one service, and how far it was printed. */
struct source {
	const char *name;
	char *path;
	int fd; /* -EBADF: not there yet */
	off_t at;
	struct buffer line; /* what has no end yet */
};

struct logs {
	const struct command *cmd;
	struct source *sources;
	size_t n;
	uint64_t lines;
	bool gone; /* whoever read stdout */
};

static void logs_done(struct logs *logs)
{
	for (size_t i = 0; i < logs->n; i++) {
		free(logs->sources[i].path);
		close_fd(logs->sources[i].fd);
		buffer_done(&logs->sources[i].line);
	}
	free(logs->sources);
}

/* -- Printing -------------------------------------------------------------------------
 */

/* What a service printed may hold anything: a terminal gets it escaped. */
static void add_line(const struct logs *logs, const struct source *source,
		     const char *text, size_t size, struct buffer *out)
{
	_cleanup_(freep) char *line = strndup(text, size);
	_cleanup_(freep) char *safe = NULL;

	if (logs->n > 1)
		buffer_printf(out, "%s | ", source->name);
	if (line && logs->cmd->terminal->is_terminal)
		safe = terminal_escape(line);
	if (safe)
		buffer_puts(out, safe);
	else
		buffer_add(out, text, size);
	buffer_puts(out, "\n");
}

/* Whole lines; the rest waits for its end. */
static int print_more(struct logs *logs, struct source *source, const char *data,
		      size_t size)
{
	_cleanup_(buffer_done) struct buffer out = { 0 };
	const char *at, *end;

	buffer_add(&source->line, data, size);
	at = source->line.data;
	while (at &&
	       (end = memchr(at, '\n',
			     source->line.size - (size_t)(at - source->line.data)))) {
		add_line(logs, source, at, (size_t)(end - at), &out);
		at = end + 1;
	}
	if (at) {
		source->line.size -= (size_t)(at - source->line.data);
		memmove(source->line.data, at, source->line.size);
	}
	return out.size ? output_write(out.data, out.size, &logs->gone) : STATUS_DONE;
}

static int read_on(struct logs *logs, struct source *source)
{
	char piece[PIECE];
	struct stat st;
	int status = STATUS_DONE;
	ssize_t n;

	/* What was cut off the front was printed, or is in NAME.log.1. */
	if (fstat(source->fd, &st) == 0 && st.st_size < source->at)
		source->at = st.st_size;
	while (status == STATUS_DONE && !logs->gone &&
	       (n = pread(source->fd, piece, sizeof(piece), source->at)) > 0) {
		source->at += n;
		status = print_more(logs, source, piece, (size_t)n);
	}
	return status;
}

/* Behind the newline that ends the last line but @lines. */
static off_t find_start(int fd, uint64_t lines)
{
	char piece[PIECE];
	struct stat st;
	off_t end;

	if (fstat(fd, &st) < 0)
		return 0;
	for (end = st.st_size; end > 0;) {
		off_t begin = end > PIECE ? end - PIECE : 0;
		ssize_t n = pread(fd, piece, (size_t)(end - begin), begin);

		for (ssize_t i = n - 1; i >= 0; i--) {
			if (piece[i] != '\n' || begin + i == st.st_size - 1)
				continue;
			if (lines-- <= 1)
				return begin + i + 1;
		}
		end = begin;
	}
	return 0;
}

static int open_source(const struct logs *logs, struct source *source, bool is_new)
{
	source->fd = open(source->path, O_RDONLY | O_CLOEXEC);
	if (source->fd < 0) {
		source->fd = -EBADF;
		return -errno;
	}
	source->at = is_new ? 0 : find_start(source->fd, logs->lines);
	if (!is_new && logs->lines == 0)
		source->at = lseek(source->fd, 0, SEEK_END);
	return 0;
}

/* -- Following ------------------------------------------------------------------------
 */

static int watch_all(const struct logs *logs)
{
	int fd = inotify_init1(IN_CLOEXEC);

	for (size_t i = 0; fd >= 0 && i < logs->n; i++) {
		_cleanup_(freep) char *folder = strdup(logs->sources[i].path);

		if (!folder)
			continue;
		*strrchr(folder, '/') = '\0';
		/* Of the folder: a log may have yet to be made. */
		if (inotify_add_watch(fd, folder, IN_MODIFY | IN_CREATE) < 0) {
			int err = -errno;

			close(fd);
			return err;
		}
	}
	return fd < 0 ? -errno : fd;
}

static int read_all(struct logs *logs)
{
	int status = STATUS_DONE;

	for (size_t i = 0; i < logs->n && status == STATUS_DONE; i++) {
		struct source *source = &logs->sources[i];

		if (source->fd < 0 && open_source(logs, source, true) < 0)
			continue;
		status = read_on(logs, source);
	}
	return status;
}

static int follow(struct logs *logs)
{
	_cleanup_(close_fdp) int fd = watch_all(logs);
	char events[4096];
	int status;

	if (fd < 0) {
		log_error_errno(fd, "Cannot follow %s", logs->sources[0].path);
		return STATUS_FAILED;
	}
	do {
		status = read_all(logs);
	} while (status == STATUS_DONE && !logs->gone &&
		 read(fd, events, sizeof(events)) > 0);
	return status;
}

/* -- The verb -------------------------------------------------------------------------
 */

static int find_path(struct session *session, const char *name, char **ret)
{
	_cleanup_(reply_freep) struct pw_reply *reply = NULL;
	_cleanup_(doc_freep) struct doc *doc = NULL;
	char path[256];
	const char *body;
	size_t size;
	int status;

	snprintf(path, sizeof(path), API "/services/%s/log", name);
	status = session_get(session, path, &reply);
	if (status != 0)
		return status;
	body = pw_reply_body(reply, &size);
	doc = doc_parse(body, size, NULL);
	if (!doc_get_string(doc, "path")) {
		log_error("The answer is no JSON");
		return STATUS_FAILED;
	}
	*ret = strdup(doc_get_string(doc, "path"));
	return *ret ? 0 : STATUS_FAILED;
}

static int add_source(struct logs *logs, struct session *session, const char *name)
{
	struct source *source = &logs->sources[logs->n];
	int status;

	source->name = name;
	source->fd = -EBADF;
	logs->n++;
	status = find_path(session, name, &source->path);
	if (status != 0)
		return status;
	return 0;
}

static int begin(struct logs *logs, bool follows)
{
	int status = STATUS_DONE;

	for (size_t i = 0; i < logs->n && status == STATUS_DONE; i++) {
		struct source *source = &logs->sources[i];
		int err = open_source(logs, source, false);

		if (err == -ENOENT && follows)
			continue;
		if (err == -ENOENT) {
			log_error("%s has printed nothing yet: portwatch has not "
				  "started it",
				  source->name);
			return STATUS_NOT_FOUND;
		}
		if (err < 0) {
			log_error_errno(err, "Cannot read %s", source->path);
			return err == -EACCES ? STATUS_NOT_PERMITTED : STATUS_FAILED;
		}
		status = read_on(logs, source);
	}
	return status;
}

static int run(const struct command *cmd)
{
	const struct config *config = cmd->config;
	_cleanup_(session_close) struct session session = { 0 };
	_cleanup_(logs_done) struct logs logs = { .cmd = cmd, .lines = LINES };
	int status;

	if (config->lines && parse_u64(config->lines, LINES_MAX, &logs.lines) < 0)
		return usage_error(cmd->verb, "--lines takes a number, not '%s'",
				   config->lines);
	status = usage_check_names(cmd->verb, cmd->args, cmd->n_args);
	if (status != 0)
		return status;
	logs.sources = calloc(cmd->n_args, sizeof(*logs.sources));
	if (!logs.sources) {
		log_error("Out of memory");
		return STATUS_FAILED;
	}
	status = session_open(&session, cmd);
	for (size_t i = 0; i < cmd->n_args && status == 0; i++)
		status = add_source(&logs, &session, cmd->args[i]);
	if (status == 0)
		status = begin(&logs, config->follow);
	if (status == 0 && config->follow)
		status = follow(&logs);
	return status;
}

const struct verb verb_logs = {
	.name = "logs",
	.arguments = "NAME…",
	.summary = "what services that portwatch started have printed",
	.details =
		"The last lines of LOG/services/NAME.log, where the daemon that answers\n"
		"keeps them; lines of several are told apart by the NAME before them.\n"
		"\n"
		"Exits 3 where a NAME is not in the registry, or was never started.\n",
	.options = options,
	.config_size = sizeof(struct config),
	.min_args = 1,
	.max_args = 64,
	.takes = TAKES_SERVICES,
	.run = run,
};
