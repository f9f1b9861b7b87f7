// SPDX-License-Identifier: GPL-2.0-only
#include "store/worker.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/files.h"

struct queue {
	struct job *first, **last;
};

struct worker {
	int wake; /* an eventfd */
	pthread_t thread;
	bool started;   /* the owner's */
	size_t n_given; /* the owner's: not done yet */
	pthread_mutex_t lock;
	pthread_cond_t more, ready;
	/* Under the lock. */
	struct queue waiting, ran;
	bool stop;
};

static void queue_init(struct queue *queue)
{
	queue->first = NULL;
	queue->last = &queue->first;
}

static void put(struct queue *queue, struct job *job)
{
	job->next = NULL;
	*queue->last = job;
	queue->last = &job->next;
}

/* NULL where there is none. */
static struct job *get(struct queue *queue)
{
	struct job *job = queue->first;

	if (!job)
		return NULL;
	queue->first = job->next;
	if (!queue->first)
		queue->last = &queue->first;
	return job;
}

static void *work(void *arg)
{
	struct worker *worker = arg;
	const uint64_t one = 1;
	struct job *job;

	prctl(PR_SET_NAME, "portwatch-files");
	pthread_mutex_lock(&worker->lock);
	for (;;) {
		while (!(job = get(&worker->waiting)) && !worker->stop)
			pthread_cond_wait(&worker->more, &worker->lock);
		if (!job)
			break;
		pthread_mutex_unlock(&worker->lock);
		job->run(job);
		pthread_mutex_lock(&worker->lock);
		put(&worker->ran, job);
		pthread_cond_signal(&worker->ready);
		/* It can only fail where the counter is full: awake already. */
		(void)!write(worker->wake, &one, sizeof(one));
	}
	pthread_mutex_unlock(&worker->lock);
	return NULL;
}

int worker_new(struct worker **ret)
{
	struct worker *worker = calloc(1, sizeof(*worker));
	int err;

	if (!worker)
		return -ENOMEM;
	worker->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (worker->wake < 0) {
		err = -errno;
		free(worker);
		return err;
	}
	queue_init(&worker->waiting);
	queue_init(&worker->ran);
	pthread_mutex_init(&worker->lock, NULL);
	pthread_cond_init(&worker->more, NULL);
	pthread_cond_init(&worker->ready, NULL);

	*ret = worker;
	return 0;
}

static void stop(struct worker *worker)
{
	pthread_mutex_lock(&worker->lock);
	worker->stop = true;
	pthread_cond_signal(&worker->more);
	pthread_mutex_unlock(&worker->lock);
	pthread_join(worker->thread, NULL);
}

struct worker *worker_free(struct worker *worker)
{
	if (!worker)
		return NULL;
	worker_finish(worker);
	if (worker->started)
		stop(worker);
	pthread_cond_destroy(&worker->ready);
	pthread_cond_destroy(&worker->more);
	pthread_mutex_destroy(&worker->lock);
	close_fd(worker->wake);
	free(worker);
	return NULL;
}

/* Signals are for the owner. */
static bool start(struct worker *worker)
{
	sigset_t all, before;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	worker->started = pthread_create(&worker->thread, NULL, work, worker) == 0;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return worker->started;
}

void worker_submit(struct worker *worker, struct job *job)
{
	const uint64_t one = 1;
	bool elsewhere = worker->started || start(worker);

	worker->n_given++;
	if (!elsewhere)
		job->run(job);
	pthread_mutex_lock(&worker->lock);
	put(elsewhere ? &worker->waiting : &worker->ran, job);
	pthread_cond_signal(&worker->more);
	pthread_mutex_unlock(&worker->lock);
	if (!elsewhere)
		(void)!write(worker->wake, &one, sizeof(one));
}

int worker_fd(const struct worker *worker)
{
	return worker->wake;
}

void worker_dispatch(struct worker *worker)
{
	struct queue ran;
	struct job *job;
	uint64_t times;

	(void)!read(worker->wake, &times, sizeof(times));
	pthread_mutex_lock(&worker->lock);
	ran = worker->ran;
	if (!ran.first)
		ran.last = &ran.first;
	queue_init(&worker->ran);
	pthread_mutex_unlock(&worker->lock);
	while ((job = get(&ran))) {
		worker->n_given--;
		job->done(job);
	}
}

void worker_finish(struct worker *worker)
{
	while (worker->n_given > 0) {
		pthread_mutex_lock(&worker->lock);
		while (!worker->ran.first)
			pthread_cond_wait(&worker->ready, &worker->lock);
		pthread_mutex_unlock(&worker->lock);
		worker_dispatch(worker);
	}
}
