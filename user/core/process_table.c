// SPDX-License-Identifier: GPL-2.0-only
#include "core/process.h"

#include <errno.h>
#include <string.h>

#include "base/strings.h"
#include "core/hash.h"

struct entry {
	struct process p; /* first: a struct process of this table is its entry */
	struct slot *slot;
	struct entry *older;
};

/* Those that had one pid after another; few are ever kept.  Exists while it has any. */
struct slot {
	pid_t pid;
	struct entry *youngest;
	UT_hash_handle hh;
};

struct processes {
	struct slot *by_pid;
	size_t count;
	size_t limit;
};

int processes_new(size_t limit, struct processes **ret)
{
	struct processes *table = calloc(1, sizeof(*table));

	if (!table)
		return -ENOMEM;
	table->limit = limit;

	*ret = table;
	return 0;
}

static void entry_free(struct entry *e)
{
	process_info_done(&e->p.info);
	free(e);
}

struct processes *processes_free(struct processes *table)
{
	struct slot *slot, *next;

	if (!table)
		return NULL;

	HASH_ITER(hh, table->by_pid, slot, next)
	{
		for (struct entry *e = slot->youngest, *older; e; e = older) {
			older = e->older;
			entry_free(e);
		}
		HASH_DEL(table->by_pid, slot);
		free(slot);
	}
	free(table);
	return NULL;
}

static struct slot *find_slot(const struct processes *table, pid_t pid)
{
	struct slot *slot;

	HASH_FIND(hh, table->by_pid, &pid, sizeof(pid), slot);
	return slot;
}

static struct slot *get_slot(struct processes *table, pid_t pid)
{
	struct slot *slot = find_slot(table, pid);

	if (slot)
		return slot;

	slot = calloc(1, sizeof(*slot));
	if (!slot)
		return NULL;
	slot->pid = pid;
	HASH_ADD(hh, table->by_pid, pid, sizeof(slot->pid), slot);
	if (!hash_was_added(slot)) {
		free(slot);
		return NULL;
	}
	return slot;
}

struct process *processes_find(const struct processes *table, struct process_id id)
{
	struct slot *slot = find_slot(table, id.pid);

	for (struct entry *e = slot ? slot->youngest : NULL; e; e = e->older)
		if (e->p.info.id.start_ticks == id.start_ticks)
			return &e->p;
	return NULL;
}

struct process *processes_find_pid(const struct processes *table, pid_t pid)
{
	struct slot *slot = find_slot(table, pid);

	for (struct entry *e = slot ? slot->youngest : NULL; e; e = e->older)
		if (!e->p.exited)
			return &e->p;
	return NULL;
}

static int insert(struct processes *table, struct entry *e)
{
	struct slot *slot = get_slot(table, e->p.info.id.pid);
	struct entry **at;

	if (!slot)
		return -ENOMEM;

	at = &slot->youngest;
	while (*at && (*at)->p.info.id.start_ticks > e->p.info.id.start_ticks)
		at = &(*at)->older;
	e->slot = slot;
	e->older = *at;
	*at = e;
	return 0;
}

static void extract(struct processes *table, struct entry *e)
{
	struct entry **at = &e->slot->youngest;

	while (*at != e)
		at = &(*at)->older;
	*at = e->older;

	if (!e->slot->youngest) {
		HASH_DEL(table->by_pid, e->slot);
		free(e->slot);
	}
}

static void fill_string(char **known, char **news)
{
	if (!*known)
		*known = take(*news);
}

static void fill(struct process_info *known, struct process_info *news)
{
	if (!known->ppid)
		known->ppid = news->ppid;
	if (!known->start_ns)
		known->start_ns = news->start_ns;
	if (known->uid == (uid_t)-1)
		known->uid = news->uid;
	if (!known->sid)
		known->sid = news->sid;
	if (!known->exec_count)
		known->exec_count = news->exec_count;
	if (!known->comm[0])
		memcpy(known->comm, news->comm, sizeof(known->comm));
	if (!known->cmdline)
		known->cmdline = take(news->cmdline);
	fill_string(&known->exe, &news->exe);
	fill_string(&known->user, &news->user);
	fill_string(&known->cwd, &news->cwd);
	fill_string(&known->cgroup, &news->cgroup);
	fill_string(&known->unit, &news->unit);
	fill_string(&known->container, &news->container);
}

static bool is_other_program(const struct process_info *known,
			     const struct process_info *news)
{
	if (known->exec_count && news->exec_count &&
	    known->exec_count != news->exec_count)
		return true;
	return known->exe && news->exe && strcmp(known->exe, news->exe);
}

/* What an exec leaves as it was is kept where @news does not know it; what the earlier
 * program was is not. */
static void replace_program(struct process *p, struct process_info *news)
{
	struct process_info old = p->info;

	p->info = *news;
	*news = (struct process_info){ .uid = (uid_t)-1 };

	old.exec_count = 0;
	memset(old.comm, 0, sizeof(old.comm));
	free(take(old.exe));
	old.cmdline = strv_free(old.cmdline);
	if (p->info.uid != (uid_t)-1 && p->info.uid != old.uid)
		free(take(old.user));
	if (p->info.cgroup && !streq(p->info.cgroup, old.cgroup)) {
		free(take(old.unit));
		free(take(old.container));
	}
	fill(&p->info, &old);
	process_info_done(&old);

	p->match = NULL;
	p->match_generation = 0;
	p->complete = false;
}

/* The first parent known is the one that started it; later ones adopted it. */
static void set_parent(struct process *p, struct process *parent, bool is_new)
{
	/* Nobody descends from a process that was unknown until now. */
	if (!p->parent && parent && (is_new || !process_descends(parent, p)))
		p->parent = processes_ref(parent);
}

static int update(struct process *p, struct process_info *info)
{
	if (is_other_program(&p->info, info)) {
		replace_program(p, info);
		return 1;
	}
	fill(&p->info, info);
	return 0;
}

static int create(struct processes *table, struct process_info *info,
		  struct process **ret)
{
	struct entry *e;

	if (table->count >= table->limit)
		return -ENOSPC;

	e = calloc(1, sizeof(*e));
	if (!e)
		return -ENOMEM;
	e->p.info.id = info->id;
	e->p.status = -1;
	if (insert(table, e) < 0) {
		free(e);
		return -ENOMEM;
	}
	e->p.info = *info;
	*info = (struct process_info){ .uid = (uid_t)-1 };
	table->count++;

	*ret = &e->p;
	return 0;
}

int processes_intern(struct processes *table, struct process_info *info,
		     struct process *parent, struct process **ret)
{
	struct process *p = processes_find(table, info->id);
	bool is_new = !p;
	int changed = p ? update(p, info) : create(table, info, &p);

	process_info_done(info);
	if (changed < 0)
		return changed;

	set_parent(p, parent, is_new);
	*ret = processes_ref(p);
	return changed;
}

struct process *processes_ref(struct process *p)
{
	p->refs++;
	return p;
}

/* A loop, since the last reference to a child may be the last but one to a chain of
 * any length. */
struct process *processes_unref(struct processes *table, struct process *p)
{
	struct process *parent;

	for (; p && --p->refs == 0; p = parent) {
		struct entry *e = (struct entry *)p;

		parent = p->parent;
		extract(table, e);
		table->count--;
		entry_free(e);
	}
	return NULL;
}

size_t processes_count(const struct processes *table)
{
	return table->count;
}
