// SPDX-License-Identifier: GPL-2.0-only
#include "store/audit.h"
#include "folder.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "base/time.h"

/* 2025-11-15T14:30:00Z */
#define THEN (1763217000ull * NS_PER_S)
#define FILE_THEN "log/allocations_20251115.jsonl"

static const struct allocation grace = {
	.port = 8000,
	.proto = IPPROTO_TCP,
	.service_name = "grace_backend",
	.started_by = "serve.py",
	.purpose = "Main Grace API server",
	.allocated_ns = THEN,
	.health_status = "active",
	.request_count = 7,
	.error_count = 2,
};

static const char allocated[] =
	"{\"timestamp\":\"2025-11-15T14:30:00.000000000Z\",\"action\":\"allocate\","
	"\"port\":8000,\"proto\":\"tcp\",\"service_name\":\"grace_backend\","
	"\"started_by\":\"serve.py\",\"purpose\":\"Main Grace API server\","
	"\"pid\":null}\n";

static struct audit *open_audit(void)
{
	struct audit *audit = NULL;

	folder_enter();
	CHECK_EQ(audit_new("log", &audit), 0);
	return audit;
}

static void close_audit(struct audit *audit)
{
	audit_free(audit);
	folder_leave();
}

static void check_log(const char *want)
{
	_cleanup_(freep) char *text = folder_read(FILE_THEN);

	CHECK_STR(text, want);
}

static void write_one(struct audit *audit)
{
	CHECK_EQ(audit_add(audit, AUDIT_ALLOCATE, &grace, NULL, THEN), 0);
	CHECK_EQ(audit_write(audit, THEN), 0);
}

TEST(a_line_has_what_the_specification_names)
{
	struct audit *audit = open_audit();

	write_one(audit);
	check_log(allocated);
	close_audit(audit);
}

TEST(the_end_of_an_allocation_has_its_sums)
{
	struct audit *audit = open_audit();
	_cleanup_(freep) char *text = NULL;

	CHECK_EQ(audit_add(audit, AUDIT_CLEANUP, &grace, "expired",
			   THEN + 90500 * NS_PER_MS),
		 0);
	CHECK_EQ(audit_write(audit, THEN), 0);
	text = folder_read(FILE_THEN);
	CHECK(strstr(text, "\"action\":\"cleanup\""));
	CHECK(strstr(text,
		     "\"duration_s\":90.5,\"health_status\":\"active\","
		     "\"request_count\":7,\"error_count\":2,\"reason\":\"expired\""));
	close_audit(audit);
}

TEST(each_day_has_its_file)
{
	struct audit *audit = open_audit();
	struct stat st;

	write_one(audit);
	CHECK_EQ(audit_add(audit, AUDIT_RELEASE, &grace, NULL, THEN), 0);
	CHECK_EQ(audit_write(audit, THEN + 24 * 3600 * NS_PER_S), 0);
	CHECK_EQ(stat("log/allocations_20251116.jsonl", &st), 0);
	check_log(allocated);
	close_audit(audit);
}

TEST(what_is_taken_back_was_never_there)
{
	struct audit *audit = open_audit();

	write_one(audit);
	write_one(audit);
	audit_undo(audit);
	audit_undo(audit);
	check_log(allocated);
	close_audit(audit);
}

TEST(lines_of_another_are_not_taken_back)
{
	struct audit *audit = open_audit(), *other = NULL;
	_cleanup_(freep) char *text = NULL;

	CHECK_EQ(audit_new("log", &other), 0);
	write_one(audit);
	write_one(other);
	audit_undo(audit);
	text = folder_read(FILE_THEN);
	CHECK_EQ(strlen(text), 2 * strlen(allocated));
	audit_free(other);
	close_audit(audit);
}

TEST(what_a_crash_left_of_a_line_is_removed)
{
	struct audit *audit = open_audit();
	char text[2048];

	CHECK_EQ(mkdir("log", 0755), 0);
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	folder_write(FILE_THEN, text);
	write_one(audit);
	check_log(allocated);
	snprintf(text, sizeof(text), "%s{\"timestamp\":\"20", allocated);
	folder_write(FILE_THEN, text);
	write_one(audit);
	snprintf(text, sizeof(text), "%s%s", allocated, allocated);
	check_log(text);
	close_audit(audit);
}

TEST(a_log_that_cannot_be_written_is_told)
{
	struct audit *audit = open_audit();

	folder_write("log", "in the way");
	CHECK_EQ(audit_add(audit, AUDIT_ALLOCATE, &grace, NULL, THEN), 0);
	CHECK(audit_write(audit, THEN) < 0);
	CHECK_EQ(unlink("log"), 0);
	/* The line of what came to nothing does not come later. */
	write_one(audit);
	check_log(allocated);
	close_audit(audit);
}
