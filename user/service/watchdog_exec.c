// SPDX-License-Identifier: GPL-2.0-only
#include "service/watchdog_exec.h"

#include <errno.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/strings.h"

enum { DESCRIPTION_MAX = 128 };

struct exec_run {
	uv_process_t process;
	void (*ended)(void *arg, bool passed, const char *text); /* NULL: killed */
	void *arg;
};

static void run_closed(uv_handle_t *handle)
{
	free(handle->data);
}

static void on_exit_of(uv_process_t *process, int64_t status, int signal_number)
{
	struct exec_run *run = process->data;
	char text[DESCRIPTION_MAX];

	if (run->ended) {
		if (signal_number)
			snprintf(text, sizeof(text), "was ended by SIG%s",
				 sigabbrev_np(signal_number));
		else
			snprintf(text, sizeof(text), "exit code %d", (int)status);
		run->ended(run->arg, status == 0 && signal_number == 0, text);
	}
	uv_close((uv_handle_t *)process, run_closed);
}

/* What a command finds in its environment of ours. */
static int add_inherited(char ***env)
{
	static const char *const names[] = { "PATH", "LANG", "LC_ALL", "TZ" };
	int err = 0;

	for (size_t i = 0; err == 0 && i < sizeof(names) / sizeof(names[0]); i++) {
		_cleanup_(freep) char *pair = NULL;
		const char *value = getenv(names[i]);

		if (!value)
			continue;
		if (asprintf(&pair, "%s=%s", names[i], value) < 0) {
			pair = NULL;
			return -ENOMEM;
		}
		err = strv_append(env, pair);
	}
	return err;
}

static int make_env(const struct exec_order *order, char ***ret)
{
	_cleanup_(strv_freep) char **env = NULL;
	char pair[128];
	int err = add_inherited(&env);

	snprintf(pair, sizeof(pair), "PORTWATCH_SERVICE=%s", order->service);
	if (err == 0)
		err = strv_append(&env, pair);
	for (int i = 0; err == 0 && order->port && i < 2; i++) {
		snprintf(pair, sizeof(pair), "%s=%u", i ? "PORT" : "PORTWATCH_PORT",
			 order->port);
		err = strv_append(&env, pair);
	}
	for (char *const *e = order->env; err == 0 && e && *e; e++)
		err = strv_append(&env, *e);
	if (err < 0)
		return err;
	*ret = take(env);
	return 0;
}

/* Whom it runs as: uid and gid, where that is somebody else. */
static int set_user(const char *user, uv_process_options_t *options)
{
	struct passwd *found;
	uint64_t uid;

	if (!user)
		return 0;
	errno = 0;
	found = parse_u64(user, UINT32_MAX - 1, &uid) == 0 ? getpwuid((uid_t)uid)
							   : getpwnam(user);
	if (!found)
		return errno == ENOMEM ? -ENOMEM : -ESRCH;
	if (found->pw_uid == geteuid())
		return 0;
	options->uid = found->pw_uid;
	options->gid = found->pw_gid;
	options->flags |= UV_PROCESS_SETUID | UV_PROCESS_SETGID;
	return 0;
}

int exec_start(uv_loop_t *loop, const struct exec_order *order,
	       void (*ended)(void *arg, bool passed, const char *text), void *arg,
	       struct exec_run **ret)
{
	_cleanup_(strv_freep) char **env = NULL;
	uv_stdio_container_t stdio[3] = { { .flags = UV_IGNORE },
					  { .flags = UV_IGNORE },
					  { .flags = UV_IGNORE } };
	uv_process_options_t options = {
		.exit_cb = on_exit_of,
		.file = order->argv[0],
		.args = (char **)order->argv,
		.cwd = order->dir ? order->dir : "/",
		.flags = UV_PROCESS_DETACHED, /* a session, and so a group, of its own */
		.stdio_count = 3,
		.stdio = stdio,
	};
	struct exec_run *run;
	int err = make_env(order, &env);

	if (err == 0)
		err = set_user(order->user, &options);
	if (err < 0)
		return err;
	run = calloc(1, sizeof(*run));
	if (!run)
		return -ENOMEM;
	options.env = env;
	run->process.data = run;
	run->ended = ended;
	run->arg = arg;
	err = uv_spawn(loop, &run->process, &options);
	if (err < 0) {
		uv_close((uv_handle_t *)&run->process, run_closed);
		return err;
	}

	*ret = run;
	return 0;
}

void exec_kill(struct exec_run *run)
{
	/* It is not waited for yet, so that this group is still its own. */
	kill(-uv_process_get_pid(&run->process), SIGKILL);
	run->ended = NULL;
}
