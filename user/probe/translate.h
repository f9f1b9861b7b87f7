/* SPDX-License-Identifier: GPL-2.0-only */
/* translate - records of the kernel's into the words of the domain. */
#ifndef PORTWATCH_PROBE_TRANSLATE_H
#define PORTWATCH_PROBE_TRANSLATE_H

#include "core/fact.h"
#include "portwatch/control.h"
#include "probe/hooks.h"

/* How the kernel's clocks stand to the wall clock; sampled now and then. */
struct clocks {
	int64_t mono_to_wall_ns;
	int64_t boot_to_wall_ns;
	uint64_t ns_per_tick; /* of /proc/PID/stat */
};

void clocks_sample(struct clocks *clocks);
struct process_id clocks_process_id(const struct clocks *clocks, uint32_t pid,
				    uint64_t start_ns);

void translate_endpoint(const struct pw_endpoint *from, struct endpoint *ret);
unsigned translate_flags(uint32_t flags);

void translate_socket(const struct clocks *clocks, const struct pw_socket_event *ev,
		      enum fact_type type, struct fact *ret);
void translate_brief(const struct clocks *clocks, const struct pw_brief_event *ev,
		     enum fact_type type, struct fact *ret);
void translate_exit(const struct clocks *clocks, const struct pw_exit_event *ev,
		    struct fact *ret);
/* @ret_info is to be released with process_info_done(); @ret points at it.  @hooks finds
 * the cgroup's path.  -ENOMEM. */
int translate_process(const struct clocks *clocks, struct hooks *hooks,
		      const struct pw_process_event *ev, struct process_info *ret_info,
		      struct fact *ret);

#endif /* PORTWATCH_PROBE_TRANSLATE_H */
