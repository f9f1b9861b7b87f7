// SPDX-License-Identifier: GPL-2.0-only
/* Whatever the matcher says, it does not tell strangers a command line. */
#include "json/codec.h"
#include "matcher_stage.h"

enum {
	STRANGER = 200,  /* [BASH] leaky --password hunter2 */
	SECRETIVE = 201, /* [INIT] python3 -m goblin.server --password hunter2 */
	HEIR = 202,      /* [SECRETIVE] leaky-child --password hunter2 */
};

static void setup_secretive(struct stage *s)
{
	setup(s);
	enter(s, STRANGER, BASH, "leaky --password hunter2");
	enter(s, SECRETIVE, INIT, "python3 -m goblin.server --password hunter2");
	enter(s, HEIR, SECRETIVE, "leaky-child --password hunter2");
}

#define SECRET_STAGE(s)                     \
	_cleanup_(teardown) struct stage s; \
	setup_secretive(&s)

static bool tells(struct doc *doc)
{
	_cleanup_(doc_freep) struct doc *owned = doc;
	_cleanup_(freep) char *text = doc_print(owned, false, NULL);

	CHECK(text);
	return strstr(text, "hunter2");
}

static void check_verdict(const struct verdict *v, enum alert_kind kind)
{
	static const struct viewer root = { .all = true }, other = { .uid = 54321 };
	const struct alert alert = { .id = 1, .firing = true, .v = *v };
	const struct event event = { .type = EVENT_ALERT_FIRING, .alert = &alert };
	struct doc *doc;

	CHECK_EQ(v->kind, kind);
	CHECK(tells(codec_encode_alert(&alert, &root)));
	CHECK(!tells(codec_encode_alert(&alert, &other)));
	CHECK(!tells(codec_encode_alert(&alert, NULL)));
	doc = codec_encode_event(&event, &root);
	codec_redact(doc, &other);
	CHECK(!tells(doc));
}

static void check_kind(const struct verdicts *list, enum alert_kind kind)
{
	check_verdict(first_kind(list, kind), kind);
}

TEST(occupied_keeps_the_command_line)
{
	SECRET_STAGE(s);

	binds(&s, STRANGER, "8767", 0);
	check_kind(at_port(&s, "8767", HOST), ALERT_OCCUPIED);
}

TEST(blocked_keeps_both_command_lines)
{
	SECRET_STAGE(s);
	struct endpoint at = place("0.0.0.0:8767");
	struct verdict v;

	binds(&s, STRANGER, "0.0.0.0:8767", 0);
	CHECK_EQ(matcher_blocked(&s.world, &at, who(&s, SECRETIVE), &v), 1);
	check_verdict(&v, ALERT_BLOCKED);
}

TEST(shared_and_shadowed_keep_both_command_lines)
{
	SECRET_STAGE(s);

	binds(&s, STRANGER, "0.0.0.0:8000", SOCKET_REUSEPORT);
	binds(&s, SECRETIVE, "0.0.0.0:8000", SOCKET_REUSEPORT);
	check_kind(at_port(&s, "8000", HOST), ALERT_SHARED);
	binds(&s, STRANGER, "127.0.0.1:9001", 0);
	binds(&s, SECRETIVE, "0.0.0.0:9001", 0);
	check_kind(at_port(&s, "9001", HOST), ALERT_SHADOWED);
}

TEST(dead_owner_keeps_the_command_line)
{
	SECRET_STAGE(s);

	binds(&s, SECRETIVE, "0.0.0.0:8767", 0);
	exits(&s, SECRETIVE, SIGKILL);
	settles(&s, SECRETIVE, NOBODY);
	check_kind(at_service(&s, "goblin"), ALERT_DEAD_OWNER);
}

TEST(orphaned_keeps_both_command_lines)
{
	SECRET_STAGE(s);

	binds(&s, SECRETIVE, "0.0.0.0:8767", 0);
	exits(&s, SECRETIVE, SIGKILL);
	settles(&s, SECRETIVE, HEIR);
	check_kind(at_service(&s, "goblin"), ALERT_ORPHANED);
}

TEST(not_listening_keeps_the_command_line)
{
	SECRET_STAGE(s);

	releases(&s, binds(&s, SECRETIVE, "0.0.0.0:8767", 0));
	check_kind(at_service(&s, "goblin"), ALERT_NOT_LISTENING);
}

TEST(drifted_keeps_the_command_line)
{
	SECRET_STAGE(s);

	binds(&s, SECRETIVE, "0.0.0.0:8768", 0);
	check_kind(at_service(&s, "goblin"), ALERT_DRIFTED);
}

TEST(unregistered_keeps_the_command_line)
{
	SECRET_STAGE(s);

	registry_settings(s.registry)->unregistered = UNREGISTERED_ALL;
	binds(&s, STRANGER, "0.0.0.0:9999", 0);
	check_kind(at_port(&s, "9999", HOST), ALERT_UNREGISTERED);
}

TEST(ephemeral_keeps_the_command_line)
{
	SECRET_STAGE(s);

	connects(&s, STRANGER, "127.0.0.1:8767");
	check_kind(at_port(&s, "8767", HOST), ALERT_EPHEMERAL);
}

TEST(events_of_sockets_keep_the_command_lines)
{
	static const struct viewer root = { .all = true }, other = { .uid = 54321 };
	SECRET_STAGE(s);
	const struct socket sock = { .at = place("8767"), .owner = who(&s, SECRETIVE) };
	const struct socket holder = { .at = place("8767"), .owner = who(&s, STRANGER) };
	const struct socket *holders[] = { &holder };
	const struct event event = { .type = EVENT_SOCKET_BIND_FAILED,
				     .socket = &sock,
				     .error = -EADDRINUSE,
				     .holders = holders,
				     .n_holders = 1 };
	struct doc *doc = codec_encode_event(&event, &root);

	codec_redact(doc, &other);
	CHECK(!tells(doc));
	CHECK(!tells(codec_encode_event(&event, &other)));
	CHECK(tells(codec_encode_event(&event, &root)));
	CHECK(!tells(codec_encode_socket(&sock, NULL, 0, NULL, &other)));
	CHECK(tells(codec_encode_socket(&sock, NULL, 0, NULL, &root)));
}

TEST(an_entry_keeps_names_and_loses_what_may_be_a_secret)
{
	static const char text[] =
		"{\"name\":\"a\",\"match\":{\"exe\":\"/x\",\"cmdline\":[\"hunter2\"]},"
		"\"startup_cmd\":\"a --password "
		"hunter2\",\"env\":{\"A\":\"hunter2\",\"B\":\"\"},"
		"\"health_endpoint\":\"http://a:hunter2@h:1/x?t=hunter2\","
		"\"health\":{\"http\":\"https://hunter2@h\",\"exec\":[\"hunter2\"]}}";
	_cleanup_(doc_freep) struct doc *doc = doc_parse(text, sizeof(text) - 1, NULL);
	_cleanup_(freep) char *left = NULL;

	codec_hide_secrets(doc);
	left = doc_print(doc, false, NULL);
	CHECK_STR(left, "{\"name\":\"a\",\"match\":{\"exe\":\"/x\",\"cmdline\":null},"
			"\"startup_cmd\":null,\"env\":{\"A\":null,\"B\":null},"
			"\"health_endpoint\":\"http://…@h:1/x?…\","
			"\"health\":{\"http\":\"https://…@h\",\"exec\":null}}");
}

TEST(an_entry_without_secrets_stays_as_it_is)
{
	static const char text[] =
		"{\"name\":\"a\",\"match\":null,\"startup_cmd\":null,\"env\":null,"
		"\"health_endpoint\":\"http://h:1/x@y\",\"health\":\"unhealthy\"}";
	_cleanup_(doc_freep) struct doc *doc = doc_parse(text, sizeof(text) - 1, NULL);
	_cleanup_(freep) char *left = NULL;

	codec_hide_secrets(doc);
	left = doc_print(doc, false, NULL);
	CHECK_STR(left, text);
}
