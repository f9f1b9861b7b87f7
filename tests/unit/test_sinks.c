// SPDX-License-Identifier: GPL-2.0-only
/* What sinks are told, what they make of it, and what becomes of what nobody takes. */
#include "alerts_stage.h"
#include "folder.h"
#include "loop_stage.h"

#include <unistd.h>

#include "json/codec.h"
#include "sinks/private.h"

/* -- Messages -------------------------------------------------------------------------
 */

static const struct alert web = {
	.id = 7,
	.severity = SEVERITY_CRITICAL,
	.firing = true,
	.since_ns = 1614265330 * NS_PER_S,
	.v = { .kind = ALERT_NOT_LISTENING,
	       .service = "web",
	       .at = { .netns = HOST, .proto = IPPROTO_TCP, .port = 80 },
	       .message = "web does not\nlisten",
	       .fix = "portwatch restart web" },
};

static const struct event firing = {
	.type = EVENT_ALERT_FIRING,
	.wall_ns = 1614265330 * NS_PER_S,
	.alert = &web,
};

static struct doc *parsed(char *text)
{
	struct doc *doc = text ? doc_parse(text, strlen(text), NULL) : NULL;

	CHECK(doc);
	free(text);
	return doc;
}

static void check_member(const struct doc *doc, const char *key, const char *want)
{
	if (!streq(doc_get_string(doc, key), want))
		test_fail(__FILE__, __LINE__, "%s is %s, not %s", key,
			  doc_get_string(doc, key), want);
}

/* The attributes that CloudEvents 1.0.2 requires, and those that it knows. */
TEST(a_cloud_event_has_what_the_standard_wants)
{
	_cleanup_(doc_freep) struct doc *doc =
		parsed(message_cloud_event(&firing, NULL, "host", "msg_1"));

	check_member(doc, "specversion", "1.0");
	check_member(doc, "id", "msg_1");
	check_member(doc, "source", "//host/portwatch");
	check_member(doc, "type", "portwatch.alert.firing");
	check_member(doc, "subject", "web");
	check_member(doc, "time", "2021-02-25T15:02:10.000000000Z");
	check_member(doc, "datacontenttype", "application/json");
	check_member(doc_get(doc, "data"), "kind", "not_listening");
	CHECK_EQ(doc_count(doc), 8);
}

TEST(alertmanager_knows_an_alert_by_labels_without_a_process)
{
	_cleanup_(doc_freep) struct doc *doc =
		message_alertmanager(&web, NULL, "host", firing.wall_ns + 240 * NS_PER_S);
	const struct doc *labels = doc_get(doc, "labels");

	check_member(labels, "alertname", "PortwatchNotListening");
	check_member(labels, "kind", "not_listening");
	check_member(labels, "severity", "critical");
	check_member(labels, "instance", "host");
	check_member(labels, "service", "web");
	check_member(labels, "port", "80");
	check_member(labels, "proto", "tcp");
	check_member(labels, "netns", "1000");
	CHECK_EQ(doc_count(labels), 8);
	check_member(doc_get(doc, "annotations"), "fix", "portwatch restart web");
	check_member(doc, "startsAt", "2021-02-25T15:02:10.000000000Z");
	check_member(doc, "endsAt", "2021-02-25T15:06:10.000000000Z");
}

TEST(a_field_of_the_journal_may_hold_a_line_break)
{
	static const char message[] = "MESSAGE\n\x13\0\0\0\0\0\0\0web does not\nlisten\n";
	size_t size;
	_cleanup_(freep) char *text = message_journal(&firing, NULL, &size);

	CHECK(text && size > sizeof(message));
	CHECK(starts_with(text, "PRIORITY=2\nSYSLOG_IDENTIFIER=portwatchd\nMESSAGE_ID="));
	CHECK(memmem(text, size, message, sizeof(message) - 1));
	CHECK(memmem(text, size, "PORTWATCH_KIND\n", 15));
}

TEST(a_line_of_syslog_is_one)
{
	_cleanup_(freep) char *text = message_syslog(&firing, NULL);

	CHECK(text && starts_with(text, "<26>"));
	CHECK(strstr(text, ": not_listening firing: web does not\\x0alisten"));
	CHECK(!strchr(text, '\n'));
}

TEST(variables_leave_out_what_is_unknown)
{
	_cleanup_(strv_freep) char **env = NULL;

	CHECK_EQ(message_variables(&firing, NULL, &env), 0);
	CHECK(strv_contains(env, "PORTWATCH_EVENT=alert.firing"));
	CHECK(strv_contains(env, "PORTWATCH_ALERT_STATE=firing"));
	CHECK(strv_contains(env, "PORTWATCH_ID=7"));
	CHECK(strv_contains(env, "PORTWATCH_MESSAGE=web does not\nlisten"));
	for (char **e = env; *e; e++)
		CHECK(!starts_with(*e, "PORTWATCH_ADDRESS=") &&
		      !starts_with(*e, "PORTWATCH_STATE="));
}

TEST(attempts_are_further_and_further_apart)
{
	static const struct {
		unsigned attempts;
		uint32_t chance;
		uint64_t ms;
	} cases[] = {
		{ 1, UINT32_MAX, 999 }, { 1, 0, 500 },           { 2, UINT32_MAX, 1999 },
		{ 2, 0, 1000 },         { 3, 0x80000000, 3000 }, { 4, 0, 4000 },
		{ 5, 0, 5000 },         { 6, UINT32_MAX, 9999 }, { 1000000000, 0, 5000 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		CHECK_EQ(sink_backoff_ms(1000, 10000, cases[i].attempts, cases[i].chance),
			 cases[i].ms);
}

/* -- Sinks ----------------------------------------------------------------------------
 */

static struct yard {
	uv_loop_t loop;
	struct stage stage;
	struct registry *reg;
	struct sinks *sinks;
	unsigned complaints;
	char fetch[128]; /* in place of portwatch-fetch */
} yard;

static void on_complaint(const char *what, void *arg)
{
	(void)what, (void)arg;
	yard.complaints++;
}

static void follow(const char *list)
{
	_cleanup_(freep) char *text = NULL;
	struct decode_error error = { 0 };

	registry_free(take(yard.reg));
	CHECK(asprintf(&text, "{\"settings\":{\"sinks\":[%s]}}", list) > 0);
	if (codec_decode_registry(text, strlen(text), 1, &yard.reg, NULL, &error) < 0)
		test_fail(__FILE__, __LINE__, "%s: %s", error.path, error.what);
	CHECK_EQ(sinks_follow(yard.sinks, registry_get_settings(yard.reg)), 0);
}

static void open_sinks(const char *list)
{
	const struct sinks_options options = {
		.loop = &yard.loop,
		.alerts = yard.stage.set,
		.state = "state",
		.fetch = yard.fetch,
		.complain = on_complaint,
	};

	CHECK_EQ(sinks_new(&options, &yard.sinks), 0);
	follow(list);
}

static void open_yard(const char *list)
{
	folder_enter();
	CHECK(getcwd(yard.fetch, sizeof(yard.fetch) - 8));
	strcat(yard.fetch, "/fetch");
	CHECK_EQ(uv_loop_init(&yard.loop), 0);
	setup(&yard.stage);
	open_sinks(list);
}

static void close_sinks(void)
{
	yard.sinks = sinks_free(yard.sinks);
	uv_run(&yard.loop, UV_RUN_DEFAULT);
}

static void close_yard(void)
{
	close_sinks();
	CHECK_EQ(uv_loop_close(&yard.loop), 0);
	registry_free(yard.reg);
	teardown(&yard.stage);
	folder_leave();
}

static struct sink_stats stats_of(size_t index)
{
	struct sink_stats stats;

	CHECK(sinks_stats(yard.sinks, index, &stats));
	return stats;
}

/* Alerts @first to @last. */
static void tell(uint64_t first, uint64_t last)
{
	for (uint64_t id = first; id <= last; id++) {
		struct alert alert = web;
		struct event event = firing;

		alert.id = id;
		event.alert = &alert;
		event.wall_ns = now_wall_ns();
		sinks_tell(yard.sinks, &event);
	}
}

static bool is_idle(void)
{
	struct sink_stats stats;

	for (size_t i = 0; sinks_stats(yard.sinks, i, &stats); i++)
		if (stats.queued > 0)
			return false;
	return true;
}

static bool three_failed(void)
{
	return stats_of(0).failed >= 3;
}

#define HOOK(more)                                                         \
	"{\"type\":\"webhook\",\"url\":\"http://localhost/\",\"backoff\":" \
	"{\"initial\":\"1ms\",\"max\":\"2ms\"}" more "}"
/* Answers @status after having kept what it was sent; head(1) takes so much and no more.
 */
#define ANSWER(passed, status)                        \
	"head -c \"$target\" >>posts; echo >>posts\n" \
	"echo \"$id " passed " 5 answered " status "\""

static size_t occurrences(const char *text, const char *word)
{
	size_t n = 0;

	for (; (text = strstr(text, word)); text++)
		n++;
	return n;
}

TEST(what_a_webhook_is_not_rid_of_it_tries_again_with_the_same_id)
{
	_cleanup_(freep) char *posts = NULL;
	char id[64];

	open_yard(HOOK(""));
	loop_fetch_script("fetch",
			  "[ -e ok ] || { " ANSWER("0", "500") "\n continue; }\n" ANSWER(
				  "1", "200"));
	tell(1, 1);
	loop_run_until(&yard.loop, three_failed);
	CHECK_EQ(stats_of(0).queued, 1);
	CHECK_STR(stats_of(0).last_error, "answered 500");
	CHECK_EQ(yard.complaints, 1);
	folder_write("ok", "");
	loop_run_until(&yard.loop, is_idle);
	CHECK_EQ(stats_of(0).sent, 1);
	posts = folder_read("posts");
	CHECK_EQ(sscanf(posts, "url %*s header %*[^\n] header webhook-id: %63s", id), 1);
	CHECK_EQ(occurrences(posts, "header webhook-id: "), occurrences(posts, id) / 2);
	close_yard();
}

TEST(a_webhook_keeps_what_it_may_and_the_next_daemon_sends_it)
{
	_cleanup_(freep) char *posts = NULL;

	open_yard(HOOK(",\"queue_max\":3"));
	tell(1, 10);
	loop_run_until(&yard.loop, three_failed);
	CHECK_EQ(stats_of(0).queued, 3);
	CHECK_EQ(stats_of(0).dropped, 7);
	CHECK(strstr(stats_of(0).last_error, "is missing"));
	close_sinks();

	loop_fetch_script("fetch", ANSWER("1", "200"));
	open_sinks(HOOK(",\"queue_max\":2"));
	CHECK_EQ(stats_of(0).queued, 2);
	CHECK_EQ(stats_of(0).dropped, 1);
	loop_run_until(&yard.loop, is_idle);
	CHECK_EQ(stats_of(0).sent, 2);
	posts = folder_read("posts");
	CHECK_EQ(occurrences(posts, "\"data\":{\"id\":9,"), 1);
	CHECK_EQ(occurrences(posts, "\"data\":{\"id\":10,"), 1);
	close_yard();
}

TEST(without_a_disk_a_webhook_keeps_them_in_memory)
{
	open_yard(HOOK(""));
	folder_write("state", "a file where the folder should be");
	tell(1, 5);
	loop_run_until(&yard.loop, three_failed);
	loop_fetch_script("fetch", ANSWER("1", "200"));
	loop_run_until(&yard.loop, is_idle);
	CHECK_EQ(stats_of(0).sent, 5);
	CHECK_EQ(stats_of(0).dropped, 0);
	close_yard();
}

TEST(what_is_too_old_is_given_up)
{
	struct event event = firing; /* of 2021 */

	open_yard(HOOK(""));
	loop_fetch_script("fetch", ANSWER("1", "200"));
	event.alert = &web;
	sinks_tell(yard.sinks, &event);
	loop_run_until(&yard.loop, is_idle);
	CHECK_EQ(stats_of(0).dropped, 1);
	CHECK_EQ(stats_of(0).sent, 0);
	close_yard();
}

TEST(a_helper_that_dies_is_started_again)
{
	open_yard(HOOK(""));
	loop_fetch_script("fetch",
			  "[ -e ok ] || { touch ok; exit 1; }\n" ANSWER("1", "200"));
	tell(1, 2);
	loop_run_until(&yard.loop, is_idle);
	CHECK_EQ(stats_of(0).sent, 2);
	CHECK(stats_of(0).failed > 0);
	close_yard();
}

TEST(files_are_written_to_the_end_when_the_sinks_go)
{
	_cleanup_(freep) char *text = NULL;

	open_yard("{\"type\":\"file\",\"path\":\"/tmp/x\"}");
	strcpy(yard.sinks->first->settings->path, "lines");
	tell(1, 300);
	close_sinks();
	text = folder_read("lines");
	CHECK_EQ(occurrences(text, "\n"), 300);
	open_sinks("");
	close_yard();
}

/* What is firing at port 80 from now on. */
static void stand(enum alert_kind kind, size_t n)
{
	struct verdict verdicts[1] = { verdict(kind, "web", 80) };

	pass(&yard.stage, 20 * NS_PER_S);
	yard.stage.now.wall_ns = now_wall_ns();
	CHECK_EQ(update(&yard.stage, verdicts, n), 0);
}

static bool was_told_thrice(void)
{
	_cleanup_(freep) char *posts = NULL;

	return file_read("posts", 1 << 20, &posts, NULL) == 0 &&
	       occurrences(posts, "url http://localhost:9093/api/v2/alerts\n") >= 3;
}

TEST(alertmanager_is_told_again_and_again_what_stood_before)
{
	_cleanup_(freep) char *posts = NULL;

	open_yard("");
	loop_fetch_script("fetch", ANSWER("1", "200"));
	stand(ALERT_OCCUPIED, 1);
	follow("{\"type\":\"alertmanager\",\"url\":\"http://localhost:9093/\","
	       "\"resend\":\"20ms\"}");
	loop_run_until(&yard.loop, was_told_thrice);
	posts = folder_read("posts");
	CHECK(strstr(posts, "[{\"labels\":{\"alertname\":\"PortwatchOccupied\""));
	CHECK_EQ(stats_of(0).failed, 0);
	close_yard();
}

TEST(sinks_that_go_and_come_again_begin_anew)
{
	open_yard("{\"type\":\"file\",\"name\":\"a\",\"path\":\"/dev/null\"},"
		  "{\"type\":\"file\",\"name\":\"b\",\"path\":\"/dev/null\"}");
	tell(1, 1);
	loop_run_until(&yard.loop, is_idle);
	follow("{\"type\":\"file\",\"name\":\"b\",\"path\":\"/dev/full\"},"
	       "{\"type\":\"stdout\",\"name\":\"a\"}");
	CHECK_EQ(sinks_count(yard.sinks), 2);
	CHECK_STR(stats_of(0).name, "b");
	CHECK_EQ(stats_of(0).sent, 1);
	CHECK_EQ(stats_of(1).sent, 0);
	follow("");
	CHECK_EQ(sinks_count(yard.sinks), 0);
	close_yard();
}
