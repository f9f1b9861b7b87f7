// SPDX-License-Identifier: GPL-2.0-only
/* When a process is a service, and when it only looks like one. */
#include "core/registry.h"
#include "harness.h"

#include <stdio.h>

#include "base/strings.h"
#include "base/time.h"

/* A process as a test writes it down; argv is one string, its words end in "|". */
struct look {
	const char *comm, *exe, *argv, *user, *unit, *cgroup;
	uid_t uid;
};

static char **split_argv(const char *text)
{
	char **argv = NULL;

	while (text && *text) {
		size_t size = strcspn(text, "|");
		_cleanup_(freep) char *word = strndup(text, size);

		CHECK(word && strv_append(&argv, word) == 0);
		text += size;
		text += *text == '|';
	}
	return argv;
}

static struct process *made[128]; /* kept until the test ends */

/* Not interned: what is matched is only read. */
static struct process *process(const struct look *look, struct process *parent)
{
	static pid_t n;
	struct process *p = calloc(1, sizeof(*p));

	CHECK(p && n < 128);
	made[n] = p;
	p->info.id.pid = ++n;
	p->info.uid = look->uid ? look->uid : (uid_t)-1;
	snprintf(p->info.comm, sizeof(p->info.comm), "%s", look->comm ? look->comm : "");
	p->info.exe = look->exe ? strdup(look->exe) : NULL;
	p->info.cmdline = split_argv(look->argv);
	p->info.user = look->user ? strdup(look->user) : NULL;
	p->info.unit = look->unit ? strdup(look->unit) : NULL;
	p->info.cgroup = look->cgroup ? strdup(look->cgroup) : NULL;
	p->parent = parent;
	return p;
}

static struct process *see(const char *comm, const char *exe, const char *argv,
			   struct process *parent)
{
	struct look look = { .comm = comm, .exe = exe, .argv = argv };

	return process(&look, parent);
}

static struct service *service(const char *name)
{
	struct service *svc = service_new();

	CHECK(svc);
	svc->name = strdup(name);
	CHECK(svc->name);
	return svc;
}

static struct registry *registry(void)
{
	struct registry *reg = NULL;

	CHECK_EQ(registry_new(1, &reg), 0);
	return reg;
}

static void seal(struct registry *reg)
{
	char *why = NULL;

	CHECK_EQ(registry_seal(reg, &why), 0);
}

static char *copy(const char *text)
{
	return text ? strdup(text) : NULL;
}

/* Both ways of asking have to agree: the one service, and the index. */
static void check_match(struct service *svc, const struct process *p, bool want,
			const char *what)
{
	struct registry *reg = registry();

	CHECK_EQ(registry_add(reg, svc), 0);
	seal(reg);
	if (service_matches(svc, p) != want)
		test_fail(__FILE__, __LINE__, "%s: %s", what,
			  want ? "not matched" : "matched");
	if ((registry_match(reg, p) == svc) != want)
		test_fail(__FILE__, __LINE__, "%s: %s by the index", what,
			  want ? "not matched" : "matched");
	registry_free(reg);
}

TEST(a_process_name_is_comm_or_a_base_name_with_the_version_aside)
{
	static const struct {
		const char *name;
		const char *comm, *exe, *argv;
		bool want;
	} table[] = {
		{ "python", "python", "/usr/bin/python", "python|x.py", true },
		{ "python", "python3", "/usr/bin/python3.11", "python3", true },
		{ "python", "x", "/usr/bin/python2.7", "y", true },
		{ "python3", "x", "/usr/bin/python3.11", "y", true },
		{ "python3.11", "python3", NULL, "python3", true },
		{ "python3.11", "python", NULL, "python", true },
		{ "python3.11", "x", "/usr/bin/python3.13", "y", true },
		{ "python2.7", "x", "/usr/bin/python3.11", "python3", false },
		{ "python3", "x", "/usr/bin/python2.7", "python2", false },
		{ "python", "pythonw", "/usr/bin/pythonw", "pythonw", false },
		{ "python", "ipython3", "/usr/bin/ipython3", "ipython3", false },
		{ "pytho", "python3", "/usr/bin/python3.11", "python3", false },
		{ "php-fpm", "php-fpm8.2", "/usr/sbin/php-fpm8.2", NULL, true },
		{ "php", "php-fpm8.2", "/usr/sbin/php-fpm8.2", NULL, false },
		{ "worker1", "worker1", "/srv/worker1", "worker1", true },
		{ "worker1", "worker2", "/srv/worker2", "worker2", false },
		{ "worker-01", "worker-02", "/srv/worker-02", NULL, false },
		{ "redis-server", "redis-server", "/usr/bin/redis-check-rdb", "x", true },
		{ "gunicorn", "gunicorn", "/usr/bin/python3.11",
		  "/usr/bin/python3|/usr/bin/gunicorn", true },
		{ "bash", "x", NULL, "-bash", true },
		{ "bash", "x", NULL, "bashful", false },
		{ "nginx", "x", NULL, "nginx: master process /usr/sbin/nginx", true },
		{ "postgres", "x", NULL, "postgres: writer", true },
		{ "npm", "npm run dev", "/usr/bin/node", "npm run dev", true },
		{ "node", "npm run dev", "/usr/bin/node", "npm run dev", true },
		{ "server", "x", NULL, "/opt/My App/server", true },
		{ "123", "123", NULL, NULL, true },
		{ "123", "124", NULL, NULL, false },
		{ "wizard", "", NULL, NULL, false },
		/* A script is not its interpreter's name where one was given. */
		{ "serve.py", "python3", "/usr/bin/python3.11", "python3|serve.py",
		  false },
		{ "serve.py", "vi", "/usr/bin/vim.basic", "vi|serve.py", false },
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		struct service *svc = service("wizard");

		svc->match.process_name = strdup(table[i].name);
		check_match(svc, see(table[i].comm, table[i].exe, table[i].argv, NULL),
			    table[i].want, table[i].name);
	}
}

TEST(a_comm_that_the_kernel_cut_stands_for_the_longer_name)
{
	static const struct {
		const char *name;
		const char *comm, *exe, *argv;
		bool want;
	} table[] = {
		{ "wizard-server-main", "wizard-server-m", NULL, NULL, true },
		{ "wizard-server-main", "wizard-server-m", "/srv/wizard-server-main", "x",
		  true },
		/* The rest of the name is known, and is another. */
		{ "wizard-server-main", "wizard-server-m", "/srv/wizard-server-mirror",
		  "x", false },
		{ "wizard-server-main", "wizard-server-m", "/usr/bin/python3.11",
		  "python3|/srv/wizard-server-mirror", false },
		{ "wizard-server-main", "wizard-server-m", "/usr/bin/python3.11",
		  "python3|/srv/wizard-server-main", true },
		{ "wizard-server-main", "wizard-server", NULL, NULL, false },
		{ "wizard-server-m", "wizard-server-m", NULL, NULL, true },
		{ "wizard-server", "wizard-server-m", NULL, NULL, false },
		{ "abcdefghijklm3.11", "abcdefghijklm3.", NULL, NULL, true },
		{ "abcdefghijklm", "abcdefghijklm3.", NULL, NULL, true },
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		struct service *svc = service("wizard");

		svc->match.process_name = strdup(table[i].name);
		check_match(svc, see(table[i].comm, table[i].exe, table[i].argv, NULL),
			    table[i].want, table[i].exe ? table[i].exe : table[i].name);
	}
}

TEST(all_words_of_cmdline_occur_in_argv_in_order)
{
	static const struct {
		const char *words, *argv;
		bool want;
	} table[] = {
		{ "-m|wizard.server", "python|-m|wizard.server", true },
		{ "-m|wizard.server", "python|-u|-m|wizard.server|--port|80", true },
		{ "-m|wizard.server", "python|-m|goblin.server", false },
		{ "-m|wizard.server", "python|wizard.server|-m", false },
		{ "-m|wizard.server", "python|-m", false },
		{ "-m|wizard.server", "python|-m|wizard.server2", false },
		{ "-m|wizard.server", "python|-m wizard.server|x", false },
		{ "-m|wizard.server", NULL, false },
		{ "-m|-m", "python|-m|x", false },
		{ "-m|-m", "python|-m|x|-m", true },
		{ "python", "python|x", true },
		{ "serve.py", "python|./serve.py", true },
		{ "./serve.py", "python|serve.py", true },
		{ "serve.py", "python|/srv/serve.py", false },
		{ "a b", "sh|-c|a b", true },
		{ "a b", "sh|-c|a|b", false },
		/* A title that a program wrote over its argv. */
		{ "master|/usr/sbin/nginx", "nginx: master process /usr/sbin/nginx -g x",
		  true },
		{ "nginx:|master", "nginx: master process /usr/sbin/nginx", true },
		{ "nginx|master", "nginx: master process /usr/sbin/nginx", true },
		{ "master process", "nginx: master process /usr/sbin/nginx", true },
		{ "worker", "nginx: master process /usr/sbin/nginx", false },
		{ "process|master", "nginx: master process /usr/sbin/nginx", false },
		{ "mast", "nginx: master process", false },
		{ "app:wsgi", "gunicorn: master [app:wsgi]", true },
		{ "dev", "npm run dev||||", true },
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		struct service *svc = service("wizard");
		svc->match.cmdline = split_argv(table[i].words);
		check_match(svc, see("x", NULL, table[i].argv, NULL), table[i].want,
			    table[i].words);
	}
}

TEST(exe_user_unit_and_cgroup_are_compared_each_in_its_way)
{
	static const struct look look = {
		.comm = "goblin",
		.exe = "/srv/goblin/bin/goblin",
		.argv = "goblin",
		.user = "bob",
		.unit = "app.service",
		.cgroup = "/user.slice/user@1000.service/app.slice/app.service/child",
		.uid = 1000
	};
	static const struct {
		const char *exe, *user, *unit, *cgroup;
		bool want;
	} table[] = {
		{ .exe = "/srv/goblin/bin/goblin", .want = true },
		{ .exe = "goblin", .want = true },
		{ .exe = "/srv/goblin/bin/gob", .want = false },
		{ .exe = "/goblin", .want = false },
		{ .exe = "/srv/goblin/bin/", .want = false },
		{ .user = "bob", .want = true },
		{ .user = "1000", .want = true },
		{ .user = "100", .want = false },
		{ .user = "alice", .want = false },
		{ .unit = "app.service", .want = true },
		{ .unit = "app", .want = true },
		{ .unit = "user@1000.service", .want = true },
		{ .unit = "user@1001.service", .want = false },
		{ .unit = "app.slice", .want = true },
		{ .unit = "ap", .want = false },
		{ .cgroup = "/user.slice", .want = true },
		{ .cgroup = "/user.slice/user@1000.service/", .want = true },
		{ .cgroup = "/user.slice/user@100", .want = false },
		{ .cgroup = "/app.slice", .want = false },
		{ .cgroup = "/", .want = true },
		/* All that are given have to hold. */
		{ "/srv/goblin/bin/goblin", "bob", "app", "/user.slice", true },
		{ "/srv/goblin/bin/goblin", "alice", "app", "/user.slice", false },
		{ "/srv/goblin/bin/goblin", "bob", "other", "/user.slice", false },
		{ "/srv/goblin/bin/goblin", "bob", "app", "/system.slice", false },
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		struct service *svc = service("goblin");
		char what[32];

		svc->match.exe = copy(table[i].exe);
		svc->match.user = copy(table[i].user);
		svc->match.unit = copy(table[i].unit);
		svc->match.cgroup = copy(table[i].cgroup);
		snprintf(what, sizeof(what), "row %zu", i);
		check_match(svc, process(&look, NULL), table[i].want, what);
	}
}

TEST(what_is_unknown_of_a_process_does_not_match)
{
	static const struct look unknown = { .comm = "x" };
	struct service *svc;

	for (int i = 0; i < 5; i++) {
		svc = service("goblin");
		svc->match.exe = i == 0 ? strdup("/x") : NULL;
		svc->match.user = i == 1 ? strdup("0") : NULL;
		svc->match.unit = i == 2 ? strdup("x") : NULL;
		svc->match.cgroup = i == 3 ? strdup("/x") : NULL;
		svc->match.cmdline = i == 4 ? split_argv("x") : NULL;
		check_match(svc, process(&unknown, NULL), false, "unknown");
	}
}

TEST(an_ancestor_may_be_the_service_but_one_process_has_to_be_all_of_it)
{
	static const struct look init = { .comm = "systemd",
					  .exe = "/sbin/init",
					  .argv = "/sbin/init" };
	static const struct look master = { .comm = "python3",
					    .exe = "/usr/bin/python3.11",
					    .argv = "python3|-m|wizard.server",
					    .user = "bob" };
	static const struct look child = { .comm = "node",
					   .exe = "/usr/bin/node",
					   .argv = "node|vite",
					   .user = "alice" };
	struct process *top = process(&init, NULL);
	struct process *middle = process(&master, top);
	struct process *bottom = process(&child, process(&child, middle));
	struct service *svc;

	svc = service("wizard");
	svc->match.process_name = strdup("python");
	svc->match.cmdline = split_argv("-m|wizard.server");
	check_match(svc, bottom, true, "a grandparent");

	svc = service("wizard");
	svc->match.process_name = strdup("python");
	svc->match.cmdline = split_argv("-m|wizard.server");
	check_match(svc, top, false, "a child");

	/* The name is the parent's, the user the child's. */
	svc = service("wizard");
	svc->match.process_name = strdup("python");
	svc->match.user = strdup("alice");
	check_match(svc, bottom, false, "spread over two");

	svc = service("wizard");
	svc->match.process_name = strdup("node");
	svc->match.cmdline = split_argv("-m|wizard.server");
	check_match(svc, bottom, false, "spread over two");
}

TEST(process_name_and_startup_cmd_serve_as_a_match)
{
	static const struct {
		const char *name, *cmd;
		const char *comm, *exe, *argv;
		bool want;
	} table[] = {
		{ "python", "python -m wizard.server", "python3", "/usr/bin/python3.11",
		  "python3|-m|wizard.server", true },
		{ "python", "python -m wizard.server", "python3", "/usr/bin/python3.11",
		  "python3|-m|goblin.server", false },
		{ "python", "python -m wizard.server", "python3", "/usr/bin/python3.11",
		  "python3|-m|http.server|8765", false },
		{ "python", "python -m wizard.server", "perl", "/usr/bin/perl",
		  "perl|-m|wizard.server", false },
		{ "python", NULL, "python3", "/usr/bin/python3.11",
		  "python3|-m|goblin.server", true },
		{ "python", "/srv/venv/bin/python3 -m wizard.server", "python3",
		  "/usr/bin/python3.11", "python3|-m|wizard.server", true },
		/* Found behind what executes it. */
		{ "python", "env A=1 python -m wizard.server", "python3", NULL,
		  "python|-m|wizard.server", true },
		{ "python", "poetry run python -m wizard.server", "python3", NULL,
		  "python|-m|wizard.server", true },
		{ "python", "poetry run python -m wizard.server", "python3", NULL,
		  "python|-m|goblin.server", false },
		{ "python", "sh -c 'cd /srv && exec python -m wizard.server >log 2>&1'",
		  "python3", NULL, "python|-m|wizard.server", true },
		{ "python", "sh -c 'cd /srv && exec python -m wizard.server >log 2>&1'",
		  "python3", NULL, "python|-m|goblin.server", false },
		{ "python", "cd /srv && python -m wizard.server > log", "python3", NULL,
		  "python|-m|wizard.server", true },
		/* A script's interpreter has its arguments, anything else has not. */
		{ "python", "gunicorn app:wsgi -b :80", "gunicorn", "/usr/bin/python3.11",
		  "/usr/bin/python3|/usr/bin/gunicorn|app:wsgi|-b|:80", true },
		{ "python", "gunicorn app:wsgi -b :80", "gunicorn", "/usr/bin/python3.11",
		  "/usr/bin/python3|/usr/bin/gunicorn|other:wsgi|-b|:80", false },
		{ "java", "./start.sh --prod", "java", "/usr/lib/jvm/bin/java",
		  "java|-jar|x.jar", true },
		{ "postgres", "systemctl start postgresql", "postgres",
		  "/usr/lib/postgresql/15/bin/postgres", "postgres|-D|x", true },
		{ "python", "systemctl start wizard", "python3", NULL,
		  "python3|/srv/wizard.py", true },
		/* What somebody else fills in is not looked for. */
		{ "python", "python -m wizard.server --port {port} --at $HOME", "python3",
		  NULL, "python|-m|wizard.server|--port|80|--at|/root", true },
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		struct service *svc = service("wizard");

		svc->match.process_name = copy(table[i].name);
		if (table[i].cmd)
			CHECK_EQ(shell_split(table[i].cmd, &svc->startup_argv), 0);
		check_match(svc, see(table[i].comm, table[i].exe, table[i].argv, NULL),
			    table[i].want, table[i].cmd ? table[i].cmd : table[i].name);
	}
}

TEST(a_startup_cmd_alone_gives_its_program_as_the_name)
{
	static const struct {
		const char *cmd;
		const char *comm, *exe, *argv;
		bool want;
	} table[] = {
		{ "python -m wizard.server", "python3", "/usr/bin/python3.11",
		  "python3|-m|wizard.server", true },
		{ "python -m wizard.server", "python3", "/usr/bin/python3.11",
		  "python3|-m|goblin.server", false },
		{ "./serve.py --port 80", "serve.py", "/usr/bin/python3.11",
		  "/usr/bin/python3|./serve.py|--port|80", true },
		/* #!/usr/bin/env python3 */
		{ "./serve.py --port 80", "python3", "/usr/bin/python3.11",
		  "python3|./serve.py|--port|80", true },
		{ "./serve.py --port 80", "vi", "/usr/bin/vim.basic",
		  "vi|./serve.py|--port|80", false },
		{ "uvicorn app:app", "python3", "/usr/bin/python3.11",
		  "python3|-m|uvicorn|app:app", true },
		{ "npm run dev", "npm run dev", "/usr/bin/node", "npm run dev", true },
		{ "npm run dev", "node", "/usr/bin/node", "node|/usr/bin/npm|run|dev",
		  true },
		{ "npm run dev", "npm run build", "/usr/bin/node", "npm run build",
		  false },
		{ "sh -c 'python -m wizard.server'", "python3", NULL,
		  "python|-m|wizard.server", true },
		{ "sh -c 'python -m wizard.server'", "python3", NULL,
		  "python|-m|goblin.server", false },
		{ "bash -lc 'while true; do python -m wizard.server; done'", "python3",
		  NULL, "python|-m|wizard.server", true },
		{ "sh -c 'python -m wizard.server | tee log'", "python3", NULL,
		  "python|-m|wizard.server", true },
		{ "sh -c 'python -m wizard.server & wait'", "python3", NULL,
		  "python|-m|wizard.server", true },
		{ "FOO=1 nohup nice -n 5 ./goblin -x", "goblin", "/srv/goblin",
		  "./goblin|-x", true },
		{ "FOO=1 nohup nice -n 5 ./goblin -x", "goblin", "/srv/goblin",
		  "./goblin|-y", false },
		{ "sudo -u bob ./goblin", "goblin", "/srv/goblin", "./goblin", true },
		{ "sudo -u bob ./goblin", "bob", "/srv/bob", "bob", false },
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		struct service *svc = service("wizard");

		CHECK_EQ(shell_split(table[i].cmd, &svc->startup_argv), 0);
		check_match(svc, see(table[i].comm, table[i].exe, table[i].argv, NULL),
			    table[i].want, table[i].cmd);
	}
}

/* vite, started by `sh -c vite`, started by npm. */
TEST(the_child_of_what_startup_cmd_starts_is_the_service)
{
	struct process *npm = see("npm run dev", "/usr/bin/node", "npm run dev", NULL);
	struct process *sh = see("sh", "/usr/bin/dash", "sh|-c|vite", npm);
	struct process *vite =
		see("node", "/usr/bin/node", "node|/srv/node_modules/.bin/vite", sh);
	struct service *svc = service("web");

	CHECK_EQ(shell_split("npm run dev", &svc->startup_argv), 0);
	check_match(svc, vite, true, "vite");
}

TEST(a_relative_path_of_startup_cmd_is_below_working_dir)
{
	static const struct {
		const char *folder, *argv;
		bool want;
	} table[] = {
		{ "/srv/a", "python|bin/serve.py", true },
		{ "/srv/a", "python|/srv/a/bin/serve.py", true },
		{ "/srv/a/", "python|/srv/a/bin/serve.py", true },
		{ "/srv/a", "python|/srv/b/bin/serve.py", false },
		{ "/srv/a", "python|/srv/ab/bin/serve.py", false },
		{ NULL, "python|/srv/a/bin/serve.py", false },
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		struct service *svc = service("wizard");

		svc->working_dir = copy(table[i].folder);
		CHECK_EQ(shell_split("python ./bin/serve.py", &svc->startup_argv), 0);
		check_match(svc, see("python3", NULL, table[i].argv, NULL), table[i].want,
			    table[i].argv);
	}
}

TEST(a_given_match_is_not_extended_by_startup_cmd)
{
	struct service *svc = service("wizard");

	svc->match.derived = false;
	svc->match.process_name = strdup("python");
	CHECK_EQ(shell_split("python -m wizard.server", &svc->startup_argv), 0);
	check_match(svc, see("python3", NULL, "python3|x", NULL), true,
		    "process_name alone");
}

TEST(an_entry_with_nothing_to_recognise_it_by_accepts_any_process)
{
	struct registry *reg = registry();
	struct service *svc = service("wizard");
	struct process *p = see("x", NULL, NULL, NULL);

	CHECK_EQ(registry_add(reg, svc), 0);
	seal(reg);
	CHECK(!service_can_recognise(svc));
	CHECK(service_matches(svc, p));
	CHECK(!registry_match(reg, p));
	registry_free(reg);
}

TEST(the_first_in_registry_order_is_found_and_disabled_ones_are_not)
{
	static const struct look look = { .comm = "python3",
					  .exe = "/usr/bin/python3.11",
					  .argv = "python3|-m|x",
					  .user = "bob" };
	struct registry *reg = registry();
	struct service *off = service("off"), *second = service("second");
	struct service *third = service("third");

	off->enabled = false;
	off->match.process_name = strdup("python");
	second->match.user = strdup("bob");
	third->match.cmdline = split_argv("-m|x");
	CHECK_EQ(registry_add(reg, off), 0);
	CHECK_EQ(registry_add(reg, second), 0);
	CHECK_EQ(registry_add(reg, third), 0);
	seal(reg);
	CHECK(registry_match(reg, process(&look, NULL)) == second);
	registry_free(reg);
}

static uint64_t cost_of_matching(size_t services, const char *name, const char *cmd)
{
	struct registry *reg = registry();
	uint64_t start, best = UINT64_MAX;
	const struct process *p;
	char argv[64];

	for (size_t i = 0; i < services; i++) {
		char text[64];
		struct service *svc;

		snprintf(text, sizeof(text), "service-%zu", i);
		svc = service(text);
		snprintf(text, sizeof(text), name, i);
		svc->match.process_name = strdup(text);
		snprintf(text, sizeof(text), cmd, i);
		CHECK_EQ(shell_split(text, &svc->startup_argv), 0);
		CHECK_EQ(registry_add(reg, svc), 0);
	}
	seal(reg);

	snprintf(argv, sizeof(argv), "python3|-m|module%zu.server", services - 1);
	p = see("python3", "/usr/bin/python3.11", argv, NULL);
	for (int i = 0; i < 200; i++) {
		start = now_mono_ns();
		registry_match(reg, p);
		if (now_mono_ns() - start < best)
			best = now_mono_ns() - start;
	}
	registry_free(reg);
	return best;
}

TEST(the_cost_does_not_grow_with_the_registry)
{
	static const struct {
		const char *name, *cmd;
	} table[] = {
		{ "python", "python -m module%zu.server" },
		{ "python", "python -m module.server --name service%zu" },
		{ "python%zu", "x" },
		{ "service%zu", "x" },
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		uint64_t few = cost_of_matching(5, table[i].name, table[i].cmd);
		uint64_t many = cost_of_matching(REGISTRY_SERVICES_MAX, table[i].name,
						 table[i].cmd);

		/* A walk over all of them would take a thousand times as long. */
		if (many > 10 * few + 20000)
			test_fail(__FILE__, __LINE__, "%s: %ju ns with 5, %ju with all",
				  table[i].cmd, (uintmax_t)few, (uintmax_t)many);
	}
}
