// SPDX-License-Identifier: GPL-2.0-only
#include "daemon/privileges.h"

#include <cap-ng.h>
#include <errno.h>
#include <linux/capability.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/prctl.h>

static const unsigned kept[] = {
	CAP_BPF,             /* load programs and maps */
	CAP_PERFMON,         /* attach to tracepoints, read kernel memory */
	CAP_NET_ADMIN,       /* attach to cgroups; SOCK_DESTROY */
	CAP_SYS_PTRACE,      /* exe, cwd and descriptors of other users' processes */
	CAP_DAC_READ_SEARCH, /* the same, and tracefs */
	CAP_KILL,            /* end holders of any user */
};

int privileges_drop(void)
{
	int bounding;

	/* Before the bounding set, which may not be ours to change. */
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -errno;
	if (capng_get_caps_process() < 0)
		return -EPERM;
	bounding = capng_have_capability(CAPNG_EFFECTIVE, CAP_SETPCAP);

	for (unsigned cap = 0; cap <= (unsigned)CAP_LAST_CAP; cap++) {
		bool keep = false;

		for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
			keep |= kept[i] == cap;
		if (keep)
			continue;
		capng_update(CAPNG_DROP,
			     CAPNG_EFFECTIVE | CAPNG_PERMITTED | CAPNG_INHERITABLE |
				     CAPNG_BOUNDING_SET | CAPNG_AMBIENT,
			     cap);
	}
	return capng_apply(bounding ? CAPNG_SELECT_ALL : CAPNG_SELECT_CAPS) < 0 ? -EPERM
										: 0;
}
