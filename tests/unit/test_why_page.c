// SPDX-License-Identifier: GPL-2.0-only
/* The page of why, from documents as a daemon gives them, and as it never should. */
#include "cli/why_page.h"

#include "harness.h"

static char *page_of(const char *json)
{
	static const struct terminal plain = { .width = 80 };
	_cleanup_(doc_freep) struct doc *doc = doc_parse(json, strlen(json), NULL);
	struct buffer text = { 0 };

	CHECK(doc != NULL);
	why_page_add(&plain, doc, &text);
	CHECK(!text.failed);
	return text.data;
}

static void check_page(const char *json, const char *want)
{
	_cleanup_(freep) char *page = page_of(json);

	CHECK_STR(page, want);
}

TEST(a_free_port_is_a_sentence_and_what_a_bind_gets)
{
	check_page(
		"{\"summary\":\":80 is free.\",\"port\":80,\"binds\":["
		"{\"proto\":\"tcp\",\"address\":\"0.0.0.0\",\"port\":80,\"as\":\"root\","
		"\"options\":[],\"result\":\"ok\",\"errno\":null,\"reason\":\"free\","
		"\"text\":\"x\"}],\"advice\":{\"text\":\"Nothing.\",\"command\":null}}",
		":80 is free.\n\nA bind as root now gets\n  tcp 0.0.0.0  ok\n\n"
		"What to do\n  Nothing.\n");
}

TEST(what_is_alike_is_said_once)
{
	check_page(
		"{\"summary\":\"s\",\"port\":80,\"binds\":["
		"{\"proto\":\"tcp\",\"address\":\"0.0.0.0\",\"port\":80,\"as\":\"a\","
		"\"options\":[],\"result\":\"error\",\"errno\":\"EADDRINUSE\","
		"\"reason\":\"listener\",\"text\":\"taken\"},"
		"{\"proto\":\"tcp\",\"address\":\"::1\",\"port\":80,\"as\":\"a\","
		"\"options\":[\"SO_REUSEADDR\"],\"result\":\"depends\","
		"\"errno\":\"EADDRINUSE\",\"reason\":\"time_wait\",\"text\":\"t\"},"
		"{\"proto\":\"tcp\",\"address\":\"::\",\"port\":80,\"as\":\"a\","
		"\"options\":[],\"result\":\"error\",\"errno\":\"EADDRINUSE\","
		"\"reason\":\"listener\",\"text\":\"taken\"}]}",
		"s\n\nA bind as a now gets\n  tcp 0.0.0.0, ::  EADDRINUSE\n      taken\n"
		"  tcp ::1 with SO_REUSEADDR  perhaps EADDRINUSE\n      t\n");
}

TEST(holders_with_their_chain_and_companions)
{
	check_page("{\"summary\":\"s\",\"port\":80,\"accepted\":2,\"holders\":[{"
		   "\"proto\":\"tcp\",\"address\":\"::1\",\"port\":80,"
		   "\"state\":\"listening\",\"service\":\"web\",\"chain\":["
		   "{\"pid\":7,\"comm\":\"child\",\"cmdline\":[\"a\",\"b\"],\"cwd\":\"/"
		   "srv\","
		   "\"unit\":\"web.service\"},"
		   "{\"pid\":6,\"comm\":\"dead\",\"exited\":true}],"
		   "\"others\":[{\"pid\":8,\"comm\":\"twin\"}]}]}",
		   "s\n\nHeld by\n  tcp [::1]:80  listening, service web\n"
		   "    child (pid 7): a b\n      in /srv, unit web.service\n"
		   "      started by dead (pid 6), which has ended\n"
		   "    also held by twin (pid 8)\n  2 connections accepted\n");
}

/* Every string of the document is somebody else's, as far as the page knows. */
TEST(no_string_of_the_document_reaches_the_terminal_raw)
{
#define EVIL "\"\\u001b[2J\\u202e\\u009b\\n\""
	_cleanup_(freep) char *page = page_of(
		"{\"summary\":" EVIL
		",\"port\":80,\"accepted\":1,\"holders\":[{\"proto\":" EVIL
		",\"address\":" EVIL ",\"port\":80,\"state\":" EVIL ",\"since\":" EVIL
		",\"age_s\":3,\"service\":" EVIL ",\"chain\":[{\"pid\":7,\"comm\":" EVIL
		",\"user\":" EVIL ",\"cmdline\":[" EVIL "],\"cwd\":" EVIL
		",\"unit\":" EVIL ",\"container\":" EVIL "},{\"pid\":1,\"comm\":" EVIL
		",\"unit\":" EVIL "}],\"others\":[{\"pid\":8,\"comm\":" EVIL
		"}]}],\"connections\":[{\"proto\":" EVIL ",\"address\":" EVIL
		",\"port\":1,\"peer\":" EVIL ",\"kind\":" EVIL ",\"until\":" EVIL
		"},{\"peer\":" EVIL ",\"kind\":" EVIL ",\"process\":{\"comm\":" EVIL
		"}}],\"elsewhere\":[{\"address\":" EVIL ",\"process\":{\"comm\":" EVIL
		"}}],\"binds\":[{\"proto\":" EVIL ",\"address\":" EVIL ",\"as\":" EVIL
		",\"options\":[" EVIL "],\"result\":" EVIL ",\"errno\":" EVIL
		",\"reason\":" EVIL ",\"text\":" EVIL "}],\"failures\":[{\"errno\":" EVIL
		",\"last\":" EVIL ",\"process\":{\"comm\":" EVIL
		"}}],\"advice\":{\"text\":" EVIL ",\"command\":" EVIL "}}");

	CHECK(!strchr(page, '\x1b'));
	CHECK(!strstr(page, "\xe2\x80\xae"));
	CHECK(!strstr(page, "\xc2\x9b"));
}

TEST(a_document_that_has_nothing_is_no_crash)
{
	check_page("{}", "\n");
	check_page("{\"summary\":1,\"holders\":3,\"binds\":{},\"advice\":[]}", "\n");
}
