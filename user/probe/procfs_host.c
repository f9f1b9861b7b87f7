// SPDX-License-Identifier: GPL-2.0-only
/* What /proc and /etc say of the host: users, namespaces, port ranges. */
#include "probe/procfs.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/files.h"
#include "base/strings.h"

enum { USERS_MAX = 1 << 20, PORTS_TEXT_MAX = 1 << 20 };

struct users {
	struct user {
		uid_t uid;
		size_t line;
		char *name;
	} * items;
	size_t count;
	struct stat file; /* as it was when it was read */
};

static int compare_users(const void *a, const void *b)
{
	const struct user *x = a, *y = b;

	if (x->uid != y->uid)
		return x->uid < y->uid ? -1 : 1;
	return x->line < y->line ? -1 : x->line > y->line;
}

static void users_clear(struct users *users)
{
	for (size_t i = 0; i < users->count; i++)
		free(users->items[i].name);
	free(users->items);
	*users = (struct users){ 0 };
}

static void users_add(struct users *users, size_t *capacity, const struct passwd *entry)
{
	struct user *items = users->items;
	char *name;

	if (users->count == *capacity) {
		*capacity = *capacity ? 2 * *capacity : 64;
		items = reallocarray(items, *capacity, sizeof(*items));
		if (!items) {
			*capacity = users->count;
			return;
		}
		users->items = items;
	}
	name = strdup(entry->pw_name);
	if (!name)
		return;
	items[users->count] = (struct user){ entry->pw_uid, users->count, name };
	users->count++;
}

/* Reads the file and nothing else: a name service may ask the network, and waits. */
static void users_load(struct users *users, const struct stat *file)
{
	FILE *f = fopen("/etc/passwd", "re");
	const struct passwd *entry;
	size_t capacity = 0;

	users_clear(users);
	users->file = *file;
	if (!f)
		return;
	while (users->count < USERS_MAX && (entry = fgetpwent(f)))
		users_add(users, &capacity, entry);
	fclose(f);
	if (users->count)
		qsort(users->items, users->count, sizeof(*users->items), compare_users);
}

static bool is_same_file(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino &&
	       a->st_size == b->st_size && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
	       a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

const char *procfs_user(uid_t uid)
{
	static struct users users;
	size_t low = 0, high;
	struct stat file;

	if (stat("/etc/passwd", &file) < 0)
		return NULL;
	if (!is_same_file(&file, &users.file))
		users_load(&users, &file);

	high = users.count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (users.items[middle].uid < uid)
			low = middle + 1;
		else
			high = middle;
	}
	return low < users.count && users.items[low].uid == uid ? users.items[low].name
								: NULL;
}

uint32_t procfs_own_netns(void)
{
	struct stat st;

	return stat("/proc/self/ns/net", &st) < 0 ? 0 : (uint32_t)st.st_ino;
}

int procfs_port_range(struct port_range *ret)
{
	_cleanup_(freep) char *text = NULL;
	unsigned long low, high;
	char *end;
	int err = file_read("/proc/sys/net/ipv4/ip_local_port_range", 256, &text, NULL);

	if (err < 0)
		return err;
	if (!text)
		return -EINVAL;
	low = strtoul(text, &end, 10);
	high = strtoul(end, NULL, 10);
	if (!low || low > high || high > UINT16_MAX)
		return -EINVAL;

	*ret = (struct port_range){ low, high };
	return 0;
}

int procfs_reserved_ports(uint8_t *bitmap)
{
	_cleanup_(freep) char *text = NULL;
	int err = file_read("/proc/sys/net/ipv4/ip_local_reserved_ports", PORTS_TEXT_MAX,
			    &text, NULL);

	return err < 0 ? err : procfs_parse_ports(text ? text : "", bitmap);
}

uint16_t procfs_unprivileged_port(void)
{
	_cleanup_(freep) char *text = NULL;
	unsigned long port;
	char *end;
	int err = file_read("/proc/sys/net/ipv4/ip_unprivileged_port_start", 256, &text,
			    NULL);

	if (err < 0 || !text)
		return 1024;
	port = strtoul(text, &end, 10);
	return end > text && port <= UINT16_MAX ? port : 1024;
}
