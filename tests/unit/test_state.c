// SPDX-License-Identifier: GPL-2.0-only
#include "store/state.h"
#include "folder.h"

#include <errno.h>
#include <sys/stat.h>
#include <sys/wait.h>

static struct state *open_state(void)
{
	struct state *state = NULL;

	folder_enter();
	CHECK_EQ(state_new("state", &state), 0);
	CHECK(state_is_newer(state));
	return state;
}

static void close_state(struct state *state)
{
	state_free(state);
	folder_leave();
}

static struct allocation sample(uint16_t port)
{
	return (struct allocation){
		.port = port,
		.proto = IPPROTO_TCP,
		.service_name = "grace",
		.purpose = "a \"purpose\"",
		.process = { 4711, 99 },
		.allocated_ns = 1700000000123456789ull,
		.claimed_ns = 1700000001000000000ull,
		.expires_ns = 1900000000000000000ull,
		.health_status = "active",
		.request_count = 42,
		.error_count = 1,
	};
}

static void save(struct state *state, const struct allocation *alloc)
{
	const struct allocation *items[] = { alloc };
	int lock = state_lock(state);

	CHECK(lock >= 0);
	CHECK_EQ(state_save(state, items, 1), 0);
	close_fd(lock);
}

static struct registry *load(struct state *state)
{
	struct decode_error fault;
	struct registry *reg = NULL;

	CHECK_EQ(state_load(state, &reg, &fault), 0);
	return reg;
}

TEST(a_missing_file_is_no_allocation)
{
	struct state *state = open_state();
	struct registry *reg = load(state);

	CHECK_EQ(registry_count_allocations(reg), 0);
	CHECK(!state_is_newer(state));
	registry_free(reg);
	close_state(state);
}

TEST(what_is_saved_is_loaded)
{
	struct state *state = open_state(), *other = NULL;
	struct allocation alloc = sample(8000), udp = sample(8001);
	const struct allocation *items[] = { &alloc, &udp }, *got;
	struct registry *reg;
	int lock = state_lock(state);

	udp.proto = IPPROTO_UDP;
	CHECK(lock >= 0);
	CHECK_EQ(state_save(state, items, 2), 0);
	close_fd(lock);
	CHECK_EQ(state_new("state", &other), 0);
	reg = load(other);
	CHECK_EQ(registry_count_allocations(reg), 2);
	got = registry_allocation_at(reg, IPPROTO_TCP, 8000);
	CHECK(got && got->managed);
	CHECK_STR(got->service_name, "grace");
	CHECK_STR(got->purpose, "a \"purpose\"");
	CHECK(!got->started_by);
	CHECK_EQ(got->process.pid, 4711);
	CHECK_EQ(got->process.start_ticks, 99);
	CHECK_EQ(got->allocated_ns, alloc.allocated_ns);
	CHECK_EQ(got->claimed_ns, alloc.claimed_ns);
	CHECK_EQ(got->expires_ns, alloc.expires_ns);
	CHECK_EQ(got->request_count, 42);
	CHECK_EQ(got->error_count, 1);
	CHECK(registry_allocation_at(reg, IPPROTO_UDP, 8001));
	registry_free(reg);
	state_free(other);
	close_state(state);
}

TEST(a_file_that_another_wrote_is_newer)
{
	struct state *state = open_state(), *other = NULL;
	struct allocation alloc = sample(8000);

	save(state, &alloc);
	CHECK(!state_is_newer(state));
	CHECK_EQ(state_new("state", &other), 0);
	alloc.port = 8001;
	save(other, &alloc);
	CHECK(state_is_newer(state));
	registry_free(load(state));
	CHECK(!state_is_newer(state));
	state_free(other);
	close_state(state);
}

TEST(a_process_of_an_earlier_boot_is_none_of_today)
{
	struct state *state = open_state();
	struct registry *reg;

	CHECK_EQ(mkdir("state", 0755), 0);
	folder_write("state/port_registry.json",
		     "{\"boot_id\":\"another\",\"allocations\":{\"8000\":{\"port\":8000,"
		     "\"service_name\":\"grace\",\"pid\":1,\"start_ticks\":5},"
		     "\"8001\":{\"port\":8001,\"service_name\":\"grace\"}}}");
	reg = load(state);
	CHECK(registry_allocation_at(reg, IPPROTO_TCP, 8000)->process.start_ticks != 5);
	CHECK(registry_allocation_at(reg, IPPROTO_TCP, 8000)->process.start_ticks != 0);
	CHECK_EQ(registry_allocation_at(reg, IPPROTO_TCP, 8001)->process.start_ticks, 0);
	registry_free(reg);
	close_state(state);
}

TEST(the_document_of_the_seeds_is_a_state)
{
	struct state *state = open_state();
	const struct allocation *got;
	struct registry *reg;

	CHECK_EQ(mkdir("state", 0755), 0);
	folder_write("state/port_registry.json",
		     "{\"allocations\":{\"8000\":{\"port\":8000,\"service_name\":"
		     "\"grace_backend\",\"started_by\":\"serve.py\",\"purpose\":\"Main "
		     "Grace API server\",\"pid\":12345,\"allocated_at\":"
		     "\"2025-11-15T14:30:00Z\",\"health_status\":\"active\","
		     "\"request_count\":0,\"error_count\":0}}}");
	reg = load(state);
	got = registry_allocation(reg, 0);
	CHECK_EQ(got->process.pid, 12345);
	CHECK_STR(got->started_by, "serve.py");
	registry_free(reg);
	close_state(state);
}

TEST(a_fault_is_told_with_its_place)
{
	static const char *const bad[] = {
		"{\"allocations\":",
		"",
		"{\"allocations\":{\"80x\":{}}}",
		"{\"allocations\":{\"8000\":{\"port\":8001,\"service_name\":\"a\"}}}",
		"[]",
	};
	struct state *state = open_state();
	struct decode_error fault;
	struct registry *reg = NULL;

	CHECK_EQ(mkdir("state", 0755), 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		folder_write("state/port_registry.json", bad[i]);
		CHECK_EQ(state_load(state, &reg, &fault), -EINVAL);
		CHECK(!reg && fault.what[0]);
		CHECK(state_is_newer(state));
	}
	close_state(state);
}

TEST(one_lock_at_a_time)
{
	struct state *state = open_state();
	int lock = state_lock(state), status = 0;
	pid_t child = fork();

	CHECK(lock >= 0);
	if (child == 0) {
		struct state *other = NULL;

		_exit(state_new("state", &other) == 0 && state_lock(other) == -EWOULDBLOCK
			      ? 0
			      : 1);
	}
	CHECK_EQ(waitpid(child, &status, 0), child);
	CHECK_EQ(status, 0);
	close_fd(lock);
	lock = state_lock(state);
	CHECK(lock >= 0);
	close_fd(lock);
	close_state(state);
}
