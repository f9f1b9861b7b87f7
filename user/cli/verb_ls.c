// SPDX-License-Identifier: GPL-2.0-only
#include <stdint.h>
#include <string.h>

#include "cli/render.h"
#include "cli/session.h"
#include "cli/socket_columns.h"
#include "cli/target.h"

static const struct view view = { .key = "sockets",
				  .columns = socket_columns,
				  .nothing = "No socket is bound that the filter lets "
					     "through" };

static const char *const filters[] = { "port=", "proto=",   "state=", "pid=",
				       "user=", "service=", "netns=", NULL };

static int check_filter(const struct command *cmd, const char *key, const char *value)
{
	static const char *const protos[] = { "tcp", "udp", NULL };
	static const char *const states[] = { "bound", "listening", "connected", NULL };
	char error[TARGET_ERROR];
	uint64_t pid;

	if (streq(key, "port=") && target_check_ports(value, error, sizeof(error)) < 0)
		return usage_error(cmd->verb, "%s", error);
	if (streq(key, "pid=") && (parse_u64(value, INT32_MAX, &pid) < 0 || pid == 0))
		return usage_error(cmd->verb, "'%s' is no process id", value);
	if (streq(key, "proto=") && !strv_contains((char *const *)protos, value))
		return usage_error(cmd->verb, "'%s' is no protocol: tcp or udp", value);
	if (streq(key, "state=") && !strv_contains((char *const *)states, value))
		return usage_error(cmd->verb,
				   "'%s' is no state: bound, listening or connected",
				   value);
	if (!*value)
		return usage_error(cmd->verb, "%s needs a value", key);
	return 0;
}

static void add_separator(struct buffer *query)
{
	if (!query->failed)
		buffer_puts(query, strchr(query->data, '?') ? "&" : "?");
}

/* "port=80" becomes "&port=80", or "?port=80" where it is the first. */
static int add_filter(const struct command *cmd, const char *word, struct buffer *query)
{
	_cleanup_(freep) char *value = NULL;
	int status;

	for (size_t i = 0; filters[i]; i++) {
		if (!starts_with(word, filters[i]))
			continue;
		word += strlen(filters[i]);
		status = check_filter(cmd, filters[i], word);
		if (status != 0)
			return status;
		value = pw_percent_encode(word);
		add_separator(query);
		buffer_printf(query, "%s%s", filters[i], value ? value : "");
		return 0;
	}
	return usage_error(cmd->verb,
			   "'%s' is no filter: port=, proto=, state=, pid=, user=, "
			   "service= or netns=",
			   word);
}

/* The members that the selected columns are found in, each once. */
static void add_fields(const struct command *cmd, const struct selection *selection,
		       struct buffer *query)
{
	const char *paths[PATHS_MAX];
	size_t n = selection_paths(cmd, selection, paths) - 1;

	if (!selection->sort)
		n--;
	add_separator(query);
	buffer_puts(query, "fields=");
	for (size_t i = 0; i < n; i++) {
		size_t size = strcspn(paths[i], "."), k = 0;

		while (k < i && (strncmp(paths[k], paths[i], size) != 0 ||
				 strcspn(paths[k], ".") != size))
			k++;
		if (k == i)
			buffer_printf(query, "%s%.*s", i ? "," : "", (int)size, paths[i]);
	}
}

static int run(const struct command *cmd)
{
	_cleanup_(buffer_done) struct buffer query = { 0 };
	enum format format = (enum format)cmd->globals->format;
	struct selection selection;
	size_t count;
	int status = selection_make(cmd, &view, &selection);

	if (status != 0)
		return status;
	buffer_puts(&query, API "/sockets");
	/* What is not printed need not be found out, which is most of the work.  A whole
	 * document or line has everything. */
	if (selection.asked || (format != FORMAT_JSON && format != FORMAT_JSONL))
		add_fields(cmd, &selection, &query);
	for (size_t i = 0; i < cmd->n_args && status == 0; i++)
		status = add_filter(cmd, cmd->args[i], &query);
	if (status != 0)
		return status;
	return session_show(cmd, query.data, &selection, &count);
}

const struct verb verb_ls = {
	.name = "ls",
	.arguments = "[FILTER…]",
	.summary = "list every bound socket on the host, with who holds it",
	.details = "Filters, all of which must hold:\n"
		   "\n"
		   "  port=PORT, port=LOW-HIGH   proto=tcp|udp   "
		   "state=bound|listening|connected\n"
		   "  pid=N   user=NAME|UID   service=NAME   netns=INODE\n"
		   "\n"
		   "  portwatch ls port=8000-8100 proto=tcp\n"
		   "  portwatch ls -o csv --fields port,pid,process --sort port:desc\n",
	.max_args = 64,
	.takes = TAKES_FILTERS,
	.words = filters,
	.has_rows = true,
	.run = run,
};
