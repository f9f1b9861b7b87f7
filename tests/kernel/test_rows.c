// SPDX-License-Identifier: GPL-2.0-only
/* Each row of the hook table, in each mode of the probe: the tests are in rows/. */
#include "kernel/scene.h"

#include "harness.h"

const char *test_variant(int n)
{
	return scene_variant(n);
}

TEST(the_table_is_watched_by_events)
{
	CHECK(engine_fd(scene_engine()) >= 0);
}
