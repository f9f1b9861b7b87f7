// SPDX-License-Identifier: GPL-2.0-only
/* What the files of /proc say, apart from reading them. */
#include "probe/procfs.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/strings.h"

/* The numbers of proc_pid_stat(5) that are used, counted from the state, field 3. */
enum { FIELD_PPID = 1, FIELD_SID = 3, FIELD_THREADS = 17, FIELD_START = 19 };

int procfs_parse_stat(const char *text, size_t size, struct process_info *ret,
		      bool *ret_alive)
{
	const char *open = memchr(text, '(', size);
	/* comm may hold anything, ") R 1" and newlines among it; what follows may not. */
	const char *close = memrchr(text, ')', size);
	uint64_t fields[FIELD_START + 1];
	const char *at;
	char *end;
	size_t len;

	if (!open || !close || close < open || close + 3 >= text + size)
		return -EINVAL;
	at = close + 3; /* behind the state */
	for (int i = FIELD_PPID; i <= FIELD_START; i++) {
		fields[i] = strtoull(at, &end, 10);
		if (end == at)
			return -EINVAL;
		at = end;
	}

	*ret = (struct process_info){ .uid = (uid_t)-1 };
	len = close - open - 1;
	memcpy(ret->comm, open + 1,
	       len < sizeof(ret->comm) ? len : sizeof(ret->comm) - 1);
	ret->id.pid = strtol(text, NULL, 10);
	ret->id.start_ticks = fields[FIELD_START];
	ret->ppid = fields[FIELD_PPID];
	ret->sid = fields[FIELD_SID];
	/* A process whose first thread has ended is a zombie only when it is the last. */
	*ret_alive = close[2] != 'X' && close[2] != 'x' &&
		     (close[2] != 'Z' || fields[FIELD_THREADS] > 1);
	return 0;
}

/* A title that a program wrote over its argv leaves the rest of it empty. */
static void cut_behind_title(char **argv)
{
	size_t n = strv_length(argv);

	if (!n || !strchr(argv[0], ' '))
		return;
	for (size_t i = 1; i < n; i++)
		if (argv[i][0])
			return;
	for (size_t i = 1; i < n; i++)
		free(take(argv[i]));
}

int procfs_parse_cmdline(const char *data, size_t size, char ***ret)
{
	_cleanup_(strv_freep) char **argv = NULL;
	const char *end = data + size;
	int err;

	while (data < end) {
		size_t len = strnlen(data, end - data);
		_cleanup_(freep) char *word = strndup(data, len);

		err = word ? strv_append(&argv, word) : -ENOMEM;
		if (err < 0)
			return err;
		data += len + 1;
	}
	cut_behind_title(argv);

	*ret = take(argv);
	return 0;
}

/* The path of a line "ID:CONTROLLERS:PATH" whose controllers are @name; *ret_size. */
static const char *find_line(const char *text, const char *name, size_t *ret_size)
{
	size_t len = strlen(name);

	while (*text) {
		size_t size = strcspn(text, "\n");
		const char *colon = memchr(text, ':', size);

		if (colon && !strncmp(colon + 1, name, len) && colon[1 + len] == ':') {
			*ret_size = text + size - (colon + len + 2);
			return colon + len + 2;
		}
		text += size;
		text += *text == '\n';
	}
	return NULL;
}

int procfs_parse_cgroup(const char *text, struct process_info *info)
{
	static const char *const hierarchies[] = { "", "name=systemd", "pids", "devices",
						   "cpu,cpuacct" };
	_cleanup_(freep) char *copy = NULL;
	const char *found = NULL, *path;
	size_t size, found_size = 0;

	/* In hybrid mode everybody may be in the root of v2: the first that says more
	 * than "/" counts. */
	for (size_t i = 0; i < sizeof(hierarchies) / sizeof(*hierarchies); i++) {
		path = find_line(text, hierarchies[i], &size);
		if (!path || (found && size <= 1))
			continue;
		found = path;
		found_size = size;
		if (size > 1)
			break;
	}
	if (!found)
		return 0;

	copy = strndup(found, found_size);
	return copy ? process_info_parse_cgroup(info, copy) : -ENOMEM;
}

static const char *parse_port(const char *at, unsigned long *ret)
{
	char *end;

	if (*at < '0' || *at > '9')
		return NULL;
	*ret = strtoul(at, &end, 10);
	return *ret <= UINT16_MAX ? end : NULL;
}

int procfs_parse_ports(const char *text, uint8_t *bitmap)
{
	unsigned long low, high;
	uint8_t bits[8192] = { 0 };

	text += strspn(text, " \n");
	while (*text) {
		text = parse_port(text, &low);
		high = low;
		if (text && *text == '-')
			text = parse_port(text + 1, &high);
		if (!text || high < low)
			return -EINVAL;
		for (unsigned long port = low; port <= high; port++)
			bits[port / 8] |= 1 << port % 8;
		if (*text && !strchr(",\n", *text))
			return -EINVAL;
		text += strspn(text, ",\n");
	}

	memcpy(bitmap, bits, sizeof(bits));
	return 0;
}
