// SPDX-License-Identifier: GPL-2.0-only
#include "probe/snapshot.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/files.h"
#include "probe/diag_private.h"
#include "probe/iterators.h"
#include "probe/unheld.h"

/* Cookies (or inodes) seen, for telling which sockets no descriptor holds: open
 * addressing. */
struct seen {
	uint64_t *slots; /* 0: empty */
	size_t count, capacity;
};

struct snapshot {
	struct iterators programs;
	struct iterators links;      /* of those that were used */
	struct pw_control *control;  /* of the hooks; NULL where events do not run */
	struct netns_search *search; /* of the first walk; NULL otherwise */
};

struct walk {
	const struct clocks *clocks;
	const struct snapshot_query *query;
	snapshot_fn fn;
	void *arg;
	struct snapshot *snapshot;
	struct seen seen;
	/* Inodes of bound MPTCP sockets: sock_diag lists the TCP sockets inside them. */
	struct seen outer;
};

static uint64_t *slot_of(const struct seen *seen, uint64_t cookie)
{
	size_t at = (cookie * 0x9e3779b97f4a7c15ull) & (seen->capacity - 1);

	while (seen->slots[at] && seen->slots[at] != cookie)
		at = (at + 1) & (seen->capacity - 1);
	return &seen->slots[at];
}

static int seen_grow(struct seen *seen)
{
	struct seen bigger = { .capacity = seen->capacity ? 2 * seen->capacity : 1024 };

	bigger.slots = calloc(bigger.capacity, sizeof(*bigger.slots));
	if (!bigger.slots)
		return -ENOMEM;
	for (size_t i = 0; i < seen->capacity; i++)
		if (seen->slots[i])
			*slot_of(&bigger, seen->slots[i]) = seen->slots[i];
	bigger.count = seen->count;
	free(seen->slots);
	*seen = bigger;
	return 0;
}

/* 1 if it was new, 0 if not, -ENOMEM. */
static int seen_add(struct seen *seen, uint64_t cookie)
{
	uint64_t *slot;

	if (seen->count * 2 >= seen->capacity) {
		int err = seen_grow(seen);

		if (err < 0)
			return err;
	}
	slot = slot_of(seen, cookie);
	if (*slot)
		return 0;
	*slot = cookie;
	seen->count++;
	return 1;
}

static bool seen_has(const struct seen *seen, uint64_t key)
{
	return seen->capacity && *slot_of(seen, key);
}

static struct iterators of_hooks(const struct hooks *hooks)
{
	return (struct iterators){
		.descriptors = iterators_copy(hooks_program(hooks, "list_descriptors")),
		.port = iterators_copy(hooks_program(hooks, "list_port")),
		.tcp = iterators_copy(hooks_program(hooks, "list_tcp")),
		.udp = iterators_copy(hooks_program(hooks, "list_udp")),
	};
}

int snapshot_new(const struct hooks *hooks, const char *without, struct snapshot **ret)
{
	_cleanup_(snapshot_freep) struct snapshot *snapshot =
		calloc(1, sizeof(*snapshot));
	int err = 0;

	if (!snapshot)
		return -ENOMEM;
	snapshot->programs = ITERATORS_NONE;
	snapshot->links = ITERATORS_NONE;
	if (hooks) {
		snapshot->programs = of_hooks(hooks);
		snapshot->control = hooks_control(hooks);
	} else {
		/* For the walk that is to follow: the kernel needs a while to load. */
		err = netns_search_begin(&snapshot->search);
		if (err == 0)
			err = iterators_load(without, &snapshot->programs);
	}
	if (err < 0)
		return err;
	*ret = take(snapshot);
	return 0;
}

struct snapshot *snapshot_free(struct snapshot *snapshot)
{
	if (!snapshot)
		return NULL;
	netns_search_free(snapshot->search);
	iterators_done(&snapshot->links);
	iterators_done(&snapshot->programs);
	free(snapshot);
	return NULL;
}

static int tell(struct walk *walk, const struct pw_snapshot_row *from)
{
	static const enum socket_state states[] = {
		[PW_STATE_BOUND] = SOCKET_BOUND,
		[PW_STATE_LISTENING] = SOCKET_LISTENING,
		[PW_STATE_CONNECTED] = SOCKET_CONNECTED,
	};
	struct snapshot_row row = {
		.cookie = from->cookie,
		.state = states[from->state],
		.flags = translate_flags(from->flags),
		.uid = from->socket_uid,
		.fd = -1,
		.refs = from->refs,
		.holder_uid = (uid_t)-1,
		.evident = from->evident,
	};

	translate_endpoint(&from->at, &row.at);
	if (from->pid) {
		row.fd = (int)from->fd;
		row.holder = clocks_process_id(walk->clocks, from->pid, from->start_ns);
		row.holder_ppid = (pid_t)from->ppid;
		row.holder_start_ns =
			from->start_ns + (uint64_t)walk->clocks->boot_to_wall_ns;
		row.holder_uid = from->uid;
		memcpy(row.holder_comm, from->comm, sizeof(row.holder_comm));
		row.holder_comm[sizeof(row.holder_comm) - 1] = '\0';
	}
	return walk->fn(&row, walk->arg);
}

static int take_rows(const struct pw_snapshot_row *rows, size_t n, void *arg)
{
	struct walk *walk = arg;

	for (size_t i = 0; i < n; i++) {
		int err = 1;

		if (walk->query->unheld_too) {
			err = seen_add(&walk->seen, rows[i].cookie);
			if (err >= 0 && rows[i].inode && rows[i].flags & PW_MPTCP)
				seen_add(&walk->outer, rows[i].inode);
			if (err < 0)
				return err;
		}
		if (rows[i].pid == 0 && err == 0)
			continue; /* a descriptor holds it after all */
		err = tell(walk, &rows[i]);
		if (err)
			return err;
	}
	return 0;
}

/* Kept attached: an iterator's link costs nothing until it is read. */
static int ensure_link(int *link, int program)
{
	if (*link >= 0)
		return 0;
	*link = bpf_link_create(program, 0, BPF_TRACE_ITER, NULL);
	return *link < 0 ? -errno : 0;
}

static int walk_one(struct walk *walk, int program, pid_t pid)
{
	union bpf_iter_link_info info = { .task.pid = (uint32_t)pid };
	DECLARE_LIBBPF_OPTS(bpf_link_create_opts, opts, .iter_info = &info,
			    .iter_info_len = sizeof(info));
	_cleanup_(close_fdp) int link =
		bpf_link_create(program, 0, BPF_TRACE_ITER, &opts);

	return link < 0 ? -errno : iterators_read(link, take_rows, walk);
}

static int walk_port(struct walk *walk)
{
	struct snapshot *snapshot = walk->snapshot;
	int err;

	if (snapshot->programs.port < 0 || !snapshot->control)
		return -EOPNOTSUPP;
	snapshot->control->wanted_port = walk->query->port;
	if (walk->query->pid)
		return walk_one(walk, snapshot->programs.port, walk->query->pid);
	err = ensure_link(&snapshot->links.port, snapshot->programs.port);
	return err < 0 ? err : iterators_read(snapshot->links.port, take_rows, walk);
}

static int tell_bound(struct walk *walk, const struct diag_socket *sock)
{
	struct snapshot_row row = {
		.cookie = sock->cookie,
		.at = sock->at,
		.state = SOCKET_BOUND,
		.flags = sock->flags,
		.uid = sock->uid,
		.fd = -1,
		.holder_uid = (uid_t)-1,
		.evident = true,
	};
	int err = seen_add(&walk->seen, sock->cookie);

	if (err <= 0 || (sock->inode && seen_has(&walk->outer, sock->inode)))
		return err < 0 ? err : 0;
	return walk->fn(&row, walk->arg);
}

static int take_unheld(struct walk *walk, const struct unheld *unheld)
{
	int err = take_rows(unheld->rows, unheld->n_rows, walk);

	for (size_t i = 0; err == 0 && i < unheld->n_bound; i++)
		err = tell_bound(walk, &unheld->bound[i]);
	return err;
}

static int walk_all(struct walk *walk)
{
	const struct iterators *programs = &walk->snapshot->programs;
	struct iterators *links = &walk->snapshot->links;
	_cleanup_(unheld_done) struct unheld unheld = { 0 };
	int err = ensure_link(&links->descriptors, programs->descriptors);

	if (err < 0)
		return err;
	if (!walk->query->unheld_too || programs->tcp < 0 || programs->udp < 0)
		return iterators_read(links->descriptors, take_rows, walk);
	err = ensure_link(&links->tcp, programs->tcp);
	if (err == 0)
		err = ensure_link(&links->udp, programs->udp);
	if (err < 0)
		return err;
	unheld_begin(&unheld, links->tcp, links->udp, take(walk->snapshot->search));
	err = iterators_read(links->descriptors, take_rows, walk);
	if (err == 0)
		err = unheld_end(&unheld);
	return err == 0 ? take_unheld(walk, &unheld) : err;
}

int snapshot_walk(struct snapshot *snapshot, const struct clocks *clocks,
		  const struct snapshot_query *query, snapshot_fn fn, void *arg)
{
	struct walk walk = { .clocks = clocks,
			     .query = query,
			     .fn = fn,
			     .arg = arg,
			     .snapshot = snapshot };
	int err;

	if (query->port)
		return walk_port(&walk);
	if (query->pid)
		return walk_one(&walk, snapshot->programs.descriptors, query->pid);
	err = walk_all(&walk);
	free(walk.seen.slots);
	free(walk.outer.slots);
	return err;
}
