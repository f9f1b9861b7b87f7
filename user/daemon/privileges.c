// SPDX-License-Identifier: GPL-2.0-only
#include "daemon/privileges.h"

#include <cap-ng.h>
#include <errno.h>
#include <linux/capability.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/prctl.h>

static const int kept[] = {
	CAP_BPF,             /* load programs and maps */
	CAP_PERFMON,         /* attach to tracepoints, read kernel memory */
	CAP_NET_ADMIN,       /* attach to cgroups; SOCK_DESTROY */
	CAP_SYS_PTRACE,      /* exe, cwd and descriptors of other users' processes */
	CAP_DAC_READ_SEARCH, /* the same, and tracefs */
	CAP_KILL,            /* end holders of any user */
	CAP_SETUID,          /* run the check of a service as its user */
	CAP_SETGID,          /* the same */
};

static bool is_kept(int cap)
{
	for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
		if (kept[i] == cap)
			return true;
	return false;
}

enum { NO_CAP = -1 };

/* All but those kept and @too. */
static void drop(capng_type_t sets, int too)
{
	for (int cap = 0; cap <= CAP_LAST_CAP; cap++)
		if (!is_kept(cap) && cap != too)
			capng_update(CAPNG_DROP, sets, (unsigned)cap);
}

int privileges_drop(void)
{
	bool may_bound;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -errno;
	if (capng_get_caps_process() < 0)
		return -EPERM;
	may_bound = capng_have_capability(CAPNG_EFFECTIVE, CAP_SETPCAP);
	drop(CAPNG_EFFECTIVE | CAPNG_PERMITTED, CAP_SYS_ADMIN);
	drop(CAPNG_INHERITABLE | CAPNG_AMBIENT | CAPNG_BOUNDING_SET, NO_CAP);
	return capng_apply(may_bound ? CAPNG_SELECT_ALL : CAPNG_SELECT_CAPS) < 0 ? -EPERM
										 : 0;
}

int privileges_drop_rest(void)
{
	if (capng_get_caps_process() < 0)
		return -EPERM;
	drop(CAPNG_EFFECTIVE | CAPNG_PERMITTED, NO_CAP);
	return capng_apply(CAPNG_SELECT_CAPS) < 0 ? -EPERM : 0;
}
