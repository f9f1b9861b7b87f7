/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * top_screen - the full-screen view as pieces of text in places, for any terminal.
 *
 * Pure.  Each piece lies on one line within the width; none of its text moves a cursor.
 */
#ifndef PORTWATCH_CLI_TOP_SCREEN_H
#define PORTWATCH_CLI_TOP_SCREEN_H

#include "cli/top_model.h"

struct screen_piece {
	size_t line, column;
	char *text;
	enum tone tone;
	bool reverse;
};

struct screen {
	size_t width, height;
	struct screen_piece *pieces;
	size_t n, capacity;
	bool failed; /* memory ran out; some of it is missing */
};

/* Draw @top on a screen of that size; it takes down what fits there. */
void top_draw(struct top *top, size_t width, size_t height, struct screen *ret);
void screen_done(struct screen *screen);

/* The bytes of the beginning of @text that take at most @width columns. */
size_t screen_cut(const char *text, size_t width);

#endif /* PORTWATCH_CLI_TOP_SCREEN_H */
