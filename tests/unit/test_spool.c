// SPDX-License-Identifier: GPL-2.0-only
/* The queue of a webhook on the disk. */
#include "sinks/spool.h"
#include "folder.h"
#include "loop_stage.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MESSAGES = 8, TEXT_SIZE = 10000, HEARD = 64 };

static struct {
	uv_loop_t loop;
	struct spool *spool;
	struct spool_result heard[HEARD];
	size_t n_heard, wanted;
	int tell; /* a pipe: each answer is a byte in it; negative: nobody listens */
} stage;

static void on_result(const struct spool_result *result, void *arg)
{
	char byte = (char)(result->number * 2 + (result->action == SPOOL_REMOVE));

	(void)arg;
	if (stage.tell >= 0)
		CHECK_EQ(write(stage.tell, &byte, 1), 1);
	CHECK(stage.n_heard < HEARD);
	stage.heard[stage.n_heard++] = *result;
}

static void open_spool(int tell)
{
	stage.tell = tell;
	CHECK_EQ(uv_loop_init(&stage.loop), 0);
	CHECK_EQ(spool_new(&stage.loop, "queue", on_result, NULL, &stage.spool), 0);
}

static void open_stage(void)
{
	folder_enter();
	open_spool(-1);
}

static void close_stage(void)
{
	for (size_t i = 0; i < stage.n_heard; i++)
		free(stage.heard[i].text);
	spool_free(stage.spool);
	CHECK_EQ(uv_loop_close(&stage.loop), 0);
	folder_leave();
}

static bool all_heard(void)
{
	return stage.n_heard == stage.wanted;
}

static void wait_for(size_t n)
{
	stage.wanted = n;
	loop_run_until(&stage.loop, all_heard);
}

/* A text that shows where it was torn. */
static char *text_of(uint64_t number)
{
	char *text = malloc(TEXT_SIZE + 1);

	CHECK(text);
	memset(text, 'a' + (int)(number % 26), TEXT_SIZE);
	text[TEXT_SIZE] = '\0';
	return text;
}

static void store(uint64_t number)
{
	CHECK_EQ(spool_write(stage.spool, number, text_of(number), TEXT_SIZE), 0);
}

TEST(what_is_written_is_listed_in_order_read_and_removed)
{
	_cleanup_(freep) struct spool_entry *entries = NULL;
	_cleanup_(freep) char *third = text_of(3);

	open_stage();
	CHECK_EQ(spool_list("queue", &entries), 0);
	store(10);
	store(3);
	CHECK_EQ(spool_bytes(stage.spool), 2 * TEXT_SIZE);
	CHECK_EQ(spool_read(stage.spool, 3), 0);
	wait_for(3);
	CHECK_EQ(spool_bytes(stage.spool), 0);
	CHECK_EQ(stage.heard[0].action, SPOOL_WRITE);
	CHECK(!stage.heard[0].text);
	CHECK_EQ(stage.heard[2].size, TEXT_SIZE);
	CHECK_STR(stage.heard[2].text, third);
	CHECK_EQ(spool_list("queue", &entries), 2);
	CHECK_EQ(entries[0].number, 3);
	CHECK_EQ(entries[1].number, 10);
	CHECK_EQ(entries[1].size, TEXT_SIZE);
	CHECK(entries[1].wall_ns > 0);
	CHECK_EQ(spool_remove(stage.spool, 3), 0);
	wait_for(4);
	freep(&entries);
	CHECK_EQ(spool_list("queue", &entries), 1);
	close_stage();
}

TEST(what_cannot_be_written_comes_back)
{
	_cleanup_(freep) char *first = text_of(1);

	open_stage();
	folder_write("queue", "a file where the folder should be");
	store(1);
	CHECK_EQ(spool_read(stage.spool, 1), 0);
	wait_for(2);
	CHECK_EQ(stage.heard[0].error, -ENOTDIR);
	CHECK_STR(stage.heard[0].text, first);
	CHECK_EQ(stage.heard[1].error, -ENOTDIR);
	CHECK(!stage.heard[1].text);
	close_stage();
}

TEST(what_is_none_of_its_files_is_left_alone)
{
	_cleanup_(freep) struct spool_entry *entries = NULL;

	folder_enter();
	CHECK_EQ(make_directories("queue/00000000000000000007", 0700), 0);
	folder_write("queue/7", "x");
	folder_write("queue/0000000000000000000x", "x");
	folder_write("queue/.00000000000000000009.abcdef", "half");
	CHECK_EQ(spool_list("queue", &entries), 0);
	CHECK_EQ(access("queue/7", F_OK), 0);
	CHECK_EQ(access("queue/.00000000000000000009.abcdef", F_OK), -1);
	folder_leave();
}

/* Every number is written, and every even one removed again. */
static void __attribute__((noreturn)) work(int tell)
{
	open_spool(tell);
	for (uint64_t number = 1; number <= MESSAGES; number++) {
		store(number);
		if (number % 2 == 0)
			CHECK_EQ(spool_remove(stage.spool, number), 0);
	}
	wait_for(MESSAGES + MESSAGES / 2);
	_exit(0);
}

/* What was answered is so; what was not may be, as a whole. */
static void check_disk(const bool *written, const bool *removed)
{
	_cleanup_(freep) struct spool_entry *entries = NULL;
	bool there[MESSAGES + 1] = { false };
	ssize_t n = spool_list("queue", &entries);

	for (ssize_t i = 0; i < n; i++) {
		CHECK(entries[i].number <= MESSAGES);
		CHECK_EQ(entries[i].size, TEXT_SIZE);
		there[entries[i].number] = true;
	}
	for (uint64_t number = 1; number <= MESSAGES; number++) {
		CHECK(!removed[number] || !there[number]);
		if (number % 2 == 1 && written[number])
			CHECK(there[number]);
	}
}

static void kill_after(unsigned answers)
{
	bool written[128] = { false }, removed[128] = { false };
	unsigned char byte;
	int pair[2];
	pid_t pid;

	folder_enter();
	CHECK_EQ(pipe(pair), 0);
	pid = fork();
	CHECK(pid >= 0);
	if (pid == 0) {
		close(pair[0]);
		work(pair[1]);
	}
	close(pair[1]);
	for (unsigned i = 0; i < answers; i++) {
		CHECK_EQ(read(pair[0], &byte, 1), 1);
		*(byte % 2 ? &removed[byte / 2] : &written[byte / 2]) = true;
	}
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	/* What it had said before it could be stopped counts, too. */
	while (read(pair[0], &byte, 1) == 1)
		*(byte % 2 ? &removed[byte / 2] : &written[byte / 2]) = true;
	close(pair[0]);
	check_disk(written, removed);
	folder_leave();
}

TEST(killed_after_any_answer_it_keeps_its_word)
{
	for (unsigned answers = 0; answers <= MESSAGES + MESSAGES / 2; answers++)
		kill_after(answers);
}
