// SPDX-License-Identifier: GPL-2.0-only
#include "cli/session.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "cli/render.h"
#include "client/client_private.h"
#include "client/reader.h"
#include "json/doc.h"

enum { PATIENCE_MS = 1000 }; /* work that lasts longer shows progress */

static void say(const char *text, size_t size)
{
	/* A terminal that has gone is told about when stdout fails. */
	if (write(STDERR_FILENO, text, size) < 0)
		return;
}

static void show_progress(unsigned elapsed_ms, void *arg)
{
	struct session *session = arg;
	char text[80];
	int n;

	if (elapsed_ms < PATIENCE_MS)
		return;
	n = snprintf(text, sizeof(text), "\r%s: waiting for an answer, %u s\033[K",
		     session->cmd->verb->name, elapsed_ms / 1000);
	say(text, n);
	session->progress = true;
}

static void end_progress(struct session *session)
{
	static const char clear[] = "\r\033[K";

	if (session->progress)
		say(clear, sizeof(clear) - 1);
	session->progress = false;
}

static int open_client(struct session *session, const struct command *cmd,
		       const struct pw_options *options)
{
	int err;

	*session = (struct session){ .cmd = cmd };
	err = pw_client_new(options, &session->client);
	if (err < 0) {
		log_error_errno(err, "Cannot begin");
		return STATUS_FAILED;
	}
	if (cmd->terminal->has_messages && !streq(getenv("TERM"), "dumb"))
		pw_client_on_waiting(session->client, show_progress, session);
	return 0;
}

/* An empty variable is an unset one. */
static const char *variable(const char *name)
{
	const char *value = getenv(name);

	return value && *value ? value : NULL;
}

static bool is_same_file(const char *a, const char *b)
{
	struct stat first, second;

	if (stat(a, &first) < 0 || stat(b, &second) < 0)
		return streq(a, b);
	return first.st_dev == second.st_dev && first.st_ino == second.st_ino;
}

/* The daemon's registry in its status; NULL where it cannot be told. */
static char *registry_of_daemon(struct session *session)
{
	_cleanup_(reply_freep) struct pw_reply *reply = NULL;
	_cleanup_(buffer_done) struct buffer path = { 0 };
	struct span body, registry;

	if (pw_get(session->client, API "/status", &reply) < 0)
		return NULL;
	body.at = pw_reply_body(reply, &body.size);
	registry = span_member(span_member(body, "daemon"), "registry");
	if (span_is_null(registry))
		return NULL;
	span_unescape(registry, &path);
	return path.failed ? NULL : take(path.data);
}

/* Whoever names a registry means that one, not the one that a daemon happens to have. */
static int go_by_registry(struct session *session, const char *registry)
{
	const struct command *cmd = session->cmd;
	_cleanup_(freep) char *theirs = NULL;

	if (pw_client_connect(session->client) < 0 || pw_client_is_local(session->client))
		return 0;
	theirs = registry_of_daemon(session);
	if (!theirs || is_same_file(theirs, registry))
		return 0;
	if (cmd->globals->socket) {
		log_warning("The daemon goes by %s, not by %s", theirs, registry);
		return 0;
	}
	if (cmd->terminal->has_messages)
		log_info("The daemon goes by %s; looking without it", theirs);
	session_close(session);
	return session_open_local(session, cmd, registry);
}

int session_open(struct session *session, const struct command *cmd)
{
	const struct globals *globals = cmd->globals;
	const char *registry = globals->registry;
	struct pw_options options = { .registry = registry };
	int status;

	options.socket = globals->socket ? globals->socket : variable("PORTWATCH_SOCKET");
	options.mode = globals->local ? PW_LOCAL : globals->socket ? PW_DAEMON : PW_AUTO;
	status = open_client(session, cmd, &options);
	if (!registry)
		registry = variable("PORTWATCH_REGISTRY");
	if (status == 0 && registry && !globals->local)
		status = go_by_registry(session, registry);
	return status;
}

int session_open_local(struct session *session, const struct command *cmd,
		       const char *registry)
{
	struct pw_options options = {
		.mode = PW_LOCAL,
		.registry = registry ? registry : cmd->globals->registry,
	};

	return open_client(session, cmd, &options);
}

void session_close(struct session *session)
{
	/* The command is about to end; its engine needs nobody to wait for it. */
	if (session->client)
		pw_client_abandon(session->client);
	session_end(session);
}

void session_end(struct session *session)
{
	session->client = pw_client_free(session->client);
}

void reply_freep(struct pw_reply **reply)
{
	*reply = pw_reply_free(*reply);
}

static int status_of(int err)
{
	switch (err) {
	case -EPERM:
	case -EACCES:
		return STATUS_NOT_PERMITTED;
	case -ENOENT:
		return STATUS_NOT_FOUND;
	case -EINVAL:
	case -EBADMSG:
		return STATUS_USAGE;
	case -EADDRINUSE:
		return STATUS_CONFLICT;
	case -ETIMEDOUT:
		return STATUS_TIMED_OUT;
	case -ECONNREFUSED:
		return STATUS_NO_DAEMON;
	default:
		return STATUS_FAILED;
	}
}

/* "FILE:LINE:COLUMN: " as far as they are known. */
static void add_place(const struct doc *problem, struct buffer *ret)
{
	const char *path = doc_get_string(problem, "path");
	const char *json_path = doc_get_string(problem, "json_path");
	int64_t line = doc_get_int(problem, "line", 0);

	if (path)
		buffer_puts(ret, path);
	if (path && line > 0)
		buffer_printf(ret, ":%jd:%jd", (intmax_t)line,
			      (intmax_t)doc_get_int(problem, "column", 1));
	if (path)
		buffer_puts(ret, ": ");
	if (json_path && *json_path)
		buffer_printf(ret, "%s: ", json_path);
}

/* What is missing and what helps, unless the sentence has said so. */
static void add_help(const struct doc *problem, const char *text, struct buffer *ret)
{
	const char *capability = doc_get_string(problem, "capability");
	const char *remedy = doc_get_string(problem, "remedy");

	if (capability && !strstr(text, capability))
		buffer_printf(ret, ": %s", capability);
	if (remedy && *remedy && !strstr(text, remedy))
		buffer_printf(ret, "; %s", remedy);
}

int session_complain(struct session *session, int err)
{
	const struct pw_problem *problem = pw_client_problem(session->client);
	_cleanup_(doc_freep) struct doc *doc = NULL;
	_cleanup_(buffer_done) struct buffer text = { 0 };

	end_progress(session);
	if (!*problem->text) {
		log_error_errno(err, "Cannot ask");
		return status_of(err);
	}
	if (problem->size)
		doc = doc_parse(problem->body, problem->size, NULL);
	add_place(doc, &text);
	buffer_puts(&text, problem->text);
	add_help(doc, problem->text, &text);
	log_error("%s", text.failed ? problem->text : text.data);
	return status_of(err);
}

int session_get(struct session *session, const char *path, struct pw_reply **ret)
{
	int err = pw_get(session->client, path, ret);

	if (err < 0)
		return session_complain(session, err);
	end_progress(session);
	return 0;
}

int session_request(struct session *session, const char *method, const char *path,
		    const char *body, size_t size, struct pw_reply **ret)
{
	int err = pw_request(session->client, method, path, body, size, ret);

	if (err < 0)
		return session_complain(session, err);
	end_progress(session);
	return 0;
}

int session_post(struct session *session, const char *path, const char *body, size_t size,
		 struct pw_reply **ret)
{
	return session_request(session, "POST", path, body, size, ret);
}

int session_stream(struct session *session, const char *path, struct pw_stream **ret)
{
	int err = pw_stream_open(session->client, path, ret);

	if (err < 0)
		return session_complain(session, err);
	end_progress(session);
	return 0;
}

int session_stream_post(struct session *session, const char *path, const char *body,
			size_t size, struct pw_stream **ret)
{
	int err = client_stream_post(session->client, path, body, size, ret);

	if (err < 0)
		return session_complain(session, err);
	end_progress(session);
	return 0;
}

int session_ask(const struct command *cmd, const char *path, struct pw_reply **ret)
{
	_cleanup_(session_close) struct session session = { 0 };
	int status = session_open(&session, cmd);

	return status ? status : session_get(&session, path, ret);
}

int session_show(const struct command *cmd, const char *path,
		 const struct selection *selection, size_t *ret_count)
{
	_cleanup_(reply_freep) struct pw_reply *reply = NULL;
	const char *body;
	size_t size;
	int status = session_ask(cmd, path, &reply);

	*ret_count = 0;
	if (status != 0)
		return status;
	body = pw_reply_body(reply, &size);
	return render_rows(cmd, selection, body, size, ret_count);
}
