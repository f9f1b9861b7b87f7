// SPDX-License-Identifier: GPL-2.0-only
#include "cli/top_model.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/top_private.h"

void top_init(struct top *top, bool utf8)
{
	*top = (struct top){ .utf8 = utf8 };
}

void top_done(struct top *top)
{
	top_free_rows(top->rows, top->n_rows);
	free(top->shown);
	free(top->chosen);
	strv_free(top->page);
	*top = (struct top){ 0 };
}

const struct top_row *top_chosen(const struct top *top)
{
	return top->at < top->n_shown ? top->shown[top->at] : NULL;
}

void top_say(struct top *top, const char *fmt, ...)
{
	_cleanup_(freep) char *safe = NULL;
	char text[TOP_MESSAGE_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	safe = top_safe(top, text);
	snprintf(top->message, sizeof(top->message), "%s", safe ? safe : "");
}

/* -- Order and filter -----------------------------------------------------------------
 */

static bool contains(const struct top_row *row, const char *word, size_t size)
{
	char copy[TOP_FILTER_MAX + 1];

	memcpy(copy, word, size);
	copy[size] = '\0';
	for (size_t i = 0; i < TOP_COLUMNS; i++)
		if (strcasestr(row->cells[i], copy))
			return true;
	return false;
}

/* Each word of the filter is somewhere in it. */
static bool passes(const struct top *top, const struct top_row *row)
{
	for (const char *word = top->filter; *word;) {
		size_t n = strcspn(word, " ");

		if (n && !contains(row, word, n))
			return false;
		word += n;
		word += *word == ' ';
	}
	return true;
}

static int compare_numbers(int64_t a, int64_t b)
{
	return a < b ? -1 : a > b;
}

static int compare_by(const struct top_row *a, const struct top_row *b,
		      enum top_column column)
{
	int order = compare_numbers(a->numbers[column], b->numbers[column]);

	return order ? order : strcasecmp(a->cells[column], b->cells[column]);
}

static int compare(const void *x, const void *y, void *arg)
{
	const struct top *top = arg;
	const struct top_row *a = *(struct top_row *const *)x,
			     *b = *(struct top_row *const *)y;
	bool has_a = *a->cells[top->sort], has_b = *b->cells[top->sort];
	int order;

	/* What is not there comes last, whichever the direction. */
	if (has_a != has_b)
		return has_a ? -1 : 1;
	order = compare_by(a, b, top->sort);
	if (order == 0)
		order = compare_by(a, b, TOP_PORT);
	if (order == 0)
		order = strcmp(a->id, b->id);
	return top->descending ? -order : order;
}

static int choose(struct top *top, size_t at)
{
	const struct top_row *row;

	top->at = at < top->n_shown ? at : top->n_shown ? top->n_shown - 1 : 0;
	row = top_chosen(top);
	free(take(top->chosen));
	if (!row)
		return 0;
	top->chosen = strdup(row->id);
	return top->chosen ? 0 : -ENOMEM;
}

int top_arrange(struct top *top)
{
	struct top_row **shown = calloc(top->n_rows + 1, sizeof(struct top_row *));
	size_t n = 0, at = top->at;

	if (!shown)
		return -ENOMEM;
	for (size_t i = 0; i < top->n_rows; i++)
		if (passes(top, &top->rows[i]))
			shown[n++] = &top->rows[i];
	qsort_r(shown, n, sizeof(struct top_row *), compare, top);
	free(top->shown);
	top->shown = shown;
	top->n_shown = n;
	for (size_t i = 0; top->chosen && i < n; i++)
		if (streq(shown[i]->id, top->chosen))
			at = i;
	return choose(top, at);
}

/* -- What the API says ----------------------------------------------------------------
 */

static void load_head(struct top *top, const struct doc *status,
		      const struct doc *sockets)
{
	const struct doc *kernel = doc_get(status, "kernel");
	const char *backend = doc_get_string(kernel, "backend");
	const char *version = doc_get_string(doc_get(status, "daemon"), "version");
	const struct doc *services = doc_get(status, "services");

	snprintf(top->backend, sizeof(top->backend), "%s", backend ? backend : "?");
	snprintf(top->version, sizeof(top->version), "%s", version ? version : "?");
	top->realtime = doc_get_bool(kernel, "realtime", false);
	top->lost = doc_get_int(kernel, "events_lost", 0);
	top->resyncs = doc_get_int(kernel, "resyncs", 0);
	top->services = doc_count(services);
	top->running = top->critical = top->warnings = 0;
	top->listeners = 0;
	for (const struct doc *s = doc_first(services); s; s = doc_next(s))
		top->running += streq(doc_get_string(s, "status"), "running");
	for (const struct doc *s = doc_first(sockets); s; s = doc_next(s))
		top->listeners += streq(doc_get_string(s, "state"), "listening");
	for (const struct doc *a = doc_first(doc_get(status, "alerts")); a;
	     a = doc_next(a)) {
		top->critical += streq(doc_get_string(a, "severity"), "critical");
		top->warnings += streq(doc_get_string(a, "severity"), "warning");
	}
}

int top_load(struct top *top, const struct doc *status, const struct doc *sockets)
{
	const struct doc *list = doc_get(sockets, "sockets");
	struct top_row *rows;
	size_t n;
	int err = top_make_rows(top, status, list, &rows, &n);

	if (err < 0)
		return err;
	load_head(top, status, list);
	top_free_rows(top->rows, top->n_rows);
	top->rows = rows;
	top->n_rows = n;
	/* They pointed into the rows that have gone. */
	top->n_shown = 0;
	return top_arrange(top);
}

int top_show_page(struct top *top, enum top_mode mode, const char *text)
{
	_cleanup_(strv_freep) char **page = NULL;

	while (*text) {
		size_t n = strcspn(text, "\n");
		_cleanup_(freep) char *line = strndup(text, n), *safe = NULL;

		safe = line ? top_safe(top, line) : NULL;
		if (!safe || strv_append(&page, safe) < 0)
			return -ENOMEM;
		text += n;
		text += *text == '\n';
	}
	strv_free(top->page);
	top->page = take(page);
	top->page_first = 0;
	top->message[0] = '\0';
	top->mode = mode;
	return 0;
}

/* -- Keys -----------------------------------------------------------------------------
 */

static size_t moved(size_t from, int key, size_t page, size_t last)
{
	switch (key) {
	case 'j':
	case TOP_KEY_DOWN:
		return from < last ? from + 1 : last;
	case TOP_KEY_UP:
		return from ? from - 1 : 0;
	case TOP_KEY_PAGE_DOWN:
	case ' ':
		return from + page < last ? from + page : last;
	case TOP_KEY_PAGE_UP:
		return from > page ? from - page : 0;
	case 'g':
	case TOP_KEY_HOME:
		return 0;
	case 'G':
	case TOP_KEY_END:
		return last;
	default:
		return from;
	}
}

static enum top_wish arrange(struct top *top)
{
	if (top_arrange(top) < 0)
		top_say(top, "Out of memory");
	return TOP_REDRAW;
}

static enum top_wish sort_by(struct top *top, unsigned column)
{
	top->sort = (enum top_column)(column % TOP_COLUMNS);
	top->descending = false;
	return arrange(top);
}

static enum top_wish press_in_list(struct top *top, int key)
{
	const struct top_row *row = top_chosen(top);

	switch (key) {
	case 'q':
		return TOP_QUIT;
	case '/':
		top->mode = TOP_FILTER;
		return TOP_REDRAW;
	case TOP_KEY_ESCAPE:
		top->filter[0] = '\0';
		return arrange(top);
	case 's':
	case '>':
		return sort_by(top, top->sort + 1);
	case 'S':
	case '<':
		return sort_by(top, top->sort + TOP_COLUMNS - 1);
	case 'r':
		top->descending = !top->descending;
		return arrange(top);
	case '?':
	case 'h':
		top->mode = TOP_HELP;
		return TOP_REDRAW;
	case TOP_KEY_ENTER:
		return row ? TOP_WANTS_DETAIL : TOP_NOTHING;
	case 'k':
		if (row && row->pid)
			return TOP_WANTS_PLAN;
		top_say(top, "No process is known to hold this");
		return TOP_REDRAW;
	default:
		choose(top, moved(top->at, key, top->list_height,
				  top->n_shown ? top->n_shown - 1 : 0));
		return TOP_REDRAW;
	}
}

static void drop_character(char *text)
{
	size_t n = strlen(text);

	while (n > 0 && (text[--n] & 0xc0) == 0x80)
		;
	text[n] = '\0';
}

/* Bytes of a character come one by one. */
static enum top_wish press_in_filter(struct top *top, int key)
{
	size_t n = strlen(top->filter);

	if (key == TOP_KEY_ENTER) {
		top->mode = TOP_LIST;
	} else if (key == TOP_KEY_ESCAPE) {
		top->filter[0] = '\0';
		top->mode = TOP_LIST;
	} else if (key == TOP_KEY_BACKSPACE) {
		drop_character(top->filter);
	} else if (key >= ' ' && key != 0x7f && key <= 0xff && n < TOP_FILTER_MAX) {
		top->filter[n] = (char)key;
		top->filter[n + 1] = '\0';
	}
	return arrange(top);
}

static enum top_wish press_in_page(struct top *top, int key)
{
	size_t n = strv_length(top->page);

	if (key == 'q' || key == TOP_KEY_ESCAPE || key == TOP_KEY_ENTER)
		top->mode = TOP_LIST;
	else
		top->page_first =
			moved(top->page_first, key, top->page_height, n ? n - 1 : 0);
	return TOP_REDRAW;
}

/* Only one key says yes. */
static enum top_wish press_in_question(struct top *top, int key)
{
	top->mode = TOP_LIST;
	if (key == 'y')
		return TOP_WANTS_END;
	top_say(top, "Nothing was ended");
	return TOP_REDRAW;
}

enum top_wish top_press(struct top *top, int key)
{
	top->message[0] = '\0';
	switch (top->mode) {
	case TOP_LIST:
		return press_in_list(top, key);
	case TOP_FILTER:
		return press_in_filter(top, key);
	case TOP_HELP:
		top->mode = TOP_LIST;
		return TOP_REDRAW;
	case TOP_DETAIL:
		return press_in_page(top, key);
	case TOP_CONFIRM:
		return press_in_question(top, key);
	}
	return TOP_NOTHING;
}
