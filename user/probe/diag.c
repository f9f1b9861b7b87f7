// SPDX-License-Identifier: GPL-2.0-only
#include "probe/diag.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/files.h"
#include "base/strings.h"
#include "core/hash.h"
#include "probe/diag_private.h"
#include "probe/netns.h"
#include "probe/procfs.h"

/* One socket of the kernel's list, before and after a holder was found. */
struct listed {
	struct diag_socket sock;
	pid_t told; /* the holder that it was last told with; 0 none */
	struct listed *next;
	UT_hash_handle hh; /* by inode */
};

struct search {
	const struct snapshot_query *query;
	snapshot_fn fn;
	void *arg;
	struct listed *all; /* owned, newest first */
	struct listed *by_inode;
	size_t count;
};

static void search_done(struct search *search)
{
	struct listed *next;

	HASH_CLEAR(hh, search->by_inode);
	for (struct listed *l = search->all; l; l = next) {
		next = l->next;
		free(l);
	}
}

static struct listed *find_inode(const struct search *search, uint32_t inode)
{
	struct listed *listed;

	HASH_FIND(hh, search->by_inode, &inode, sizeof(inode), listed);
	return listed;
}

static int keep(const struct diag_socket *sock, void *arg)
{
	struct search *search = arg;
	struct listed *listed = sock->inode ? find_inode(search, sock->inode) : NULL;

	/* The TCP socket below an MPTCP socket is nobody's. */
	if (listed)
		return 0;
	listed = calloc(1, sizeof(*listed));
	if (!listed)
		return -ENOMEM;
	listed->sock = *sock;
	listed->next = search->all;
	search->all = listed;
	search->count++;
	if (!sock->inode)
		return 0;

	HASH_ADD(hh, search->by_inode, sock.inode, sizeof(sock->inode), listed);
	return hash_was_added(listed) ? 0 : -ENOMEM;
}

static int list_namespace(uint32_t netns, void *arg)
{
	return diag_dump(netns, keep, arg);
}

static int infer_flags(const struct search *search)
{
	_cleanup_(freep) struct diag_socket **socks =
		calloc(search->count, sizeof(*socks));
	size_t n = 0;

	if (!socks)
		return -ENOMEM;
	for (struct listed *l = search->all; l; l = l->next)
		socks[n++] = &l->sock;
	diag_infer_reuseport(socks, n);
	return 0;
}

static int tell(const struct search *search, const struct diag_socket *sock,
		const struct process_info *holder, int fd)
{
	struct snapshot_row row = {
		.cookie = sock->cookie,
		.at = sock->at,
		.state = sock->state,
		.flags = sock->flags,
		.uid = sock->uid,
		.fd = fd,
		.holder_uid = (uid_t)-1,
		.evident = sock->evident,
	};

	if (holder) {
		row.holder = holder->id;
		row.holder_ppid = holder->ppid;
		row.holder_start_ns = holder->start_ns;
		row.holder_uid = holder->uid;
		memcpy(row.holder_comm, holder->comm, sizeof(row.holder_comm));
	}
	return search->fn(&row, search->arg);
}

/* "socket:[123]"; 0 for a descriptor of anything else. */
static uint32_t socket_inode(int dirfd, const char *name)
{
	static const char prefix[] = "socket:[";
	char text[64];
	ssize_t n = readlinkat(dirfd, name, text, sizeof(text) - 1);

	if (n <= 0)
		return 0;
	text[n] = '\0';
	return starts_with(text, prefix)
		       ? (uint32_t)strtoul(text + sizeof(prefix) - 1, NULL, 10)
		       : 0;
}

/* A process that is read when the first of its descriptors matters. */
struct holder {
	pid_t pid;
	bool known;
	struct process_info info;
};

static int look_at_fd(struct search *search, struct holder *holder, int dirfd,
		      const char *name)
{
	uint32_t inode = socket_inode(dirfd, name);
	struct listed *listed = inode ? find_inode(search, inode) : NULL;

	if (!listed || listed->told == holder->pid)
		return 0;
	if (!holder->known && procfs_read(holder->pid, PROCFS_USER, &holder->info) < 0)
		return 0;

	holder->known = true;
	listed->told = holder->pid;
	return tell(search, &listed->sock, &holder->info, (int)strtol(name, NULL, 10));
}

static int look_at_process(struct search *search, pid_t pid)
{
	struct holder holder = { .pid = pid };
	struct dirent *entry;
	int answer = 0;
	char path[32];
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	dir = opendir(path);
	if (!dir)
		return 0; /* gone, or somebody else's */
	while (!answer && (entry = readdir(dir)))
		if (isdigit((unsigned char)entry->d_name[0]))
			answer = look_at_fd(search, &holder, dirfd(dir), entry->d_name);
	closedir(dir);
	process_info_done(&holder.info);
	return answer;
}

static int look_at_all(struct search *search)
{
	struct dirent *entry;
	int answer = 0;
	DIR *dir = opendir("/proc");

	if (!dir)
		return -errno;
	while (!answer && (entry = readdir(dir)))
		if (isdigit((unsigned char)entry->d_name[0]))
			answer = look_at_process(search, strtol(entry->d_name, NULL, 10));
	closedir(dir);
	return answer;
}

static int tell_unheld(const struct search *search)
{
	int answer = 0;

	for (const struct listed *l = search->all; l && !answer; l = l->next)
		if (!l->told)
			answer = tell(search, &l->sock, NULL, -1);
	return answer;
}

/* The sockets first, so that a holder is looked for among few rather than kept among
 * many: a host has more descriptors than bound sockets. */
int diag_snapshot(const struct snapshot_query *query, snapshot_fn fn, void *arg)
{
	_cleanup_(search_done) struct search search = { .query = query,
							.fn = fn,
							.arg = arg };
	int answer = netns_each(list_namespace, &search);

	if (answer || !search.all)
		return answer;
	answer = infer_flags(&search);
	if (answer)
		return answer;
	if (query->pid)
		return look_at_process(&search, query->pid);
	answer = look_at_all(&search);
	if (answer || !query->unheld_too)
		return answer;
	return tell_unheld(&search);
}

int diag_find_holders(const struct snapshot_socket *sockets, size_t n, snapshot_fn fn,
		      void *arg)
{
	_cleanup_(search_done) struct search search = { .fn = fn, .arg = arg };

	for (size_t i = 0; i < n; i++) {
		const struct diag_socket sock = { .cookie = sockets[i].cookie,
						  .inode = sockets[i].inode };
		int err = keep(&sock, &search);

		if (err < 0)
			return err;
	}
	return look_at_all(&search);
}
