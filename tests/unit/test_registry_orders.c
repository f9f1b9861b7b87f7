// SPDX-License-Identifier: GPL-2.0-only
#include "store/registry_orders.h"
#include "folder.h"

#include <errno.h>
#include <signal.h>
#include <sys/resource.h>

#define FILE_NAME "r.json"

static struct registry_order remove_of(const char *name)
{
	return (struct registry_order){ .kind = ORDER_REMOVE, .remove = name };
}

static struct registry_order move_to(const char *name, uint16_t port)
{
	return (struct registry_order){ .kind = ORDER_REASSIGN,
					.reassign = { .name = name, .port = port } };
}

static struct registry_order put_of(const char *name, const struct doc *entry)
{
	return (struct registry_order){
		.kind = ORDER_PUT,
		.put = { .name = name, .entry = entry, .mode = REGISTRY_CREATE },
	};
}

static struct registry_order import_of(const char *text)
{
	return (struct registry_order){ .kind = ORDER_IMPORT,
					.import = { text, strlen(text) } };
}

static struct doc *on_port(int port)
{
	struct doc *doc = doc_object();

	doc_set_int(doc, "port", port);
	return doc;
}

static uint16_t port_in_file(const char *name)
{
	struct registry *reg = NULL;
	struct decode_error error;
	const struct service *svc;
	uint16_t port;

	CHECK_EQ(registry_file_load(FILE_NAME, 1, &reg, NULL, &error), 0);
	svc = registry_find(reg, name);
	port = svc ? svc->claims[0].at.port : 0;
	registry_free(reg);
	return port;
}

/* Give the orders one after the other, as long as some are left. */
static size_t make(struct registry_order *orders, size_t n)
{
	struct registry_order *all[64];
	size_t times = 0;

	for (size_t i = 0; i < n; i++)
		all[i] = &orders[i];
	for (size_t done = 0; done < n; times++)
		done += registry_orders_make(FILE_NAME, all + done, n - done, NULL, 1);
	return times;
}

static void done(struct registry_order *orders, size_t n)
{
	for (size_t i = 0; i < n; i++)
		registry_order_done(&orders[i]);
	folder_leave();
}

TEST(each_order_finds_what_the_ones_before_it_left)
{
	struct doc *entry = on_port(9001), *other = on_port(9002);
	struct registry_order orders[] = {
		put_of("one", entry),
		put_of("two", other),
		put_of("three", entry),
		put_of("one", entry),
		move_to("one", 9003),
		put_of("three", entry),
		remove_of("two"),
		import_of("{\"services\":[{\"name\":\"four\","
			  "\"port\":9004}]}"),
	};

	folder_enter();
	CHECK_EQ(make(orders, 8), 1);
	CHECK_EQ(orders[0].result, 1);
	CHECK_EQ(orders[0].change.kind, REGISTRY_CREATED);
	CHECK_EQ(orders[1].result, 1);
	CHECK_EQ(orders[2].result, -EADDRINUSE);
	CHECK(orders[2].error.what[0]);
	CHECK_EQ(orders[3].result, 0);
	CHECK_EQ(orders[3].change.kind, REGISTRY_UNCHANGED);
	CHECK_EQ(orders[4].result, 1);
	CHECK_EQ(orders[4].change.from, 9001);
	CHECK_EQ(orders[5].result, 1);
	CHECK_EQ(orders[6].result, 1);
	CHECK_EQ(orders[7].result, 1);
	CHECK_EQ(orders[7].counts.services_added, 1);
	/* An answer tells the registry as that change left it. */
	CHECK(registry_find(orders[5].change.registry, "two"));
	CHECK(!registry_find(orders[6].change.registry, "two"));
	CHECK_EQ(port_in_file("one"), 9003);
	CHECK_EQ(port_in_file("two"), 0);
	CHECK_EQ(port_in_file("three"), 9001);
	CHECK_EQ(port_in_file("four"), 9004);
	doc_free(entry);
	doc_free(other);
	done(orders, 8);
}

TEST(what_is_no_order_keeps_none_of_the_others)
{
	struct doc *entry = on_port(9001), *bad = on_port(70000);
	struct registry_order orders[] = {
		put_of("no name", entry), import_of("{"),  put_of("one", entry),
		put_of("bad", bad),       remove_of("on"), move_to("nobody", 1),
	};

	folder_enter();
	CHECK_EQ(make(orders, 6), 1);
	CHECK_EQ(orders[0].result, -EINVAL);
	CHECK_EQ(orders[1].result, -EINVAL);
	CHECK_EQ(orders[2].result, 1);
	CHECK_EQ(orders[3].result, -EINVAL);
	CHECK_EQ(orders[4].result, -ESRCH);
	CHECK_EQ(orders[5].result, -ESRCH);
	CHECK_EQ(port_in_file("one"), 9001);
	doc_free(entry);
	doc_free(bad);
	done(orders, 6);
}

TEST(what_cannot_be_written_was_not_made_for_anybody)
{
	struct doc *entry = on_port(9001);
	struct registry_order orders[] = {
		remove_of("two"),
		put_of("one", entry),
		put_of("one", entry),
		put_of("two", entry),
	};

	struct rlimit none = { 0, RLIM_INFINITY }, before;

	folder_enter();
	signal(SIGXFSZ, SIG_IGN);
	CHECK_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
	CHECK_EQ(setrlimit(RLIMIT_FSIZE, &none), 0);
	CHECK_EQ(make(orders, 4), 1);
	CHECK_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
	CHECK_EQ(orders[0].result, -ESRCH);
	for (size_t i = 1; i < 4; i++) {
		CHECK_EQ(orders[i].result, -EFBIG);
		CHECK(orders[i].error.what[0]);
		CHECK(!orders[i].change.registry);
	}
	CHECK(access(FILE_NAME, F_OK) < 0);
	doc_free(entry);
	done(orders, 4);
}

TEST(a_large_file_is_changed_in_several_goes)
{
	struct doc *entry = on_port(9001);
	struct registry_order orders[8];
	FILE *f;

	folder_enter();
	f = fopen(FILE_NAME, "w");
	CHECK(f);
	fprintf(f, "{\"comment\":\"%0300000d\",\"services\":[]}", 0);
	CHECK_EQ(fclose(f), 0);
	for (int i = 0; i < 8; i++)
		orders[i] = i % 2 ? remove_of("one") : put_of("one", entry);
	CHECK_EQ(make(orders, 8), 2);
	for (int i = 0; i < 8; i++)
		CHECK_EQ(orders[i].result, 1);
	CHECK_EQ(port_in_file("one"), 0);
	doc_free(entry);
	done(orders, 8);
}
