// SPDX-License-Identifier: GPL-2.0-only
/*
 * Random lives of thousands of sockets; whenever it is quiet, the table is what the
 * kernel lists, socket by socket, in each namespace.
 *
 * PW_DIFF_SOCKETS (10000) in each mode; PW_DIFF_SEED repeats a run.
 */
#include "kernel/model.h"
#include "kernel/scene.h"

#include "base/time.h"
#include "harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SOCKETS = 10000, CHECKPOINT = 500 };

const char *test_variant(int n)
{
	return scene_variant(n);
}

static unsigned long from_env(const char *name, unsigned long otherwise)
{
	const char *text = getenv(name);

	return text ? strtoul(text, NULL, 10) : otherwise;
}

static int compare_all(struct model *m)
{
	struct sockets *table = engine_sockets(scene_engine());
	int differences = 0;

	for (int i = 0; i < MODEL_NAMESPACES; i++) {
		uint32_t netns;
		int fd = model_diag(m, i, &netns);
		int n = diag_compare(table, fd, netns, model_knowledge(m));

		if (n < 0)
			test_fail(__FILE__, __LINE__, "sock_diag: %s", strerror(-n));
		differences += n;
	}
	return differences;
}

TEST(after_random_lives_the_table_is_what_the_kernel_lists)
{
	unsigned long sockets = from_env("PW_DIFF_SOCKETS", SOCKETS);
	struct model_options options = {
		.seed = (unsigned)from_env("PW_DIFF_SEED", now_mono_ns() & 0xffffff),
		.every_path = scene_traits() & MODE_SEES_EVERY_BIND,
	};
	_cleanup_(model_freep) struct model *m = NULL;
	size_t next = CHECKPOINT;

	printf("# PW_DIFF_SEED=%u\n", options.seed);
	m = model_new(&options);
	while (model_made(m) < sockets) {
		model_step(m);
		scene_run(0);
		if (model_made(m) < next)
			continue;
		next += CHECKPOINT;
		scene_settle();
		CHECK_EQ(compare_all(m), 0);
	}
	scene_settle();
	CHECK_EQ(compare_all(m), 0);
	printf("# %zu sockets, 0 differences\n", model_made(m));
}
