// SPDX-License-Identifier: GPL-2.0-only
#include "store/history.h"
#include "history_stage.h"

TEST(what_was_added_is_read_in_the_order_of_time)
{
	struct stage s;

	stage_begin(&s);
	stage_bind(&s, 8080, 100);
	stage_bind(&s, 8081, 200);
	stage_bind(&s, 8080, 300);
	stage_ask(&s, &(struct history_query){ .limit = 10 });
	CHECK_EQ(stage_count(&s), 3);
	CHECK_EQ(stage_port(&s, 0), 8080);
	CHECK_EQ(stage_port(&s, 1), 8081);
	CHECK_STR(stage_text(&s, 0, "type"), "socket.bound");
	CHECK_STR(stage_text(&s, 0, "address"), "127.0.0.1");
	CHECK_STR(stage_text(&s, 0, "proto"), "tcp");
	CHECK_STR(stage_text(&s, 0, "service"), "wizard");
	stage_end(&s);
}
