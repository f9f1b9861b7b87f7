// SPDX-License-Identifier: GPL-2.0-only
#include "probe/translate.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/strings.h"
#include "base/time.h"
#include "probe/mounts.h"
#include "probe/procfs.h"

void clocks_sample(struct clocks *clocks)
{
	clocks->mono_to_wall_ns = (int64_t)(now_wall_ns() - now_mono_ns());
	clocks->boot_to_wall_ns = (int64_t)(now_wall_ns() - now_boot_ns());
	if (!clocks->ns_per_tick)
		clocks->ns_per_tick = NS_PER_S / (uint64_t)sysconf(_SC_CLK_TCK);
}

struct process_id clocks_process_id(const struct clocks *clocks, uint32_t pid,
				    uint64_t start_ns)
{
	return (struct process_id){ .pid = (pid_t)pid,
				    .start_ticks = start_ns / clocks->ns_per_tick };
}

void translate_endpoint(const struct pw_endpoint *from, struct endpoint *ret)
{
	*ret = (struct endpoint){ .netns = from->netns,
				  .ifindex = from->ifindex,
				  .family = from->family,
				  .proto = from->proto,
				  .port = from->port };
	memcpy(ret->addr, from->addr, sizeof(ret->addr));
}

unsigned translate_flags(uint32_t flags)
{
	return (flags & PW_REUSEPORT ? SOCKET_REUSEPORT : 0) |
	       (flags & PW_REUSEADDR ? SOCKET_REUSEADDR : 0) |
	       (flags & PW_V6ONLY ? SOCKET_V6ONLY : 0) |
	       (flags & PW_MPTCP ? SOCKET_MPTCP : 0) |
	       (flags & PW_AUTOPORT ? SOCKET_AUTOPORT : 0);
}

static struct fact begin(const struct clocks *clocks, const struct pw_header *h,
			 enum fact_type type)
{
	return (struct fact){ .type = type,
			      .source = SOURCE_KERNEL,
			      .mono_ns = h->time_ns,
			      .wall_ns = h->time_ns + (uint64_t)clocks->mono_to_wall_ns,
			      .caller.pid = (pid_t)h->pid,
			      .uid = (uid_t)-1,
			      .status = -1 };
}

void translate_socket(const struct clocks *clocks, const struct pw_socket_event *ev,
		      enum fact_type type, struct fact *ret)
{
	*ret = begin(clocks, &ev->h, type);
	ret->cookie = ev->cookie;
	translate_endpoint(&ev->at, &ret->at);
	ret->flags = translate_flags(ev->flags);
	ret->caller = clocks_process_id(clocks, ev->h.pid, ev->start_ns);
	ret->uid = ev->uid;
	ret->error = ev->error;
	ret->state = type == FACT_LISTENING   ? SOCKET_LISTENING
		     : type == FACT_CONNECTED ? SOCKET_CONNECTED
					      : SOCKET_BOUND;
}

void translate_brief(const struct clocks *clocks, const struct pw_brief_event *ev,
		     enum fact_type type, struct fact *ret)
{
	*ret = begin(clocks, &ev->h, type);
	ret->cookie = ev->cookie;
	ret->exiting = ev->flags & PW_EXITING;
}

void translate_exit(const struct clocks *clocks, const struct pw_exit_event *ev,
		    struct fact *ret)
{
	*ret = begin(clocks, &ev->h, FACT_EXIT);
	ret->caller = clocks_process_id(clocks, ev->h.pid, ev->start_ns);
	ret->status = ev->status;
}

/* argv as it lies in memory: words that end in NUL.  One that was cut is left out when
 * others stand before it: half a word is worse than none. */
static int parse_args(const char *args, size_t size, char ***ret)
{
	_cleanup_(strv_freep) char **words = NULL;
	const char *end = args + size;

	while (args < end) {
		size_t len = strnlen(args, (size_t)(end - args));
		char word[PW_ARGS_LEN + 1];
		int err;

		if (args + len == end && size == PW_ARGS_LEN - 1 && words)
			break;
		memcpy(word, args, len);
		word[len] = '\0';
		err = strv_append(&words, word);
		if (err < 0)
			return err;
		args += len + 1;
	}
	*ret = take(words);
	return 0;
}

static int copy_path(const char *buf, uint16_t len, char **ret)
{
	if (len == 0 || len > PW_PATH_LEN || buf[PW_PATH_LEN - len] != '/')
		return 0;
	*ret = strndup(buf + PW_PATH_LEN - len, len);
	return *ret ? 0 : -ENOMEM;
}

static int copy_cgroup(struct hooks *hooks, uint64_t id, struct process_info *info)
{
	const char *mount;
	char path[1024];
	int root = hooks_cgroup(hooks, &mount);

	/* In hybrid mode all processes are in the root here; /proc knows the other one.
	 */
	if (root < 0 || mounts_cgroup_path(root, mount, id, path, sizeof(path)) < 0 ||
	    streq(path, "/"))
		return 0;
	return process_info_parse_cgroup(info, path);
}

int translate_process(const struct clocks *clocks, struct hooks *hooks,
		      const struct pw_process_event *ev, struct process_info *ret_info,
		      struct fact *ret)
{
	struct process_info info = {
		.id = clocks_process_id(clocks, ev->h.pid, ev->start_ns),
		.ppid = (pid_t)ev->ppid,
		.start_ns = ev->start_ns + (uint64_t)clocks->boot_to_wall_ns,
		.uid = ev->uid,
		.exec_count = (uint32_t)ev->exec_id,
	};
	size_t args = ev->args_len < PW_ARGS_LEN ? ev->args_len : PW_ARGS_LEN - 1;
	const char *user = procfs_user(ev->uid);
	int err;

	memcpy(info.comm, ev->comm, sizeof(info.comm));
	info.comm[sizeof(info.comm) - 1] = '\0';
	err = parse_args(ev->args, args, &info.cmdline);
	if (err == 0)
		err = copy_path(ev->exe, ev->exe_len, &info.exe);
	if (err == 0)
		err = copy_path(ev->cwd, ev->cwd_len, &info.cwd);
	if (err == 0)
		err = copy_cgroup(hooks, ev->cgroup_id, &info);
	if (err == 0 && user && !(info.user = strdup(user)))
		err = -ENOMEM;
	if (err < 0) {
		process_info_done(&info);
		return err;
	}
	*ret = begin(clocks, &ev->h, FACT_PROCESS);
	ret->caller = info.id;
	ret->uid = info.uid;
	*ret_info = info;
	ret->info = ret_info;
	return 0;
}
