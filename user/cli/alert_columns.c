// SPDX-License-Identifier: GPL-2.0-only
#include "cli/alert_columns.h"

#define SHOWN COLUMN_SHOWN
#define WIDE COLUMN_WIDE

/* clang-format off */
const struct column alert_columns[] = {
	{ .name = "id", .header = "ID", .flags = SHOWN | COLUMN_RIGHT },
	{ .name = "severity", .header = "SEVERITY", .flags = SHOWN | COLUMN_TONED },
	{ .name = "kind", .header = "KIND", .flags = SHOWN },
	{ .name = "service", .header = "SERVICE", .flags = SHOWN },
	{ .name = "port", .header = "PORT", .flags = SHOWN | COLUMN_RIGHT },
	{ .name = "proto", .header = "PROTO", .flags = SHOWN },
	{ .name = "pid", .path = "found.pid", .header = "PID",
	  .flags = SHOWN | COLUMN_RIGHT },
	{ .name = "process", .path = "found.comm", .header = "PROCESS", .flags = SHOWN },
	{ .name = "since", .header = "SINCE", .flags = SHOWN, .show = show_time },
	{ .name = "message", .header = "MESSAGE", .flags = SHOWN | COLUMN_CUT },
	{ .name = "fix", .header = "FIX", .flags = SHOWN },
	{ .name = "address", .header = "ADDRESS", .flags = WIDE },
	{ .name = "user", .path = "found.user", .header = "USER", .flags = WIDE },
	{ .name = "cmdline", .path = "found.cmdline", .header = "CMDLINE", .flags = WIDE,
	  .show = show_words },
	{ .name = "cwd", .path = "found.cwd", .header = "CWD", .flags = WIDE },
	{ .name = "holder", .path = "holder.comm", .header = "HOLDER", .flags = WIDE },
	{ .name = "holder_pid", .path = "holder.pid", .header = "HOLDER_PID",
	  .flags = WIDE | COLUMN_RIGHT },
	{ .name = "repeats", .header = "REPEATS", .flags = WIDE | COLUMN_RIGHT },
	{ .name = "latency_us", .header = "LATENCY_US", .flags = WIDE | COLUMN_RIGHT },
	{ .name = "state", .header = "STATE", .flags = COLUMN_TONED },
	{ .name = "netns", .header = "NETNS", .flags = COLUMN_RIGHT },
	{ .name = "expected", .header = "EXPECTED" },
	{ .name = "resolved_at", .header = "RESOLVED", .show = show_time },
	{ .name = "exe", .path = "found.exe", .header = "EXE" },
	{ .name = "unit", .path = "found.unit", .header = "UNIT" },
	{ .name = "container", .path = "found.container", .header = "CONTAINER" },
	{ 0 },
};
/* clang-format on */
