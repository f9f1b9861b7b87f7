// SPDX-License-Identifier: GPL-2.0-only
#include <string.h>

#include "base/log.h"
#include "cli/alert_text.h"
#include "cli/render.h"
#include "cli/session.h"

enum { NAME_WIDTH = 34 };

/* clang-format off */
static const struct column columns[] = {
	{ .name = "name", .header = "NAME", .flags = COLUMN_SHOWN },
	{ .name = "ok", .header = "OK", .flags = COLUMN_SHOWN, .show = show_bool },
	{ .name = "in_use", .header = "IN_USE", .flags = COLUMN_SHOWN, .show = show_bool },
	{ .name = "what", .header = "WHAT", .flags = COLUMN_SHOWN },
	{ .name = "reason", .header = "REASON", .flags = COLUMN_SHOWN },
	{ .name = "remedy", .header = "REMEDY", .flags = COLUMN_SHOWN },
	{ 0 },
};
/* clang-format on */

static const struct view view = { .key = "findings", .columns = columns };

/* "tp_btf/sched_process_exit", "syscalls:sys_exit_bind": a hook, not a mount. */
static bool is_hook(const char *name)
{
	return name && strpbrk(name, "/:") && !strchr(name, ' ');
}

static const char *mark_of(const struct terminal *terminal, bool ok)
{
	if (terminal->utf8)
		return ok ? "\u2713" : "\u2717";
	return ok ? "ok  " : "FAIL";
}

static void add_finding(const struct terminal *terminal, const struct doc *finding,
			struct buffer *ret)
{
	bool ok = doc_get_bool(finding, "ok", false);
	enum tone tone = ok ? TONE_GOOD : TONE_BAD;
	const char *reason = doc_get_string(finding, "reason");
	size_t start, width;

	buffer_printf(ret, "%s%s%s ", tone_begin(terminal, tone), mark_of(terminal, ok),
		      tone_end(terminal, tone));
	start = ret->size;
	member_text_add(finding, "name", "-", ret);
	width = ret->failed ? 0 : text_width(ret->data + start, ret->size - start);
	buffer_printf(ret, "%*s  ", width < NAME_WIDTH ? (int)(NAME_WIDTH - width) : 0,
		      "");
	member_text_add(finding, "what", "", ret);
	if (doc_get_bool(finding, "in_use", false) &&
	    is_hook(doc_get_string(finding, "name")))
		buffer_puts(ret, " (in use)");
	if (reason) {
		buffer_puts(ret, ": ");
		member_text_add(finding, "reason", "", ret);
	}
	buffer_puts(ret, "\n");
	if (ok || !doc_get_string(finding, "remedy"))
		return;
	buffer_puts(ret, "      remedy: ");
	member_text_add(finding, "remedy", "", ret);
	buffer_puts(ret, "\n");
}

static bool is_needed(const char *name)
{
	static const char *const needed[] = { "BPF",         "BTF",           "CAP_BPF",
					      "CAP_PERFMON", "CAP_NET_ADMIN", NULL };

	return name && strv_contains((char *const *)needed, name);
}

/* Can events be had, and if not, would a privilege help? */
static int verdict(const struct doc *doc)
{
	const struct doc *findings = doc_get(doc, "findings");
	bool hooks = false, missing = false;

	for (const struct doc *f = doc_first(findings); f; f = doc_next(f)) {
		const char *name = doc_get_string(f, "name");
		bool ok = doc_get_bool(f, "ok", false);

		if (is_needed(name) && !ok && starts_with(name, "CAP_"))
			return STATUS_NOT_PERMITTED;
		missing |= is_needed(name) && !ok;
		hooks |= is_hook(name) && ok;
	}
	return hooks && !missing ? STATUS_DONE : STATUS_FAILED;
}

static void add_summary(const struct doc *doc, struct buffer *ret)
{
	const char *failures = doc_get_string(doc, "bind_failures");

	buffer_puts(ret, "\nKernel ");
	member_text_add(doc, "kernel", "unknown", ret);
	if (verdict(doc) == STATUS_DONE)
		buffer_puts(ret, ": events can be had as they happen");
	else
		buffer_puts(ret, ": no events; the host is looked at now and then");
	if (failures && !streq(failures, "none"))
		buffer_printf(ret, "; failed binds are learned by %s", failures);
	buffer_puts(ret, "\n");
}

static int print_list(const struct command *cmd, const struct doc *doc)
{
	const struct doc *findings = doc_get(doc, "findings");
	_cleanup_(buffer_done) struct buffer out = { 0 };

	for (const struct doc *f = doc_first(findings); f; f = doc_next(f))
		add_finding(cmd->terminal, f, &out);
	add_summary(doc, &out);
	return output_buffer(&out);
}

static int run(const struct command *cmd)
{
	_cleanup_(reply_freep) struct pw_reply *reply = NULL;
	_cleanup_(doc_freep) struct doc *doc = NULL;
	struct selection selection;
	const char *body;
	size_t size, count;
	int status = selection_make(cmd, &view, &selection);

	if (status == 0)
		status = session_ask(cmd, API "/doctor", &reply);
	if (status != 0)
		return status;
	body = pw_reply_body(reply, &size);
	doc = doc_parse(body, size, NULL);
	if (cmd->globals->format == FORMAT_TABLE && !selection.asked && doc)
		status = print_list(cmd, doc);
	else
		status = render_rows(cmd, &selection, body, size, &count);
	return status ? status : finding(cmd, verdict(doc));
}

const struct verb verb_doctor = {
	.name = "doctor",
	.arguments = "",
	.summary = "what this host lets portwatch see, and what would help",
	.details = "Exits 0 where events can be had as they happen, 4 where a capability "
		   "is\n"
		   "missing for that, else 1.\n",
	.has_rows = true,
	.run = run,
};
