// SPDX-License-Identifier: GPL-2.0-only
#include "child/fetch_client.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/strings.h"
#include "base/time.h"

#define PROGRAM "portwatch-fetch"

enum { LINE_SIZE = 4096, REST_MS = 1000 };

/* The process and the socket to it; freed when both handles are closed. */
struct helper {
	struct fetch_client *client; /* NULL: nobody listens any more */
	uv_process_t process;
	uv_pipe_t pipe;
	unsigned open;
	char line[LINE_SIZE];
	size_t size;
};

struct fetch_client {
	uv_loop_t *loop;
	char *path;
	struct fetch_callbacks callbacks;
	struct helper *helper;
	uint64_t started_ns;
};

struct letter {
	uv_write_t request;
	char text[];
};

/* -- Where it is ----------------------------------------------------------------------
 */

static int find_program(char **ret)
{
	static const char *const places[] = { PROGRAM, "../libexec/portwatch/" PROGRAM };
	char self[PATH_MAX], path[PATH_MAX + 64];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	while (n > 0 && self[n - 1] != '/')
		n--;
	for (size_t i = 0; n > 0 && i < 2; i++) {
		snprintf(path, sizeof(path), "%.*s%s", (int)n, self, places[i]);
		if (access(path, X_OK) < 0)
			continue;
		*ret = strdup(path);
		return *ret ? 0 : -ENOMEM;
	}
	return -ENOENT;
}

int fetch_client_new(uv_loop_t *loop, const char *path,
		     const struct fetch_callbacks *callbacks, struct fetch_client **ret)
{
	_cleanup_(fetch_client_freep) struct fetch_client *client =
		calloc(1, sizeof(*client));

	if (!client)
		return -ENOMEM;
	client->loop = loop;
	client->callbacks = *callbacks;
	if (path) {
		client->path = strdup(path);
		if (!client->path)
			return -ENOMEM;
	}

	*ret = take(client);
	return 0;
}

struct fetch_client *fetch_client_free(struct fetch_client *client)
{
	if (!client)
		return NULL;
	fetch_client_rest(client);
	free(client->path);
	free(client);
	return NULL;
}

/* -- The process ----------------------------------------------------------------------
 */

static void helper_closed(uv_handle_t *handle)
{
	struct helper *helper = handle->data;

	if (--helper->open == 0)
		free(helper);
}

static void on_helper_exit(uv_process_t *process, int64_t status, int signal_number)
{
	(void)status;
	(void)signal_number;
	uv_close((uv_handle_t *)process, helper_closed);
}

/* Its input ends, and so does it. */
static void detach(struct helper *helper)
{
	helper->client = NULL;
	uv_close((uv_handle_t *)&helper->pipe, helper_closed);
}

void fetch_client_rest(struct fetch_client *client)
{
	if (client->helper)
		detach(take(client->helper));
	client->started_ns = 0;
}

static void lose(struct helper *helper)
{
	struct fetch_client *client = helper->client;

	client->helper = NULL;
	detach(helper);
	client->callbacks.lost(PROGRAM " ended unexpectedly", client->callbacks.arg);
}

static bool tell(struct helper *helper, const char *line)
{
	struct fetch_client *client = helper->client;
	struct fetch_result result = { 0 };
	int passed, at = 0;

	if (sscanf(line, "%" SCNu64 " %d %" SCNu64 " %n", &result.id, &passed,
		   &result.latency_us, &at) != 3 ||
	    at == 0)
		return false;
	result.passed = passed;
	result.text = line + at;
	client->callbacks.answered(&result, client->callbacks.arg);
	return true;
}

static void on_room(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
	struct helper *helper = handle->data;

	(void)suggested;
	*buf = uv_buf_init(helper->line + helper->size,
			   (unsigned)(sizeof(helper->line) - helper->size));
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct helper *helper = stream->data;
	char *from = helper->line, *end;
	bool ok = n >= 0;

	(void)buf;
	if (!helper->client)
		return;
	helper->size += ok ? (size_t)n : 0;
	while (ok &&
	       (end = memchr(from, '\n', helper->size - (size_t)(from - helper->line)))) {
		*end = '\0';
		ok = tell(helper, from);
		from = end + 1;
		if (!helper->client) /* the answer was the last */
			return;
	}
	if (!ok) {
		lose(helper);
		return;
	}
	helper->size -= (size_t)(from - helper->line);
	memmove(helper->line, from, helper->size);
}

static int spawn(struct fetch_client *client, struct helper *helper)
{
	char *argv[] = { (char *)PROGRAM, NULL };
	uv_stdio_container_t stdio[3] = {
		{ .flags = UV_CREATE_PIPE | UV_READABLE_PIPE | UV_WRITABLE_PIPE,
		  .data.stream = (uv_stream_t *)&helper->pipe },
		{ .flags = UV_IGNORE },
		{ .flags = UV_INHERIT_FD, .data.fd = STDERR_FILENO },
	};
	uv_process_options_t options = {
		.exit_cb = on_helper_exit,
		.file = client->path,
		.args = argv,
		.cwd = "/",
		.stdio_count = 3,
		.stdio = stdio,
	};
	int err = uv_spawn(client->loop, &helper->process, &options);

	return err < 0 ? err
		       : uv_read_start((uv_stream_t *)&helper->pipe, on_room, on_read);
}

static int start(struct fetch_client *client)
{
	uint64_t now_ns = now_mono_ns();
	struct helper *helper;
	int err = client->path ? 0 : find_program(&client->path);

	if (err < 0)
		return err;
	if (client->started_ns && now_ns - client->started_ns < REST_MS * NS_PER_MS)
		return -EAGAIN;
	helper = calloc(1, sizeof(*helper));
	if (!helper)
		return -ENOMEM;
	helper->client = client;
	helper->open = 2;
	helper->process.data = helper->pipe.data = helper;
	uv_pipe_init(client->loop, &helper->pipe, 0);
	err = spawn(client, helper);
	if (err < 0) {
		detach(helper);
		/* Never started: nothing tells of its end. */
		if (!uv_is_active((uv_handle_t *)&helper->process))
			uv_close((uv_handle_t *)&helper->process, helper_closed);
		return err;
	}
	client->helper = helper;
	client->started_ns = now_ns;
	return 0;
}

/* -- Questions ------------------------------------------------------------------------
 */

static void on_written(uv_write_t *request, int status)
{
	(void)status; /* where it failed, reading tells the end */
	free(request->data);
}

/* @line and what follows it. */
static int send_letter(struct fetch_client *client, const char *line, const char *more,
		       size_t size)
{
	size_t head = strlen(line);
	struct letter *letter;
	uv_buf_t buf;
	int err = client->helper ? 0 : start(client);

	if (err < 0)
		return err;
	letter = malloc(sizeof(*letter) + head + size);
	if (!letter)
		return -ENOMEM;
	memcpy(letter->text, line, head);
	memcpy(letter->text + head, more, size);
	letter->request.data = letter;
	buf = uv_buf_init(letter->text, (unsigned)(head + size));
	err = uv_write(&letter->request, (uv_stream_t *)&client->helper->pipe, &buf, 1,
		       on_written);
	if (err < 0)
		free(letter);
	return err;
}

int fetch_client_ask(struct fetch_client *client, uint64_t id, uint64_t timeout_ms,
		     const char *kind, const char *target)
{
	_cleanup_(buffer_done) struct buffer line = { 0 };

	buffer_printf(&line, "%" PRIu64 " %" PRIu64 " %s %s\n", id, timeout_ms, kind,
		      target);
	return line.failed ? -ENOMEM : send_letter(client, line.data, "", 0);
}

int fetch_client_post(struct fetch_client *client, uint64_t id, uint64_t timeout_ms,
		      const char *block, size_t size)
{
	char line[96];

	snprintf(line, sizeof(line), "%" PRIu64 " %" PRIu64 " post %zu\n", id, timeout_ms,
		 size);
	return send_letter(client, line, block, size);
}
