// SPDX-License-Identifier: GPL-2.0-only
#include "store/worker.h"
#include "harness.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>

enum { JOBS = 50 };

struct task {
	struct job job;
	struct worker *worker;
	pthread_t ran_in;
	unsigned number, again, runs;
	bool signals_blocked;
};

static unsigned ran[JOBS], done[JOBS];
static unsigned n_ran, n_done;

static void run(struct job *job)
{
	struct task *task = (struct task *)job;
	sigset_t set;

	task->ran_in = pthread_self();
	task->runs++;
	pthread_sigmask(SIG_SETMASK, NULL, &set);
	task->signals_blocked = sigismember(&set, SIGTERM) == 1;
	ran[n_ran++ % JOBS] = task->number;
}

static void finish(struct job *job)
{
	struct task *task = (struct task *)job;

	done[n_done++ % JOBS] = task->number;
	if (task->again > 0) {
		task->again--;
		worker_submit(task->worker, job);
	}
}

static struct worker *make(struct task *tasks, size_t n)
{
	struct worker *worker = NULL;

	n_ran = n_done = 0;
	CHECK_EQ(worker_new(&worker), 0);
	for (size_t i = 0; i < n; i++)
		tasks[i] = (struct task){ .job = { .run = run, .done = finish },
					  .worker = worker,
					  .number = (unsigned)i };
	return worker;
}

TEST(jobs_are_run_elsewhere_in_their_order_and_done_here)
{
	struct task tasks[JOBS];
	struct worker *worker = make(tasks, JOBS);

	for (size_t i = 0; i < JOBS; i++)
		worker_submit(worker, &tasks[i].job);
	worker_finish(worker);
	CHECK_EQ(n_done, JOBS);
	for (unsigned i = 0; i < JOBS; i++) {
		CHECK_EQ(ran[i], i);
		CHECK_EQ(done[i], i);
		CHECK(!pthread_equal(tasks[i].ran_in, pthread_self()));
		CHECK(tasks[i].signals_blocked);
	}
	worker_free(worker);
}

TEST(the_descriptor_tells_that_something_is_done)
{
	struct task task;
	struct worker *worker = make(&task, 1);
	struct pollfd poll_fd = { .fd = worker_fd(worker), .events = POLLIN };

	CHECK_EQ(poll(&poll_fd, 1, 0), 0);
	worker_dispatch(worker);
	worker_submit(worker, &task.job);
	CHECK_EQ(n_done, 0);
	CHECK_EQ(poll(&poll_fd, 1, 60000), 1);
	worker_dispatch(worker);
	CHECK_EQ(n_done, 1);
	CHECK_EQ(poll(&poll_fd, 1, 0), 0);
	worker_free(worker);
}

TEST(what_done_submits_is_finished_too)
{
	struct task task;
	struct worker *worker = make(&task, 1);

	task.again = 7;
	worker_submit(worker, &task.job);
	worker_free(worker);
	CHECK_EQ(task.runs, 8);
	CHECK_EQ(n_done, 8);
}

TEST(without_jobs_nothing_is_waited_for)
{
	struct task task;
	struct worker *worker = make(&task, 1);

	worker_finish(worker);
	worker_free(worker);
	CHECK_EQ(task.runs, 0);
}
