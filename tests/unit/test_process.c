// SPDX-License-Identifier: GPL-2.0-only
#include "core/process.h"
#include "harness.h"

#include <errno.h>
#include <stdio.h>

#include "base/strings.h"

static struct processes *table(size_t limit)
{
	struct processes *ret = NULL;

	CHECK_EQ(processes_new(limit, &ret), 0);
	return ret;
}

static struct process_info info(pid_t pid, uint64_t start, const char *exe)
{
	struct process_info ret = { .id = { pid, start }, .uid = (uid_t)-1 };

	ret.exe = exe ? strdup(exe) : NULL;
	return ret;
}

static struct process *intern(struct processes *procs, pid_t pid, uint64_t start,
			      const char *exe, struct process *parent)
{
	struct process_info i = info(pid, start, exe);
	struct process *p = NULL;

	CHECK(processes_intern(procs, &i, parent, &p) >= 0);
	return p;
}

TEST(a_process_is_its_pid_and_its_start)
{
	_cleanup_(processes_freep) struct processes *procs = table(8);
	struct process *old = intern(procs, 100, 1, NULL, NULL);
	struct process *young = intern(procs, 100, 3, NULL, NULL);
	struct process *middle = intern(procs, 100, 2, NULL, NULL);

	CHECK(old != young && young != middle);
	CHECK(intern(procs, 100, 2, NULL, NULL) == middle);
	CHECK_EQ(processes_count(procs), 3);
	CHECK(processes_find(procs, (struct process_id){ 100, 1 }) == old);
	CHECK(!processes_find(procs, (struct process_id){ 100, 4 }));
	CHECK(!processes_find(procs, (struct process_id){ 101, 1 }));
	CHECK(processes_find_pid(procs, 100) == young);
	young->exited = true;
	CHECK(processes_find_pid(procs, 100) == middle);
	middle->exited = old->exited = true;
	CHECK(!processes_find_pid(procs, 100));
}

TEST(a_process_goes_with_its_last_reference)
{
	_cleanup_(processes_freep) struct processes *procs = table(8);
	struct process *p = intern(procs, 100, 1, "/bin/a", NULL);

	CHECK(intern(procs, 100, 1, NULL, NULL) == p);
	CHECK(!processes_unref(procs, p));
	CHECK_EQ(processes_count(procs), 1);
	CHECK(processes_ref(p) == p);
	processes_unref(procs, p);
	processes_unref(procs, p);
	CHECK_EQ(processes_count(procs), 0);
	CHECK(!processes_unref(procs, NULL));
}

TEST(each_of_one_pid_can_go_first)
{
	for (int victim = 0; victim < 3; victim++) {
		_cleanup_(processes_freep) struct processes *procs = table(8);
		struct process *people[3];

		for (int i = 0; i < 3; i++)
			people[i] = intern(procs, 100, i, NULL, NULL);
		processes_unref(procs, people[victim]);
		for (int i = 0; i < 3; i++)
			CHECK_EQ(!processes_find(procs, (struct process_id){ 100, i }),
				 i == victim);
	}
}

TEST(a_child_keeps_its_parents)
{
	_cleanup_(processes_freep) struct processes *procs = table(8);
	struct process *top = intern(procs, 1, 1, NULL, NULL);
	struct process *middle = intern(procs, 2, 2, NULL, top);
	struct process *bottom = intern(procs, 3, 3, NULL, middle);

	processes_unref(procs, top);
	processes_unref(procs, middle);
	CHECK_EQ(processes_count(procs), 3);
	CHECK(bottom->parent == middle && middle->parent == top);
	processes_unref(procs, bottom);
	CHECK_EQ(processes_count(procs), 0);
}

/* A chain of any length is let go without recursion. */
TEST(a_long_chain_goes_at_once)
{
	_cleanup_(processes_freep) struct processes *procs = table(1000000);
	struct process *p = NULL;

	for (int i = 1; i <= 500000; i++) {
		struct process *child = intern(procs, i, i, NULL, p);

		processes_unref(procs, p);
		p = child;
	}
	CHECK_EQ(processes_count(procs), 500000);
	processes_unref(procs, p);
	CHECK_EQ(processes_count(procs), 0);
}

TEST(the_first_parent_known_stays)
{
	_cleanup_(processes_freep) struct processes *procs = table(8);
	struct process *init = intern(procs, 1, 1, NULL, NULL);
	struct process *shell = intern(procs, 2, 2, NULL, init);
	struct process *p = intern(procs, 3, 3, NULL, NULL);

	CHECK(!p->parent);
	intern(procs, 3, 3, NULL, shell);
	CHECK(p->parent == shell);
	intern(procs, 3, 3, NULL, init); /* adopted after the shell's end */
	CHECK(p->parent == shell);
	intern(procs, 1, 1, NULL, p); /* a circle is refused */
	CHECK(!init->parent);
}

TEST(what_was_unknown_is_filled_in)
{
	_cleanup_(processes_freep) struct processes *procs = table(8);
	struct process_info news = info(100, 1, "/bin/a");
	struct process *p = intern(procs, 100, 1, NULL, NULL), *same;

	strcpy(news.comm, "a");
	news.uid = 7;
	news.user = strdup("bob");
	news.cwd = strdup("/srv");
	CHECK_EQ(strv_append(&news.cmdline, "a"), 0);
	CHECK_EQ(processes_intern(procs, &news, NULL, &same), 0);
	CHECK(same == p);
	CHECK(!news.exe && !news.cmdline && !news.user); /* taken over */
	CHECK_STR(p->info.exe, "/bin/a");
	CHECK_STR(p->info.comm, "a");
	CHECK_STR(p->info.user, "bob");
	CHECK_STR(p->info.cmdline[0], "a");
	CHECK_EQ(p->info.uid, 7);

	news = info(100, 1, "/bin/a");
	strcpy(news.comm, "b");
	news.cwd = strdup("/other");
	CHECK_EQ(processes_intern(procs, &news, NULL, &same), 0);
	CHECK_STR(p->info.comm, "a");
	CHECK_STR(p->info.cwd, "/srv");
}

static struct process *with_everything(struct processes *procs)
{
	struct process_info first = info(100, 1, "/bin/sh");
	struct process *p;

	strcpy(first.comm, "sh");
	first.exec_count = 1;
	first.uid = 7;
	first.ppid = 99;
	first.user = strdup("bob");
	first.cwd = strdup("/srv");
	first.cgroup = strdup("/a.service");
	first.unit = strdup("a.service");
	CHECK_EQ(strv_append(&first.cmdline, "sh"), 0);
	CHECK_EQ(processes_intern(procs, &first, NULL, &p), 0);
	p->match_generation = 5;
	p->match = (const struct service *)p;
	return p;
}

TEST(another_program_replaces_what_the_earlier_one_was)
{
	_cleanup_(processes_freep) struct processes *procs = table(8);
	struct process *p = with_everything(procs), *same;
	struct process_info news = info(100, 1, "/bin/python");

	CHECK_EQ(processes_intern(procs, &news, NULL, &same), 1);
	CHECK(same == p);
	CHECK_STR(p->info.exe, "/bin/python");
	CHECK(!p->info.cmdline);
	CHECK_STR(p->info.comm, "");
	/* An exec leaves these as they were. */
	CHECK_STR(p->info.cwd, "/srv");
	CHECK_STR(p->info.user, "bob");
	CHECK_STR(p->info.unit, "a.service");
	CHECK_EQ(p->info.ppid, 99);
	CHECK(!p->match && !p->match_generation);
}

TEST(the_same_program_executed_again_is_another)
{
	_cleanup_(processes_freep) struct processes *procs = table(8);
	struct process *p = with_everything(procs), *same;
	struct process_info news = info(100, 1, "/bin/sh");

	CHECK_EQ(processes_intern(procs, &news, NULL, &same), 0);
	news = info(100, 1, "/bin/sh");
	news.exec_count = 2;
	news.uid = 8;
	CHECK_EQ(strv_append(&news.cmdline, "sh2"), 0);
	CHECK_EQ(processes_intern(procs, &news, NULL, &same), 1);
	CHECK_STR(p->info.cmdline[0], "sh2");
	CHECK(!p->info.user); /* of the earlier uid */
	CHECK_EQ(p->info.exec_count, 2);
}

TEST(the_limit_is_refused_not_exceeded)
{
	_cleanup_(processes_freep) struct processes *procs = table(1);
	struct process *p = intern(procs, 1, 1, NULL, NULL), *other = NULL;
	struct process_info news = info(2, 1, "/bin/a");

	CHECK_EQ(processes_intern(procs, &news, NULL, &other), -ENOSPC);
	CHECK(!other && !news.exe); /* emptied also on failure */
	CHECK(intern(procs, 1, 1, NULL, NULL) == p);
}

TEST(descent_goes_up_to_the_top)
{
	_cleanup_(processes_freep) struct processes *procs = table(8);
	struct process *top = intern(procs, 1, 1, NULL, NULL);
	struct process *middle = intern(procs, 2, 2, NULL, top);
	struct process *bottom = intern(procs, 3, 3, NULL, middle);
	struct process *aside = intern(procs, 4, 4, NULL, top);

	CHECK(process_descends(bottom, bottom));
	CHECK(process_descends(bottom, top));
	CHECK(!process_descends(top, bottom));
	CHECK(!process_descends(bottom, aside));
	CHECK(!process_descends(NULL, top) && !process_descends(bottom, NULL));
}

TEST(a_family_is_a_line_or_a_master_and_its_workers)
{
	_cleanup_(processes_freep) struct processes *procs = table(16);
	struct process *init = intern(procs, 1, 1, "/bin/busybox", NULL);
	struct process *shell = intern(procs, 2, 2, "/bin/bash", init);
	struct process *master = intern(procs, 3, 3, "/bin/nginx", shell);
	struct process *one = intern(procs, 4, 4, "/bin/nginx", master);
	struct process *two = intern(procs, 5, 5, "/bin/nginx", master);
	struct process *helper = intern(procs, 6, 6, "/bin/perl", master);
	struct process *perl = intern(procs, 7, 7, "/bin/perl", shell);
	struct process *perl2 = intern(procs, 8, 8, "/bin/perl", shell);
	struct process *httpd = intern(procs, 9, 9, "/bin/busybox", init);
	struct process *ftpd = intern(procs, 10, 10, "/bin/busybox", init);

	CHECK(process_same_family(one, one));
	CHECK(process_same_family(one, master) && process_same_family(master, one));
	CHECK(process_same_family(one, two));
	CHECK(!process_same_family(one, helper));
	CHECK(!process_same_family(perl, perl2)); /* two programs of one shell */
	CHECK(!process_same_family(one, perl));
	CHECK(!process_same_family(httpd, ftpd)); /* both by PID 1 */
	CHECK(!process_same_family(one, NULL) && !process_same_family(NULL, NULL));
}

TEST(siblings_of_unknown_programs_are_no_family)
{
	_cleanup_(processes_freep) struct processes *procs = table(8);
	struct process *master = intern(procs, 3, 3, NULL, NULL);
	struct process *one = intern(procs, 4, 4, NULL, master);
	struct process *two = intern(procs, 5, 5, NULL, master);

	CHECK(!process_same_family(one, two));
}

#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
static const struct {
	const char *cgroup, *unit, *container;
} cgroups[] = {
	{ "/", NULL, NULL },
	{ "", NULL, NULL },
	{ "/system.slice", NULL, NULL },
	{ "/init.scope", "init.scope", NULL },
	{ "/system.slice/goblin.service", "goblin.service", NULL },
	{ "/system.slice/goblin.service/worker", "goblin.service", NULL },
	{ "/system.slice/system-getty.slice/getty@tty1.service", "getty@tty1.service",
	  NULL },
	{ "/system.slice/a\\x2db.service", "a\\x2db.service", NULL },
	{ "/system.slice/_cgroup.service", "cgroup.service", NULL },
	{ "/user.slice/user-1000.slice/session-3.scope", "session-3.scope", NULL },
	{ "/user.slice/user-1000.slice/user@1000.service/app.slice/web.service",
	  "web.service", NULL },
	{ "/user.slice/user-1000.slice/user@1000.service/init.scope", "init.scope",
	  NULL },
	{ "/../../system.slice/goblin.service", "goblin.service", NULL },
	/* docker */
	{ "/docker/" ID, NULL, ID },
	{ "/docker/" ID "/system.slice/nginx.service", "nginx.service", ID },
	{ "/system.slice/docker-" ID ".scope", "docker-" ID ".scope", ID },
	{ "/system.slice/docker.service", "docker.service", NULL },
	/* podman */
	{ "/machine.slice/libpod-" ID ".scope/container", "libpod-" ID ".scope", ID },
	{ "/machine.slice/libpod-conmon-" ID ".scope", "libpod-conmon-" ID ".scope",
	  NULL },
	{ "/libpod_parent/libpod-" ID, NULL, ID },
	{ "/user.slice/user-1000.slice/user@1000.service/user.slice/"
	  "libpod-" ID ".scope/container",
	  "libpod-" ID ".scope", ID },
	/* containerd, cri-o, kubernetes */
	{ "/kubepods/burstable/pod1234-5678/" ID, NULL, ID },
	{ "/kubepods.slice/kubepods-besteffort.slice/"
	  "kubepods-besteffort-pod1_2.slice/cri-containerd-" ID ".scope",
	  "cri-containerd-" ID ".scope", ID },
	{ "/kubepods.slice/kubepods-pod1.slice/crio-" ID ".scope", "crio-" ID ".scope",
	  ID },
	{ "/kubepods.slice/kubepods-pod1.slice/crio-conmon-" ID ".scope",
	  "crio-conmon-" ID ".scope", NULL },
	{ "/system.slice/containerd.service/"
	  "kubepods-burstable-pod1.slice:cri-containerd:" ID,
	  "containerd.service", ID },
	{ "/system.slice/nerdctl-" ID ".scope", "nerdctl-" ID ".scope", ID },
	/* lxc, lxd */
	{ "/lxc/web", NULL, "web" },
	{ "/lxc/101/ns", NULL, "101" },
	{ "/lxc/web/init.scope", "init.scope", "web" },
	{ "/lxc.payload.web", NULL, "web" },
	{ "/lxc.payload.web/system.slice/nginx.service", "nginx.service", "web" },
	{ "/lxc.payload/web", NULL, "web" },
	{ "/lxc.monitor.web", NULL, NULL },
	/* systemd-nspawn; libvirt's machines are none */
	{ "/machine.slice/machine-web.scope/payload", "machine-web.scope", "web" },
	{ "/machine.slice/systemd-nspawn@web.service/payload",
	  "systemd-nspawn@web.service", "web" },
	{ "/machine.slice/machine-qemu\\x2d1\\x2dvm.scope",
	  "machine-qemu\\x2d1\\x2dvm.scope", NULL },
	/* near misses */
	{ "/docker/0123456789abcdef", NULL, NULL },
	{ "/docker/" ID "0", NULL, NULL },
	{ "/a/0123456789ABCDEF0123456789abcdef0123456789abcdef0123456789abcdef", NULL,
	  NULL },
	{ "/.service", NULL, NULL },
	{ "/a.slice/b.services", NULL, NULL },
};

TEST(unit_and_container_are_read_from_the_cgroup)
{
	for (size_t i = 0; i < sizeof(cgroups) / sizeof(*cgroups); i++) {
		_cleanup_(process_info_done) struct process_info i2 = { 0 };

		CHECK_EQ(process_info_parse_cgroup(&i2, cgroups[i].cgroup), 0);
		if (!streq(i2.unit, cgroups[i].unit) ||
		    !streq(i2.container, cgroups[i].container))
			test_fail(__FILE__, __LINE__, "%s: unit %s, container %s",
				  cgroups[i].cgroup, i2.unit ? i2.unit : "none",
				  i2.container ? i2.container : "none");
		CHECK_STR(i2.cgroup, cgroups[i].cgroup);
	}
}

TEST(a_process_is_described_in_words)
{
	struct process p = { .info = { .id = { 4711, 1 }, .comm = "python3" } };
	char buf[64];

	CHECK_STR(process_describe(&p, buf, sizeof(buf)), "python3 (pid 4711)");
	p.info.comm[0] = '\0';
	CHECK_STR(process_describe(&p, buf, sizeof(buf)), "pid 4711");
	CHECK_STR(process_describe(NULL, buf, sizeof(buf)), "an unknown process");

	p.status = 3 << 8;
	CHECK_STR(process_describe_exit(&p, buf, sizeof(buf)), "exit code 3");
	p.status = 0;
	CHECK_STR(process_describe_exit(&p, buf, sizeof(buf)), "exit code 0");
	p.status = 9;
	CHECK_STR(process_describe_exit(&p, buf, sizeof(buf)), "signal SIGKILL");
	p.status = 11 | 0x80; /* with a core */
	CHECK_STR(process_describe_exit(&p, buf, sizeof(buf)), "signal SIGSEGV");
	p.status = 40;
	CHECK_STR(process_describe_exit(&p, buf, sizeof(buf)), "signal 40");
	p.status = -1;
	CHECK_STR(process_describe_exit(&p, buf, sizeof(buf)), "unknown status");
}

TEST(a_copy_is_deep)
{
	_cleanup_(process_info_done) struct process_info a = info(1, 2, "/bin/a");
	_cleanup_(process_info_done) struct process_info b = { 0 };

	CHECK_EQ(strv_append(&a.cmdline, "x"), 0);
	a.unit = strdup("u");
	CHECK_EQ(process_info_copy(&a, &b), 0);
	CHECK(b.exe != a.exe && b.cmdline != a.cmdline && b.unit != a.unit);
	CHECK_STR(b.exe, "/bin/a");
	CHECK_STR(b.cmdline[0], "x");
	CHECK_STR(b.unit, "u");
	CHECK(!b.cwd);
	CHECK_EQ(b.id.pid, 1);
}
