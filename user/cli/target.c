// SPDX-License-Identifier: GPL-2.0-only
#include "cli/target.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/strings.h"

enum { PORT_MAX = 65535, NAME_MAX_BYTES = 64 };

static int check_port(const char *text, uint64_t *ret, char *reterr, size_t size)
{
	int err = parse_u64(text, PORT_MAX, ret);

	if (err == 0 && *ret > 0)
		return 0;
	if (err == -EINVAL)
		snprintf(reterr, size, "'%.40s' is no port: it is not a number", text);
	else
		snprintf(reterr, size, "%.40s is no port: they go from 1 to 65535", text);
	return -EINVAL;
}

int target_check_ports(const char *text, char *reterr, size_t size)
{
	char low[48];
	const char *dash = strchr(text, '-');
	uint64_t from, to;

	if (!dash)
		return check_port(text, &from, reterr, size);
	snprintf(low, sizeof(low), "%.*s", (int)(dash - text), text);
	if (check_port(low, &from, reterr, size) < 0 ||
	    check_port(dash + 1, &to, reterr, size) < 0)
		return -EINVAL;
	if (from > to) {
		snprintf(reterr, size, "%.40s is no range: %ju is above %ju", text,
			 (uintmax_t)from, (uintmax_t)to);
		return -EINVAL;
	}
	return 0;
}

int target_check_name(const char *text, char *reterr, size_t size)
{
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "abcdefghijklmnopqrstuvwxyz0123456789._-";

	if (!*text)
		snprintf(reterr, size, "a service's name is not empty");
	else if (strlen(text) > NAME_MAX_BYTES)
		snprintf(reterr, size, "a service's name has at most 64 characters");
	else if (text[strspn(text, allowed)])
		snprintf(reterr, size,
			 "'%.64s' is no service's name: they are made of letters, "
			 "digits, '.', '_' and '-'",
			 text);
	else
		return 0;
	return -EINVAL;
}

/* Behind the colon. */
static int check_port_target(const char *text, char *reterr, size_t size)
{
	char ports[64];
	const char *slash = strchr(text, '/');

	if (slash && !streq(slash, "/tcp") && !streq(slash, "/udp")) {
		snprintf(reterr, size, "'%.40s' is no protocol: tcp or udp", slash + 1);
		return -EINVAL;
	}
	snprintf(ports, sizeof(ports), "%.*s",
		 slash ? (int)(slash - text) : (int)strlen(text), text);
	return target_check_ports(ports, reterr, size);
}

static bool is_number(const char *text)
{
	return *text && !text[strspn(text, "0123456789")];
}

int target_check(const char *text, enum target_kind *ret, char *reterr, size_t size)
{
	enum target_kind kind;
	uint64_t pid;
	int err;

	if (text[0] == ':') {
		kind = TARGET_PORTS;
		err = check_port_target(text + 1, reterr, size);
	} else if (starts_with(text, "pid:")) {
		kind = TARGET_PROCESS;
		err = parse_u64(text + 4, INT_MAX, &pid);
		if (err < 0 || pid == 0) {
			snprintf(reterr, size, "'%.40s' is no process id", text + 4);
			err = -EINVAL;
		}
	} else if (is_number(text)) {
		kind = TARGET_SERVICE;
		snprintf(reterr, size, "%.40s is no target: a port is written :%.40s",
			 text, text);
		err = -EINVAL;
	} else {
		kind = TARGET_SERVICE;
		err = target_check_name(text, reterr, size);
	}
	if (err < 0)
		return err;

	*ret = kind;
	return 0;
}
