/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * top_terminal - the terminal of the full-screen view: ncursesw, and nothing else does.
 *
 * The library is loaded when it is first needed: linked, it and libtinfo would cost every
 * command 1 ms.
 */
#ifndef PORTWATCH_CLI_TOP_TERMINAL_H
#define PORTWATCH_CLI_TOP_TERMINAL_H

#include "cli/top_screen.h"

struct top_terminal;

/* Takes over the terminal that stdin and stdout are.  -ENOPKG where the library is
 * missing, -ENOTTY for a terminal that cannot be drawn on, -ENOMEM. */
int top_terminal_open(bool colour, struct top_terminal **ret);
/* Leaves it as it was.  Accepts NULL, returns NULL. */
struct top_terminal *top_terminal_close(struct top_terminal *terminal);

/* Its size has changed. */
void top_terminal_resize(struct top_terminal *terminal);
void top_terminal_size(const struct top_terminal *terminal, size_t *ret_width,
		       size_t *ret_height);
void top_terminal_show(struct top_terminal *terminal, const struct screen *screen);
/* Everything is drawn anew, whatever has been written over it. */
void top_terminal_renew(struct top_terminal *terminal);
/* A byte or TOP_KEY_*; -EAGAIN: none now. */
int top_terminal_key(struct top_terminal *terminal);

#endif /* PORTWATCH_CLI_TOP_TERMINAL_H */
