// SPDX-License-Identifier: GPL-2.0-only
#include "cli/socket_columns.h"

#define SHOWN COLUMN_SHOWN
#define WIDE COLUMN_WIDE

/* clang-format off */
const struct column socket_columns[] = {
	{ .name = "proto", .header = "PROTO", .flags = SHOWN },
	{ .name = "address", .header = "ADDRESS", .flags = SHOWN | COLUMN_CUT,
	  .width = 0.2 },
	{ .name = "port", .header = "PORT", .flags = SHOWN | COLUMN_RIGHT },
	{ .name = "state", .header = "STATE", .flags = SHOWN },
	{ .name = "pid", .header = "PID", .flags = SHOWN | COLUMN_RIGHT },
	{ .name = "process", .path = "comm", .header = "PROCESS",
	  .flags = SHOWN | COLUMN_CUT },
	{ .name = "user", .header = "USER", .flags = SHOWN | COLUMN_CUT },
	{ .name = "service", .header = "SERVICE",
	  .flags = SHOWN | COLUMN_CUT | COLUMN_SPARE },
	{ .name = "unit", .header = "UNIT", .flags = SHOWN | COLUMN_CUT | COLUMN_SPARE,
	  .width = 0.1 },
	{ .name = "container", .header = "CONTAINER",
	  .flags = SHOWN | COLUMN_CUT | COLUMN_SPARE | COLUMN_ROOMY },
	{ .name = "scope", .header = "SCOPE", .flags = SHOWN | COLUMN_TONED },
	{ .name = "age", .path = "age_s", .header = "AGE",
	  .flags = SHOWN | COLUMN_RIGHT, .show = show_age },
	{ .name = "holders", .header = "HOLDERS", .flags = WIDE, .show = show_processes },
	{ .name = "netns", .header = "NETNS", .flags = WIDE | COLUMN_RIGHT },
	{ .name = "cookie", .header = "COOKIE", .flags = WIDE | COLUMN_RIGHT },
	{ .name = "reuseport", .header = "REUSEPORT", .flags = WIDE, .show = show_bool },
	{ .name = "exe", .path = "process.exe", .header = "EXE", .flags = WIDE },
	{ .name = "cmdline", .path = "process.cmdline", .header = "CMDLINE",
	  .flags = WIDE, .show = show_words },
	{ .name = "reuseaddr", .header = "REUSEADDR", .show = show_bool },
	{ .name = "v6only", .header = "V6ONLY", .show = show_bool },
	{ .name = "mptcp", .header = "MPTCP", .show = show_bool },
	{ .name = "since", .header = "SINCE", .show = show_time },
	{ .name = "source", .header = "SOURCE" },
	{ .name = "uid", .header = "UID", .flags = COLUMN_RIGHT },
	{ .name = "ppid", .path = "process.ppid", .header = "PPID", .flags = COLUMN_RIGHT },
	{ .name = "cwd", .path = "process.cwd", .header = "CWD" },
	{ .name = "cgroup", .path = "process.cgroup", .header = "CGROUP" },
	{ 0 },
};
/* clang-format on */
