/* SPDX-License-Identifier: GPL-2.0-only */
/* loop_stage - a loop that runs until something is so, and what answers in place of
 * portwatch-fetch. */
#ifndef PORTWATCH_TESTS_UNIT_LOOP_STAGE_H
#define PORTWATCH_TESTS_UNIT_LOOP_STAGE_H

#include "harness.h"

#include <stdbool.h>
#include <stdio.h>
#include <sys/stat.h>
#include <uv.h>

static inline void loop_stop_waiting(uv_timer_t *timer)
{
	*(bool *)timer->data = true;
}

/* Until @is, with a deadline that a loaded machine meets. */
static inline void loop_run_until(uv_loop_t *loop, bool (*is)(void))
{
	bool over = false;
	uv_timer_t timer;

	uv_timer_init(loop, &timer);
	timer.data = &over;
	uv_timer_start(&timer, loop_stop_waiting, 30000, 0);
	while (!is() && !over)
		uv_run(loop, UV_RUN_ONCE);
	uv_close((uv_handle_t *)&timer, NULL);
	uv_run(loop, UV_RUN_NOWAIT);
	CHECK(!over);
}

/* @body is that of a loop of the shell, with $id, $ms, $kind and $target of a question.
 */
static inline void loop_fetch_script(const char *path, const char *body)
{
	FILE *f = fopen(path, "w");

	CHECK(f);
	fprintf(f,
		"#!/bin/sh\ncd \"${0%%/*}\"\nwhile read -r id ms kind target; "
		"do\n%s\ndone >&0\n",
		body);
	fclose(f);
	CHECK_EQ(chmod(path, 0700), 0);
}

#endif /* PORTWATCH_TESTS_UNIT_LOOP_STAGE_H */
