// SPDX-License-Identifier: GPL-2.0-only
#include "cli/service_columns.h"

#define SHOWN COLUMN_SHOWN
#define WIDE COLUMN_WIDE

/* clang-format off */
const struct column service_status_columns[] = {
	{ .name = "name", .header = "NAME", .flags = SHOWN },
	{ .name = "port", .shown = ".", .header = "PORT",
	  .flags = SHOWN | COLUMN_RIGHT, .show = show_service_ports },
	{ .name = "state", .path = "status", .header = "STATE",
	  .flags = SHOWN | COLUMN_TONED },
	{ .name = "pid", .header = "PID", .flags = SHOWN | COLUMN_RIGHT },
	{ .name = "process", .path = "process.comm", .header = "PROCESS",
	  .flags = SHOWN | COLUMN_CUT },
	{ .name = "health", .header = "HEALTH", .flags = SHOWN | COLUMN_TONED },
	{ .name = "uptime", .path = "uptime_s", .header = "UPTIME",
	  .flags = SHOWN | COLUMN_RIGHT, .show = show_age },
	{ .name = "environment", .header = "ENVIRONMENT", .flags = SHOWN },
	{ .name = "proto", .header = "PROTO", .flags = WIDE },
	{ .name = "address", .header = "ADDRESS", .flags = WIDE },
	{ .name = "user", .path = "process.user", .header = "USER", .flags = WIDE },
	{ .name = "restarts", .header = "RESTARTS", .flags = WIDE | COLUMN_RIGHT },
	{ .name = "alerts", .header = "ALERTS", .flags = WIDE, .show = show_list },
	{ .name = "description", .header = "DESCRIPTION", .flags = WIDE },
	{ .name = "cmdline", .path = "process.cmdline", .header = "CMDLINE",
	  .flags = WIDE, .show = show_words },
	{ .name = "enabled", .header = "ENABLED", .show = show_bool },
	{ .name = "health_endpoint", .header = "HEALTH_ENDPOINT" },
	{ .name = "since", .header = "SINCE", .show = show_time },
	{ .name = "request_count", .header = "REQUESTS", .flags = COLUMN_RIGHT },
	{ .name = "error_count", .header = "ERRORS", .flags = COLUMN_RIGHT },
	{ .name = "exe", .path = "process.exe", .header = "EXE" },
	{ .name = "unit", .path = "process.unit", .header = "UNIT" },
	{ .name = "container", .path = "process.container", .header = "CONTAINER" },
	{ 0 },
};
/* clang-format on */
