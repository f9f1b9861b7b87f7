// SPDX-License-Identifier: GPL-2.0-only
#include "cli/render.h"
#include "cli/session.h"

static int run(const struct command *cmd)
{
	_cleanup_(reply_freep) struct pw_reply *reply = NULL;
	enum format output = (enum format)cmd->globals->format;
	const char *body;
	size_t size;
	int status;

	if (output == FORMAT_CSV || output == FORMAT_JSONL)
		return usage_error(cmd->verb, "a page of text has no rows for -o %s",
				   format_names[output]);
	status = session_ask(
		cmd, output == FORMAT_JSON ? API "/report?format=json" : API "/report",
		&reply);
	if (status != 0)
		return status;
	body = pw_reply_body(reply, &size);
	if (output == FORMAT_JSON)
		return render_document(cmd, body, size);
	return output_write(body, size, NULL);
}

const struct verb verb_report = {
	.name = "report",
	.arguments = "",
	.summary = "everything on one page of text, to mail or paste",
	.details = "Its first line says whether all is well.  Then alerts with their "
		   "fixes,\n"
		   "services, ports of no service, allocations, what has ended lately, "
		   "and what\n"
		   "portwatch goes without and has lost.  No secrets are in it.\n"
		   "-o json wraps the text: well (a boolean), summary (the first line), "
		   "text.\n",
	.run = run,
};
