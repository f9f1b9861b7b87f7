// SPDX-License-Identifier: GPL-2.0-only
/* What is executed for a service, and what is refused before. */
#include "service/launch_command.h"
#include "harness.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/strings.h"

static struct launch_command command;
static char why[COMMAND_ERROR];
static struct service *made[8]; /* kept until the test ends */

static struct service *service(const char *line)
{
	static size_t n;
	struct service *svc = service_new();

	CHECK(svc && n < 8);
	made[n++] = svc;
	svc->name = strdup("api");
	svc->claims = calloc(2, sizeof(*svc->claims));
	svc->n_claims = 2;
	svc->claims[0].at.port = 5001;
	svc->claims[1].at.port = 5002;
	svc->claims[1].name = strdup("admin-x");
	CHECK_EQ(shell_split(line, &svc->startup_argv), 0);
	return svc;
}

static const char *value(const char *name)
{
	size_t n = strlen(name);

	for (char **at = command.env; at && *at; at++)
		if (strncmp(*at, name, n) == 0 && (*at)[n] == '=')
			return *at + n + 1;
	return "(none)";
}

TEST(port_is_filled_in_where_it_is_asked_for)
{
	struct service *svc =
		service("sh --port={port} {port:admin-x} {port:nobody} {} {port");

	strv_append(&svc->env, "PLACE=127.0.0.1:{port}");
	CHECK_EQ(launch_command_make(svc, "", &command, why), 0);
	CHECK_STR(command.argv[1], "--port=5001");
	CHECK_STR(command.argv[2], "5002");
	CHECK_STR(command.argv[3], "{port:nobody}");
	CHECK_STR(command.argv[4], "{}");
	CHECK_STR(command.argv[5], "{port");
	CHECK_STR(value("PLACE"), "127.0.0.1:5001");
}

TEST(the_environment_is_the_daemons_less_what_was_meant_for_it)
{
	setenv("NOTIFY_SOCKET", "/run/x", 1);
	setenv("PORTWATCH_STATE", "/var/x", 1);
	setenv("KEPT", "yes", 1);
	CHECK_EQ(launch_command_make(service("sh"), "m", &command, why), 0);
	CHECK_STR(value("NOTIFY_SOCKET"), "(none)");
	CHECK_STR(value("PORTWATCH_STATE"), "(none)");
	CHECK_STR(value("KEPT"), "yes");
	CHECK_STR(value("PORT"), "5001");
	CHECK_STR(value("PORTWATCH_PORT"), "5001");
	CHECK_STR(value("PORTWATCH_PORT_ADMIN_X"), "5002");
	CHECK_STR(value("PORTWATCH_SERVICE"), "api");
	CHECK_STR(value("PORTWATCH_LAUNCH"), "m");
}

TEST(the_entry_has_the_last_word_then_its_file)
{
	struct service *svc = service("sh");
	char path[64];
	FILE *file;

	snprintf(path, sizeof(path), "/tmp/portwatch-env-%d", getpid());
	file = fopen(path, "w");
	CHECK(file);
	fputs("# variables\n\nA=file\nexport B='in the file'\nPORT=1\n", file);
	fclose(file);
	svc->env_file = strdup(path);
	strv_append(&svc->env, "A=entry");
	CHECK_EQ(launch_command_make(svc, "", &command, why), 0);
	unlink(path);
	CHECK_STR(value("A"), "entry");
	CHECK_STR(value("B"), "in the file");
	CHECK_STR(value("PORT"), "1");
}

TEST(what_cannot_be_is_refused_by_name)
{
	struct service *svc = service("/no/such/program");

	CHECK_EQ(launch_command_make(svc, "", &command, why), -EINVAL);
	CHECK_STR(why, "api: its command /no/such/program is not there");
	CHECK_EQ(
		launch_command_make(service("no-such-program-at-all"), "", &command, why),
		-EINVAL);
	CHECK_STR(why, "api: its command no-such-program-at-all is not there");
	CHECK_EQ(launch_command_make(service("/etc/passwd"), "", &command, why), -EINVAL);
	CHECK_STR(why,
		  "api: its command /etc/passwd cannot be executed: Permission denied");
	svc = service("sh");
	svc->working_dir = strdup("/no/folder");
	CHECK_EQ(launch_command_make(svc, "", &command, why), -EINVAL);
	CHECK_STR(why,
		  "api: its working_dir /no/folder cannot be entered: No such file or "
		  "directory");
	svc = service("sh");
	svc->user = strdup("nobody-of-this-name");
	CHECK_EQ(launch_command_make(svc, "", &command, why), -EINVAL);
	CHECK_STR(why, "api: there is no user nobody-of-this-name");
	svc = service("sh");
	svc->env_file = strdup("/no/file");
	CHECK_EQ(launch_command_make(svc, "", &command, why), -EINVAL);
	CHECK_STR(why,
		  "api: its env_file /no/file cannot be read: No such file or directory");
}
