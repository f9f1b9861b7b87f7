// SPDX-License-Identifier: GPL-2.0-only
/* What happens to a command until it has ended for good. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/files.h"
#include "base/log.h"
#include "base/time.h"
#include "cli/run_private.h"
#include "cli/signals.h"

/* What is to become of it, besides running. */
enum wish { WISH_NOTHING, WISH_RESTART, WISH_END };

struct follow {
	struct run_child *child;
	const struct run_job *job;
	int signals;
	enum wish wish;
	uint64_t started_ns;
	uint64_t due_ns; /* the next start, or SIGKILL; 0 none */
	int status;      /* the answer, once over */
	bool over;
};

int run_catch_signals(void)
{
	static const int numbers[] = { SIGINT,  SIGTERM, SIGHUP,  SIGQUIT, SIGUSR1,
				       SIGUSR2, SIGCONT, SIGTSTP, SIGCHLD, SIGWINCH };

	/* Ignored by whoever started us, there would be no word of an end. */
	signal(SIGCHLD, SIG_DFL);
	return signals_open(numbers, sizeof(numbers) / sizeof(numbers[0]));
}

static void finish(struct follow *f, int status)
{
	f->status = status;
	f->over = true;
}

/* -- Starting -------------------------------------------------------------------------
 */

static void began(struct follow *f)
{
	f->wish = WISH_NOTHING;
	f->started_ns = now_mono_ns();
	f->due_ns = 0;
}

static void start_again(struct follow *f)
{
	int err = run_child_fork(f->child), status;

	if (err > 0)
		run_child_become(f->child, f->job);
	if (err < 0) {
		log_error_errno(err, "Cannot start %s again", f->job->words[0]);
		finish(f, 126);
		return;
	}
	began(f);
	status = run_child_start(f->child, f->job);
	if (status != 0)
		finish(f, status);
}

/* -- Ending ---------------------------------------------------------------------------
 */

static int shell_status(int status)
{
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static void ended(struct follow *f, int status)
{
	uint64_t now_ns = now_mono_ns();
	enum restart_answer answer = RESTART_STAYS_DOWN;
	uint64_t delay_ms = 0;

	f->child->pid = 0;
	f->status = shell_status(status);
	if (f->wish == WISH_RESTART) {
		start_again(f);
		return;
	}
	if (f->job->policy && f->wish == WISH_NOTHING)
		answer = run_policy_judge(f->job->policy, status, f->started_ns, now_ns,
					  &delay_ms);
	if (answer == RESTART_GIVES_UP)
		log_error("%s has ended too often (restart_limit)", f->job->words[0]);
	if (answer != RESTART_COMES_BACK) {
		f->over = true;
		return;
	}
	log_info("%s has ended (%d); it is started again in %ju ms", f->job->words[0],
		 f->status, (uintmax_t)delay_ms);
	f->due_ns = now_ns + delay_ms * NS_PER_MS;
	f->due_ns += f->due_ns == 0;
}

static bool is_job_control(int number)
{
	return number == SIGTSTP || number == SIGTTIN || number == SIGTTOU;
}

/* Whoever looks at us, a shell, is to see that it has stopped. */
static void stop_as_well(int number)
{
	_cleanup_(close_fdp) int terminal = open("/dev/tty", O_RDWR | O_CLOEXEC);

	if (is_job_control(number) && terminal >= 0)
		raise(SIGSTOP);
}

static void reap(struct follow *f)
{
	int status;

	while (f->child->pid > 0 &&
	       waitpid(f->child->pid, &status, WNOHANG | WUNTRACED) > 0) {
		if (WIFSTOPPED(status))
			stop_as_well(WSTOPSIG(status));
		else
			ended(f, status);
	}
}

/* -- Signals --------------------------------------------------------------------------
 */

/* What the kernel sends, for a terminal, reaches the whole group. */
static bool has_it_already(const struct follow *f, const struct signalfd_siginfo *info)
{
	return info->ssi_code == SI_KERNEL && getpgid(f->child->pid) == getpgrp();
}

static void pass_on(struct follow *f, const struct signalfd_siginfo *info)
{
	if (f->child->pid > 0 && !has_it_already(f, info))
		kill(f->child->pid, (int)info->ssi_signo);
}

static void restart(struct follow *f)
{
	if (f->child->pid == 0) {
		start_again(f);
		return;
	}
	if (f->wish != WISH_NOTHING)
		return;
	f->wish = WISH_RESTART;
	f->due_ns = now_mono_ns() + f->job->policy->grace_ms * NS_PER_MS;
	kill(f->child->pid, f->job->policy->stop_signal);
	/* One that was stopped would not hear of it. */
	kill(f->child->pid, SIGCONT);
}

static void end(struct follow *f, const struct signalfd_siginfo *info)
{
	if (f->child->pid == 0)
		finish(f, 128 + (int)info->ssi_signo);
	else if (f->wish == WISH_RESTART)
		f->due_ns = 0;
	f->wish = WISH_END;
	pass_on(f, info);
}

static void take_signal(struct follow *f, const struct signalfd_siginfo *info)
{
	switch (info->ssi_signo) {
	case SIGCHLD:
		reap(f);
		break;
	case SIGHUP:
		/* The terminal has gone: nobody wants it to begin anew. */
		if (f->job->policy && info->ssi_code != SI_KERNEL)
			restart(f);
		else
			end(f, info);
		break;
	case SIGINT:
	case SIGTERM:
	case SIGQUIT:
		end(f, info);
		break;
	default:
		pass_on(f, info);
		break;
	}
}

static void take_signals(struct follow *f)
{
	struct signalfd_siginfo info;

	while (!f->over && read(f->signals, &info, sizeof(info)) == sizeof(info))
		take_signal(f, &info);
}

/* -- All of it ------------------------------------------------------------------------
 */

static int time_left_ms(const struct follow *f)
{
	uint64_t now_ns = now_mono_ns(), ms;

	if (f->due_ns == 0)
		return -1;
	if (f->due_ns <= now_ns)
		return 0;
	ms = (f->due_ns - now_ns + NS_PER_MS - 1) / NS_PER_MS;
	return ms < INT_MAX ? (int)ms : INT_MAX;
}

static void be_due(struct follow *f)
{
	if (f->child->pid == 0) {
		start_again(f);
		return;
	}
	f->due_ns = 0;
	log_warning("%s does not end within the grace period: SIGKILL", f->job->words[0]);
	kill(f->child->pid, SIGKILL);
}

int run_child_follow(struct run_child *child, const struct run_job *job, int signals)
{
	struct follow f = { .child = child, .job = job, .signals = signals };
	int status = run_child_start(child, job);

	if (status != 0)
		return status;
	began(&f);
	while (!f.over) {
		struct pollfd fd = { .fd = signals, .events = POLLIN };

		if (poll(&fd, 1, time_left_ms(&f)) > 0)
			take_signals(&f);
		else if (time_left_ms(&f) == 0)
			be_due(&f);
	}
	return f.status;
}
