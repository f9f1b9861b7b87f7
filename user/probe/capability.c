// SPDX-License-Identifier: GPL-2.0-only
#include "probe/capability.h"

#include <linux/capability.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <unistd.h>

bool capability_has(unsigned capability)
{
	struct __user_cap_header_struct header = { .version =
							   _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = { 0 };

	if (syscall(SYS_capget, &header, data) < 0)
		return false;
	return data[capability / 32].effective & (1u << capability % 32);
}

const char *capability_missing(void)
{
	bool admin = capability_has(CAP_SYS_ADMIN);

	if (!admin && !capability_has(CAP_BPF))
		return "CAP_BPF";
	if (!admin && !capability_has(CAP_PERFMON))
		return "CAP_PERFMON";
	if (!capability_has(CAP_NET_ADMIN))
		return "CAP_NET_ADMIN";
	return NULL;
}
