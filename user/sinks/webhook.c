// SPDX-License-Identifier: GPL-2.0-only
/*
 * A POST for each alert: a CloudEvent, signed as Standard Webhooks has it.
 *
 * One after the other, in their order, until each is taken or too old.  Those that wait
 * are on the disk, and are taken up again by the next daemon; one that was sent when the
 * power went is sent again, with the same webhook-id.
 */
#include "sinks/private.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "base/files.h"
#include "base/strings.h"
#include "base/time.h"
#include "sinks/spool.h"

enum { SECRETS_FILE_MAX = 4096, ID_BYTES = 16 };

struct webhook {
	struct sink sink;
	struct spool *spool;
	uint64_t last_number;
	struct message *flying; /* NULL none; `id` is the number of its file */
};

/* -- The block for portwatch-fetch ----------------------------------------------------
 */

static int read_secrets(const char *path, char ***secrets)
{
	_cleanup_(freep) char *text = NULL;
	char *rest, *line, *at;
	struct stat st;
	int err;

	if (stat(path, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	if (st.st_mode & 007)
		return -EACCES;
	err = file_read(path, SECRETS_FILE_MAX, &text, NULL);
	rest = text;
	while (err == 0 && (line = strsep(&rest, "\n"))) {
		line += strspn(line, " \t");
		at = line + strcspn(line, " \t\r");
		*at = '\0';
		if (*line && *line != '#')
			err = strv_append(secrets, line);
	}
	if (text)
		explicit_bzero(text, strlen(text));
	return err;
}

/* Its id, which it has since it was told. */
static int add_id(struct buffer *block, const struct message *message, uint64_t now_s,
		  char *const *secrets)
{
	_cleanup_(doc_freep) struct doc *doc =
		doc_parse(message->text, message->size, NULL);
	const char *id = doc_get_string(doc, "id");

	if (!id || strpbrk(id, " \r\n"))
		return -EBADMSG;
	buffer_printf(block,
		      "header webhook-id: %s\nheader webhook-timestamp: %" PRIu64 "\n",
		      id, now_s);
	for (; secrets && *secrets; secrets++)
		buffer_printf(block, "sign %s %" PRIu64 " %s\n", id, now_s, *secrets);
	return 0;
}

static int make_block(const struct sink *sink, const struct message *message,
		      struct buffer *block)
{
	const struct sink_settings *settings = sink->settings;
	_cleanup_(strv_freep) char **secrets = strv_copy(settings->secrets);
	int err = secrets ? 0 : -ENOMEM;

	if (err == 0 && settings->secret_file) {
		err = read_secrets(settings->secret_file, &secrets);
		if (err < 0)
			return err == -EBADMSG ? -EIO : err;
	}
	if (err < 0)
		return err;
	buffer_printf(block,
		      "url %s\nheader Content-Type: application/cloudevents+json\n",
		      settings->url);
	err = add_id(block, message, now_wall_ns() / NS_PER_S, secrets);
	buffer_puts(block, "\n");
	buffer_add(block, message->text, message->size);
	for (char **secret = secrets; *secret; secret++)
		explicit_bzero(*secret, strlen(*secret));
	return err < 0 ? err : block->failed ? -ENOMEM : 0;
}

/* -- Sending --------------------------------------------------------------------------
 */

/* Answered, or given up. */
static void finish(struct webhook *hook, bool sent)
{
	struct sink *sink = &hook->sink;
	struct message *message = take(hook->flying);

	sink->ops->forget(sink, message);
	message_free(message);
	if (!sent)
		sink_drop(sink, 1);
	sink_succeed(sink, sent);
}

static void send_flying(struct webhook *hook)
{
	_cleanup_(buffer_done) struct buffer block = { 0 };
	struct sink *sink = &hook->sink;
	int err = make_block(sink, hook->flying, &block);

	if (err == -EBADMSG) {
		sink_note(sink, "a message in its queue is damaged");
		finish(hook, false);
		return;
	}
	if (err == 0) {
		sinks_post(sink, block.data, block.size);
		explicit_bzero(block.data, block.size);
	} else if (err == -EACCES) {
		sink_fail(sink, "secret_file may not be read, or may be by everybody");
	} else {
		sink_fail(sink, "cannot read secret_file: %s", strerror(-err));
	}
}

static bool is_too_old(const struct sink *sink, const struct message *message)
{
	uint64_t now_ns = now_wall_ns();

	return now_ns > message->wall_ns &&
	       now_ns - message->wall_ns > sink->settings->max_age_ms * NS_PER_MS;
}

static void webhook_pump(struct sink *sink)
{
	struct webhook *hook = (struct webhook *)sink;
	int err;

	if (!hook->flying)
		hook->flying = queue_take(&sink->queue);
	if (!hook->flying)
		return;
	if (is_too_old(sink, hook->flying)) {
		finish(hook, false);
		return;
	}
	if (hook->flying->text) {
		send_flying(hook);
		return;
	}
	sink_ref(sink);
	err = spool_read(hook->spool, hook->flying->id);
	if (err == 0) {
		sink_begin(sink, 0);
		return;
	}
	sink_unref(sink);
	sink_fail(sink, "%s", strerror(-err));
}

static void webhook_answered(struct sink *sink, bool passed, const char *text)
{
	struct webhook *hook = (struct webhook *)sink;

	if (passed)
		finish(hook, true);
	else
		sink_fail(sink, "%s", text);
}

static void webhook_overdue(struct sink *sink)
{
	sinks_lose_fetch(sink->sinks, "portwatch-fetch does not answer");
}

/* -- The disk -------------------------------------------------------------------------
 */

static struct message *find(struct webhook *hook, uint64_t number)
{
	struct message *message = hook->sink.queue.first;

	if (hook->flying && hook->flying->id == number)
		return hook->flying;
	while (message && message->id != number)
		message = message->next;
	return message;
}

/* It stays in memory. */
static void on_unwritten(struct webhook *hook, const struct spool_result *result)
{
	struct message *message = find(hook, result->number);

	if (!message) {
		free(result->text);
		return;
	}
	message->text = result->text;
	message->size = result->size;
	if (message != hook->flying)
		hook->sink.queue.bytes += message->size;
	sink_note(&hook->sink, "cannot keep its queue on the disk: %s",
		  strerror(-result->error));
}

static void on_read(struct webhook *hook, const struct spool_result *result)
{
	struct sink *sink = &hook->sink;

	if (!hook->flying || hook->flying->id != result->number || sink->leaving) {
		free(result->text);
		return;
	}
	/* It could not be written, and never left the memory. */
	if (hook->flying->text) {
		free(result->text);
		send_flying(hook);
		return;
	}
	if (result->error < 0) {
		sink_note(sink, "cannot read its queue: %s", strerror(-result->error));
		finish(hook, false);
		return;
	}
	hook->flying->text = result->text;
	hook->flying->size = result->size;
	send_flying(hook);
}

static void on_spool(const struct spool_result *result, void *arg)
{
	struct webhook *hook = arg;

	if (result->action == SPOOL_READ)
		on_read(hook, result);
	else if (result->action == SPOOL_WRITE && result->error < 0)
		on_unwritten(hook, result);
	sink_unref(&hook->sink);
}

static void webhook_forget(struct sink *sink, const struct message *message)
{
	struct webhook *hook = (struct webhook *)sink;

	sink_ref(sink);
	if (spool_remove(hook->spool, message->id) < 0)
		sink_unref(sink);
}

static void webhook_put(struct sink *sink, struct message *message)
{
	struct webhook *hook = (struct webhook *)sink;

	if (spool_bytes(hook->spool) + message->size > SINK_BYTES_MAX) {
		sink_note(sink, "the disk does not keep up");
		sink_drop(sink, 1);
		message_free(message);
		return;
	}
	message->id = ++hook->last_number;
	sink_ref(sink);
	if (spool_write(hook->spool, message->id, message->text, message->size) == 0)
		message->text = NULL;
	else
		sink_unref(sink);
	sink_put(sink, message);
}

/* What the last daemon did not get rid of. */
static int take_up(struct webhook *hook, const char *folder)
{
	_cleanup_(freep) struct spool_entry *entries = NULL;
	ssize_t n = spool_list(folder, &entries);

	for (ssize_t i = 0; i < n; i++) {
		struct message *message = calloc(1, sizeof(*message));

		if (!message)
			return -ENOMEM;
		message->id = hook->last_number = entries[i].number;
		message->wall_ns = entries[i].wall_ns;
		message->size = entries[i].size;
		sink_put(&hook->sink, message);
	}
	if (n < 0)
		sink_note(&hook->sink, "cannot look at its queue: %s", strerror((int)-n));
	return 0;
}

static int webhook_init(struct sink *sink)
{
	struct webhook *hook = (struct webhook *)sink;
	_cleanup_(buffer_done) struct buffer folder = { 0 };
	int err;

	buffer_printf(&folder, "%s/sinks/%s", sink->sinks->options.state,
		      sink->settings->name);
	if (folder.failed)
		return -ENOMEM;
	err = spool_new(sink->timer.loop, folder.data, on_spool, hook, &hook->spool);
	return err < 0 ? err : take_up(hook, folder.data);
}

static int webhook_encode(const struct sink *sink, const struct event *event,
			  const struct viewer *viewer, struct message *message)
{
	unsigned char bytes[ID_BYTES];
	char id[2 * ID_BYTES + 8] = "msg_";

	if (getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes))
		return -EIO;
	for (size_t i = 0; i < sizeof(bytes); i++)
		snprintf(id + 4 + 2 * i, 3, "%02x", bytes[i]);
	message->text = message_cloud_event(event, viewer, sink->sinks->host, id);
	message->size = message->text ? strlen(message->text) : 0;
	return message->text ? 0 : -ENOMEM;
}

static void webhook_done(struct sink *sink)
{
	struct webhook *hook = (struct webhook *)sink;

	message_free(hook->flying);
	spool_free(hook->spool);
}

static size_t webhook_queued(const struct sink *sink)
{
	return ((const struct webhook *)sink)->flying ? 1 : 0;
}

const struct sink_ops webhook_sink_ops = {
	.size = sizeof(struct webhook),
	.init = webhook_init,
	.encode = webhook_encode,
	.put = webhook_put,
	.pump = webhook_pump,
	.forget = webhook_forget,
	.overdue = webhook_overdue,
	.answered = webhook_answered,
	.done = webhook_done,
	.queued = webhook_queued,
};
