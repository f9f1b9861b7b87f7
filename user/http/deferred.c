// SPDX-License-Identifier: GPL-2.0-only
#include "http/deferred.h"

void deferred_ready(struct deferred *deferred, int err)
{
	if (err < 0)
		reply_failure(&deferred->reply, err);
	deferred->ready = true;
	if (deferred->wake)
		deferred->wake(deferred->wake_arg);
}

struct deferred *deferred_close(struct deferred *deferred)
{
	if (!deferred)
		return NULL;
	reply_done(&deferred->reply);
	deferred->close(deferred);
	return NULL;
}
