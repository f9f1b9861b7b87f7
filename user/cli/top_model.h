/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * top_model - what the full-screen view shows, without a screen: rows, their order, a
 * filter, the chosen one, and what a key does to them.
 *
 * Pure: documents of the API and keys in, wishes out.  All text of a row is made safe for
 * a terminal when it is taken in.
 */
#ifndef PORTWATCH_CLI_TOP_MODEL_H
#define PORTWATCH_CLI_TOP_MODEL_H

#include "cli/output.h"
#include "json/doc.h"

enum top_column {
	TOP_PORT,
	TOP_ADDRESS,
	TOP_STATE,
	TOP_PID,
	TOP_PROCESS,
	TOP_USER,
	TOP_SERVICE,
	TOP_AGE,
	TOP_ALERT,
	TOP_COMMAND,
	TOP_COLUMNS,
};

struct top_row {
	char *cells[TOP_COLUMNS];     /* never NULL */
	int64_t numbers[TOP_COLUMNS]; /* to sort by, before the text; 0 where there is
					 none */
	enum tone tone;               /* of its alert; TONE_NONE: it has none */
	char *id;                     /* the same thing has the same one */
	uint16_t port;                /* 0 none */
	bool is_udp;
	uint32_t netns; /* 0 unknown: the daemon's */
	pid_t pid;      /* 0: nobody holds it */
};

enum top_mode {
	TOP_LIST,
	TOP_FILTER, /* the filter is being typed */
	TOP_HELP,
	TOP_DETAIL,  /* a page about the chosen row */
	TOP_CONFIRM, /* shall the process of the plan be ended? */
};

enum { TOP_FILTER_MAX = 64, TOP_MESSAGE_MAX = 256 };

struct top {
	bool utf8; /* what the terminal shows */
	struct top_row *rows;
	size_t n_rows;
	struct top_row **shown; /* what passes the filter, in order */
	size_t n_shown;
	size_t at, first; /* the chosen one, and the first on the screen, of `shown` */
	char *chosen;     /* its id; NULL none */

	enum top_column sort;
	bool descending;
	char filter[TOP_FILTER_MAX + 1];
	enum top_mode mode;
	char message[TOP_MESSAGE_MAX]; /* until the next key; "" none */

	char **page; /* lines of TOP_DETAIL and TOP_CONFIRM */
	size_t page_first;
	size_t page_height; /* as it was last drawn; so was list_height */
	size_t list_height;

	/* The head. */
	char backend[32], version[32];
	bool realtime;
	int64_t lost, resyncs, listeners;
	size_t services, running, critical, warnings;
};

void top_init(struct top *top, bool utf8);
void top_done(struct top *top);

/* Take over what portwatch.status/v1 and portwatch.sockets/v1 say.  -ENOMEM. */
int top_load(struct top *top, const struct doc *status, const struct doc *sockets);
/* What tells a socket from all others; owned; NULL for want of memory. */
char *top_socket_id(const struct doc *socket);
/* NULL where the list is empty. */
const struct top_row *top_chosen(const struct top *top);

/* Show @text, which is not safe, under @mode.  -ENOMEM. */
int top_show_page(struct top *top, enum top_mode mode, const char *text);
/* A sentence in the last line. */
void top_say(struct top *top, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Keys that are no characters. */
enum {
	TOP_KEY_UP = 0x110000,
	TOP_KEY_DOWN,
	TOP_KEY_PAGE_UP,
	TOP_KEY_PAGE_DOWN,
	TOP_KEY_HOME,
	TOP_KEY_END,
	TOP_KEY_ENTER,
	TOP_KEY_ESCAPE,
	TOP_KEY_BACKSPACE,
};

/* What whoever has the terminal is to do now. */
enum top_wish {
	TOP_NOTHING,
	TOP_QUIT,
	TOP_REDRAW,
	TOP_WANTS_DETAIL, /* of the chosen row */
	TOP_WANTS_PLAN,   /* of what ending its process would do */
	TOP_WANTS_END,    /* the plan was agreed to */
};
enum top_wish top_press(struct top *top, int key);

extern const char *const top_titles[TOP_COLUMNS];

#endif /* PORTWATCH_CLI_TOP_MODEL_H */
