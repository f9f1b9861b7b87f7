// SPDX-License-Identifier: GPL-2.0-only
#include "store/registry_file.h"
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

static void check_file(const char *path, const char *want)
{
	_cleanup_(freep) char *text = folder_read(path);

	CHECK_STR(text, want);
}

static const char wizard[] = "{\n  \"services\": [\n    {\n      \"name\": \"wizard\",\n "
			     "     \"port\": 8765,\n"
			     "      \"colour\": \"blue\"\n    }\n  ]\n}\n";

TEST(a_registry_is_loaded)
{
	_cleanup_(registry_freep) struct registry *reg = NULL;
	struct decode_warnings warnings = { 0 };
	struct decode_error error;

	folder_enter();
	folder_write("r.json", wizard);
	CHECK_EQ(registry_file_load("r.json", 7, &reg, &warnings, &error), 0);
	CHECK_EQ(registry_count(reg), 1);
	CHECK_EQ(registry_generation(reg), 7);
	CHECK_EQ(warnings.count, 2);
	decode_warnings_done(&warnings);
	folder_leave();
}

static void check_refused(const char *path, int want, const char *what)
{
	struct registry *reg = NULL;
	struct decode_error error;
	int err = registry_file_load(path, 1, &reg, NULL, &error);

	if (err != want || reg || !strstr(error.what, what) || !error.remedy[0])
		test_fail(__FILE__, __LINE__, "%s: %d, %s (%s)", path, err, error.what,
			  error.remedy);
}

TEST(what_cannot_be_read_is_refused_with_a_remedy)
{
	char *large = malloc(20 << 20);

	folder_enter();
	check_refused("missing.json", -ENOENT, "No such file");
	CHECK_EQ(mkdir("folder", 0755), 0);
	check_refused("folder", -EISDIR, "Is a directory");
	folder_write("empty.json", "");
	check_refused("empty.json", -EINVAL, "empty");
	folder_write("bad.json", "{\"services\": [");
	check_refused("bad.json", -EINVAL, "not closed");
	memset(large, ' ', 20 << 20);
	CHECK_EQ(file_write_atomic("large.json", large, 20 << 20, 0644), 0);
	check_refused("large.json", -EFBIG, "too large");
	free(large);
	folder_leave();
}

/* In a process of its own, which gives up being root. */
static void load_unreadable(void)
{
	if (geteuid() == 0 && (setegid(65534) < 0 || seteuid(65534) < 0))
		_exit(2);
	check_refused("r.json", -EACCES, "Permission denied");
	_exit(0);
}

TEST(an_unreadable_file_is_refused_with_a_remedy)
{
	int status;

	folder_enter();
	folder_write("r.json", wizard);
	CHECK_EQ(chmod("r.json", 0), 0);
	CHECK_EQ(chmod(".", 0755), 0);
	if (fork() == 0)
		load_unreadable();
	CHECK(wait(&status) > 0);
	folder_leave();
	if (WIFEXITED(status) && WEXITSTATUS(status) == 2)
		test_skip("cannot become another user");
	CHECK_EQ(status, 0);
}

static int add_port(struct doc *document, const struct registry *current, void *arg,
		    struct decode_error *reterr)
{
	const struct service *svc = registry_find(current, "wizard");
	struct doc *list = doc_find(document, "services");

	(void)reterr;
	CHECK_EQ(svc->index, 0);
	doc_replace((struct doc *)doc_first(list), "port", doc_int_new(*(int *)arg));
	return 1;
}

TEST(an_edit_keeps_what_is_unknown_in_its_place)
{
	_cleanup_(registry_freep) struct registry *reg = NULL;
	struct decode_error error;
	int port = 9000;

	folder_enter();
	folder_write("r.json", "{\"x\": [1.50, 12345678901234567890], \"services\": "
			       "[{\"a\": null, \"port\": 1, \"b\": {}, \"name\": "
			       "\"wizard\"}], \"y\": 1}");
	CHECK_EQ(registry_file_edit("r.json", add_port, &port, 2, &reg, &error), 1);
	CHECK_EQ(registry_find(reg, "wizard")->claims[0].at.port, 9000);
	check_file("r.json", "{\n"
			     "  \"x\": [1.50, 12345678901234567890],\n"
			     "  \"services\": [\n"
			     "    {\n"
			     "      \"a\": null,\n"
			     "      \"port\": 9000,\n"
			     "      \"b\": {},\n"
			     "      \"name\": \"wizard\"\n"
			     "    }\n"
			     "  ],\n"
			     "  \"y\": 1\n"
			     "}\n");
	folder_leave();
}

TEST(an_edit_that_would_be_refused_is_not_saved)
{
	struct registry *reg = NULL;
	struct decode_error error;
	int port = 70000;

	folder_enter();
	folder_write("r.json", wizard);
	CHECK_EQ(registry_file_edit("r.json", add_port, &port, 2, &reg, &error), -EINVAL);
	CHECK(strstr(error.what, "70000") && !reg);
	CHECK_STR(error.path, "services[0].port");
	CHECK_EQ(error.line, 0);
	check_file("r.json", wizard);
	folder_leave();
}

TEST(a_file_that_is_bad_is_not_touched)
{
	struct decode_error error;
	int port = 9000;

	folder_enter();
	folder_write("r.json", "{\"services\":\n 7}");
	CHECK_EQ(registry_file_edit("r.json", add_port, &port, 2, NULL, &error), -EINVAL);
	CHECK_EQ(error.line, 2);
	check_file("r.json", "{\"services\":\n 7}");
	folder_leave();
}

static int leave(struct doc *document, const struct registry *current, void *arg,
		 struct decode_error *reterr)
{
	(void)document;
	(void)current;
	(void)arg;
	(void)reterr;
	return 0;
}

static int fail(struct doc *document, const struct registry *current, void *arg,
		struct decode_error *reterr)
{
	(void)document;
	(void)current;
	(void)arg;
	(void)reterr;
	return -ENOENT;
}

TEST(an_edit_that_changes_nothing_writes_nothing)
{
	_cleanup_(registry_freep) struct registry *reg = NULL;
	struct decode_error error;
	struct stat before, after;

	folder_enter();
	folder_write("r.json", wizard);
	CHECK_EQ(stat("r.json", &before), 0);
	CHECK_EQ(registry_file_edit("r.json", leave, NULL, 2, &reg, &error), 0);
	CHECK_EQ(registry_count(reg), 1);
	CHECK_EQ(stat("r.json", &after), 0);
	CHECK_EQ(before.st_ino, after.st_ino);
	CHECK_EQ(registry_file_edit("r.json", fail, NULL, 2, NULL, &error), -ENOENT);
	CHECK(error.what[0]);
	folder_leave();
}

static int import(const char *path, const char *text, struct registry_import *counts,
		  struct decode_error *error)
{
	_cleanup_(registry_freep) struct registry *reg = NULL;

	return registry_file_import(path, text, strlen(text), 2, &reg, counts, error);
}

TEST(an_import_makes_the_file_and_its_folders)
{
	struct registry_import counts = { 0 };
	struct decode_error error;

	folder_enter();
	CHECK_EQ(import("a/b/r.json", wizard, &counts, &error), 1);
	CHECK_EQ(counts.services_added, 1);
	check_file("a/b/r.json", wizard);
	CHECK_EQ(import("a/b/r.json", wizard, &counts, &error), 0);
	CHECK_EQ(counts.services_added, 0);
	CHECK_EQ(counts.services_same, 1);
	folder_leave();
}

TEST(an_import_takes_over_either_form)
{
	struct registry_import counts = { 0 };
	struct decode_error error;

	folder_enter();
	folder_write("r.json",
		     "{\"services\":[{\"name\":\"a\",\"port\":1}],\"keep\":true}");
	CHECK_EQ(import("r.json",
			"{\"timestamp\":\"2026-01-17T12:00:00\",\"services\":"
			"[{\"port\":1,\"name\":\"a\"},{\"name\":\"b\",\"port\":2,\"z\":0}"
			"]}",
			&counts, &error),
		 1);
	CHECK_EQ(counts.services_added, 1);
	CHECK_EQ(counts.services_same, 1);
	CHECK_EQ(import("r.json",
			"{\"allocations\":{\"8000\":{\"service_name\":\"x\"}},"
			"\"settings\":{\"env_prefix\":\"UDOS\"}}",
			&counts, &error),
		 1);
	CHECK_EQ(counts.allocations_added, 1);
	CHECK_EQ(counts.settings_added, 1);
	CHECK_EQ(import("r.json",
			"{\"allocations\":{\"8000/tcp\":{\"service_name\":\"x\"},"
			"\"8000/udp\":{\"service_name\":\"x\"}}}",
			&counts, &error),
		 1);
	CHECK_EQ(counts.allocations_added, 1);
	CHECK_EQ(counts.allocations_same, 1);
	check_file("r.json", "{\n"
			     "  \"services\": [\n"
			     "    {\n"
			     "      \"name\": \"a\",\n"
			     "      \"port\": 1\n"
			     "    },\n"
			     "    {\n"
			     "      \"name\": \"b\",\n"
			     "      \"port\": 2,\n"
			     "      \"z\": 0\n"
			     "    }\n"
			     "  ],\n"
			     "  \"keep\": true,\n"
			     "  \"allocations\": {\n"
			     "    \"8000\": {\n"
			     "      \"service_name\": \"x\"\n"
			     "    },\n"
			     "    \"8000/udp\": {\n"
			     "      \"service_name\": \"x\"\n"
			     "    }\n"
			     "  },\n"
			     "  \"settings\": {\n"
			     "    \"env_prefix\": \"UDOS\"\n"
			     "  }\n"
			     "}\n");
	folder_leave();
}

TEST(a_clash_is_refused_with_its_place_and_nothing_is_saved)
{
	static const struct {
		const char *text, *path, *what;
		unsigned line, column;
	} rows[] = {
		{ "{\"services\":[{\"name\":\"b\",\"port\":2},\n "
		  "{\"name\":\"a\",\"port\":2}]}",
		  "services[1]", "service \"a\"", 2, 2 },
		{ "{\"allocations\":\n{\"8000\": {\"service_name\":\"y\"}}}",
		  "allocations[\"8000\"]", "allocation of port 8000/tcp", 2, 10 },
		{ "{\"settings\":{\"env_prefix\":\"B\"}}", "settings[\"env_prefix\"]",
		  "setting env_prefix", 1, 27 },
	};
	static const char present[] =
		"{\"services\":[{\"name\":\"a\",\"port\":1}],\"settings\":{\"env_"
		"prefix\":\"A\"},"
		"\"allocations\":{\"8000\":{\"service_name\":\"x\"}}}";

	folder_enter();
	folder_write("r.json", present);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct registry_import counts;
		struct decode_error error;

		CHECK_EQ(import("r.json", rows[i].text, &counts, &error), -EEXIST);
		CHECK_STR(error.path, rows[i].path);
		CHECK(strstr(error.what, rows[i].what) && error.remedy[0]);
		CHECK_EQ(error.line, rows[i].line);
		CHECK_EQ(error.column, rows[i].column);
		check_file("r.json", present);
	}
	folder_leave();
}

TEST(an_import_of_something_bad_is_refused)
{
	struct registry_import counts;
	struct decode_error error;

	folder_enter();
	CHECK_EQ(import("r.json", "{\"services\":[{\"name\":\"a\",\n\"port\":0}]}",
			&counts, &error),
		 -EINVAL);
	CHECK_EQ(error.line, 2);
	CHECK(access("r.json", F_OK) < 0);
	folder_leave();
}

TEST(a_place_in_the_file_is_not_taken_for_one_in_the_import)
{
	struct registry_import counts;
	struct decode_error error;

	folder_enter();
	folder_write("r.json", "{\"services\":\n 7}");
	CHECK_EQ(import("r.json", wizard, &counts, &error), -EINVAL);
	CHECK_EQ(error.line, 0);
	CHECK(strstr(error.what, "as it is now is refused: line 2, column 2"));
	folder_leave();
}

static void import_one(int i)
{
	struct registry_import counts;
	struct decode_error error;
	char text[128];

	snprintf(text, sizeof(text), "{\"services\":[{\"name\":\"s%d\",\"port\":%d}]}", i,
		 i + 1);
	_exit(import("r.json", text, &counts, &error) == 1 ? 0 : 1);
}

TEST(writers_at_the_same_time_lose_nothing)
{
	enum { WRITERS = 16 };
	_cleanup_(registry_freep) struct registry *reg = NULL;
	struct decode_error error;
	int status;

	folder_enter();
	for (int i = 0; i < WRITERS; i++)
		if (fork() == 0)
			import_one(i);
	for (int i = 0; i < WRITERS; i++) {
		CHECK(wait(&status) > 0);
		CHECK_EQ(status, 0);
	}
	CHECK_EQ(registry_file_load("r.json", 1, &reg, NULL, &error), 0);
	CHECK_EQ(registry_count(reg), WRITERS);
	folder_leave();
}
