// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/files.h"
#include "base/log.h"
#include "cli/render.h"
#include "cli/session.h"
#include "json/doc.h"

enum { FILE_MAX = 16 * 1024 * 1024 };

static const char starter[] = "{\n"
			      "  \"settings\": {\n"
			      "    \"port_range\": \"8000-8100\",\n"
			      "    \"unregistered\": \"off\"\n"
			      "  },\n"
			      "  \"services\": [\n"
			      "    {\n"
			      "      \"name\": \"example\",\n"
			      "      \"port\": 8765,\n"
			      "      \"environment\": \"development\",\n"
			      "      \"description\": \"A file server, for a start\",\n"
			      "      \"process_name\": \"python\",\n"
			      "      \"startup_cmd\": \"python3 -m http.server 8765\",\n"
			      "      \"health_endpoint\": \"http://localhost:8765/\",\n"
			      "      \"enabled\": true\n"
			      "    }\n"
			      "  ]\n"
			      "}\n";

/* The registry as the daemon has it, or as an engine of its own reads @file. */
static int get_config(const struct command *cmd, const char *file,
		      struct session *session, struct pw_reply **ret)
{
	int status = file ? session_open_local(session, cmd, file)
			  : session_open(session, cmd);

	return status ? status : session_get(session, API "/config", ret);
}

static const char *plural(size_t n)
{
	return n == 1 ? "" : "s";
}

static int print_check(const struct doc *doc)
{
	const struct doc *registry = doc_get(doc, "registry");
	const struct doc *warnings = doc_get(doc, "warnings");
	size_t services = doc_count(doc_get(registry, "services"));
	size_t allocations = doc_count(doc_get(registry, "allocations"));
	const char *path = doc_get_string(doc, "path");
	_cleanup_(freep) char *safe = terminal_escape(path ? path : "the registry");
	_cleanup_(buffer_done) struct buffer out = { 0 };

	for (const struct doc *w = doc_first(warnings); w; w = doc_next(w))
		if (doc_string(w))
			log_warning("%s: warning: %s", path ? path : "the registry",
				    doc_string(w));
	buffer_printf(&out, "%s: %zu service%s, %zu allocation%s: ok\n",
		      safe ? safe : "?", services, plural(services), allocations,
		      plural(allocations));
	return output_buffer(&out);
}

static int run_check(const struct command *cmd, const char *file)
{
	_cleanup_(session_close) struct session session = { 0 };
	_cleanup_(reply_freep) struct pw_reply *reply = NULL;
	_cleanup_(doc_freep) struct doc *doc = NULL;
	const char *body;
	size_t size;
	/* What is on the disk now, not what a daemon read some time ago. */
	int status = session_open_local(&session, cmd, file);

	if (status == 0)
		status = session_get(&session, API "/config", &reply);
	if (status != 0)
		return status;
	body = pw_reply_body(reply, &size);
	if (cmd->globals->format == FORMAT_JSON)
		return render_document(cmd, body, size);
	doc = doc_parse(body, size, NULL);
	if (!doc) {
		log_error("The answer is no JSON");
		return STATUS_FAILED;
	}
	return print_check(doc);
}

static int run_show(const struct command *cmd, const char *file)
{
	_cleanup_(session_close) struct session session = { 0 };
	_cleanup_(reply_freep) struct pw_reply *reply = NULL;
	struct span registry;
	const char *body;
	size_t size;
	int status = get_config(cmd, file, &session, &reply);

	if (status != 0)
		return status;
	body = pw_reply_body(reply, &size);
	registry = span_member((struct span){ body, size }, "registry");
	if (cmd->globals->format == FORMAT_JSON || !registry.at)
		return render_document(cmd, body, size);
	/* Without the envelope: a registry that could be written to a file. */
	return render_document(cmd, registry.at, registry.size);
}

static int write_starter(const char *path)
{
	_cleanup_(close_fdp) int fd =
		open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	int err = fd < 0 ? -errno : 0;

	if (err == -EEXIST) {
		log_error("%s exists and is left as it is", path);
		return STATUS_FAILED;
	}
	for (size_t at = 0; err == 0 && at < sizeof(starter) - 1;) {
		ssize_t n = write(fd, starter + at, sizeof(starter) - 1 - at);

		if (n < 0 && errno != EINTR)
			err = -errno;
		at += n > 0 ? (size_t)n : 0;
	}
	if (err == 0 && fsync(fd) < 0)
		err = -errno;
	if (err == 0)
		return STATUS_DONE;
	if (fd >= 0)
		unlink(path);
	log_error_errno(err, "Cannot write %s", path);
	return err == -EACCES || err == -EPERM || err == -EROFS ? STATUS_NOT_PERMITTED
								: STATUS_FAILED;
}

static int run_init(const struct command *cmd, const char *file)
{
	(void)cmd;
	if (!file || streq(file, "-"))
		return output_write(starter, sizeof(starter) - 1, NULL);
	return write_starter(file);
}

static int read_input(const char *file, char **ret, size_t *ret_size)
{
	int err = file_read(streq(file, "-") ? "/dev/stdin" : file, FILE_MAX, ret,
			    ret_size);

	if (err == 0)
		return 0;
	if (err == -EFBIG)
		log_error("%s: is larger than 16 MiB, the limit of a registry", file);
	else
		log_error_errno(err, "Cannot read %s", file);
	return STATUS_USAGE;
}

/* JSON strings have no room for NUL: the daemon is told where the text ends instead. */
static int make_request(const char *file, const char *text, size_t size, char **ret,
			size_t *ret_size)
{
	_cleanup_(doc_freep) struct doc *doc = doc_object();

	if (strlen(text) != size) {
		log_error("%s: has a NUL byte at offset %zu; it is no JSON", file,
			  strlen(text));
		return STATUS_USAGE;
	}
	doc_set_string(doc, "path", file);
	doc_set_string(doc, "text", text);
	*ret = doc_print(doc, false, ret_size);
	if (*ret)
		return 0;
	log_error_errno(-ENOMEM, "Cannot send %s", file);
	return STATUS_FAILED;
}

static int print_import(const struct command *cmd, const char *body, size_t size)
{
	_cleanup_(doc_freep) struct doc *doc = doc_parse(body, size, NULL);
	_cleanup_(buffer_done) struct buffer out = { 0 };
	const char *path = doc_get_string(doc, "path");
	_cleanup_(freep) char *safe = terminal_escape(path ? path : "the registry");
	int64_t services = doc_get_int(doc, "services", 0);
	int64_t allocations = doc_get_int(doc, "allocations", 0);

	if (cmd->globals->format == FORMAT_JSON || !doc)
		return render_document(cmd, body, size);
	buffer_printf(&out, "%s: took over %jd service%s and %jd allocation%s\n",
		      safe ? safe : "?", (intmax_t)services, plural((size_t)services),
		      (intmax_t)allocations, plural((size_t)allocations));
	return output_buffer(&out);
}

static int run_import(const struct command *cmd, const char *file)
{
	_cleanup_(session_close) struct session session = { 0 };
	_cleanup_(reply_freep) struct pw_reply *reply = NULL;
	_cleanup_(freep) char *text = NULL;
	_cleanup_(freep) char *request = NULL;
	const char *body;
	size_t size;
	int status;

	if (!file)
		return usage_error(cmd->verb, "import needs a FILE");
	status = read_input(file, &text, &size);
	if (status == 0)
		status = make_request(file, text, size, &request, &size);
	if (status == 0)
		status = session_open(&session, cmd);
	if (status == 0)
		status = session_post(&session, API "/config/import", request, size,
				      &reply);
	if (status != 0)
		return status;
	body = pw_reply_body(reply, &size);
	return print_import(cmd, body, size);
}

static const struct {
	const char *name;
	int (*run)(const struct command *cmd, const char *file);
} actions[] = {
	{ "check", run_check },
	{ "show", run_show },
	{ "init", run_init },
	{ "import", run_import },
};

static const char *const words[] = { "check", "show", "init", "import", NULL };

static int run(const struct command *cmd)
{
	const char *file = cmd->n_args > 1 ? cmd->args[1] : NULL;
	const char *near = nearest_name(cmd->args[0], words);

	for (size_t i = 0; i < sizeof(actions) / sizeof(*actions); i++)
		if (streq(actions[i].name, cmd->args[0]))
			return actions[i].run(cmd, file);
	if (near)
		return usage_error(cmd->verb, "cannot '%s' (did you mean '%s'?)",
				   cmd->args[0], near);
	return usage_error(cmd->verb, "cannot '%s', only check, show, init and import",
			   cmd->args[0]);
}

const struct verb verb_config = {
	.name = "config",
	.arguments = "check|show|init|import [FILE]",
	.summary = "validate, print, begin or take over a registry",
	.details =
		"  check [FILE]   read it as the daemon would, and say what is wrong "
		"where\n"
		"  show [FILE]    print it normalised, defaults filled in\n"
		"  init [FILE]    write a starter; to stdout without FILE; never over a "
		"file\n"
		"  import FILE    take a file of either form over into the registry\n"
		"\n"
		"Without FILE, check and show go by the registry of the options.  A bad\n"
		"registry exits 2 with FILE:LINE:COLUMN, the JSON path and a remedy.\n",
	.min_args = 1,
	.max_args = 2,
	.takes = TAKES_WORDS,
	.words = words,
	.run = run,
};
