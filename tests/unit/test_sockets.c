// SPDX-License-Identifier: GPL-2.0-only
#include "core/sockets.h"
#include "harness.h"

#include <errno.h>
#include <malloc.h>

#include "base/time.h"

struct fixture {
	struct processes *procs;
	struct sockets *table;
};

static struct fixture set_up(size_t limit)
{
	struct fixture f = { 0 };

	CHECK_EQ(processes_new(100000, &f.procs), 0);
	CHECK_EQ(sockets_new(limit, f.procs, &f.table), 0);
	return f;
}

static void tear_down(struct fixture *f)
{
	f->table = sockets_free(f->table);
	/* The table gave back every reference that it took. */
	CHECK_EQ(processes_count(f->procs), 0);
	f->procs = processes_free(f->procs);
}

static struct process *person(struct fixture *f, pid_t pid)
{
	struct process_info info = { .id = { pid, 1 } };
	struct process *p = NULL;

	CHECK(processes_intern(f->procs, &info, NULL, &p) >= 0);
	return p;
}

static struct socket template(uint64_t cookie, uint16_t port)
{
	return (struct socket){ .cookie = cookie,
				.at = { .netns = 1,
					.family = AF_INET,
					.proto = IPPROTO_TCP,
					.port = port },
				.source = SOURCE_KERNEL,
				.uid = (uid_t)-1 };
}

static int put(struct fixture *f, uint64_t cookie, uint16_t port)
{
	struct socket sock = template(cookie, port);

	return sockets_put(f->table, &sock, NULL);
}

static size_t count_at(struct fixture *f, uint16_t port)
{
	size_t n = 0;

	for (struct socket *s = sockets_at(f->table, 1, IPPROTO_TCP, port); s;
	     s = s->next_in_port)
		n++;
	return n;
}

static size_t count_of(struct fixture *f, const struct process *p)
{
	size_t n = 0;

	for (struct socket *s = sockets_of(f->table, p); s; s = s->next_of_owner)
		n++;
	return n;
}

TEST(a_socket_is_found_by_cookie_and_by_port)
{
	struct fixture f = set_up(8);

	CHECK_EQ(put(&f, 7, 80), 1);
	CHECK_EQ(sockets_find(f.table, 7)->at.port, 80);
	CHECK_EQ(sockets_at(f.table, 1, IPPROTO_TCP, 80)->cookie, 7);
	CHECK(!sockets_at(f.table, 1, IPPROTO_UDP, 80));
	CHECK(!sockets_at(f.table, 2, IPPROTO_TCP, 80));
	CHECK(!sockets_at(f.table, 1, IPPROTO_TCP, 81));
	CHECK(!sockets_find(f.table, 8));
	tear_down(&f);
}

TEST(replaying_changes_nothing)
{
	struct fixture f = set_up(8);
	struct process *p = person(&f, 100);
	struct socket sock = template(7, 80);

	sock.owner = p;
	sock.since_ns = 5;
	sock.flags = SOCKET_REUSEADDR;
	CHECK_EQ(sockets_put(f.table, &sock, NULL), 1);
	CHECK_EQ(sockets_put(f.table, &sock, NULL), 0);
	CHECK_EQ(sockets_count(f.table), 1);
	CHECK_EQ(count_at(&f, 80), 1);
	CHECK_EQ(count_of(&f, p), 1);
	processes_unref(f.procs, p);
	tear_down(&f);
}

/* SO_REUSEPORT: closing one must keep the others, wherever in the list it stands. */
TEST(sockets_that_share_a_port_are_told_apart)
{
	for (uint64_t victim = 1; victim <= 3; victim++) {
		struct fixture f = set_up(8);

		for (uint64_t cookie = 1; cookie <= 3; cookie++)
			CHECK_EQ(put(&f, cookie, 80), 1);
		CHECK_EQ(sockets_at(f.table, 1, IPPROTO_TCP, 80)->cookie, 3);
		CHECK_EQ(sockets_remove(f.table, victim), 1);
		CHECK_EQ(sockets_remove(f.table, victim), 0);
		CHECK_EQ(count_at(&f, 80), 2);
		CHECK(!sockets_find(f.table, victim));
		tear_down(&f);
	}
}

TEST(a_socket_that_is_bound_again_moves)
{
	struct fixture f = set_up(8);
	struct socket sock = template(7, 81);

	put(&f, 6, 80);
	put(&f, 7, 80);
	put(&f, 8, 80);
	sock.since_ns = 9;
	sock.flags = SOCKET_V6ONLY;
	sock.source = SOURCE_RESYNC;
	CHECK_EQ(sockets_put(f.table, &sock, NULL), 1);
	CHECK_EQ(sockets_count(f.table), 3);
	CHECK_EQ(count_at(&f, 80), 2);
	CHECK_EQ(count_at(&f, 81), 1);
	CHECK_EQ(sockets_find(f.table, 7)->since_ns, 9);
	CHECK_EQ(sockets_find(f.table, 7)->flags, SOCKET_V6ONLY);
	CHECK_EQ(sockets_find(f.table, 7)->source, SOURCE_RESYNC);
	tear_down(&f);
}

TEST(the_address_alone_may_change_too)
{
	struct fixture f = set_up(8);
	struct socket sock = template(7, 80);

	put(&f, 7, 80);
	sock.at.addr[0] = 127;
	CHECK_EQ(sockets_put(f.table, &sock, NULL), 1);
	CHECK_EQ(sockets_find(f.table, 7)->at.addr[0], 127);
	CHECK_EQ(count_at(&f, 80), 1);
	tear_down(&f);
}

TEST(a_snapshot_leaves_the_known_owner_and_time_alone)
{
	struct fixture f = set_up(8);
	struct process *binder = person(&f, 100), *other = person(&f, 101);
	struct socket sock = template(7, 80);

	sock.owner = binder;
	sock.since_ns = 5;
	CHECK_EQ(sockets_put(f.table, &sock, NULL), 1);

	sock.source = SOURCE_SNAPSHOT;
	sock.owner = other;
	sock.since_ns = 6;
	CHECK_EQ(sockets_put(f.table, &sock, NULL), 0);
	sock.source = SOURCE_KERNEL;
	sock.owner = NULL;
	CHECK_EQ(sockets_put(f.table, &sock, NULL), 0);
	CHECK(sockets_find(f.table, 7)->owner == binder);
	CHECK_EQ(sockets_find(f.table, 7)->since_ns, 5);

	sock.owner = other;
	CHECK_EQ(sockets_put(f.table, &sock, NULL), 1);
	CHECK(sockets_find(f.table, 7)->owner == other);
	processes_unref(f.procs, binder);
	processes_unref(f.procs, other);
	tear_down(&f);
}

TEST(a_snapshot_fills_in_what_is_unknown)
{
	struct fixture f = set_up(8);
	struct process *p = person(&f, 100);
	struct socket sock = template(7, 80);

	put(&f, 7, 80);
	sock.source = SOURCE_SNAPSHOT;
	sock.owner = p;
	sock.uid = 1000;
	CHECK_EQ(sockets_put(f.table, &sock, NULL), 1);
	CHECK(sockets_find(f.table, 7)->owner == p);
	CHECK_EQ(sockets_find(f.table, 7)->uid, 1000);
	processes_unref(f.procs, p);
	tear_down(&f);
}

/* The snapshot has seen it listen; the event of its bind was queued before. */
TEST(an_older_event_does_not_take_back_that_a_socket_listens)
{
	struct fixture f = set_up(8);
	struct socket sock = template(7, 80);

	sock.source = SOURCE_SNAPSHOT;
	sock.state = SOCKET_LISTENING;
	CHECK_EQ(sockets_put(f.table, &sock, NULL), 1);
	CHECK_EQ(put(&f, 7, 80), 0);
	CHECK_EQ(sockets_find(f.table, 7)->state, SOCKET_LISTENING);

	/* A later snapshot does. */
	sock.state = SOCKET_BOUND;
	CHECK_EQ(sockets_put(f.table, &sock, NULL), 1);
	CHECK_EQ(sockets_find(f.table, 7)->state, SOCKET_BOUND);
	tear_down(&f);
}

TEST(who_chose_the_port_is_known_from_the_bind)
{
	struct fixture f = set_up(8);
	struct socket sock = template(7, 80);

	sock.flags = SOCKET_AUTOPORT;
	CHECK_EQ(sockets_put(f.table, &sock, NULL), 1);
	sock.flags = SOCKET_REUSEPORT;
	sock.state = SOCKET_LISTENING;
	CHECK_EQ(sockets_put(f.table, &sock, NULL), 1);
	CHECK_EQ(sockets_find(f.table, 7)->flags, SOCKET_AUTOPORT | SOCKET_REUSEPORT);

	put(&f, 8, 81);
	sock = template(8, 81);
	sock.source = SOURCE_RESYNC;
	sock.flags = SOCKET_AUTOPORT;
	CHECK_EQ(sockets_put(f.table, &sock, NULL), 0);
	CHECK_EQ(sockets_find(f.table, 8)->flags, 0);
	tear_down(&f);
}

TEST(the_limit_is_refused_and_counted_not_exceeded)
{
	struct fixture f = set_up(2);

	CHECK_EQ(put(&f, 1, 80), 1);
	CHECK_EQ(put(&f, 2, 80), 1);
	CHECK_EQ(put(&f, 3, 80), -ENOSPC);
	CHECK_EQ(put(&f, 1, 81), 1); /* no new one */
	CHECK_EQ(sockets_count(f.table), 2);
	CHECK_EQ(sockets_refused(f.table), 1);
	CHECK_EQ(sockets_remove(f.table, 1), 1);
	CHECK_EQ(put(&f, 3, 80), 1);
	tear_down(&f);
}

TEST(state_owner_and_holders_are_replaced)
{
	struct fixture f = set_up(8);
	struct process *people[3] = { person(&f, 100), person(&f, 101), person(&f, 102) };
	struct socket *sock;

	CHECK_EQ(sockets_set_state(f.table, 7, SOCKET_LISTENING), -ENOENT);
	CHECK_EQ(sockets_set_owner(f.table, 7, NULL), -ENOENT);
	CHECK_EQ(sockets_set_holders(f.table, 7, NULL, 0), -ENOENT);

	put(&f, 7, 80);
	sock = sockets_find(f.table, 7);
	CHECK_EQ(sockets_set_state(f.table, 7, SOCKET_LISTENING), 1);
	CHECK_EQ(sockets_set_state(f.table, 7, SOCKET_LISTENING), 0);
	CHECK_EQ(sockets_set_owner(f.table, 7, people[0]), 0);
	CHECK_EQ(count_of(&f, people[0]), 1);
	CHECK_EQ(sockets_set_owner(f.table, 7, people[1]), 0);
	CHECK_EQ(count_of(&f, people[0]), 0);
	CHECK_EQ(count_of(&f, people[1]), 1);
	CHECK_EQ(sockets_set_owner(f.table, 7, NULL), 0);
	CHECK_EQ(count_of(&f, people[1]), 0);

	CHECK(!sock->holders_known);
	CHECK_EQ(sockets_set_holders(f.table, 7, people, 3), 0);
	CHECK_EQ(sock->n_holders, 3);
	CHECK_EQ(sockets_set_holders(f.table, 7, people + 1, 1), 0);
	CHECK_EQ(sock->n_holders, 1);
	CHECK(sock->holders[0] == people[1]);
	CHECK_EQ(sockets_set_holders(f.table, 7, NULL, 0), 0);
	CHECK(sock->holders_known && !sock->holders);
	for (int i = 0; i < 3; i++)
		processes_unref(f.procs, people[i]);
	tear_down(&f);
}

static void check_states(struct fixture *f, size_t bound, size_t listening,
			 size_t connected)
{
	CHECK_EQ(sockets_count_state(f->table, SOCKET_BOUND), bound);
	CHECK_EQ(sockets_count_state(f->table, SOCKET_LISTENING), listening);
	CHECK_EQ(sockets_count_state(f->table, SOCKET_CONNECTED), connected);
}

TEST(sockets_are_counted_by_their_state_however_that_changes)
{
	struct fixture f = set_up(3);
	struct socket sock = template(1, 80);

	put(&f, 1, 80);
	put(&f, 2, 81);
	put(&f, 3, 82);
	CHECK_EQ(put(&f, 4, 83), -ENOSPC);
	check_states(&f, 3, 0, 0);
	sock.state = SOCKET_LISTENING;
	sockets_put(f.table, &sock, NULL);
	sockets_put(f.table, &sock, NULL);
	sockets_set_state(f.table, 2, SOCKET_CONNECTED);
	check_states(&f, 1, 1, 1);
	sock.at.port = 84;
	sockets_put(f.table, &sock, NULL);
	check_states(&f, 1, 1, 1);
	put(&f, 1, 85);
	check_states(&f, 2, 0, 1);
	for (uint64_t cookie = 1; cookie <= 3; cookie++)
		sockets_remove(f.table, cookie);
	check_states(&f, 0, 0, 0);
	tear_down(&f);
}

TEST(the_sockets_of_an_owner_are_kept_apart_from_others)
{
	struct fixture f = set_up(100);
	struct process *people[2] = { person(&f, 100), person(&f, 101) };

	for (uint64_t cookie = 1; cookie <= 10; cookie++) {
		struct socket sock = template(cookie, 80);

		sock.owner = people[cookie % 2];
		CHECK_EQ(sockets_put(f.table, &sock, NULL), 1);
	}
	CHECK_EQ(count_of(&f, people[0]), 5);
	for (uint64_t cookie = 2; cookie <= 8; cookie += 2)
		CHECK_EQ(sockets_remove(f.table, cookie), 1);
	CHECK_EQ(count_of(&f, people[0]), 1);
	CHECK_EQ(sockets_of(f.table, people[0])->cookie, 10);
	CHECK_EQ(count_of(&f, people[1]), 5);
	for (int i = 0; i < 2; i++)
		processes_unref(f.procs, people[i]);
	tear_down(&f);
}

static int remove_even(struct socket *sock, void *arg)
{
	struct fixture *f = arg;

	if (sock->cookie == 9)
		return 9;
	if (sock->cookie % 2 == 0)
		sockets_remove(f->table, sock->cookie);
	return 0;
}

TEST(a_walk_may_remove_what_it_was_given_and_can_be_ended)
{
	struct fixture f = set_up(100);

	for (uint64_t cookie = 1; cookie <= 8; cookie++)
		put(&f, cookie, 80);
	CHECK_EQ(sockets_each(f.table, remove_even, &f), 0);
	CHECK_EQ(sockets_count(f.table), 4);
	put(&f, 9, 80);
	CHECK_EQ(sockets_each(f.table, remove_even, &f), 9);
	tear_down(&f);
}

/* Sockets leave in the worst order: the oldest first. */
static uint64_t cost_of_emptying(size_t n, bool one_port)
{
	struct fixture f = set_up(n);
	uint64_t start;

	for (uint64_t cookie = 1; cookie <= n; cookie++)
		CHECK_EQ(put(&f, cookie, one_port ? 80 : 1 + cookie % 65535), 1);
	start = now_mono_ns();
	for (uint64_t cookie = 1; cookie <= n; cookie++)
		CHECK_EQ(sockets_remove(f.table, cookie), 1);
	start = now_mono_ns() - start;
	tear_down(&f);
	return start;
}

TEST(leaving_a_port_with_many_sockets_costs_no_more)
{
	uint64_t apart = cost_of_emptying(50000, false);
	uint64_t together = cost_of_emptying(50000, true);

	if (together > 10 * apart)
		test_fail(__FILE__, __LINE__, "%ju ns on one port, %ju on many",
			  (uintmax_t)together, (uintmax_t)apart);
}

#if !defined(__SANITIZE_ADDRESS__)
TEST(a_hundred_thousand_sockets_fit_in_fifty_megabytes)
{
	struct fixture f = set_up(100000);
	size_t before = mallinfo2().uordblks;

	for (uint64_t cookie = 1; cookie <= 100000; cookie++) {
		struct socket sock = template(cookie, 1 + cookie % 65535);
		struct process *p = person(&f, 1 + cookie % 1000);

		sock.owner = p;
		CHECK_EQ(sockets_put(f.table, &sock, NULL), 1);
		processes_unref(f.procs, p);
	}
	CHECK((mallinfo2().uordblks - before) / 1000000 < 50);
	tear_down(&f);
}
#endif
