/* SPDX-License-Identifier: GPL-2.0-only */
/* examine - what this host lets portwatch see, for `doctor`. */
#ifndef PORTWATCH_PROBE_EXAMINE_H
#define PORTWATCH_PROBE_EXAMINE_H

#include "probe/hooks.h"
#include "probe/probe.h"

struct examination;

/* @running: the hooks in use, or NULL: each is then tried with @options. */
int examine(const struct hooks *running, const struct hooks_options *options, bool no_bpf,
	    struct examination **ret);
struct examination *examination_free(struct examination *x);
DEFINE_CLEANUP(struct examination, examination_free)

/* Borrowed from @x. */
size_t examination_findings(const struct examination *x,
			    const struct probe_finding **ret);

#endif /* PORTWATCH_PROBE_EXAMINE_H */
