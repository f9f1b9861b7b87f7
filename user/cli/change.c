// SPDX-License-Identifier: GPL-2.0-only
#include "cli/change.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "cli/render.h"

#define SHOWN COLUMN_SHOWN

/* clang-format off */
static const struct column columns[] = {
	{ .name = "name", .header = "NAME", .flags = SHOWN },
	{ .name = "change", .header = "CHANGE", .flags = SHOWN },
	{ .name = "port", .header = "PORT", .flags = SHOWN | COLUMN_RIGHT },
	{ .name = "previous_port", .header = "PREVIOUS_PORT",
	  .flags = SHOWN | COLUMN_RIGHT },
	{ .name = "registry", .header = "REGISTRY", .flags = SHOWN },
	{ .name = "notes", .header = "NOTES", .flags = COLUMN_WIDE, .show = show_list },
	{ 0 },
};
/* clang-format on */

static const struct view view = { .key = "changes", .columns = columns };

/* "goblin: port 8767 becomes 9000, in /etc/portwatch/registry.json" */
static void add_sentence(const struct change *change, const struct doc *answer,
			 struct buffer *ret)
{
	const char *registry = doc_get_string(answer, "registry");
	const char *name = doc_get_string(answer, "name");
	_cleanup_(freep) char *path = terminal_escape(registry ? registry : "?");
	int64_t port = doc_get_int(answer, "port", 0);
	int64_t previous = doc_get_int(answer, "previous_port", 0);

	buffer_printf(ret, "%s: ", name ? name : "?");
	if (streq(doc_get_string(answer, "change"), "unchanged"))
		buffer_puts(ret, "is so already");
	else if (previous)
		buffer_printf(ret, "port %jd becomes %jd", (intmax_t)previous,
			      (intmax_t)port);
	else if (port)
		buffer_printf(ret, "%s, port %jd", change->done, (intmax_t)port);
	else
		buffer_puts(ret, change->done);
	buffer_printf(ret, ", in %s\n", path ? path : "?");
}

static void say_notes(const struct doc *answer)
{
	const struct doc *notes = doc_get(answer, "notes");
	const char *name = doc_get_string(answer, "name");

	for (const struct doc *note = doc_first(notes); note; note = doc_next(note))
		log_info("%s: %s", name ? name : "?",
			 doc_string(note) ? doc_string(note) : "?");
}

static int print_sentences(const struct change *change, const struct doc *answers)
{
	_cleanup_(buffer_done) struct buffer out = { 0 };
	const struct doc *all = doc_get(answers, view.key);

	for (const struct doc *a = doc_first(all); a; a = doc_next(a)) {
		add_sentence(change, a, &out);
		say_notes(a);
	}
	return output_buffer(&out);
}

static int print(const struct command *cmd, const struct change *change,
		 const struct selection *selection, const struct doc *answers)
{
	_cleanup_(freep) char *text = NULL;
	size_t size;

	if (cmd->globals->format == FORMAT_TABLE && !selection->asked)
		return print_sentences(change, answers);
	text = doc_print(answers, false, &size);
	if (!text) {
		log_error_errno(-ENOMEM, "Cannot print");
		return STATUS_FAILED;
	}
	return render_rows(cmd, selection, text, size, NULL);
}

static int ask(struct session *session, const struct change *change, const char *name,
	       struct doc *answers)
{
	_cleanup_(reply_freep) struct pw_reply *reply = NULL;
	_cleanup_(freep) char *body = NULL;
	struct doc *answer;
	const char *text;
	char path[256];
	size_t size;
	int status;

	body = doc_print(change->body, false, &size);
	if (!body) {
		log_error_errno(-ENOMEM, "Cannot ask");
		return STATUS_FAILED;
	}
	snprintf(path, sizeof(path), API "/services/%s%s", name, change->suffix);
	status = session_request(session, change->method, path, body, size, &reply);
	if (status != 0)
		return status;
	text = pw_reply_body(reply, &size);
	answer = doc_parse(text, size, NULL);
	if (!answer) {
		log_error("The answer is no JSON");
		return STATUS_FAILED;
	}
	doc_append(answers, answer);
	return 0;
}

int change_run(const struct command *cmd, const struct change *change, char *const *names,
	       size_t n)
{
	_cleanup_(session_close) struct session session = { 0 };
	_cleanup_(doc_freep) struct doc *answers = doc_schema("changes");
	struct doc *list = doc_array();
	struct selection selection;
	int status, failed = 0;

	doc_set(answers, view.key, list);
	status = usage_check_names(cmd->verb, names, n);
	if (status == 0)
		status = selection_make(cmd, &view, &selection);
	if (status == 0)
		status = session_open(&session, cmd);
	if (status != 0)
		return status;
	for (size_t i = 0; i < n; i++) {
		status = ask(&session, change, names[i], list);
		if (status != 0)
			failed = status;
	}
	if (doc_count(list) == 0)
		return failed;
	status = print(cmd, change, &selection, answers);
	return status ? status : failed ? STATUS_PARTLY : STATUS_DONE;
}
