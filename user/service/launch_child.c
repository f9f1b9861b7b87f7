// SPDX-License-Identifier: GPL-2.0-only
/* The process that launches, and what its children do until they are the service. */
#include "service/launch_wire.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <inttypes.h>
#include <limits.h>
#include <linux/sched.h>
#include <poll.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/files.h"
#include "base/strings.h"
#include "service/launch_group.h"

enum { STAT_MAX = 4096, SOCK_FD = 3, END_GRACE_MS = 3000, END_STEP_MS = 20 };

struct child {
	pid_t pid;
	uint64_t id;
	struct child *next;
};

struct launch {
	const struct spawner_options *options;
	int sock, signals;
	struct child *children;
	char *cgroups; /* the folder that those of services are in; NULL: none yet */
};

/* An order as it came, its strings in a mapping. */
struct order {
	struct wire_order head;
	char *strings; /* mapped */
	char **argv, **env;
	const char *dir, *user, *cgroup, *netns; /* NULL none */
	int log;
	uid_t uid;
	gid_t gid;
	char *user_name; /* for its groups; NULL: none but gid */
};

/* What a child says of itself when it cannot become the service. */
struct failure {
	int error;
	char what[SPAWN_WHAT];
};

/* -- The child ------------------------------------------------------------------------
 */

static void fail(int pipe, int err, const char *what, const char *object)
{
	struct failure failure = { .error = err };

	snprintf(failure.what, sizeof(failure.what), "%s %s", what, object);
	if (write(pipe, &failure, sizeof(failure)) < 0)
		_exit(126);
	_exit(127);
}

static void default_signals(void)
{
	static const unsigned long no_handler[8]; /* of the kernel: handler, flags, … */
	struct sigaction action = { .sa_handler = SIG_DFL };
	sigset_t none;

	for (int i = 1; i < NSIG; i++)
		sigaction(i, &action, NULL);
	/* The two that the C library keeps for itself; posix_spawn(3) leaves them
	 * ignored, and with it all that make starts. */
	for (int i = __SIGRTMIN; i < SIGRTMIN; i++)
		syscall(SYS_rt_sigaction, i, no_handler, NULL, NSIG / 8);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static void limit_descriptors(uint64_t soft)
{
	struct rlimit limit;

	if (soft == 0 || getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	limit.rlim_cur = soft < limit.rlim_max ? soft : limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

static void become_user(const struct order *order, int pipe)
{
	if (!order->user || (geteuid() == order->uid && geteuid() != 0))
		return;
	if ((order->user_name ? initgroups(order->user_name, order->gid)
			      : setgroups(1, &order->gid)) < 0 ||
	    setresgid(order->gid, order->gid, order->gid) < 0 ||
	    setresuid(order->uid, order->uid, order->uid) < 0)
		fail(pipe, errno, "Cannot become user", order->user);
}

static void join_cgroup(const char *cgroup)
{
	_cleanup_(freep) char *path = NULL;
	_cleanup_(close_fdp) int fd = -EBADF;

	if (asprintf(&path, "%s/cgroup.procs", cgroup) < 0) {
		path = NULL;
		return;
	}
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd >= 0 && write(fd, "0", 1) < 0)
		return; /* without; whoever asks sees that */
}

static void enter_netns(const struct order *order, int pipe)
{
	_cleanup_(close_fdp) int fd = -EBADF;

	if (!order->netns)
		return;
	fd = open(order->netns, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || setns(fd, CLONE_NEWNET) < 0)
		fail(pipe, errno, "Cannot enter network namespace", order->netns);
}

static void __attribute__((noreturn))
become(const struct launch *launch, const struct order *order, int pipe, bool joins)
{
	int null = open("/dev/null", O_RDONLY);

	setsid();
	default_signals();
	if (joins)
		join_cgroup(order->cgroup);
	if (null < 0 || dup2(null, STDIN_FILENO) < 0 ||
	    dup2(order->log, STDOUT_FILENO) < 0 || dup2(order->log, STDERR_FILENO) < 0)
		fail(pipe, errno, "Cannot redirect", "its output");
	/* The pipe is one of them, which tells the parent of success. */
	if (syscall(SYS_close_range, 3u, ~0u, 4u /* CLOSE_RANGE_CLOEXEC */) < 0)
		for (int fd = 3; fd < 1024; fd++)
			fcntl(fd, F_SETFD, FD_CLOEXEC);
	limit_descriptors(launch->options->descriptors);
	umask(022);
	enter_netns(order, pipe);
	become_user(order, pipe);
	if (chdir(order->dir ? order->dir : "/") < 0)
		fail(pipe, errno, "Cannot enter", order->dir ? order->dir : "/");
	environ = order->env;
	execvp(order->argv[0], order->argv);
	fail(pipe, errno, "Cannot execute", order->argv[0]);
	_exit(127);
}

/* -- Its parent -----------------------------------------------------------------------
 */

static int resolve_user(struct order *order)
{
	const struct passwd *pw;
	uint64_t number;

	if (!order->user)
		return 0;
	errno = 0;
	pw = getpwnam(order->user);
	if (!pw && parse_u64(order->user, UINT32_MAX - 1, &number) == 0) {
		order->uid = (uid_t)number;
		order->gid = (gid_t)number;
		pw = getpwuid(order->uid);
		if (!pw)
			return 0;
	}
	if (!pw)
		return -ENOENT;
	order->uid = pw->pw_uid;
	order->gid = pw->pw_gid;
	order->user_name = strdup(pw->pw_name);
	return order->user_name ? 0 : -ENOMEM;
}

static uint64_t start_of(pid_t pid)
{
	_cleanup_(freep) char *text = NULL;
	uint64_t ticks = 0;
	char path[48];
	const char *at;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	if (file_read(path, STAT_MAX, &text, NULL) < 0)
		return 0;
	at = strrchr(text, ')');
	if (!at || sscanf(at + 1,
			  " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d "
			  "%*d %*d %*d %*d %" SCNu64,
			  &ticks) != 1)
		return 0;
	return ticks;
}

static void cut(char *path)
{
	char *slash = strrchr(path, '/');

	if (slash)
		*slash = '\0';
}

/* The service's, the daemon's and the one of all daemons above that. */
static void make_cgroup(struct launch *launch, const char *cgroup)
{
	char all[PATH_MAX], own[PATH_MAX];

	if (strlen(cgroup) >= sizeof(own))
		return;
	cut(strcpy(own, cgroup));
	cut(strcpy(all, own));
	mkdir(all, 0755);
	mkdir(own, 0755);
	mkdir(cgroup, 0755);
	free(launch->cgroups);
	launch->cgroups = strdup(own);
}

/* Each stays while there is anything in it. */
static void remove_cgroups(struct launch *launch)
{
	if (!launch->cgroups && launch_cgroups_find("none", &launch->cgroups) < 0)
		return;
	rmdir(launch->cgroups);
	cut(launch->cgroups);
	rmdir(launch->cgroups);
}

/* As fork(2), straight into the cgroup where the kernel can (5.7). */
static pid_t fork_into(const char *cgroup, bool *ret_joins)
{
	_cleanup_(close_fdp) int fd = -EBADF;
	struct clone_args args = { .exit_signal = SIGCHLD };
	long pid;

	*ret_joins = false;
	if (!cgroup)
		return fork();
	fd = open(cgroup, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0) {
		args.flags = CLONE_INTO_CGROUP;
		args.cgroup = (uint64_t)fd;
		pid = syscall(SYS_clone3, &args, sizeof(args));
		if (pid >= 0)
			return (pid_t)pid;
	}
	*ret_joins = true;
	return fork();
}

static bool is_in(pid_t pid, const char *cgroup)
{
	_cleanup_(freep) char *text = NULL;
	char path[48];
	const char *name, *at;
	size_t n;

	if (!cgroup)
		return false;
	name = strrchr(cgroup, '/');
	snprintf(path, sizeof(path), "/proc/%d/cgroup", pid);
	if (file_read(path, 65536, &text, NULL) < 0)
		return false;
	at = starts_with(text, "0::") ? text : strstr(text, "\n0::");
	if (!at)
		return false;
	at += *at == '\n';
	n = strcspn(at, "\n");
	return n > strlen(name) &&
	       strncmp(at + n - strlen(name), name, strlen(name)) == 0;
}

static int remember(struct launch *launch, pid_t pid, const struct order *order)
{
	struct child *child = calloc(1, sizeof(*child));

	if (!child)
		return -ENOMEM;
	child->pid = pid;
	child->id = order->head.id;
	child->next = launch->children;
	launch->children = child;
	return 0;
}

/* 0 and *news, or -errno with its what. */
static int start(struct launch *launch, struct order *order, struct spawn_news *news)
{
	_cleanup_(close_fdp) int reads = -EBADF;
	struct failure failure;
	bool joins;
	int pair[2];
	ssize_t n;
	pid_t pid;
	int err = resolve_user(order);

	if (err < 0) {
		snprintf(news->what, sizeof(news->what), "There is no user %s",
			 order->user);
		return err;
	}
	snprintf(news->what, sizeof(news->what), "Cannot fork");
	if (pipe2(pair, O_CLOEXEC) < 0)
		return -errno;
	reads = pair[0];
	if (order->cgroup)
		make_cgroup(launch, order->cgroup);
	pid = fork_into(order->cgroup, &joins);
	if (pid == 0)
		become(launch, order, pair[1], joins);
	err = pid < 0 ? -errno : 0;
	close(pair[1]);
	if (err < 0)
		return err;
	do {
		n = read(reads, &failure, sizeof(failure));
	} while (n < 0 && errno == EINTR);
	if (n == sizeof(failure)) {
		waitpid(pid, NULL, 0);
		memcpy(news->what, failure.what, sizeof(news->what));
		return -failure.error;
	}
	/* Until it is waited for, the number is its own. */
	news->process = (struct process_id){ pid, start_of(pid) };
	news->in_cgroup = is_in(pid, order->cgroup);
	news->pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	news->what[0] = '\0';
	return remember(launch, pid, order);
}

static int tell(struct launch *launch, const struct spawn_news *news)
{
	struct wire_news packet = { .news = *news };

	return launch_wire_send(launch->sock, &packet, sizeof(packet), &news->pidfd,
				news->pidfd >= 0 ? 1 : 0);
}

/* -- Orders ---------------------------------------------------------------------------
 */

static void order_done(struct order *order)
{
	if (order->strings)
		munmap(order->strings, order->head.size);
	free(order->argv);
	free(order->env);
	free(order->user_name);
	close_fd(order->log);
}

static const char *next_string(char **at, const char *end)
{
	char *text = *at;

	if (text >= end)
		return NULL;
	*at = text + strnlen(text, (size_t)(end - text)) + 1;
	return *at <= end ? text : NULL;
}

static int unpack(struct order *order, int file)
{
	const struct wire_order *head = &order->head;
	char *at, *end;

	if (head->size == 0 || head->size > WIRE_ORDER_MAX || head->n_args == 0 ||
	    head->n_args > head->size || head->n_env > head->size)
		return -EPROTO;
	order->strings =
		mmap(NULL, head->size, PROT_READ | PROT_WRITE, MAP_PRIVATE, file, 0);
	if (order->strings == MAP_FAILED) {
		order->strings = NULL;
		return -errno;
	}
	order->argv = calloc(head->n_args + 1, sizeof(char *));
	order->env = calloc(head->n_env + 1, sizeof(char *));
	if (!order->argv || !order->env)
		return -ENOMEM;
	at = order->strings;
	end = at + head->size;
	order->dir = next_string(&at, end);
	order->user = next_string(&at, end);
	order->cgroup = next_string(&at, end);
	order->netns = next_string(&at, end);
	for (uint32_t i = 0; i < head->n_args; i++)
		order->argv[i] = (char *)next_string(&at, end);
	for (uint32_t i = 0; i < head->n_env; i++)
		order->env[i] = (char *)next_string(&at, end);
	if (!order->netns || !order->argv[0])
		return -EPROTO;
	order->dir = *order->dir ? order->dir : NULL;
	order->user = *order->user ? order->user : NULL;
	order->cgroup = *order->cgroup ? order->cgroup : NULL;
	order->netns = *order->netns ? order->netns : NULL;
	return 0;
}

static int take_order(struct launch *launch)
{
	_cleanup_(order_done) struct order order = { .log = -EBADF };
	struct spawn_news news = { .pidfd = -EBADF };
	int fds[WIRE_FDS];
	int err = launch_wire_receive(launch->sock, &order.head, sizeof(order.head), fds);

	if (err <= 0)
		return err < 0 ? err : -EPIPE;
	order.log = fds[1];
	err = unpack(&order, fds[0]);
	close_fd(fds[0]);
	if (err == 0)
		err = start(launch, &order, &news);
	news.id = order.head.id;
	news.kind = err < 0 ? SPAWN_FAILED : SPAWN_STARTED;
	news.error = err;
	err = tell(launch, &news);
	close_fd(news.pidfd);
	return err;
}

/* -- The end of children --------------------------------------------------------------
 */

static void note_end(struct launch *launch, pid_t pid, int status)
{
	struct child **link = &launch->children, *child;

	while (*link && (*link)->pid != pid)
		link = &(*link)->next;
	child = *link;
	if (!child)
		return;
	*link = child->next;
	(void)tell(launch, &(struct spawn_news){ .kind = SPAWN_EXITED,
						 .id = child->id,
						 .process.pid = pid,
						 .status = status,
						 .pidfd = -EBADF });
	free(child);
}

static void reap(struct launch *launch)
{
	struct signalfd_siginfo info;
	int status;
	pid_t pid;

	while (read(launch->signals, &info, sizeof(info)) > 0)
		;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		note_end(launch, pid, status);
}

/* SIGKILL takes a moment, and only then may the cgroup go. */
static void empty_cgroup(const char *cgroup)
{
	for (int i = 0; i < END_GRACE_MS / END_STEP_MS; i++) {
		launch_group_kill(&(struct launch_group){ .cgroup = (char *)cgroup });
		if (rmdir(cgroup) == 0 || errno != EBUSY)
			break;
		poll(NULL, 0, END_STEP_MS);
	}
}

/* Also those of services whose first process has ended: others may live on in them. */
static void empty_cgroups(const char *folder)
{
	DIR *dir = folder ? opendir(folder) : NULL;
	const struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		_cleanup_(freep) char *path = NULL;

		if (entry->d_type != DT_DIR || entry->d_name[0] == '.')
			continue;
		if (asprintf(&path, "%s/%s", folder, entry->d_name) < 0) {
			path = NULL;
			continue;
		}
		empty_cgroup(path);
	}
	if (dir)
		closedir(dir);
}

/* The daemon of one command was ended without a chance to end them itself. */
static void end_all(struct launch *launch)
{
	for (struct child *c = launch->children; c; c = c->next)
		kill(c->pid, SIGTERM);
	for (int i = 0; launch->children && i < END_GRACE_MS / END_STEP_MS; i++) {
		struct pollfd fd = { .fd = launch->signals, .events = POLLIN };

		poll(&fd, 1, END_STEP_MS);
		reap(launch);
	}
	for (struct child *c = launch->children; c; c = c->next)
		kill(-c->pid, SIGKILL);
	empty_cgroups(launch->cgroups);
}

int launch_spawner_main(int sock, const struct spawner_options *options)
{
	struct launch launch = { .options = options, .sock = SOCK_FD };
	sigset_t all;
	bool open = true;

	prctl(PR_SET_NAME, "portwatch-start");
	prctl(PR_SET_PDEATHSIG, 0);
	/* A signal of the terminal or of a service manager is meant for the daemon. */
	setsid();
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	if (sock != SOCK_FD && dup2(sock, SOCK_FD) < 0)
		return 1;
	syscall(SYS_close_range, SOCK_FD + 1u, ~0u, 0u);
	fcntl(SOCK_FD, F_SETFD, FD_CLOEXEC);
	sigemptyset(&all);
	sigaddset(&all, SIGCHLD);
	launch.signals = signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK);
	while (open && launch.signals >= 0) {
		struct pollfd fds[] = {
			{ .fd = launch.sock, .events = POLLIN },
			{ .fd = launch.signals, .events = POLLIN },
		};

		if (poll(fds, 2, -1) < 0 && errno != EINTR)
			break;
		if (fds[0].revents)
			open = take_order(&launch) == 0;
		if (fds[1].revents)
			reap(&launch);
	}
	if (options->ends_all)
		end_all(&launch);
	remove_cgroups(&launch);
	return 0;
}
