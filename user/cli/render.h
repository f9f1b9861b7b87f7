/* SPDX-License-Identifier: GPL-2.0-only */
/* render - a document with rows in the format that was asked for. */
#ifndef PORTWATCH_CLI_RENDER_H
#define PORTWATCH_CLI_RENDER_H

#include "cli/cli.h"
#include "cli/columns.h"
#include "cli/rows.h"

/* What a verb shows. */
struct view {
	const char *key;              /* the member that has the rows: "sockets" */
	const struct column *columns; /* each field that there is */
	const char *nothing;          /* told on stderr where there are no rows; NULL */
};

/* What --fields, --sort and --output make of it. */
struct selection {
	const struct view *view;
	const struct column *columns[PATHS_MAX];
	size_t n_columns;
	bool asked;                /* --fields was given */
	const struct column *sort; /* NULL: as they come */
	bool descending;
	/* Only rows whose `name` is one of these; NULL: all. */
	char *const *names;
};

/* 0, or STATUS_USAGE after naming the field that does not exist. */
int selection_make(const struct command *cmd, const struct view *view,
		   struct selection *ret);

/* Print the rows of a document.  An enum exit_status.  *ret_count (may be NULL) gets how
 * many there were; it is written in every case. */
int render_rows(const struct command *cmd, const struct selection *selection,
		const char *document, size_t size, size_t *ret_count);
/* A whole document, indented. */
int render_document(const struct command *cmd, const char *document, size_t size);
/* The table of rows that are part of a page, at the end of @ret.  -ENOMEM. */
int render_table(const struct command *cmd, const struct selection *selection,
		 const struct rows *rows, struct buffer *ret);
/* The paths that a selection reads, for rows_read(); answers how many. */
size_t selection_paths(const struct command *cmd, const struct selection *selection,
		       const char **ret);

/* {"name": value, …} of the selected columns, from values that selection_paths() chose.
 */
void render_object(const struct selection *selection, const struct span *values,
		   struct buffer *ret);
/* One line of CSV (RFC 4180): the names of the columns, or values. */
void render_csv_names(const struct selection *selection, struct buffer *ret);
void render_csv(const struct command *cmd, const struct selection *selection,
		const struct span *values, struct buffer *ret);

#endif /* PORTWATCH_CLI_RENDER_H */
