// SPDX-License-Identifier: GPL-2.0-only
#include "probe/netns.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/files.h"

struct namespaces {
	struct namespace
	{
		uint32_t inode;
		int fd;
	}
	*items;
	size_t count, capacity;
};

static void namespaces_done(struct namespaces *list)
{
	for (size_t i = 0; i < list->count; i++)
		close_fd(list->items[i].fd);
	free(list->items);
}

static bool has(const struct namespaces *list, uint32_t inode)
{
	/* From the end: neighbours in /proc are mostly in the same namespace. */
	for (size_t i = list->count; i > 0; i--)
		if (list->items[i - 1].inode == inode)
			return true;
	return false;
}

static int add(struct namespaces *list, int dirfd, const char *path)
{
	struct stat st;
	int fd;

	if (fstatat(dirfd, path, &st, 0) < 0 || has(list, (uint32_t)st.st_ino))
		return 0;
	if (list->count == list->capacity) {
		size_t capacity = list->capacity ? 2 * list->capacity : 16;
		void *grown = realloc(list->items, capacity * sizeof(*list->items));

		if (!grown)
			return -ENOMEM;
		list->items = grown;
		list->capacity = capacity;
	}
	fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0)
		list->items[list->count++] =
			(struct namespace){ .inode = (uint32_t)st.st_ino, .fd = fd };
	return 0;
}

static int add_from(struct namespaces *list, const char *folder, bool processes)
{
	DIR *dir = opendir(folder);
	struct dirent *entry;
	int err = 0;

	if (!dir)
		return 0;
	while (err == 0 && (entry = readdir(dir))) {
		char path[300];

		if (entry->d_name[0] == '.' ||
		    (processes && !isdigit((unsigned char)entry->d_name[0])))
			continue;
		snprintf(path, sizeof(path), processes ? "%s/ns/net" : "%s",
			 entry->d_name);
		err = add(list, dirfd(dir), path);
	}
	closedir(dir);
	return err;
}

struct visit {
	const struct namespace *ns;
	netns_fn fn;
	void *arg;
	int answer;
};

static void *enter(void *arg)
{
	struct visit *visit = arg;

	if (setns(visit->ns->fd, CLONE_NEWNET) == 0)
		visit->answer = visit->fn(visit->ns->inode, visit->arg);
	return NULL;
}

struct netns_search {
	struct namespaces list;
	pthread_t thread;
	bool runs;
	int err;
};

static void *search_all(void *arg)
{
	struct netns_search *search = arg;

	search->err = add_from(&search->list, "/proc", true);
	if (search->err == 0)
		search->err = add_from(&search->list, "/run/netns", false);
	return NULL;
}

int netns_search_begin(struct netns_search **ret)
{
	struct netns_search *search = calloc(1, sizeof(*search));

	if (!search)
		return -ENOMEM;
	search->runs = pthread_create(&search->thread, NULL, search_all, search) == 0;
	if (!search->runs)
		search_all(search);
	*ret = search;
	return 0;
}

static int search_end(struct netns_search *search)
{
	if (search->runs)
		pthread_join(search->thread, NULL);
	search->runs = false;
	return search->err;
}

struct netns_search *netns_search_free(struct netns_search *search)
{
	if (!search)
		return NULL;
	search_end(search);
	namespaces_done(&search->list);
	free(search);
	return NULL;
}

/* setns moves one thread; a thread that has left its namespace is not used again. */
static int visit_one(const struct namespace *ns, netns_fn fn, void *arg)
{
	struct visit visit = { .ns = ns, .fn = fn, .arg = arg };
	pthread_t thread;
	int err = -pthread_create(&thread, NULL, enter, &visit);

	if (err < 0)
		return err;
	pthread_join(thread, NULL);
	return visit.answer;
}

int netns_visit(struct netns_search *search, netns_fn fn, void *arg)
{
	struct stat own = { 0 };
	int err = 0;

	if (stat("/proc/self/ns/net", &own) == 0)
		err = fn((uint32_t)own.st_ino, arg);
	if (err == 0)
		err = search_end(search);
	for (size_t i = 0; err == 0 && i < search->list.count; i++)
		if (search->list.items[i].inode != (uint32_t)own.st_ino)
			err = visit_one(&search->list.items[i], fn, arg);
	return err;
}

int netns_each(netns_fn fn, void *arg)
{
	_cleanup_(netns_search_freep) struct netns_search *search = NULL;
	int err = netns_search_begin(&search);

	return err < 0 ? err : netns_visit(search, fn, arg);
}
