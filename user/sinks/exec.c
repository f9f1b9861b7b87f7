// SPDX-License-Identifier: GPL-2.0-only
/*
 * A command for each alert: at most so many at once, each for a bounded time.
 *
 * One that fails has had its chance: whether what it does may be done twice is not known
 * here.
 */
#include "sinks/private.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/time.h"
#include "child/command.h"

struct run {
	struct exec_sink *exec;
	struct run *next;
	struct command *command;
	struct message *message;
	uint64_t due_ns;
};

struct exec_sink {
	struct sink sink;
	struct run *first; /* newest first */
	unsigned running;
};

static void unlink_run(struct run *run)
{
	struct run **link = &run->exec->first;

	while (*link != run)
		link = &(*link)->next;
	*link = run->next;
	run->exec->running--;
	message_free(run->message);
	free(run);
}

static void exec_pump(struct sink *sink);

static void set_timer(struct exec_sink *exec)
{
	uint64_t due_ns = UINT64_MAX, now_ns = now_mono_ns();

	for (const struct run *run = exec->first; run; run = run->next)
		due_ns = run->due_ns < due_ns ? run->due_ns : due_ns;
	if (due_ns == UINT64_MAX)
		exec->sink.state = SINK_IDLE;
	else
		sink_begin(&exec->sink,
			   due_ns > now_ns ? (due_ns - now_ns) / NS_PER_MS + 1 : 1);
}

static void on_end(void *arg, bool passed, const char *text)
{
	struct run *run = arg;
	struct exec_sink *exec = run->exec;
	struct sink *sink = &exec->sink;

	unlink_run(run);
	if (passed) {
		sink->sent++;
		sink->attempts = 0;
	} else {
		sink_note(sink, "%s: %s", sink->settings->argv[0], text);
		sink_drop(sink, 1);
	}
	exec_pump(sink);
}

static int start(struct exec_sink *exec, struct message *message)
{
	const struct sink_settings *settings = exec->sink.settings;
	const struct command_order order = {
		.argv = settings->argv,
		.env = message->env,
		.user = settings->user,
		.input = message->text,
		.input_size = message->size,
	};
	struct run *run = calloc(1, sizeof(*run));
	int err;

	if (!run)
		return -ENOMEM;
	run->exec = exec;
	err = command_start(exec->sink.timer.loop, &order, on_end, run, &run->command);
	if (err < 0) {
		free(run);
		return err;
	}
	run->message = message;
	run->due_ns = now_mono_ns() + settings->timeout_ms * NS_PER_MS;
	run->next = exec->first;
	exec->first = run;
	exec->running++;
	return 0;
}

static void exec_pump(struct sink *sink)
{
	struct exec_sink *exec = (struct exec_sink *)sink;
	const struct sink_settings *settings = sink->settings;

	while (sink->queue.first && exec->running < settings->max_running) {
		struct message *message = queue_take(&sink->queue);
		int err = start(exec, message);

		if (err == 0)
			continue;
		if (err == -ESRCH)
			sink_note(sink, "there is no user %s", settings->user);
		else
			sink_note(sink, "cannot start %s: %s", settings->argv[0],
				  strerror(-err));
		message_free(message);
		sink_drop(sink, 1);
	}
	set_timer(exec);
}

static void exec_overdue(struct sink *sink)
{
	struct exec_sink *exec = (struct exec_sink *)sink;
	uint64_t now_ns = now_mono_ns();
	struct run *next;

	for (struct run *run = exec->first; run; run = next) {
		next = run->next;
		if (run->due_ns > now_ns)
			continue;
		command_kill(run->command);
		unlink_run(run);
		sink_note(sink, "%s: no end within %g s", sink->settings->argv[0],
			  (double)sink->settings->timeout_ms / 1000);
		sink_drop(sink, 1);
	}
	exec_pump(sink);
}

static int exec_encode(const struct sink *sink, const struct event *event,
		       const struct viewer *viewer, struct message *message)
{
	(void)sink;
	message->text = message_alert(event, viewer);
	message->size = message->text ? strlen(message->text) : 0;
	return message->text ? message_variables(event, viewer, &message->env) : -ENOMEM;
}

/* Others are running: one more may be all the same.  Not from here, since to start a
 * program takes a while. */
static void exec_more(struct sink *sink)
{
	if (((struct exec_sink *)sink)->running < sink->settings->max_running)
		sink_begin(sink, 1);
}

static void exec_leave(struct sink *sink)
{
	struct exec_sink *exec = (struct exec_sink *)sink;

	while (exec->first) {
		command_kill(exec->first->command);
		unlink_run(exec->first);
	}
}

static size_t exec_queued(const struct sink *sink)
{
	return ((const struct exec_sink *)sink)->running;
}

const struct sink_ops exec_sink_ops = {
	.size = sizeof(struct exec_sink),
	.encode = exec_encode,
	.pump = exec_pump,
	.more = exec_more,
	.overdue = exec_overdue,
	.leave = exec_leave,
	.queued = exec_queued,
};
