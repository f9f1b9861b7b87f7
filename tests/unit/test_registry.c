// SPDX-License-Identifier: GPL-2.0-only
#include "core/registry.h"
#include "harness.h"

#include <errno.h>
#include <stdio.h>

#include "base/strings.h"

static struct registry *registry(void)
{
	struct registry *reg = NULL;

	CHECK_EQ(registry_new(3, &reg), 0);
	return reg;
}

static struct service *service(const char *name)
{
	struct service *svc = service_new();

	CHECK(svc);
	svc->name = strdup(name);
	return svc;
}

static void claim(struct service *svc, uint16_t proto, uint16_t port, const char *address)
{
	struct claim *claims =
		realloc(svc->claims, (svc->n_claims + 1) * sizeof(*claims));
	struct claim *c;

	CHECK(claims);
	svc->claims = claims;
	c = &claims[svc->n_claims++];
	*c = (struct claim){ .at = { .proto = proto, .port = port },
			     .any_address = !address };
	if (address)
		CHECK_EQ(endpoint_parse_address(address, &c->at), 0);
}

static void needs(struct service *svc, const char *name)
{
	struct dependency *list =
		realloc(svc->depends_on, (svc->n_depends_on + 1) * sizeof(*list));

	CHECK(list);
	svc->depends_on = list;
	list[svc->n_depends_on++] = (struct dependency){ .name = strdup(name) };
}

/* "a: b c" is a service a that depends on b and c; "-a" is disabled. */
static void add_line(struct registry *reg, const char *line)
{
	bool enabled = *line != '-';
	size_t size;
	struct service *svc;
	char name[64];

	line += !enabled;
	size = strcspn(line, ":");
	snprintf(name, sizeof(name), "%.*s", (int)size, line);
	svc = service(name);
	svc->enabled = enabled;
	for (line += size + (line[size] == ':'); *line; line += size) {
		line += strspn(line, " ");
		size = strcspn(line, " ");
		snprintf(name, sizeof(name), "%.*s", (int)size, line);
		if (size)
			needs(svc, name);
	}
	CHECK_EQ(registry_add(reg, svc), 0);
}

TEST(a_new_registry_has_the_documented_defaults)
{
	_cleanup_(registry_freep) struct registry *reg = registry();
	_cleanup_(service_freep) struct service *svc = service_new();
	const struct settings *s = registry_get_settings(reg);

	CHECK_EQ(registry_generation(reg), 3);
	CHECK_EQ(s->port_low, 8000);
	CHECK_EQ(s->port_high, 8100);
	CHECK_STR(s->env_prefix, "PORTWATCH");
	CHECK_EQ(s->unregistered, UNREGISTERED_OFF);
	CHECK_EQ(s->history_retain_ms, 30ull * 86400 * 1000);
	CHECK_EQ(svc->health.interval_ms, 30000);
	CHECK_EQ(svc->health.timeout_ms, 2000);
	CHECK_EQ(svc->health.failure_threshold, 3);
	CHECK_EQ(svc->restart.backoff_initial_ms, 500);
	CHECK_EQ(svc->restart.limit_count, 5);
	CHECK_EQ(svc->stop.grace_ms, 10000);
	CHECK(svc->enabled);
	CHECK_STR(restart_policy_name(svc->restart.policy), "no");
	CHECK_STR(on_conflict_name(svc->on_conflict), "fail");
	CHECK(registry_is_managed(reg, 8000) && registry_is_managed(reg, 8100));
	CHECK(!registry_is_managed(reg, 7999) && !registry_is_managed(reg, 8101));
}

TEST(services_are_found_by_name_and_position)
{
	_cleanup_(registry_freep) struct registry *reg = registry();

	add_line(reg, "a");
	add_line(reg, "b");
	CHECK_EQ(registry_add(reg, service("a")), -EEXIST);
	CHECK_EQ(registry_count(reg), 2);
	CHECK_EQ(registry_find(reg, "b")->index, 1);
	CHECK(registry_find(reg, "b") == registry_service(reg, 1));
	CHECK(!registry_find(reg, "c"));
	CHECK(!registry_service(reg, 2));
}

TEST(the_limit_of_services_is_refused_not_exceeded)
{
	_cleanup_(registry_freep) struct registry *reg = registry();
	char name[32];

	for (int i = 0; i < REGISTRY_SERVICES_MAX; i++) {
		snprintf(name, sizeof(name), "service-%d", i);
		CHECK_EQ(registry_add(reg, service(name)), 0);
	}
	CHECK_EQ(registry_add(reg, service("one-more")), -E2BIG);
	CHECK_EQ(registry_add(reg, service("service-7")), -EEXIST);
}

TEST(names_are_of_few_characters)
{
	static const char *const good[] = { "a", "A.b_c-9", "0", "..." };
	static const char *const bad[] = { "", "a b", "a/b", "\xc3\xa4", "a\n", "a:b" };
	char longest[SERVICE_NAME_MAX + 2];

	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
		CHECK(service_name_is_valid(good[i]));
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		CHECK(!service_name_is_valid(bad[i]));
	CHECK(!service_name_is_valid(NULL));
	memset(longest, 'a', sizeof(longest));
	longest[SERVICE_NAME_MAX + 1] = '\0';
	CHECK(!service_name_is_valid(longest));
	longest[SERVICE_NAME_MAX] = '\0';
	CHECK(service_name_is_valid(longest));
}

TEST(claims_are_found_by_protocol_and_port)
{
	_cleanup_(registry_freep) struct registry *reg = registry();
	struct service *a = service("a"), *b = service("b"), *off = service("off");
	const struct claim *const *claims;

	claim(a, IPPROTO_TCP, 80, NULL);
	claim(a, IPPROTO_UDP, 80, NULL);
	claim(b, IPPROTO_TCP, 443, NULL);
	claim(b, IPPROTO_TCP, 80, "127.0.0.1");
	claim(b, IPPROTO_TCP, 65535, NULL);
	claim(off, IPPROTO_TCP, 80, NULL);
	off->enabled = false;
	CHECK_EQ(registry_add(reg, off), 0);
	CHECK_EQ(registry_add(reg, b), 0);
	CHECK_EQ(registry_add(reg, a), 0);
	CHECK_EQ(registry_seal(reg, NULL), 0);

	/* Those of enabled services, in registry order. */
	CHECK_EQ(registry_claims_at(reg, IPPROTO_TCP, 80, &claims), 2);
	CHECK(claims[0]->service == b && claims[1]->service == a);
	CHECK_EQ(registry_claims_at(reg, IPPROTO_UDP, 80, &claims), 1);
	CHECK(claims[0]->service == a);
	CHECK_EQ(registry_claims_at(reg, IPPROTO_TCP, 65535, &claims), 1);
	CHECK_EQ(registry_claims_at(reg, IPPROTO_UDP, 443, &claims), 0);
	CHECK_EQ(registry_claims_at(reg, IPPROTO_TCP, 81, &claims), 0);
	CHECK_EQ(registry_claims_at(reg, IPPROTO_TCP, 0, &claims), 0);
	CHECK(off->claims[0].service == off);
}

TEST(a_claim_covers_what_lies_under_it)
{
	static const struct {
		const char *claimed; /* NULL any */
		const char *bound;
		bool v6only, want;
	} table[] = {
		{ NULL, "127.0.0.1", false, true },
		{ NULL, "::1", true, true },
		{ "127.0.0.1", "127.0.0.1", false, true },
		{ "127.0.0.1", "0.0.0.0", false, true },
		{ "127.0.0.1", "::", false, true },
		{ "127.0.0.1", "::", true, false },
		{ "127.0.0.1", "127.0.0.2", false, false },
		{ "127.0.0.1", "::1", false, false },
		{ "0.0.0.0", "127.0.0.1", false, true },
		{ "0.0.0.0", "::1", false, false },
		{ "::1", "::", true, true },
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		_cleanup_(service_freep) struct service *svc = service("a");
		struct endpoint at = { .netns = 1, .proto = IPPROTO_TCP, .port = 80 };

		claim(svc, IPPROTO_TCP, 80, table[i].claimed);
		svc->claims[0].service = svc;
		CHECK_EQ(endpoint_parse_address(table[i].bound, &at), 0);
		CHECK_EQ(claim_covers(&svc->claims[0], &at, table[i].v6only, 1),
			 table[i].want);

		at.port = 81;
		CHECK(!claim_covers(&svc->claims[0], &at, table[i].v6only, 1));
		at.port = 80;
		at.proto = IPPROTO_UDP;
		CHECK(!claim_covers(&svc->claims[0], &at, table[i].v6only, 1));
		at.proto = IPPROTO_TCP;
		CHECK(!claim_covers(&svc->claims[0], &at, table[i].v6only, 2));
	}
}

TEST(a_claim_in_a_namespace_is_for_that_one)
{
	_cleanup_(service_freep) struct service *svc = service("a");
	struct endpoint at = { .netns = 7, .proto = IPPROTO_TCP, .port = 80 };

	claim(svc, IPPROTO_TCP, 80, NULL);
	svc->claims[0].service = svc;
	CHECK(!claim_covers(&svc->claims[0], &at, false, 1));
	svc->netns = strdup("blue");
	at.netns = 1;
	CHECK(!claim_covers(&svc->claims[0], &at, false, 1)); /* is not there */
	svc->netns_inode = 7;
	CHECK(!claim_covers(&svc->claims[0], &at, false, 1));
	at.netns = 7;
	CHECK(claim_covers(&svc->claims[0], &at, false, 1));
}

static struct allocation *allocation(uint16_t port, uint16_t proto)
{
	struct allocation *alloc = calloc(1, sizeof(*alloc));

	CHECK(alloc);
	alloc->port = port;
	alloc->proto = proto;
	alloc->service_name = strdup("a");
	return alloc;
}

TEST(allocations_are_kept_in_order_and_can_go)
{
	static const uint16_t ports[] = { 8005, 8001, 8009, 8003 };
	_cleanup_(registry_freep) struct registry *reg = registry();

	for (size_t i = 0; i < 4; i++)
		CHECK_EQ(registry_add_allocation(reg, allocation(ports[i], IPPROTO_TCP)),
			 0);
	CHECK_EQ(registry_add_allocation(reg, allocation(8003, IPPROTO_UDP)), 0);
	CHECK_EQ(registry_add_allocation(reg, allocation(8003, IPPROTO_TCP)), -EEXIST);
	CHECK_EQ(registry_count_allocations(reg), 5);
	for (size_t i = 1; i < 5; i++)
		CHECK(registry_allocation(reg, i - 1)->port <=
		      registry_allocation(reg, i)->port);
	CHECK(!registry_allocation(reg, 5));

	CHECK_EQ(registry_allocation_at(reg, IPPROTO_UDP, 8003)->proto, IPPROTO_UDP);
	CHECK(!registry_allocation_at(reg, IPPROTO_UDP, 8001));
	CHECK_EQ(registry_remove_allocation(reg, 8003, IPPROTO_UDP), 0);
	CHECK_EQ(registry_remove_allocation(reg, 8003, IPPROTO_UDP), -ENOENT);
	CHECK(!registry_allocation_at(reg, IPPROTO_UDP, 8003));
	CHECK_EQ(registry_allocation_at(reg, IPPROTO_TCP, 8003)->port, 8003);
	CHECK_EQ(registry_count_allocations(reg), 4);
}

TEST(services_start_after_what_they_need_and_else_in_order)
{
	static const struct {
		const char *lines[6];
		const char *want;
	} table[] = {
		{ { "a", "b", "c" }, "a b c" },
		{ { "a: c", "b", "c" }, "c a b" },
		{ { "a: b c", "b: d", "c: d", "d" }, "d b c a" },
		{ { "a", "-b", "c: b" }, "a c" },
		{ { "a: b", "-b: c", "c" }, "c a" },
		{ { "a: b b", "b" }, "b a" },
		{ { NULL }, "" },
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		_cleanup_(registry_freep) struct registry *reg = registry();
		const struct service *order[6];
		char text[64] = "";
		size_t n;

		for (const char *const *line = table[i].lines; *line; line++)
			add_line(reg, *line);
		CHECK_EQ(registry_seal(reg, NULL), 0);
		n = registry_startup_order(reg, order);
		for (size_t j = 0; j < n; j++)
			snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s",
				 j ? " " : "", order[j]->name);
		CHECK_STR(text, table[i].want);
	}
}

TEST(a_circle_is_named_in_full)
{
	static const struct {
		const char *lines[6];
		const char *want;
	} table[] = {
		{ { "a: a" }, "a -> a" },
		{ { "a: b", "b: a" }, "a -> b -> a" },
		{ { "x: a", "a: b", "b: c", "c: a" }, "a -> b -> c -> a" },
		{ { "a", "b: c", "-c: b" }, "b -> c -> b" },
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		_cleanup_(registry_freep) struct registry *reg = registry();
		_cleanup_(freep) char *why = NULL;

		for (const char *const *line = table[i].lines; *line; line++)
			add_line(reg, *line);
		CHECK_EQ(registry_seal(reg, &why), -ELOOP);
		CHECK(why && strstr(why, table[i].want));
		CHECK(!strstr(why, "x ->"));
	}
}

TEST(a_dependency_on_nobody_is_named)
{
	_cleanup_(registry_freep) struct registry *reg = registry();
	_cleanup_(freep) char *why = NULL;

	add_line(reg, "a: ghost");
	CHECK_EQ(registry_seal(reg, &why), -ENOENT);
	CHECK(strstr(why, "\"a\"") && strstr(why, "\"ghost\""));
}

/* As long as the registry may be: no recursion. */
TEST(a_long_chain_is_ordered)
{
	_cleanup_(registry_freep) struct registry *reg = registry();
	const struct service **order = calloc(REGISTRY_SERVICES_MAX, sizeof(*order));
	char line[64];

	CHECK(order);
	for (int i = 0; i < REGISTRY_SERVICES_MAX - 1; i++) {
		snprintf(line, sizeof(line), "s%d: s%d", i, i + 1);
		add_line(reg, line);
	}
	snprintf(line, sizeof(line), "s%d", REGISTRY_SERVICES_MAX - 1);
	add_line(reg, line);
	CHECK_EQ(registry_seal(reg, NULL), 0);
	CHECK_EQ(registry_startup_order(reg, order), REGISTRY_SERVICES_MAX);
	CHECK_EQ(order[0]->index, REGISTRY_SERVICES_MAX - 1);
	CHECK_EQ(order[REGISTRY_SERVICES_MAX - 1]->index, 0);
	free(order);
}
