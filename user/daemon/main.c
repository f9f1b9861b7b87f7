// SPDX-License-Identifier: GPL-2.0-only
#include <fcntl.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/strings.h"
#include "daemon/daemon.h"
#include "daemon/options.h"
#include "daemon/priority.h"
#include "service/launch_spawn.h"

/* What is opened later must not be taken for one of these: a sink writes to stdout. */
static bool open_standard(void)
{
	for (int fd = 0; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) != fd)
			return false;
	return true;
}

/* Programs, maps and links alone are some ninety descriptors.  What is launched gets the
 * limit that there was. */
static void raise_descriptors(struct daemon_options *options)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	options->descriptors = limit.rlim_cur;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

/* While there are privileges, one thread, and little to inherit. */
static void start_spawner(struct daemon_options *options)
{
	const struct spawner_options none = { 0 };
	int err = spawner_start(&none, &options->spawner);

	if (err < 0)
		log_warning_errno(err, "Cannot start services; continuing without");
}

int main(int argc, char **argv)
{
	_cleanup_(freep) char *socket = NULL;
	struct daemon_options options;
	int more;

	if (!open_standard())
		return EXIT_FAILED;
	log_set_program("portwatchd");
	more = options_parse(argc, argv, &options);
	if (more <= 0)
		return more < 0 ? EXIT_USAGE : EXIT_DONE;

	/* Now and then a document of megabytes that is to go back.  One thread but for
	 * workers: with the loop's arena they would have its lock, and be kept from going
	 * on by whatever is more urgent than they are. */
	mallopt(M_ARENA_MAX, 2);
	mallopt(M_MMAP_THRESHOLD, 256 * 1024);
	if (options.serve_fd >= 0) {
		log_set_level(LOG_WARNING);
	} else {
		start_spawner(&options);
		(void)priority_raise(); /* without, it answers later in a storm */
	}
	raise_descriptors(&options);
	if (!options.socket) {
		if (asprintf(&socket, "%s/portwatch.sock", options.run) < 0)
			return EXIT_FAILED;
		options.socket = socket;
	}
	return daemon_run(&options);
}
