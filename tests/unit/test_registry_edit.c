// SPDX-License-Identifier: GPL-2.0-only
#include "store/registry_edit.h"
#include "harness.h"
#include "unit/folder.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/files.h"
#include "base/strings.h"

static void begin(const char *text)
{
	folder_enter();
	folder_write("r.json", text);
}

/* Without white space: the words of a registry, in their order. */
static void check_file(const char *want)
{
	_cleanup_(freep) char *text = NULL;
	_cleanup_(freep) char *compact = NULL;
	_cleanup_(doc_freep) struct doc *doc = NULL;
	size_t size;

	CHECK_EQ(file_read("r.json", 1 << 20, &text, &size), 0);
	doc = doc_parse(text, size, NULL);
	compact = doc_print(doc, false, NULL);
	CHECK_STR(compact, want);
}

static struct decode_error error;
static struct registry_change change;

static int put(const char *name, const char *entry, enum registry_put_mode mode,
	       bool force)
{
	_cleanup_(doc_freep) struct doc *doc = doc_parse(entry, strlen(entry), NULL);
	struct registry_put asked = { name, doc, mode, force, NULL };

	CHECK(doc);
	registry_change_done(&change);
	return registry_edit_put("r.json", &asked, 2, &change, &error);
}

static int reassign(const char *name, const char *which, uint16_t port, bool force)
{
	struct registry_reassign asked = { name, which, port, force, NULL };

	registry_change_done(&change);
	return registry_edit_reassign("r.json", &asked, 2, &change, &error);
}

static void end(void)
{
	registry_change_done(&change);
	folder_leave();
}

static bool noted(const char *what)
{
	for (char *const *note = change.notes; note && *note; note++)
		if (strstr(*note, what))
			return true;
	return false;
}

static const char two[] =
	"{\"x-owner\":\"ops\",\"services\":[{\"colour\":\"blue\",\"name\":\"wizard\","
	"\"port\":8765,\"process_name\":\"w\",\"description\":\"d\"},{\"name\":"
	"\"goblin\","
	"\"port\":8767,\"process_name\":\"g\",\"enabled\":false}],\"settings\":{\"x\":1}"
	"}";

TEST(a_service_is_added_behind_the_others)
{
	begin("{\"services\":[{\"name\":\"a\",\"port\":1,\"q\":1}],\"z\":[1]}");
	CHECK_EQ(put("b", "{\"port\":2,\"process_name\":\"b\"}", REGISTRY_CREATE, false),
		 0);
	CHECK_EQ(change.kind, REGISTRY_CREATED);
	CHECK_EQ(registry_count(change.registry), 2);
	check_file("{\"services\":[{\"name\":\"a\",\"port\":1,\"q\":1},{\"name\":\"b\","
		   "\"port\":2,\"process_name\":\"b\"}],\"z\":[1]}");
	end();
}

TEST(a_file_that_is_missing_or_has_no_services_gets_them)
{
	folder_enter();
	CHECK_EQ(put("a", "{\"port\":1}", REGISTRY_CREATE, false), 0);
	check_file("{\"services\":[{\"name\":\"a\",\"port\":1}]}");
	CHECK(noted("nothing to recognise"));
	end();
	begin("{\"services\":null,\"allocations\":{}}");
	CHECK_EQ(put("a", "{\"port\":1}", REGISTRY_PUT, false), 0);
	check_file("{\"services\":[{\"name\":\"a\",\"port\":1}],\"allocations\":{}}");
	end();
}

TEST(what_is_there_already_is_left_alone)
{
	struct stat before, after;

	begin(two);
	CHECK_EQ(stat("r.json", &before), 0);
	CHECK_EQ(put("goblin", "{\"port\":8767,\"enabled\":false,\"process_name\":\"g\"}",
		     REGISTRY_CREATE, false),
		 0);
	CHECK_EQ(change.kind, REGISTRY_UNCHANGED);
	CHECK_EQ(put("wizard", "{\"enabled\":true}", REGISTRY_UPDATE, false), 0);
	CHECK_EQ(change.kind, REGISTRY_UNCHANGED);
	CHECK_EQ(stat("r.json", &after), 0);
	CHECK_EQ(after.st_ino, before.st_ino);
	CHECK_EQ(put("goblin", "{\"port\":8767}", REGISTRY_CREATE, false), -EEXIST);
	check_file(two);
	end();
}

TEST(replacing_keeps_what_is_not_known)
{
	begin(two);
	CHECK_EQ(put("wizard", "{\"port\":9000,\"tags\":[\"t\"]}", REGISTRY_PUT, false),
		 0);
	CHECK_EQ(change.kind, REGISTRY_UPDATED);
	check_file("{\"x-owner\":\"ops\",\"services\":[{\"colour\":\"blue\",\"name\":"
		   "\"wizard\",\"port\":9000,\"tags\":[\"t\"]},{\"name\":\"goblin\","
		   "\"port\":8767,\"process_name\":\"g\",\"enabled\":false}],"
		   "\"settings\":{\"x\":1}}");
	end();
}

TEST(updating_changes_what_is_given_and_null_takes_away)
{
	begin("{\"services\":[{\"name\":\"a\",\"port\":1,\"description\":\"d\","
	      "\"stop\":{\"signal\":\"INT\",\"grace\":\"5s\"}}]}");
	CHECK_EQ(put("a", "{\"description\":null,\"stop\":{\"grace\":\"1s\"}}",
		     REGISTRY_UPDATE, false),
		 0);
	check_file("{\"services\":[{\"name\":\"a\",\"port\":1,\"stop\":{\"signal\":"
		   "\"INT\",\"grace\":\"1s\"}}]}");
	CHECK_EQ(put("b", "{\"port\":1}", REGISTRY_UPDATE, false), -ESRCH);
	end();
}

TEST(a_claimed_port_is_refused_unless_forced)
{
	begin(two);
	CHECK_EQ(put("x", "{\"port\":8765}", REGISTRY_CREATE, false), -EADDRINUSE);
	CHECK(strstr(error.what, "wizard"));
	CHECK_EQ(put("x", "{\"port\":8767}", REGISTRY_CREATE, false), -EADDRINUSE);
	CHECK(strstr(error.what, "disabled"));
	check_file(two);
	CHECK_EQ(put("x", "{\"port\":8765,\"proto\":\"udp\"}", REGISTRY_CREATE, false),
		 0);
	CHECK_EQ(put("y", "{\"port\":8765}", REGISTRY_CREATE, true), 0);
	/* What it claimed before is no news. */
	CHECK_EQ(put("y", "{\"description\":\"z\"}", REGISTRY_UPDATE, false), 0);
	end();
}

TEST(ports_of_different_addresses_and_namespaces_are_different)
{
	begin("{\"services\":[{\"name\":\"a\",\"port\":1,\"address\":\"127.0.0.1\"}],"
	      "\"allocations\":{\"9\":{\"port\":9,\"service_name\":\"z\"}}}");
	CHECK_EQ(put("b", "{\"port\":1,\"address\":\"127.0.0.2\"}", REGISTRY_CREATE,
		     false),
		 0);
	CHECK_EQ(put("c", "{\"port\":1}", REGISTRY_CREATE, false), -EADDRINUSE);
	CHECK_EQ(put("c", "{\"port\":1,\"netns\":\"n\"}", REGISTRY_CREATE, false), 0);
	CHECK_EQ(put("d", "{\"port\":9}", REGISTRY_CREATE, false), -EADDRINUSE);
	CHECK_EQ(put("z", "{\"port\":9}", REGISTRY_CREATE, false), 0);
	end();
}

TEST(a_bad_entry_is_refused_with_its_place)
{
	static const struct {
		const char *name, *entry, *path, *what;
	} table[] = {
		{ "a", "{\"port\":70000}", "port", "70000" },
		{ "a", "{\"port\":\"http\"}", "port", "" },
		{ "a", "{\"port\":1,\"stop\":{\"signal\":\"BOOM\"}}", "stop.signal", "" },
		{ "a", "{\"port\":1,\"depends_on\":[\"nobody\"]}", "", "nobody" },
		{ "a", "{\"port\":1,\"depends_on\":[\"a\"]}", "", "a -> a" },
		{ "a", "{\"name\":\"b\",\"port\":1}", "", "another name" },
		{ "a/b", "{\"port\":1}", "", "cannot be a name" },
		{ "", "{\"port\":1}", "", "cannot be a name" },
		{ "a", "[1]", "", "object" },
	};

	begin(two);
	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		error = (struct decode_error){ 0 };
		CHECK_EQ(put(table[i].name, table[i].entry, REGISTRY_CREATE, false),
			 -EINVAL);
		if (*table[i].path)
			CHECK_STR(error.path, table[i].path);
		CHECK(strstr(error.what, table[i].what));
		CHECK_EQ(error.line, 0);
	}
	check_file(two);
	end();
}

TEST(a_service_is_removed_unless_another_depends_on_it)
{
	begin("{\"services\":[{\"name\":\"a\",\"port\":1},{\"name\":\"goblin\",\"port\":"
	      "2,"
	      "\"depends_on\":[\"a\"]}],\"q\":1}");
	CHECK_EQ(registry_edit_remove("r.json", "a", 2, &change, &error), -EBUSY);
	CHECK(strstr(error.what, "goblin depends on a"));
	CHECK_EQ(registry_edit_remove("r.json", "gobln", 2, &change, &error), -ESRCH);
	CHECK(strstr(error.what, "did you mean goblin"));
	CHECK_EQ(registry_edit_remove("r.json", "goblin", 2, &change, &error), 0);
	CHECK_EQ(change.kind, REGISTRY_REMOVED);
	registry_change_done(&change);
	CHECK_EQ(registry_edit_remove("r.json", "a", 2, &change, &error), 0);
	check_file("{\"services\":[],\"q\":1}");
	end();
}

TEST(reassigning_takes_a_local_health_check_along)
{
	begin("{\"services\":[{\"name\":\"a\",\"port\":8765,\"startup_cmd\":\"s 8765\","
	      "\"health_endpoint\":\"http://localhost:8765/health?x=8765\",\"env\":"
	      "{\"P\":\"8765\",\"Q\":\"18765\"},\"n\":1}]}");
	CHECK_EQ(reassign("a", NULL, 9000, false), 0);
	CHECK_EQ(change.from, 8765);
	CHECK(noted("health_endpoint follows"));
	CHECK(noted("startup_cmd still says 8765"));
	CHECK(noted("P of env") && !noted("Q of env"));
	check_file("{\"services\":[{\"name\":\"a\",\"port\":9000,\"startup_cmd\":\"s "
		   "8765\",\"health_endpoint\":\"http://localhost:9000/health?x=8765\","
		   "\"env\":{\"P\":\"8765\",\"Q\":\"18765\"},\"n\":1}]}");
	CHECK_EQ(reassign("a", NULL, 9000, false), 0);
	CHECK_EQ(change.kind, REGISTRY_UNCHANGED);
	end();
}

TEST(a_health_check_elsewhere_stays)
{
	static const char *const urls[] = { "http://localhost:18765/",
					    "http://localhost/8765",
					    "http://example.org:8765/",
					    "http://10.0.0.1:8765/" };

	for (size_t i = 0; i < sizeof(urls) / sizeof(*urls); i++) {
		char text[256], want[256];

		snprintf(text, sizeof(text),
			 "{\"services\":[{\"name\":\"a\",\"port\":8765,"
			 "\"health_endpoint\":\"%s\"}]}",
			 urls[i]);
		snprintf(want, sizeof(want),
			 "{\"services\":[{\"name\":\"a\",\"port\":9000,"
			 "\"health_endpoint\":\"%s\"}]}",
			 urls[i]);
		begin(text);
		CHECK_EQ(reassign("a", NULL, 9000, false), 0);
		check_file(want);
		end();
	}
}

TEST(of_several_ports_one_is_named)
{
	begin("{\"services\":[{\"name\":\"a\",\"port\":[80,{\"name\":\"m\",\"port\":90,"
	      "\"k\":1}]},{\"name\":\"d\",\"port\":\"dynamic\"},{\"name\":\"e\"}]}");
	CHECK_EQ(reassign("a", NULL, 81, false), -ENOTUNIQ);
	CHECK(strstr(error.what, "80, m=90"));
	CHECK_EQ(reassign("a", "q", 81, false), -ENOTUNIQ);
	CHECK_EQ(reassign("a", "80", 81, false), 0);
	CHECK_EQ(reassign("a", "m", 91, false), 0);
	CHECK_EQ(reassign("a", "m", 81, true), -EINVAL);
	CHECK_EQ(reassign("d", NULL, 70, false), 0);
	CHECK_EQ(reassign("e", NULL, 81, false), -EADDRINUSE);
	CHECK_EQ(reassign("e", NULL, 71, false), 0);
	CHECK_EQ(reassign("f", NULL, 72, false), -ESRCH);
	check_file("{\"services\":[{\"name\":\"a\",\"port\":[81,{\"name\":\"m\",\"port\":"
		   "91,\"k\":1}]},{\"name\":\"d\",\"port\":70},{\"name\":\"e\",\"port\":"
		   "71}]}");
	end();
}

TEST(the_time_of_writing_is_kept_up)
{
	_cleanup_(freep) char *text = NULL;

	begin("{\"timestamp\":\"2026-01-17T12:00:00\",\"services\":[]}");
	CHECK_EQ(put("a", "{\"port\":1}", REGISTRY_PUT, false), 0);
	CHECK_EQ(file_read("r.json", 1 << 20, &text, NULL), 0);
	CHECK(!strstr(text, "2026-01-17T12:00:00\""));
	CHECK(strstr(text, "Z\""));
	end();
}

TEST(processes_that_change_it_at_once_lose_nothing)
{
	enum { WRITERS = 50 };
	_cleanup_(registry_freep) struct registry *reg = NULL;
	int status;

	begin("{\"services\":[]}");
	for (int i = 0; i < WRITERS; i++) {
		char name[16], entry[32];

		if (fork() > 0)
			continue;
		snprintf(name, sizeof(name), "s%d", i);
		snprintf(entry, sizeof(entry), "{\"port\":%d}", 1000 + i);
		_exit(put(name, entry, REGISTRY_CREATE, false) == 0 ? 0 : 1);
	}
	for (int i = 0; i < WRITERS; i++) {
		CHECK(wait(&status) > 0);
		CHECK_EQ(status, 0);
	}
	CHECK_EQ(registry_file_load("r.json", 1, &reg, NULL, &error), 0);
	CHECK_EQ(registry_count(reg), WRITERS);
	end();
}
