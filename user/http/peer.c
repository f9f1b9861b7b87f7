// SPDX-License-Identifier: GPL-2.0-only
#include "http/peer.h"

#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/strings.h"

enum { GROUPS_MAX = 65536 }; /* NGROUPS_MAX of the kernel */

static void fclosep(FILE **f)
{
	if (*f)
		fclose(*f);
}

gid_t peer_group(void)
{
	_cleanup_(fclosep) FILE *f = fopen("/etc/group", "re");
	struct group *entry;

	while (f && (entry = fgetgrent(f)))
		if (streq(entry->gr_name, "portwatch"))
			return entry->gr_gid;
	return (gid_t)-1;
}

/* Supplementary groups as they were when the peer connected, which no later exec or
 * setgroups of the peer can change. */
static bool has_group(int fd, gid_t group)
{
	gid_t few[64];
	_cleanup_(freep) gid_t *many = NULL;
	gid_t *groups = few;
	socklen_t size = sizeof(few);
	int err = getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, few, &size);

	if (err < 0 && errno == ERANGE && size <= GROUPS_MAX * sizeof(gid_t)) {
		many = malloc(size);
		if (!many)
			return false;
		groups = many;
		err = getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, many, &size);
	}
	if (err < 0)
		return false;

	for (size_t i = 0; i < size / sizeof(gid_t); i++)
		if (groups[i] == group)
			return true;
	return false;
}

int peer_read(int fd, gid_t group, struct peer *ret)
{
	struct ucred cred;
	socklen_t size = sizeof(cred);
	bool member;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &size) < 0)
		return -errno;

	member = cred.uid == 0;
	if (!member && group != (gid_t)-1)
		member = cred.gid == group || has_group(fd, group);

	*ret = (struct peer){
		.pid = cred.pid,
		.viewer = { .uid = cred.uid, .all = member },
		.may_change = member || cred.uid == geteuid(),
	};
	return 0;
}

bool viewer_equal(const struct viewer *a, const struct viewer *b)
{
	return a->all ? b->all : !b->all && a->uid == b->uid;
}
