/* SPDX-License-Identifier: GPL-2.0-only */
/* output - what stdout is, and writing to it. */
#ifndef PORTWATCH_CLI_OUTPUT_H
#define PORTWATCH_CLI_OUTPUT_H

#include "base/strings.h"

struct terminal {
	bool is_terminal;  /* stdout */
	bool has_messages; /* stderr is a terminal */
	bool colour;       /* of stdout */
	bool utf8;         /* the locale's character set */
	size_t width;      /* columns; 80 where it is no terminal */
};
void terminal_init(struct terminal *ret, bool no_color);

enum tone {
	TONE_NONE,
	TONE_GOOD,
	TONE_NOTICE,
	TONE_WARNING,
	TONE_BAD,
	TONE_DIM,
	TONE_BOLD
};
/* The sequence that begins a tone, and the one that ends any; "" without colour. */
const char *tone_begin(const struct terminal *terminal, enum tone tone);
const char *tone_end(const struct terminal *terminal, enum tone tone);
/* "running", "critical", …: the tone of a word that is a state or severity. */
enum tone tone_of(const char *word, size_t size);

/*
 * Write all of it to stdout, at once.  0, or an enum exit_status: failed, after saying
 * so; or, where the reader has gone, done and silent with *ret_gone (may be NULL) set.
 */
int output_write(const char *data, size_t size, bool *ret_gone);
/* The same of a buffer, which may have run out of memory. */
int output_buffer(const struct buffer *text);

/* Columns that @text takes on a terminal, as the locale has it. */
size_t text_width(const char *text, size_t size);

/* JSON on a terminal: what could move its cursor or turn its text around is written as
 * \uXXXX, which means the same. */
void output_add_safe_json(struct buffer *ret, const char *json, size_t size);

#endif /* PORTWATCH_CLI_OUTPUT_H */
