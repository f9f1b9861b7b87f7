// SPDX-License-Identifier: GPL-2.0-only
/* The hub over an engine that was never attached: a refused registry is an event. */
#include "harness.h"
#include "http/frame.h"
#include "http/hub.h"

#include <errno.h>
#include <stdio.h>

#include "base/strings.h"
#include "base/time.h"

struct scene {
	struct engine *engine;
	struct hub *hub;
	int woken;
};

static void scene_init(struct scene *scene)
{
	static const struct engine_options options;

	*scene = (struct scene){ 0 };
	CHECK_EQ(engine_new(&options, &scene->engine), 0);
	CHECK_EQ(hub_new(scene->engine, true, &scene->hub), 0);
}

static void scene_done(struct scene *scene)
{
	scene->hub = hub_free(scene->hub);
	scene->engine = engine_free(scene->engine);
}

static void woken(void *arg)
{
	struct scene *scene = arg;

	scene->woken++;
}

static struct stream *open_stream(struct scene *scene, const char *last_id)
{
	struct stream_options options = {
		.viewer = { .all = true },
		.types = (1u << EVENT_TYPES) - 1,
		.snapshot = true,
		.last_id = last_id,
		.wake = woken,
		.arg = scene,
	};
	struct stream *stream = NULL;

	CHECK_EQ(stream_open(scene->hub, &options, &stream), 0);
	return stream;
}

static void emit(struct scene *scene, const char *reason)
{
	engine_registry_rejected(scene->engine, reason);
}

/* All that can be read now, in pieces of @piece bytes. */
static void drain(struct stream *stream, size_t piece, struct buffer *ret)
{
	char buf[65536];
	ssize_t n;

	buffer_done(ret);
	*ret = (struct buffer){ 0 };
	buffer_puts(ret, "");
	while ((n = stream_read(stream, buf, piece)) > 0)
		buffer_add(ret, buf, (size_t)n);
	CHECK_EQ(n, 0);
}

static size_t count(const char *text, const char *word)
{
	size_t n = 0;

	while ((text = strstr(text, word))) {
		text += strlen(word);
		n++;
	}
	return n;
}

TEST(an_event_wakes_a_reader_that_had_nothing_and_only_once)
{
	_cleanup_(scene_done) struct scene scene;
	_cleanup_(buffer_done) struct buffer text = { 0 };
	struct stream *stream;

	scene_init(&scene);
	stream = open_stream(&scene, NULL);
	drain(stream, 4096, &text);
	CHECK_EQ(text.size, 0);
	emit(&scene, "first");
	emit(&scene, "second");
	CHECK_EQ(scene.woken, 1);
	drain(stream, 4096, &text);
	CHECK_EQ(count(text.data, "event: registry.rejected\n"), 2);
	CHECK_EQ(count(text.data, "\n\n"), 2);
	CHECK(strstr(text.data, "first") < strstr(text.data, "second"));
	emit(&scene, "third");
	CHECK_EQ(scene.woken, 2);
	stream_close(stream);
}

TEST(what_is_read_byte_by_byte_is_the_same)
{
	_cleanup_(scene_done) struct scene scene;
	_cleanup_(buffer_done) struct buffer whole = { 0 }, pieces = { 0 };
	struct stream *a, *b;

	scene_init(&scene);
	a = open_stream(&scene, NULL);
	b = open_stream(&scene, NULL);
	for (int i = 0; i < 40; i++)
		emit(&scene, "reason");
	drain(a, 65536, &whole);
	drain(b, 1, &pieces);
	CHECK_STR(pieces.data, whole.data);
	stream_close(a);
	stream_close(b);
}

TEST(a_reader_that_leaves_too_much_waiting_is_dropped_alone)
{
	_cleanup_(scene_done) struct scene scene;
	_cleanup_(buffer_done) struct buffer text = { 0 };
	struct stream *slow, *other;
	char reason[1001], buf[16];
	int n = 0;

	scene_init(&scene);
	slow = open_stream(&scene, NULL);
	other = open_stream(&scene, NULL);
	memset(reason, 'x', sizeof(reason) - 1);
	reason[sizeof(reason) - 1] = '\0';
	for (; n < 1200; n++) {
		emit(&scene, reason);
		drain(other, 4096, &text);
		CHECK_EQ(count(text.data, "\n\n"), 1);
	}
	CHECK_EQ(stream_read(slow, buf, sizeof(buf)), -EPIPE);
	stream_close(slow);
	stream_close(other);
}

/* The id that stands last in @text. */
static const char *last_id(const char *text, char *buf, size_t size)
{
	const char *at = text, *found = NULL;

	while ((at = strstr(at, "id: ")))
		found = at += 4;
	CHECK(found);
	snprintf(buf, size, "%.*s", (int)strcspn(found, "\n"), found);
	return buf;
}

TEST(a_stream_resumes_behind_the_id_that_it_names)
{
	_cleanup_(scene_done) struct scene scene;
	_cleanup_(buffer_done) struct buffer text = { 0 };
	struct stream *stream;
	char id[64];

	scene_init(&scene);
	stream = open_stream(&scene, NULL);
	emit(&scene, "seen");
	drain(stream, 4096, &text);
	stream = stream_close(stream);
	emit(&scene, "missed");
	stream = open_stream(&scene, last_id(text.data, id, sizeof(id)));
	drain(stream, 4096, &text);
	CHECK_EQ(count(text.data, "\n\n"), 1);
	CHECK(strstr(text.data, "missed"));
	stream_close(stream);
}

TEST(ids_that_are_old_strange_or_to_come_resume_nothing)
{
	_cleanup_(scene_done) struct scene scene;
	_cleanup_(buffer_done) struct buffer text = { 0 };
	struct stream *stream;
	char id[64], wrong[80];
	static const char *const bad[] = { "",
					   "-",
					   "1",
					   "x",
					   "1-00000000",
					   "1-deadbeef",
					   "99999999999999999999999-1",
					   " 1-1" };

	scene_init(&scene);
	stream = open_stream(&scene, NULL);
	emit(&scene, "one");
	drain(stream, 4096, &text);
	stream = stream_close(stream);
	last_id(text.data, id, sizeof(id));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		stream = open_stream(&scene, bad[i]);
		drain(stream, 4096, &text);
		CHECK_EQ(text.size, 0);
		stream = stream_close(stream);
	}
	snprintf(wrong, sizeof(wrong), "9%s", id);
	stream = open_stream(&scene, wrong);
	drain(stream, 4096, &text);
	CHECK_EQ(text.size, 0);
	stream_close(stream);
}

TEST(what_is_retained_is_bounded_and_what_fell_out_cannot_be_resumed)
{
	_cleanup_(scene_done) struct scene scene;
	_cleanup_(buffer_done) struct buffer text = { 0 };
	struct stream *stream;
	char early[64], late[64];

	scene_init(&scene);
	stream = open_stream(&scene, NULL);
	emit(&scene, "early");
	drain(stream, 4096, &text);
	last_id(text.data, early, sizeof(early));
	for (int i = 0; i < HUB_RETAINED_MAX; i++) {
		emit(&scene, "more");
		drain(stream, 4096, &text);
	}
	last_id(text.data, late, sizeof(late));
	stream_close(stream);
	emit(&scene, "after");

	stream = open_stream(&scene, early);
	drain(stream, 4096, &text);
	CHECK_EQ(text.size, 0);
	stream_close(stream);
	stream = open_stream(&scene, late);
	drain(stream, 4096, &text);
	CHECK_EQ(count(text.data, "\n\n"), 1);
	stream_close(stream);
}

TEST(a_quiet_stream_gets_a_comment_and_nobody_else)
{
	_cleanup_(scene_done) struct scene scene;
	_cleanup_(buffer_done) struct buffer text = { 0 };
	uint64_t quiet_ns = HUB_QUIET_MS * NS_PER_MS;
	struct stream *stream;

	scene_init(&scene);
	CHECK_EQ(hub_tick(scene.hub, now_mono_ns()), 0);
	stream = open_stream(&scene, NULL);
	CHECK(hub_tick(scene.hub, now_mono_ns()) <= HUB_QUIET_MS);
	drain(stream, 4096, &text);
	CHECK_EQ(text.size, 0);
	CHECK(hub_tick(scene.hub, now_mono_ns() + quiet_ns) > 0);
	drain(stream, 4096, &text);
	CHECK_STR(text.data, ":\n\n");
	stream_close(stream);
}

TEST(types_that_were_not_asked_for_do_not_come)
{
	_cleanup_(scene_done) struct scene scene;
	_cleanup_(buffer_done) struct buffer text = { 0 };
	struct stream_options options = {
		.types = 1 << EVENT_ALERT_FIRING,
		.wake = woken,
		.arg = &scene,
	};
	struct stream *stream = NULL;

	scene_init(&scene);
	CHECK_EQ(stream_open(scene.hub, &options, &stream), 0);
	emit(&scene, "reason");
	drain(stream, 4096, &text);
	CHECK_EQ(text.size, 0);
	stream_close(stream);
}
