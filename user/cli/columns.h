/* SPDX-License-Identifier: GPL-2.0-only */
/* columns - what a table may show of a row, and how a value is shown to people. */
#ifndef PORTWATCH_CLI_COLUMNS_H
#define PORTWATCH_CLI_COLUMNS_H

#include "cli/output.h"
#include "client/reader.h"

enum {
	COLUMN_SHOWN = 1 << 0, /* in a table */
	COLUMN_WIDE = 1 << 1,  /* in a wide one */
	COLUMN_RIGHT = 1 << 2,
	COLUMN_CUT = 1 << 3,   /* may be cut where the terminal is narrow */
	COLUMN_SPARE = 1 << 4, /* left out on a terminal where it is empty in each row */
	COLUMN_TONED = 1 << 5, /* coloured by what it says */
	COLUMN_ROOMY = 1 << 6, /* left out on a terminal of fewer than 100 columns */
};

/* Adds text that is fit for a terminal. */
typedef void (*show_fn)(struct span value, struct buffer *ret);

struct column {
	const char *name; /* as --fields, --sort, CSV and JSON lines have it; NULL ends */
	const char *path; /* in the row; NULL: its name */
	const char *shown;  /* in the row, for people; NULL: path */
	const char *header; /* "PID" */
	unsigned flags;
	show_fn show; /* NULL: show_text */
	double width; /* share of a narrow terminal that it keeps, below 1 */
};

static inline const char *column_path(const struct column *column)
{
	return column->path ? column->path : column->name;
}
static inline const char *column_shown(const struct column *column)
{
	return column->shown ? column->shown : column_path(column);
}

/* The text itself, where it needs nothing done to it: nearly always. */
bool show_plain(struct span value, struct span *ret);
void show_text(struct span value, struct buffer *ret);  /* null: "-" */
void show_bool(struct span value, struct buffer *ret);  /* "yes", "no" */
void show_list(struct span value, struct buffer *ret);  /* "a,b" */
void show_words(struct span value, struct buffer *ret); /* an argv */
void show_time(struct span value, struct buffer *ret);  /* local time */
void show_age(struct span value, struct buffer *ret);   /* of seconds: "3d 4h" */
void show_ports(struct span value, struct buffer *ret); /* "8765,53/udp" */
/* Of a row with `port` and `ports`; "dynamic" where it has neither. */
void show_service_ports(struct span row, struct buffer *ret);
void show_processes(struct span value, struct buffer *ret); /* "nginx(12),nginx(13)" */

#endif /* PORTWATCH_CLI_COLUMNS_H */
