// SPDX-License-Identifier: GPL-2.0-only
#include "http/frame.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/strings.h"

static struct frame *make(const char *head, size_t head_size, const char *json,
			  size_t json_size)
{
	struct frame *frame = malloc(sizeof(*frame) + head_size + json_size + 3);
	char *p;

	if (!frame)
		return NULL;
	*frame =
		(struct frame){ .refs = 1, .data_at = head_size, .data_size = json_size };
	p = mempcpy(frame->text, head, head_size);
	if (json_size)
		p = mempcpy(p, json, json_size);
	p = mempcpy(p, "\n\n", 2);
	*p = '\0';
	frame->size = (size_t)(p - frame->text);
	return frame;
}

static struct frame *of_doc(const struct doc *doc, enum event_type type, uint64_t seq,
			    bool has_id, uint32_t epoch)
{
	_cleanup_(freep) char *json = NULL;
	struct frame *frame;
	char head[128];
	size_t size;
	int n = 0;

	json = doc_print(doc, false, &size);
	if (!json)
		return NULL;
	if (has_id)
		n = sprintf(head, "id: %" PRIu64 "-%08" PRIx32 "\n", seq, epoch);
	n += sprintf(head + n, "event: %s\ndata: ", event_type_name(type));

	frame = make(head, (size_t)n, json, size);
	if (frame) {
		frame->type = type;
		frame->seq = seq;
	}
	return frame;
}

struct frame *frame_encode(const struct event *event, uint32_t epoch,
			   const struct viewer *viewer)
{
	_cleanup_(doc_freep) struct doc *doc = codec_encode_event(event, viewer);

	return doc ? of_doc(doc, event->type, event->seq,
			    event->source != SOURCE_SNAPSHOT, epoch)
		   : NULL;
}

struct frame *frame_redact(const struct frame *frame, uint32_t epoch,
			   const struct viewer *viewer)
{
	_cleanup_(doc_freep) struct doc *doc = NULL;

	doc = doc_parse(frame->text + frame->data_at, frame->data_size, NULL);
	if (!doc)
		return NULL;
	codec_redact(doc, viewer);
	return of_doc(doc, frame->type, frame->seq, true, epoch);
}

static pid_t pid_of(const struct doc *object, const char *key)
{
	return (pid_t)doc_get_int(doc_get(object, key), "pid", 0);
}

/* What the document of an event is about; borrows from it. */
static struct subject subject_of(const struct doc *event)
{
	const struct doc *about = doc_get(event, "alert");
	struct subject subject = { 0 };
	const char *proto;

	if (doc_type(about) != DOC_OBJECT)
		about = doc_get(event, "allocation");
	if (doc_type(about) != DOC_OBJECT)
		about = event;
	subject.service = doc_get_string(about, "service");
	if (!subject.service)
		subject.service = doc_get_string(about, "service_name");
	subject.at.port = (uint16_t)doc_get_int(about, "port", 0);
	proto = doc_get_string(about, "proto");
	if (!proto || proto_parse(proto, &subject.at.proto) < 0)
		subject.at.proto = IPPROTO_TCP;
	subject.pid = pid_of(about, "found");
	if (!subject.pid)
		subject.pid = pid_of(about, "holder");
	if (!subject.pid)
		subject.pid = pid_of(about, "process");
	return subject;
}

bool frame_covers(const struct frame *frame, const struct target *targets, size_t n)
{
	_cleanup_(doc_freep) struct doc *doc = NULL;
	struct subject subject;

	if (n == 0)
		return true;
	doc = doc_parse(frame->text + frame->data_at, frame->data_size, NULL);
	subject = subject_of(doc);
	if (!subject.service && !subject.at.port && !subject.pid)
		return true;
	for (size_t i = 0; i < n; i++)
		if (target_covers(&targets[i], &subject, NULL))
			return true;
	return false;
}

struct frame *frame_comment(void)
{
	return make(":", 1, NULL, 0);
}

struct frame *frame_ref(struct frame *frame)
{
	frame->refs++;
	return frame;
}

struct frame *frame_unref(struct frame *frame)
{
	if (frame && --frame->refs == 0)
		free(frame);
	return NULL;
}

int frame_id_parse(const char *text, uint32_t epoch, uint64_t *ret_seq)
{
	unsigned long long seq;
	unsigned int found;
	int end = 0;

	if (text[0] < '0' || text[0] > '9' || strlen(text) > 40)
		return -EINVAL;
	if (sscanf(text, "%llu-%8x%n", &seq, &found, &end) != 2 || text[end])
		return -EINVAL;
	if (found != epoch)
		return -ESTALE;

	*ret_seq = seq;
	return 0;
}
