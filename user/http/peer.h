/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * peer - who is at the other end of a socket, as the kernel says.
 *
 * Root and the members of group `portwatch` may change things and see every command
 * line; everybody whom the socket's mode lets in may read.  A daemon that runs as another
 * user than root obeys that user too.
 */
#ifndef PORTWATCH_HTTP_PEER_H
#define PORTWATCH_HTTP_PEER_H

#include "json/codec.h"

struct peer {
	pid_t pid; /* of who connected, or made the socket pair; 0 unknown */
	uid_t uid; /* whose connections are counted together; (uid_t)-1 unknown */
	struct viewer viewer;
	bool may_change;
};

/* The id of group `portwatch` in /etc/group, (gid_t)-1 where it has none.  Name services
 * are not asked: they may block. */
gid_t peer_group(void);

/* Ask the kernel who is at the other end of @fd.  @group may be (gid_t)-1.  -errno. */
int peer_read(int fd, gid_t group, struct peer *ret);

/* The same of a connection over TCP on this host, whose rights are not the user's but
 * those of the token: the number of the user alone is known, (uid_t)-1 where not even
 * that. */
void peer_read_tcp(int fd, struct peer *ret);

/* Do two viewers see the same? */
bool viewer_equal(const struct viewer *a, const struct viewer *b);

#endif /* PORTWATCH_HTTP_PEER_H */
