// SPDX-License-Identifier: GPL-2.0-only
/*
 * As many binds, listens and closes as one process can make, for a time; some sockets
 * are left open, so that the end is not an empty table.
 */
#include "kernel/helpers/actor.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

/* Bound by the kernel's choice of port; TCP listens.  -errno. */
static int make(unsigned random)
{
	struct sockaddr_in6 six = { .sin6_family = AF_INET6 };
	struct sockaddr_in four = { .sin_family = AF_INET };
	bool udp = random & 1, v6 = random & 2;
	int fd = socket(v6 ? AF_INET6 : AF_INET,
			(udp ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	four.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	six.sin6_addr = in6addr_loopback;
	if (bind(fd, v6 ? (struct sockaddr *)&six : (struct sockaddr *)&four,
		 v6 ? sizeof(six) : sizeof(four)) < 0 ||
	    (!udp && listen(fd, 8) < 0)) {
		close(fd);
		return -errno;
	}
	return fd;
}

/* storm MS KEEP SEED; the kept ones are in no slot, and go with the process. */
int64_t command_storm(struct request *rq)
{
	uint64_t end = now_ms() + strtoul(rq->argv[1], NULL, 10);
	unsigned seed = (unsigned)strtoul(rq->argv[3], NULL, 10);
	unsigned keep = (unsigned)strtoul(rq->argv[2], NULL, 10);
	int *kept = malloc(sizeof(int) * (keep + 1));
	int64_t made = 0;

	if (!kept)
		return -ENOMEM;
	memset(kept, 0xff, sizeof(int) * (keep + 1));
	while (made % 64 || now_ms() < end) {
		int fd = make((unsigned)rand_r(&seed));
		int *place = &kept[keep ? (unsigned)rand_r(&seed) % keep : 0];

		made++;
		if (fd < 0)
			continue;
		if (*place >= 0)
			close(*place);
		*place = fd;
		if (keep == 0 || rand_r(&seed) % 4 == 0) {
			close(*place);
			*place = -1;
		}
	}
	free(kept);
	return made;
}
