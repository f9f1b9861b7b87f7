// SPDX-License-Identifier: GPL-2.0-only
#include "cli/launch_run.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/files.h"
#include "base/log.h"
#include "base/time.h"
#include "cli/render.h"
#include "cli/service_columns.h"
#include "cli/signals.h"
#include "client/client_private.h"

enum { STOP_PATIENCE_MS = 120000 };

struct run {
	struct session *session;
	const struct launch_ask *ask;
	struct pw_stream *stream;
	int signals;
	uint64_t began_ns;
	struct doc *done; /* the whole, at its end; NULL */
	char **names;     /* of all that were meant: a strv */
	bool interrupted;
};

/* -- Asking ---------------------------------------------------------------------------
 */

static void add_list(struct doc *names, const char *list)
{
	while (list && *list) {
		size_t n = strcspn(list, ",");
		_cleanup_(freep) char *name = strndup(list, n);

		if (n > 0)
			doc_append_string(names, name);
		list += n + (list[n] == ',');
	}
}

char *launch_body(const struct launch_ask *ask, size_t *ret_size)
{
	_cleanup_(doc_freep) struct doc *body = doc_object();
	struct doc *names = doc_array();

	for (size_t i = 0; i < ask->n_names; i++)
		doc_append_string(names, ask->names[i]);
	add_list(names, ask->services);
	doc_set(body, "names", names);
	doc_set_bool(body, "no_deps", ask->no_deps);
	doc_set_bool(body, "check_only", ask->check_only);
	if (ask->on_conflict)
		doc_set(body, "on_conflict", doc_copy(ask->on_conflict));
	return doc_print(body, false, ret_size);
}

static int begin(struct run *run)
{
	_cleanup_(buffer_done) struct buffer path = { 0 };
	_cleanup_(freep) char *body = NULL;
	size_t size;

	buffer_printf(&path, "%s?stream=1", run->ask->path);
	body = launch_body(run->ask, &size);
	if (!body || path.failed) {
		log_error("Out of memory");
		return STATUS_FAILED;
	}
	run->began_ns = now_mono_ns();
	return session_stream_post(run->session, path.data, body, size, &run->stream);
}

/* -- Following ------------------------------------------------------------------------
 */

static void say_step(struct run *run, const struct doc *step)
{
	const char *name = doc_get_string(step, "service");
	const char *state = doc_get_string(step, "state");
	const char *reason = doc_get_string(step, "reason");
	int64_t pid = doc_get_int(step, "pid", 0), port = doc_get_int(step, "port", 0);
	_cleanup_(buffer_done) struct buffer text = { 0 };
	double seconds = (double)(now_mono_ns() - run->began_ns) / 1e9;

	if (!name || !state || streq(state, "waiting"))
		return;
	buffer_printf(&text, "%s: %s", name, state);
	if (reason)
		buffer_printf(&text, ": %s", reason);
	else if (port > 0 && pid > 0 && streq(state, "ready"))
		buffer_printf(&text, ", port %jd, pid %jd", (intmax_t)port,
			      (intmax_t)pid);
	if (!streq(state, "starting") && !streq(state, "stopping"))
		buffer_printf(&text, " (%.1f s)", seconds);
	if (text.failed)
		return;
	if (streq(state, "failed"))
		log_error("%s", text.data);
	else
		log_info("%s", text.data);
}

static void take_item(struct run *run, const struct pw_item *item)
{
	_cleanup_(doc_freep) struct doc *doc = doc_parse(item->data, item->size, NULL);

	if (streq(item->type, "step"))
		say_step(run, doc);
	else if (streq(item->type, "done") && !run->done)
		run->done = take(doc);
}

/* Until there is something to read, or a signal. */
static void wait_for_news(struct run *run)
{
	struct pollfd fds[] = {
		{ .fd = pw_stream_fd(run->stream), .events = POLLIN },
		{ .fd = run->signals, .events = POLLIN },
	};

	if (poll(fds, 2, -1) > 0 && fds[1].revents)
		run->interrupted = true;
}

/* 0 at the end of the stream or a signal, or an enum exit_status. */
static int follow(struct run *run, void (*take_one)(struct run *, const struct pw_item *))
{
	struct pw_item item;
	int n;

	while (!run->interrupted) {
		n = pw_stream_next(run->stream, &item);
		if (n > 0)
			take_one(run, &item);
		else if (n == -ENODATA)
			break;
		else if (n < 0)
			return session_complain(run->session, n);
		else
			wait_for_news(run);
	}
	return 0;
}

/* -- The end --------------------------------------------------------------------------
 */

static int status_of(const struct doc *done)
{
	static const struct {
		const char *outcome;
		int status;
	} table[] = {
		{ "done", STATUS_DONE },
		{ "partly", STATUS_PARTLY },
		{ "conflict", STATUS_CONFLICT },
	};
	const char *outcome = doc_get_string(done, "outcome");

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (streq(table[i].outcome, outcome))
			return table[i].status;
	return STATUS_FAILED;
}

static int show_status(struct run *run)
{
	static const struct view view = { .key = "services",
					  .columns = service_status_columns };
	_cleanup_(reply_freep) struct pw_reply *reply = NULL;
	const struct command *cmd = run->session->cmd;
	const struct doc *steps = doc_get(run->done, "services");
	struct selection selection;
	const char *body;
	size_t size;
	int status = selection_make(cmd, &view, &selection);

	for (const struct doc *s = doc_first(steps); s; s = doc_next(s))
		if (strv_append(&run->names, doc_get_string(s, "service")) < 0)
			return STATUS_FAILED;
	if (status == 0 && !run->names)
		return STATUS_DONE;
	if (status == 0)
		status = session_get(run->session, API "/status", &reply);
	if (status != 0)
		return status;
	selection.names = run->names;
	body = pw_reply_body(reply, &size);
	return render_rows(cmd, &selection, body, size, NULL);
}

static void say_event(struct run *run, const struct pw_item *item)
{
	_cleanup_(doc_freep) struct doc *doc = doc_parse(item->data, item->size, NULL);
	const char *reason = doc_get_string(doc, "reason");
	const char *name = doc_get_string(doc, "service");
	const char *message = doc_get_string(doc_get(doc, "alert"), "message");

	(void)run;
	if (starts_with(item->type, "service.") && name)
		log_info("%s: %s%s%s", name, item->type + strlen("service."),
			 reason ? ": " : "", reason ? reason : "");
	else if (message && streq(item->type, "alert.firing"))
		log_warning("%s", message);
}

static bool any_runs(const struct doc *done)
{
	const struct doc *steps = doc_get(done, "services");

	for (const struct doc *s = doc_first(steps); s; s = doc_next(s))
		if (doc_get_int(s, "pid", 0) > 0)
			return true;
	return false;
}

/* The services are children of an engine that ends with this command. */
static int stay(struct run *run)
{
	int status;

	log_info("No daemon answers, so that the services end with this command: Ctrl-C "
		 "stops them");
	run->stream = pw_stream_close(run->stream);
	status = session_stream(
		run->session, API "/events?snapshot=0&types=service,alert", &run->stream);
	return status == 0 ? follow(run, say_event) : status;
}

static void have_stopped(struct run *run)
{
	log_info("Stopping the services");
	client_be_patient(run->session->client, STOP_PATIENCE_MS);
	run->stream = pw_stream_close(run->stream);
	session_end(run->session);
	log_info("Stopped");
}

static int finish(struct run *run)
{
	bool local = pw_client_is_local(run->session->client);
	int status, shown;

	if (run->interrupted && local) {
		have_stopped(run);
		return STATUS_FAILED;
	}
	if (run->interrupted) {
		log_info("The daemon goes on with it; 'portwatch down' stops it");
		return STATUS_FAILED;
	}
	if (!run->done) {
		log_error("The answer broke off");
		return STATUS_FAILED;
	}
	run->stream = pw_stream_close(run->stream);
	status = status_of(run->done);
	shown = show_status(run);
	fflush(stdout);
	if (shown != STATUS_DONE && status == STATUS_DONE)
		status = shown;
	if (!local || !any_runs(run->done))
		return status;
	shown = stay(run);
	have_stopped(run);
	return shown != STATUS_DONE ? shown : status;
}

int launch_run(struct session *session, const struct launch_ask *ask)
{
	struct run run = { .session = session,
			   .ask = ask,
			   .signals = signals_open_ending() };
	int status = run.signals < 0 ? STATUS_FAILED : begin(&run);

	if (status == 0)
		status = follow(&run, take_item);
	if (status == 0)
		status = finish(&run);
	pw_stream_close(run.stream);
	session_end(session);
	doc_free(run.done);
	strv_free(run.names);
	close_fd(run.signals);
	return status;
}
