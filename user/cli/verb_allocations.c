// SPDX-License-Identifier: GPL-2.0-only
/* `allocations` and `release`: what is handed out, and giving it back. */
#include "cli/verb_allocations.h"

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "cli/target.h"

#define SHOWN COLUMN_SHOWN
#define WIDE COLUMN_WIDE

/* clang-format off */
static const struct column columns[] = {
	{ .name = "port", .header = "PORT", .flags = SHOWN | COLUMN_RIGHT },
	{ .name = "proto", .header = "PROTO", .flags = WIDE },
	{ .name = "service", .path = "service_name", .header = "SERVICE", .flags = SHOWN },
	{ .name = "state", .path = "health_status", .header = "STATE",
	  .flags = SHOWN | COLUMN_TONED },
	{ .name = "pid", .header = "PID", .flags = SHOWN | COLUMN_RIGHT },
	{ .name = "requests", .path = "request_count", .header = "REQUESTS",
	  .flags = SHOWN | COLUMN_RIGHT },
	{ .name = "errors", .path = "error_count", .header = "ERRORS",
	  .flags = WIDE | COLUMN_RIGHT },
	{ .name = "started_by", .header = "STARTED_BY",
	  .flags = SHOWN | COLUMN_CUT | COLUMN_SPARE, .width = 0.1 },
	{ .name = "purpose", .header = "PURPOSE",
	  .flags = SHOWN | COLUMN_CUT | COLUMN_SPARE, .width = 0.2 },
	{ .name = "allocated", .path = "allocated_at", .header = "ALLOCATED",
	  .flags = SHOWN, .show = show_time },
	{ .name = "claimed", .path = "claimed_at", .header = "CLAIMED", .flags = WIDE,
	  .show = show_time },
	{ .name = "expires", .path = "expires_at", .header = "EXPIRES",
	  .flags = SHOWN | COLUMN_SPARE, .show = show_time },
	{ 0 },
};
/* clang-format on */

const struct view allocations_view = { .key = "allocations",
				       .columns = columns,
				       .nothing = "No port is allocated" };

bool allocations_in_words(const struct command *cmd)
{
	return cmd->globals->format == FORMAT_TABLE && !cmd->globals->fields;
}

int allocations_print(const struct command *cmd, const struct selection *selection,
		      struct doc *array)
{
	_cleanup_(doc_freep) struct doc *doc = doc_schema("allocations");
	_cleanup_(freep) char *text = NULL;
	size_t size;

	doc_set(doc, "allocations", array);
	text = doc_print(doc, false, &size);
	if (!text) {
		log_error("Out of memory");
		return STATUS_FAILED;
	}
	return render_rows(cmd, selection, text, size, NULL);
}

static int run_allocations(const struct command *cmd)
{
	struct selection selection;
	size_t count;
	int status = selection_make(cmd, &allocations_view, &selection);

	if (status != 0)
		return status;
	return session_show(cmd, API "/allocations", &selection, &count);
}

const struct verb verb_allocations = {
	.name = "allocations",
	.arguments = "",
	.summary = "list the ports that are allocated, to whom, since when",
	.details = "The state is pending until a process binds the port, then active; "
		   "dead,\n"
		   "orphaned or not_listening where that process has let go of it.\n",
	.has_rows = true,
	.run = run_allocations,
};

/* -- release --------------------------------------------------------------------------
 */

/* ":8000-8100/udp" */
static bool port_matches(const char *target, const struct doc *alloc)
{
	int64_t port = doc_get_int(alloc, "port", 0);
	const char *slash = strchr(target, '/');
	unsigned low = 0, high = 0;
	int n = sscanf(target + 1, "%u-%u", &low, &high);

	if (slash && !streq(slash + 1, doc_get_string(alloc, "proto")))
		return false;
	return port >= low && port <= (n == 2 ? high : low);
}

static bool target_matches(enum target_kind kind, const char *target,
			   const struct doc *alloc)
{
	uint64_t pid;

	switch (kind) {
	case TARGET_PORTS:
		return port_matches(target, alloc);
	case TARGET_PROCESS:
		return parse_u64(target + 4, INT32_MAX, &pid) == 0 &&
		       doc_get_int(alloc, "pid", 0) == (int64_t)pid;
	case TARGET_SERVICE:
		return streq(doc_get_string(alloc, "service_name"), target);
	}
	return false;
}

struct releasing {
	struct session session;
	struct doc *released; /* array */
	size_t found, failed;
	int status; /* of the last failure */
};

static void release(struct releasing *r, const struct doc *alloc)
{
	_cleanup_(reply_freep) struct pw_reply *reply = NULL;
	_cleanup_(doc_freep) struct doc *answer = NULL;
	const char *proto = doc_get_string(alloc, "proto"), *body;
	char path[80];
	size_t size;
	int status;

	snprintf(path, sizeof(path), API "/allocations/%jd?proto=%s",
		 (intmax_t)doc_get_int(alloc, "port", 0),
		 streq(proto, "udp") ? "udp" : "tcp");
	r->found++;
	status = session_request(&r->session, "DELETE", path, "{}", 2, &reply);
	if (status != 0) {
		r->failed++;
		r->status = status;
		return;
	}
	body = pw_reply_body(reply, &size);
	answer = doc_parse(body, size, NULL);
	doc_append(r->released, doc_copy(doc_get(answer, "allocation")));
}

static int print_released(const struct command *cmd, const struct selection *selection,
			  struct releasing *r)
{
	_cleanup_(buffer_done) struct buffer out = { 0 };

	if (!allocations_in_words(cmd))
		return allocations_print(cmd, selection, take(r->released));
	for (const struct doc *a = doc_first(r->released); a; a = doc_next(a)) {
		const char *name = doc_get_string(a, "service_name");

		buffer_printf(&out, "Released port %jd of %s\n",
			      (intmax_t)doc_get_int(a, "port", 0), name ? name : "?");
	}
	return out.size ? output_buffer(&out) : STATUS_DONE;
}

static int release_all(const struct command *cmd, struct releasing *r)
{
	_cleanup_(reply_freep) struct pw_reply *reply = NULL;
	_cleanup_(doc_freep) struct doc *doc = NULL;
	const char *target = cmd->args[0], *body;
	char error[TARGET_ERROR];
	enum target_kind kind;
	size_t size;
	int status;

	if (target_check(target, &kind, error, sizeof(error)) < 0)
		return usage_error(cmd->verb, "%s", error);
	status = session_open(&r->session, cmd);
	if (status == 0)
		status = session_get(&r->session, API "/allocations", &reply);
	if (status != 0)
		return status;
	body = pw_reply_body(reply, &size);
	doc = doc_parse(body, size, NULL);
	for (const struct doc *a = doc_first(doc_get(doc, "allocations")); a;
	     a = doc_next(a))
		if (target_matches(kind, target, a))
			release(r, a);
	if (r->found > 0)
		return 0;
	log_error("Nothing is allocated to %s", target);
	return STATUS_NOT_FOUND;
}

static int run_release(const struct command *cmd)
{
	struct releasing r = { .released = doc_array() };
	struct selection selection;
	int status = selection_make(cmd, &allocations_view, &selection);

	if (status == 0)
		status = release_all(cmd, &r);
	if (status == 0 && r.failed < r.found)
		status = print_released(cmd, &selection, &r);
	if (status == 0 && r.failed > 0)
		status = r.failed < r.found ? STATUS_PARTLY : r.status;
	doc_free(r.released);
	session_close(&r.session);
	return status;
}

const struct verb verb_release = {
	.name = "release",
	.arguments = "TARGET",
	.summary = "give ports back that were allocated",
	.details =
		"TARGET is NAME for all that it was allocated, :PORT, :LOW-HIGH, "
		":PORT/udp or\n"
		"pid:N.  No process is ended, and what holds a port keeps it.  Exits 3 "
		"where\n"
		"nothing of that is allocated.\n",
	.min_args = 1,
	.max_args = 1,
	.takes = TAKES_SERVICES,
	.has_rows = true,
	.run = run_release,
};
