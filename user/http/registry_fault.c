// SPDX-License-Identifier: GPL-2.0-only
/* Why the registry file was not changed, as a problem. */
#include <errno.h>

#include "http/documents.h"

static unsigned status_of(int err)
{
	switch (err) {
	case -ENOTUNIQ:
		return 400;
	case -EACCES:
	case -EPERM:
	case -EROFS:
		return 403;
	case -ESRCH:
		return 404;
	case -EEXIST:
	case -EADDRINUSE:
	case -EBUSY:
		return 409;
	case -EINVAL:
	case -E2BIG:
		return 422;
	case -EWOULDBLOCK:
	case -ENOMEM:
		return 503;
	case -ENOSPC:
	case -EDQUOT:
		return 507;
	default:
		return 500;
	}
}

int reply_registry_fault(struct reply *reply, int err, const char *path,
			 const struct decode_error *fault)
{
	unsigned status = status_of(err);
	struct doc *doc = problem_doc(status, fault->what);

	if (!doc)
		return -ENOMEM;
	problem_set_fault(doc, path, fault);
	return reply_problem_doc(reply, status, doc);
}
