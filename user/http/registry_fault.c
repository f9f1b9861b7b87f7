// SPDX-License-Identifier: GPL-2.0-only
/* Why the registry file was not changed, as a problem. */
#include <errno.h>

#include "http/documents.h"

int reply_registry_fault(struct reply *reply, int err, const char *path,
			 const struct decode_error *fault)
{
	/* -ENOENT is the file's, not of what was asked for. */
	static const struct errno_status statuses[] = {
		{ -ENOTUNIQ, 400 },
		{ -EBUSY, 409 },
		{ -E2BIG, 422 },
		{ 0 },
	};

	return reply_fault(reply, status_of_errno(err, statuses), fault->what, path,
			   fault);
}
