/* SPDX-License-Identifier: GPL-2.0-only */
/* launch_doc - what is being started or stopped, as JSON. */
#ifndef PORTWATCH_HTTP_LAUNCH_DOC_H
#define PORTWATCH_HTTP_LAUNCH_DOC_H

#include "json/codec.h"
#include "service/launcher.h"

/* portwatch.launch/v1: all of it.  @service: the one that was named in the path; NULL.
 * NULL for want of memory. */
struct doc *launch_doc(const struct launch *launch, struct launcher *launcher,
		       const struct registry *reg, const char *service,
		       const struct viewer *viewer);
/* One step of it. */
struct doc *launch_step_doc(const struct launch *launch, struct launcher *launcher,
			    const struct registry *reg, size_t index,
			    const struct viewer *viewer);

#endif /* PORTWATCH_HTTP_LAUNCH_DOC_H */
