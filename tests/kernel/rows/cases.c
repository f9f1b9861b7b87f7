// SPDX-License-Identifier: GPL-2.0-only
#include "kernel/rows/cases.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

static char current[64];

static void name_case(int status, void *arg)
{
	(void)arg;
	if (status == EXIT_FAILURE && current[0])
		printf("# in the case of %s\n", current);
}

static bool has_mptcp(void)
{
	_cleanup_(actor_stopp) struct actor *a = actor_start();

	return actor_ask(a, "socket 0 4 mptcp") > 0;
}

static void run_case(struct kase *k, bool elsewhere, void (*fn)(const struct kase *k))
{
	_cleanup_(actor_stopp) struct actor *a = actor_start();

	snprintf(current, sizeof(current), "%s over IPv%s%s", k->proto, k->family,
		 elsewhere ? ", in another namespace" : "");
	k->actor = a;
	k->netns = (uint32_t)actor_must(a, elsewhere ? "unshare" : "netns");
	fn(k);
	k->port++;
	k->index++;
	current[0] = '\0';
}

/*
 * Two of the four combinations, IPv4 here and IPv6 elsewhere, where each takes long: on
 * an emulated kernel, and in a mode that follows looks.
 */
static bool is_short(void)
{
	return getenv("PW_SHORT") || !(scene_traits() & MODE_TELLS_EACH);
}

void each_case(unsigned protos, void (*fn)(const struct kase *k))
{
	static const char *const names[] = { "tcp", "udp", "mptcp" };
	bool mptcp = !(protos & MPTCP) || has_mptcp();
	/* What an earlier test connected lingers in TIME_WAIT: every test has its ports.
	 */
	struct kase k = { .port = (uint16_t)(10000 + scene_serial() % 470 * 48) };

	scene_engine();
	on_exit(name_case, NULL);
	for (unsigned p = 0; p < 3; p++) {
		k.kind = 1u << p;
		k.proto = names[p];
		if (!(protos & k.kind) || (k.kind == MPTCP && !mptcp))
			continue;
		for (unsigned i = 0; i < 4; i++) {
			if (is_short() && (i == 1 || i == 2))
				continue;
			k.family = i & 1 ? "6" : "4";
			k.loopback = i & 1 ? "::1" : "127.0.0.1";
			k.any = i & 1 ? "::" : "0.0.0.0";
			run_case(&k, i & 2, fn);
		}
	}
}

void require_path(const char *path)
{
	_cleanup_(actor_stopp) struct actor *a = actor_start();

	if (actor_ask(a, "have %s", path) < 0)
		test_skip(path[0] == 'i' ? "no 32-bit system calls in this kernel"
					 : "no io_uring bind in this kernel");
}

unsigned protos_by_path(void)
{
	return scene_traits() & MODE_SEES_EVERY_BIND ? ALL_PROTOS : TCP;
}

uint64_t case_socket(const struct kase *k, unsigned slot)
{
	return (uint64_t)actor_must(k->actor, "socket %u %s %s", slot, k->family,
				    k->proto);
}

enum socket_state case_serving(const struct kase *k)
{
	return k->kind == UDP ? SOCKET_BOUND : SOCKET_LISTENING;
}

uint16_t case_serve(const struct kase *k, unsigned slot, const char *address,
		    unsigned port)
{
	uint16_t got =
		(uint16_t)actor_must(k->actor, "bind %u %s %u", slot, address, port);

	if (k->kind != UDP)
		actor_must(k->actor, "listen %u", slot);
	return got;
}

void case_check(const struct kase *k, const struct socket *row, const char *address,
		uint16_t port)
{
	char text[INET6_ADDRSTRLEN];

	CHECK_STR(endpoint_format_address(&row->at, text), address);
	CHECK_EQ(row->at.port, port);
	CHECK_EQ(row->at.netns, k->netns);
	CHECK_EQ(row->at.family, k->family[0] == '4' ? AF_INET : AF_INET6);
	CHECK_EQ(row->at.proto, k->kind == UDP ? IPPROTO_UDP : IPPROTO_TCP);
	CHECK_EQ(!!(row->flags & SOCKET_MPTCP), k->kind == MPTCP);
}

void case_check_told(enum event_type type, uint64_t cookie, size_t times)
{
	size_t n = scene_events(type, cookie);

	if (scene_traits() & MODE_TELLS_EACH)
		CHECK_EQ(n, times);
	else
		CHECK(n <= times);
}
