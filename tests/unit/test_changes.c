// SPDX-License-Identifier: GPL-2.0-only
#include "service/changes.h"
#include "engine_stage.h"
#include "folder.h"

static struct worker *worker;
static struct changes *changes;
static unsigned reloads;
static int reload_error;

struct asked {
	struct change_request request;
	struct doc *entry;
	unsigned answers;
	int result, err;
};

static int reload(void *arg)
{
	(void)arg;
	reloads++;
	return reload_error;
}

static void begin(const char *registry)
{
	struct changes_options options = { .path = "r.json", .reload = reload };

	folder_enter();
	stage_open(registry);
	reloads = 0;
	reload_error = 0;
	CHECK_EQ(worker_new(&worker), 0);
	options.engine = stage.e;
	options.worker = worker;
	CHECK_EQ(changes_new(&options, &changes), 0);
}

static void end(void)
{
	worker = worker_free(worker);
	changes = changes_free(changes);
	stage_close();
	folder_leave();
}

static void on_answer(struct change_request *request, int err)
{
	struct asked *asked = (struct asked *)request;

	asked->answers++;
	asked->err = err;
	asked->result = request->order.result;
	registry_order_done(&request->order);
	asked->entry = doc_free(asked->entry);
}

static void submit(struct asked *asked, const char *name, int port)
{
	*asked = (struct asked){ .entry = doc_object() };
	doc_set_int(asked->entry, "port", port);
	asked->request.answer = on_answer;
	asked->request.order.kind = ORDER_PUT;
	asked->request.order.put = (struct registry_put){ .name = name,
							  .entry = asked->entry,
							  .mode = REGISTRY_CREATE };
	changes_submit(changes, &asked->request);
	CHECK_EQ(asked->answers, 0);
}

static bool is_in_file(const char *name)
{
	struct registry *reg = NULL;
	struct decode_error error;
	bool found;

	CHECK_EQ(registry_file_load("r.json", 1, &reg, NULL, &error), 0);
	found = registry_find(reg, name);
	registry_free(reg);
	return found;
}

TEST(what_comes_while_one_is_written_is_written_together)
{
	struct asked asked[6];
	char name[8];

	begin("{\"services\":[]}");
	for (int i = 0; i < 6; i++) {
		snprintf(name, sizeof(name), "s%d", i);
		submit(&asked[i], strdup(name), 9000 + i);
	}
	worker_finish(worker);
	for (int i = 0; i < 6; i++) {
		CHECK_EQ(asked[i].answers, 1);
		CHECK_EQ(asked[i].result, 1);
		CHECK_EQ(asked[i].err, 0);
		CHECK(is_in_file(asked[i].request.order.put.name));
		free((char *)asked[i].request.order.put.name);
	}
	/* The first alone, the others behind it. */
	CHECK_EQ(reloads, 2);
	end();
}

TEST(who_withdraws_in_time_has_changed_nothing)
{
	struct asked first, second, third;

	begin("{\"services\":[]}");
	submit(&first, "first", 9001);
	submit(&second, "second", 9002);
	submit(&third, "third", 9003);
	CHECK(!changes_withdraw(changes, &first.request));
	CHECK(changes_withdraw(changes, &second.request));
	doc_free(second.entry);
	worker_finish(worker);
	CHECK_EQ(first.answers, 1);
	CHECK_EQ(second.answers, 0);
	CHECK_EQ(third.answers, 1);
	CHECK(is_in_file("first") && !is_in_file("second") && is_in_file("third"));
	end();
}

TEST(what_changed_nothing_is_not_read_anew)
{
	struct asked asked;

	begin("{\"services\":[]}");
	submit(&asked, "one", 9001);
	worker_finish(worker);
	submit(&asked, "one", 9001);
	worker_finish(worker);
	CHECK_EQ(asked.result, 0);
	submit(&asked, "one", 9002);
	worker_finish(worker);
	CHECK_EQ(asked.result, -EEXIST);
	CHECK_EQ(reloads, 1);
	end();
}

TEST(what_cannot_be_put_in_force_is_told_to_those_who_changed)
{
	struct asked changed, refused;

	begin("{\"services\":[]}");
	reload_error = -EINVAL;
	submit(&changed, "one", 9001);
	submit(&refused, "one", 9002);
	worker_finish(worker);
	CHECK_EQ(changed.err, -EINVAL);
	CHECK_EQ(refused.err, 0);
	CHECK_EQ(refused.result, -EEXIST);
	end();
}

/* They are not in the file of the registry. */
TEST(allocations_in_force_count_as_claims)
{
	struct allocation *alloc = calloc(1, sizeof(*alloc));
	struct asked asked;

	begin("{\"services\":[]}");
	*alloc = (struct allocation){ .port = 8000,
				      .proto = IPPROTO_TCP,
				      .service_name = strdup("grace"),
				      .health_status = strdup("pending"),
				      .managed = true };
	CHECK_EQ(engine_allocate(stage.e, alloc), 0);
	submit(&asked, "one", 8000);
	worker_finish(worker);
	CHECK_EQ(asked.result, -EADDRINUSE);
	submit(&asked, "grace", 8000);
	worker_finish(worker);
	CHECK_EQ(asked.result, 1);
	end();
}
