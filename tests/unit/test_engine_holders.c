// SPDX-License-Identifier: GPL-2.0-only
/* Who holds the sockets of one port: the owners are asked, and everybody where the kernel
 * counts more descriptors than they have. */
#include "engine_stage.h"

static void add_row(pid_t holder, uint32_t refs)
{
	stage_row(1, holder, 5000, SOCKET_LISTENING)->refs = refs;
}

static void find_holders(unsigned walks)
{
	stage.walks = 0;
	CHECK_EQ(engine_find_holders(stage.e, STAGE_NETNS, IPPROTO_TCP, 5000), 0);
	CHECK_EQ(stage.walks, walks);
}

static void begin(void)
{
	stage_open(NULL);
	stage_process(100, 1, "server");
	stage_serve(1, 100, 5000);
}

static const struct socket *held(void)
{
	const struct socket *sock = sockets_find(stage.e->sockets, 1);

	CHECK(sock != NULL);
	return sock;
}

TEST(who_holds_it_alone_is_all_that_is_asked)
{
	begin();
	add_row(100, 1);
	find_holders(1);
	CHECK(held()->holders_known);
	CHECK_EQ(held()->n_holders, 0);
	stage_close();
}

TEST(two_descriptors_of_one_process_are_one_holder)
{
	begin();
	add_row(100, 2);
	add_row(100, 2);
	find_holders(1);
	CHECK_EQ(held()->n_holders, 0);
	stage_close();
}

TEST(a_descriptor_that_is_not_the_owner_s_is_looked_for)
{
	begin();
	stage_lives(200, 1, "stranger");
	add_row(100, 2);
	add_row(200, 2);
	find_holders(2);
	CHECK_EQ(held()->n_holders, 1);
	CHECK_EQ(held()->holders[0]->info.id.pid, 200);
	stage_close();
}

TEST(where_descriptors_are_not_counted_everybody_is_asked)
{
	begin();
	stage_lives(200, 1, "stranger");
	add_row(100, 0);
	add_row(200, 0);
	find_holders(2);
	CHECK_EQ(held()->n_holders, 1);
	stage_close();
}

TEST(a_port_that_nothing_sits_on_costs_no_look)
{
	stage_open(NULL);
	find_holders(0);
	stage_close();
}

TEST(without_such_a_list_the_whole_is_walked)
{
	begin();
	stage_lives(200, 1, "stranger");
	add_row(100, 0);
	add_row(200, 0);
	stage.walk_error = -EOPNOTSUPP;
	stage.walks = 0;
	CHECK_EQ(engine_find_holders(stage.e, STAGE_NETNS, IPPROTO_TCP, 5000),
		 -EOPNOTSUPP);
	CHECK_EQ(stage.walks, 2);
	stage_close();
}
