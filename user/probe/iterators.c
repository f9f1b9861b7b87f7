// SPDX-License-Identifier: GPL-2.0-only
#include "probe/iterators.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "base/files.h"
#include "bpf/alone.lskel.h"
#include "bpf/alone.skel.h"

enum { ROWS_AT_ONCE = 512 };

void iterators_done(struct iterators *programs)
{
	close_fd(programs->descriptors);
	close_fd(programs->port);
	close_fd(programs->tcp);
	close_fd(programs->udp);
	*programs = ITERATORS_NONE;
}

/* Takes the descriptor: what is 0 in the skeleton is none. */
static int take_program(struct bpf_prog_desc *program)
{
	int fd = program->prog_fd;

	program->prog_fd = 0;
	return fd;
}

static int load_light(struct iterators *ret)
{
	struct alone_light *light = alone_light__open();
	int err;

	if (!light)
		return -ENOMEM;
	err = alone_light__load(light);
	if (err == 0)
		*ret = (struct iterators){
			.descriptors = take_program(&light->progs.list_descriptors),
			.port = -EBADF,
			.tcp = take_program(&light->progs.list_tcp),
			.udp = take_program(&light->progs.list_udp),
		};
	alone_light__destroy(light);
	return err;
}

int iterators_copy(const struct bpf_program *program)
{
	int fd = fcntl(bpf_program__fd(program), F_DUPFD_CLOEXEC, 3);

	return fd < 0 ? -EBADF : fd;
}

static int load_whole(bool unheld, struct iterators *ret)
{
	struct alone_bpf *whole = alone_bpf__open();
	int err;

	if (!whole)
		return -errno;
	bpf_program__set_autoload(whole->progs.list_tcp, unheld);
	bpf_program__set_autoload(whole->progs.list_udp, unheld);
	err = alone_bpf__load(whole);
	if (err == 0)
		*ret = (struct iterators){
			.descriptors = iterators_copy(whole->progs.list_descriptors),
			.port = -EBADF,
			.tcp = iterators_copy(whole->progs.list_tcp),
			.udp = iterators_copy(whole->progs.list_udp),
		};
	alone_bpf__destroy(whole);
	return err;
}

int iterators_load(const char *without, struct iterators *ret)
{
	bool light = !without || !strstr(without, "light");
	bool unheld = !without || !strstr(without, "unheld");

	if (light && unheld && load_light(ret) == 0)
		return 1;
	if (unheld && load_whole(true, ret) == 0)
		return 0;
	return load_whole(false, ret);
}

int iterators_read(int link, rows_fn fn, void *arg)
{
	_cleanup_(close_fdp) int fd = bpf_iter_create(link);
	struct pw_snapshot_row rows[ROWS_AT_ONCE];
	size_t have = 0;

	if (fd < 0)
		return -errno;
	for (;;) {
		ssize_t n = read(fd, (char *)rows + have, sizeof(rows) - have);
		size_t whole;
		int err;

		if (n < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return 0;
		have += (size_t)n;
		whole = have / sizeof(*rows);
		err = fn(rows, whole, arg);
		if (err)
			return err;
		have -= whole * sizeof(*rows);
		memmove(rows, rows + whole, have);
	}
}
