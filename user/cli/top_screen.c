// SPDX-License-Identifier: GPL-2.0-only
#include "cli/top_screen.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "cli/top_private.h"

enum { GAP = 2, LEAST_WIDTH = 30, LEAST_HEIGHT = 6, HEAD_LINES = 2 };

size_t screen_cut(const char *text, size_t width)
{
	size_t size = strlen(text), at = 0, used = 0;

	while (at < size) {
		size_t n = utf8_sequence(text + at, size - at);
		size_t columns = text_width(text + at, n ? n : 1);

		if (used + columns > width)
			break;
		used += columns;
		at += n ? n : 1;
	}
	return at;
}

void screen_done(struct screen *screen)
{
	for (size_t i = 0; i < screen->n; i++)
		free(screen->pieces[i].text);
	free(screen->pieces);
	*screen = (struct screen){ 0 };
}

static struct screen_piece *add_piece(struct screen *screen)
{
	size_t capacity = screen->capacity ? 2 * screen->capacity : 256;
	struct screen_piece *pieces;

	if (screen->n == screen->capacity) {
		pieces = realloc(screen->pieces, capacity * sizeof(*pieces));
		if (!pieces)
			return NULL;
		screen->pieces = pieces;
		screen->capacity = capacity;
	}
	return &screen->pieces[screen->n++];
}

/* At most @width columns of @text; in reverse, with blanks up to there. */
static void put(struct screen *screen, size_t line, size_t column, const char *text,
		size_t width, enum tone tone, bool reverse)
{
	struct screen_piece piece = { line, column, NULL, tone, reverse };
	struct screen_piece *place;
	size_t room = column < screen->width ? screen->width - column : 0, bytes, used;

	if (line >= screen->height || room == 0)
		return;
	width = width < room ? width : room;
	bytes = screen_cut(text, width);
	used = text_width(text, bytes);
	if (asprintf(&piece.text, "%.*s%*s", (int)bytes, text,
		     reverse && width > used ? (int)(width - used) : 0, "") < 0)
		piece.text = NULL;
	place = piece.text ? add_piece(screen) : NULL;
	if (place)
		*place = piece;
	else
		free(piece.text);
	screen->failed |= !place;
}

__attribute__((format(printf, 4, 5))) static size_t say(struct screen *screen,
							size_t line, size_t column,
							const char *fmt, ...)
{
	_cleanup_(freep) char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	text = format_text(fmt, ap);
	va_end(ap);
	if (!text) {
		screen->failed = true;
		return column;
	}
	put(screen, line, column, text, SIZE_MAX, TONE_NONE, false);
	return column + text_width(text, strlen(text));
}

/* -- Columns --------------------------------------------------------------------------
 */

static const struct {
	unsigned char least, most; /* columns; most 0: whatever there is */
	unsigned char goes;        /* in this order where there is no room; 0: never */
	bool right;
} fits[TOP_COLUMNS] = {
	[TOP_PORT] = { 5, 9, 0, true },      [TOP_ADDRESS] = { 9, 39, 4, false },
	[TOP_STATE] = { 9, 9, 6, false },    [TOP_PID] = { 5, 7, 5, true },
	[TOP_PROCESS] = { 7, 16, 0, false }, [TOP_USER] = { 4, 16, 2, false },
	[TOP_SERVICE] = { 7, 32, 8, false }, [TOP_AGE] = { 4, 8, 3, true },
	[TOP_ALERT] = { 8, 13, 7, false },   [TOP_COMMAND] = { 12, 0, 1, false },
};

struct layout {
	size_t widths[TOP_COLUMNS]; /* 0: left out */
};

static size_t sum_of(const struct layout *layout)
{
	size_t all = 0;

	for (size_t i = 0; i < TOP_COLUMNS; i++)
		all += layout->widths[i] ? layout->widths[i] + (all ? GAP : 0) : 0;
	return all;
}

/* What the rows on the screen want. */
static size_t wanted(const struct top *top, size_t column)
{
	size_t width = strlen(top_titles[column]);
	size_t most = fits[column].most ? fits[column].most : SIZE_MAX;

	for (size_t i = 0; i < top->list_height && top->first + i < top->n_shown; i++) {
		const char *cell = top->shown[top->first + i]->cells[column];
		size_t n = text_width(cell, strlen(cell));

		width = n > width ? n : width;
	}
	return width < most ? width : most;
}

static void leave_out(struct layout *layout, size_t order)
{
	for (size_t i = 0; i < TOP_COLUMNS; i++)
		if (fits[i].goes == order)
			layout->widths[i] = 0;
}

static void lay_out(const struct top *top, size_t width, struct layout *ret)
{
	struct layout want, least;

	for (size_t i = 0; i < TOP_COLUMNS; i++) {
		want.widths[i] = wanted(top, i);
		least.widths[i] =
			want.widths[i] < fits[i].least ? want.widths[i] : fits[i].least;
	}
	for (size_t order = 1; order < TOP_COLUMNS && sum_of(&least) > width; order++) {
		leave_out(&least, order);
		leave_out(&want, order);
	}
	/* Each in turn gets what it wants of what is left, the command last. */
	for (size_t i = 0; i < TOP_COLUMNS; i++) {
		size_t used = sum_of(&least), left = width > used ? width - used : 0;
		size_t more = want.widths[i] - least.widths[i];

		least.widths[i] += more < left ? more : left;
	}
	*ret = least;
}

static void put_cell(struct screen *screen, size_t line, size_t column, size_t i,
		     const char *text, size_t width, enum tone tone, bool reverse)
{
	size_t bytes = screen_cut(text, width);
	size_t used = text_width(text, bytes);

	if (fits[i].right && used < width)
		column += width - used;
	put(screen, line, column, text, fits[i].right ? used : width, tone, reverse);
}

static enum tone tone_of_cell(const struct top_row *row, size_t i)
{
	if (i == TOP_ALERT)
		return row->tone;
	if (i == TOP_STATE)
		return tone_of(row->cells[i], strlen(row->cells[i]));
	return TONE_NONE;
}

/* @row NULL: the titles. */
static void draw_row(struct screen *screen, const struct layout *layout, size_t line,
		     const struct top *top, const struct top_row *row, bool is_chosen)
{
	bool reverse = !row || is_chosen;
	size_t column = 0;

	if (reverse)
		put(screen, line, 0, "", screen->width, TONE_NONE, true);
	for (size_t i = 0; i < TOP_COLUMNS; i++) {
		enum tone tone = TONE_NONE;

		if (layout->widths[i] == 0)
			continue;
		if (!row)
			tone = i == top->sort ? TONE_BOLD : TONE_NONE;
		else if (!is_chosen)
			tone = tone_of_cell(row, i);
		put_cell(screen, line, column, i, row ? row->cells[i] : top_titles[i],
			 layout->widths[i], tone, reverse);
		column += layout->widths[i] + GAP;
	}
}

/* -- The head and the foot ------------------------------------------------------------
 */

static void draw_head(struct screen *screen, const struct top *top)
{
	size_t at = 0;

	at = say(screen, 0, 0, "portwatch %s  %s, %s", top->version, top->backend,
		 top->realtime ? "live" : "now and then");
	at = say(screen, 0, at + GAP, "%" PRId64 " listening", top->listeners);
	at = say(screen, 0, at + GAP, "services %zu/%zu", top->running, top->services);
	say(screen, 0, at + GAP, "%" PRId64 " lost, %" PRId64 " resyncs", top->lost,
	    top->resyncs);
}

static void draw_alerts(struct screen *screen, const struct top *top)
{
	_cleanup_(freep) char *filter = top_safe(top, top->filter);
	char text[64];
	size_t at;

	snprintf(text, sizeof(text), "%zu critical, %zu warning%s", top->critical,
		 top->warnings, top->warnings == 1 ? "" : "s");
	put(screen, 1, 0, text, SIZE_MAX,
	    top->critical   ? TONE_BAD
	    : top->warnings ? TONE_WARNING
			    : TONE_GOOD,
	    false);
	at = say(screen, 1, strlen(text) + GAP, "%zu of %zu shown, by %s%s", top->n_shown,
		 top->n_rows, top_titles[top->sort], top->descending ? " down" : "");
	if (*top->filter)
		say(screen, 1, at + GAP, "filter: %s", filter ? filter : "");
}

static const char keys_of_list[] =
	"q quit  / filter  s sort  r reverse  Enter why  k kill  ? help";

static void draw_foot(struct screen *screen, const struct top *top)
{
	static const char *const keys[] = {
		[TOP_LIST] = keys_of_list,
		[TOP_FILTER] = "Enter keeps the filter, Esc drops it",
		[TOP_HELP] = "any key goes back",
		[TOP_DETAIL] = "q goes back; arrows and PgUp, PgDn move",
		[TOP_CONFIRM] = "End it? y ends it, any other key does not",
	};
	const char *text = *top->message ? top->message : keys[top->mode];

	put(screen, screen->height - 1, 0, text, screen->width,
	    top->mode == TOP_CONFIRM ? TONE_BAD : TONE_NONE, true);
}

/* -- The middle -----------------------------------------------------------------------
 */

/* The chosen row is on the screen. */
static void scroll(struct top *top)
{
	if (top->at < top->first)
		top->first = top->at;
	if (top->at >= top->first + top->list_height)
		top->first = top->at - top->list_height + 1;
	if (top->first + top->list_height > top->n_shown)
		top->first = top->n_shown > top->list_height
				     ? top->n_shown - top->list_height
				     : 0;
}

static void draw_list(struct screen *screen, struct top *top)
{
	struct layout layout;

	top->list_height = screen->height - HEAD_LINES - 2;
	scroll(top);
	lay_out(top, screen->width, &layout);
	draw_row(screen, &layout, HEAD_LINES, top, NULL, false);
	for (size_t i = 0; i < top->list_height && top->first + i < top->n_shown; i++)
		draw_row(screen, &layout, HEAD_LINES + 1 + i, top,
			 top->shown[top->first + i], top->first + i == top->at);
	if (top->n_shown == 0)
		say(screen, HEAD_LINES + 2, 2, "%s",
		    top->n_rows ? "Nothing passes the filter" : "Nothing is bound");
}

static void draw_help(struct screen *screen)
{
	static const char *const lines[] = {
		"Every bound port, and every service that does not serve.",
		"",
		"arrows, j, PgUp, PgDn, g, G   choose",
		"/            filter: rows that have each of the words; Esc drops it",
		"s  S         sort by the next column, or by the one before",
		"r            the other way round",
		"Enter        why: who holds it, since when, and what stands in the way",
		"k            end the process that holds it, after asking",
		"Ctrl-L       draw anew",
		"q            quit",
		"",
		"ALERT names the worst that stands at the port; see 'portwatch alerts'.",
	};

	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++)
		if (HEAD_LINES + 1 + i < screen->height - 1)
			put(screen, HEAD_LINES + 1 + i, 2, lines[i], SIZE_MAX, TONE_NONE,
			    false);
}

static void draw_page(struct screen *screen, struct top *top)
{
	size_t line = HEAD_LINES + 1, end = screen->height - 1;
	char **text = top->page ? top->page + top->page_first : NULL;

	top->page_height = end - line;
	for (; text && *text && line < end; text++) {
		const char *rest = *text;

		do {
			put(screen, line++, 0, rest, SIZE_MAX, TONE_NONE, false);
			rest += screen_cut(rest, screen->width);
		} while (*rest && line < end);
	}
}

void top_draw(struct top *top, size_t width, size_t height, struct screen *ret)
{
	*ret = (struct screen){ .width = width, .height = height };
	if (width < LEAST_WIDTH || height < LEAST_HEIGHT) {
		put(ret, 0, 0, "too small", SIZE_MAX, TONE_NONE, false);
		return;
	}
	draw_head(ret, top);
	draw_alerts(ret, top);
	switch (top->mode) {
	case TOP_LIST:
	case TOP_FILTER:
		draw_list(ret, top);
		break;
	case TOP_HELP:
		draw_help(ret);
		break;
	case TOP_DETAIL:
	case TOP_CONFIRM:
		draw_page(ret, top);
		break;
	}
	draw_foot(ret, top);
}
