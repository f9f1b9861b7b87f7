// SPDX-License-Identifier: GPL-2.0-only
#include "cli/run_command.h"
#include "cli/run_restart.h"
#include "harness.h"

#include <netinet/in.h>
#include <signal.h>
#include <string.h>

#include "base/time.h"

static void make_ports(struct run_ports *ports)
{
	*ports = (struct run_ports){ .service = "grace" };
	CHECK_EQ(run_ports_add(ports,
			       &(struct run_port){ .port = 8001, .proto = IPPROTO_TCP }),
		 0);
	CHECK_EQ(run_ports_add(ports, &(struct run_port){ .name = "ad-min",
							  .port = 9100,
							  .proto = IPPROTO_TCP }),
		 0);
}

TEST(the_port_stands_in_for_its_placeholder)
{
	static const char *const cases[][2] = {
		{ "{port}", "8001" },
		{ "--bind=0.0.0.0:{port}", "--bind=0.0.0.0:8001" },
		{ "{port}{port}", "80018001" },
		{ "{port:ad-min}", "9100" },
		{ "{{port}}", "{8001}" },
		{ "", "" },
		{ "plain", "plain" },
		/* What is none stays as it is. */
		{ "{port", "{port" },
		{ "{ports}", "{ports}" },
		{ "{port:none}", "{port:none}" },
		{ "{port:}", "{port:}" },
		{ "{Port}", "{Port}" },
		{ "${PORT} {} }{", "${PORT} {} }{" },
		{ "{\"a\":{port}}", "{\"a\":8001}" },
	};
	_cleanup_(run_ports_done) struct run_ports ports;

	make_ports(&ports);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char *const words[] = { (char *)cases[i][0], NULL };
		_cleanup_(strv_freep) char **filled = NULL;

		CHECK_EQ(run_words(&ports, words, &filled), 0);
		CHECK_EQ(strv_length(filled), 1);
		CHECK_STR(filled[0], cases[i][1]);
	}
}

/* The value of @name; NULL.  Twice is a mistake. */
static const char *value_of(char *const *env, const char *name)
{
	const char *found = NULL;
	size_t n = strlen(name);

	for (; *env; env++)
		if (strncmp(*env, name, n) == 0 && (*env)[n] == '=') {
			CHECK(!found);
			found = *env + n + 1;
		}
	return found;
}

TEST(the_environment_names_the_port_and_keeps_the_rest)
{
	char *const base[] = { "PATH=/bin",
			       "PORT=1",
			       "PORTAL=x",
			       "PORTWATCH_PORT=1",
			       "LISTEN_FDS=2",
			       "LISTEN_PID=3",
			       "LISTEN_FDNAMES=a:b",
			       "PORTWATCH_PORT_X=2",
			       "PORTWATCH_SOCKET=/s",
			       NULL };
	_cleanup_(run_ports_done) struct run_ports ports;
	_cleanup_(strv_freep) char **env = NULL;

	make_ports(&ports);
	CHECK_EQ(run_environment(&ports, base, 0, &env), 0);
	CHECK_STR(value_of(env, "PATH"), "/bin");
	CHECK_STR(value_of(env, "PORTAL"), "x");
	CHECK_STR(value_of(env, "PORTWATCH_SOCKET"), "/s");
	CHECK_STR(value_of(env, "PORT"), "8001");
	CHECK_STR(value_of(env, "PORTWATCH_PORT"), "8001");
	CHECK_STR(value_of(env, "PORTWATCH_SERVICE"), "grace");
	CHECK_STR(value_of(env, "PORTWATCH_PORT_AD_MIN"), "9100");
	CHECK(!value_of(env, "PORTWATCH_PORT_X"));
	CHECK(!value_of(env, "LISTEN_FDS"));
	CHECK(!value_of(env, "LISTEN_PID"));
	CHECK(!value_of(env, "LISTEN_FDNAMES"));
}

TEST(who_is_handed_the_socket_is_told_so)
{
	char *const base[] = { "LISTEN_PID=3", NULL };
	_cleanup_(run_ports_done) struct run_ports ports;
	_cleanup_(strv_freep) char **env = NULL;

	make_ports(&ports);
	CHECK_EQ(run_environment(&ports, base, 4711, &env), 0);
	CHECK_STR(value_of(env, "LISTEN_FDS"), "1");
	CHECK_STR(value_of(env, "LISTEN_PID"), "4711");
	CHECK_STR(value_of(env, "LISTEN_FDNAMES"), "grace");
}

/* -- Restarts -------------------------------------------------------------------------
 */

/* As wait(2) has them. */
enum { ENDED = 0, FAILED = 3 << 8, TERMINATED = SIGTERM, CRASHED = SIGSEGV };

static void read_policy(const char *entry, struct run_policy *ret)
{
	_cleanup_(doc_freep) struct doc *doc = doc_parse(entry, strlen(entry), NULL);

	CHECK(doc);
	run_policy_init(ret, doc);
}

/* ms until the next start, or one of these. */
enum { STAYS_DOWN = -1, GIVES_UP = -2 };

static int64_t judge(struct run_policy *policy, int status, uint64_t started_ns,
		     uint64_t now_ns)
{
	uint64_t delay_ms;

	switch (run_policy_judge(policy, status, started_ns, now_ns, &delay_ms)) {
	case RESTART_STAYS_DOWN:
		return STAYS_DOWN;
	case RESTART_GIVES_UP:
		return GIVES_UP;
	case RESTART_COMES_BACK:
		break;
	}
	return (int64_t)delay_ms;
}

TEST(a_policy_says_which_end_is_one)
{
	static const struct {
		const char *entry;
		int status;
		bool again;
	} cases[] = {
		{ "{}", CRASHED, false },
		{ "{\"restart\":\"no\"}", FAILED, false },
		{ "{\"restart\":\"on_failure\"}", ENDED, false },
		{ "{\"restart\":\"on_failure\"}", TERMINATED, false },
		{ "{\"restart\":\"on_failure\"}", FAILED, true },
		{ "{\"restart\":\"on_failure\"}", CRASHED, true },
		{ "{\"restart\":\"on_failure\",\"stop\":{\"signal\":\"SEGV\"}}", CRASHED,
		  false },
		{ "{\"restart\":\"always\"}", ENDED, true },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct run_policy policy;

		read_policy(cases[i].entry, &policy);
		CHECK_EQ(judge(&policy, cases[i].status, NS_PER_S, 2 * NS_PER_S) >= 0,
			 cases[i].again);
	}
}

TEST(each_restart_waits_longer_until_one_has_lasted)
{
	static const char entry[] =
		"{\"restart\":\"always\",\"restart_limit\":{\"count\":0,\"interval\":"
		"\"1s\"},\"backoff\":{\"initial\":\"100ms\",\"factor\":3,\"max\":\"1s\","
		"\"reset_after\":\"20s\"}}";
	static const int64_t delays_ms[] = { 100, 300, 900, 1000, 1000 };
	uint64_t now_ns = 100 * NS_PER_S;
	struct run_policy policy;

	read_policy(entry, &policy);
	for (size_t i = 0; i < sizeof(delays_ms) / sizeof(*delays_ms); i++) {
		CHECK_EQ(judge(&policy, ENDED, now_ns, now_ns + NS_PER_S), delays_ms[i]);
		now_ns += NS_PER_S;
	}
	CHECK_EQ(judge(&policy, ENDED, now_ns, now_ns + 20 * NS_PER_S), 100);
}

TEST(what_ends_too_often_stays_down)
{
	static const char entry[] =
		"{\"restart\":\"always\",\"restart_limit\":{\"count\":2,\"interval\":"
		"\"10s\"}}";
	uint64_t now_ns = 100 * NS_PER_S;
	struct run_policy policy;

	read_policy(entry, &policy);
	CHECK(judge(&policy, ENDED, now_ns, now_ns + 1) >= 0);
	CHECK(judge(&policy, ENDED, now_ns, now_ns + 2) >= 0);
	CHECK_EQ(judge(&policy, ENDED, now_ns, now_ns + 3), GIVES_UP);
	/* The interval has passed. */
	CHECK(judge(&policy, ENDED, now_ns + 11 * NS_PER_S, now_ns + 12 * NS_PER_S) >= 0);
}
