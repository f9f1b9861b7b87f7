// SPDX-License-Identifier: GPL-2.0-only
#define NCURSES_NOMACROS 1
#define NCURSES_WIDECHAR 1
#include "cli/top_terminal.h"

#include <dlfcn.h>
#include <errno.h>
#include <ncurses.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { ESCAPE_MS = 25, CTRL_L = 'L' & 0x1f, DELETE = 0x7f };

/* clang-format off */
#define FUNCTIONS(use)                                                                \
	use(newterm) use(endwin) use(cbreak) use(noecho) use(nonl)     \
	use(keypad) use(nodelay) use(curs_set) use(newwin) use(wgetch) use(werase)    \
	use(wmove) use(waddstr) use(wattr_set) use(wrefresh) use(has_colors)          \
	use(start_color) use(use_default_colors) use(init_pair) use(resizeterm)       \
	use(wresize) use(set_escdelay) use(clearok)
/* clang-format on */

#define MEMBER(name) typeof(name) *name;
struct library {
	void *handle;
	FUNCTIONS(MEMBER)
};

struct top_terminal {
	struct library nc;
	SCREEN *screen;
	WINDOW *window;
	bool colour;
	size_t width, height;
};

static int load(struct library *library)
{
	bool complete = true;

	library->handle = dlopen("libncursesw.so.6", RTLD_NOW | RTLD_LOCAL);
	if (!library->handle)
		return -ENOPKG;
#define LOAD(name)                                     \
	library->name = dlsym(library->handle, #name); \
	complete = complete && library->name;
	FUNCTIONS(LOAD)
	return complete ? 0 : -ENOPKG;
}

static void look_at_size(struct top_terminal *terminal)
{
	struct winsize size;

	terminal->width = 80;
	terminal->height = 24;
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0)
		return;
	terminal->width = size.ws_col ? size.ws_col : terminal->width;
	terminal->height = size.ws_row ? size.ws_row : terminal->height;
}

static void begin_colours(struct top_terminal *terminal)
{
	static const short of_tone[] = {
		[TONE_GOOD] = COLOR_GREEN,
		[TONE_NOTICE] = COLOR_CYAN,
		[TONE_WARNING] = COLOR_YELLOW,
		[TONE_BAD] = COLOR_RED,
	};
	struct library *nc = &terminal->nc;

	terminal->colour = terminal->colour && nc->has_colors();
	if (!terminal->colour)
		return;
	nc->start_color();
	nc->use_default_colors();
	for (int tone = TONE_GOOD; tone <= TONE_BAD; tone++)
		nc->init_pair((short)tone, of_tone[tone], -1);
}

static int begin(struct top_terminal *terminal)
{
	struct library *nc = &terminal->nc;

	/* initscr() would end the program where it does not know TERM. */
	terminal->screen = nc->newterm(NULL, stdout, stdin);
	if (!terminal->screen)
		return -ENOTTY;
	nc->cbreak();
	nc->noecho();
	nc->nonl();
	nc->curs_set(0);
	nc->set_escdelay(ESCAPE_MS);
	look_at_size(terminal);
	terminal->window = nc->newwin(0, 0, 0, 0);
	if (!terminal->window)
		return -ENOMEM;
	nc->keypad(terminal->window, true);
	nc->nodelay(terminal->window, true);
	begin_colours(terminal);
	return 0;
}

int top_terminal_open(bool colour, struct top_terminal **ret)
{
	struct top_terminal *terminal = calloc(1, sizeof(*terminal));
	int err;

	if (!terminal)
		return -ENOMEM;
	terminal->colour = colour;
	err = load(&terminal->nc);
	if (err == 0)
		err = begin(terminal);
	if (err < 0) {
		top_terminal_close(terminal);
		return err;
	}
	*ret = terminal;
	return 0;
}

struct top_terminal *top_terminal_close(struct top_terminal *terminal)
{
	if (!terminal)
		return NULL;
	/* The library keeps what it has: it gives back not all of it, and the program is
	 * about to end. */
	if (terminal->screen)
		terminal->nc.endwin();
	free(terminal);
	return NULL;
}

void top_terminal_resize(struct top_terminal *terminal)
{
	look_at_size(terminal);
	terminal->nc.resizeterm((int)terminal->height, (int)terminal->width);
	terminal->nc.wresize(terminal->window, (int)terminal->height,
			     (int)terminal->width);
	top_terminal_renew(terminal);
}

void top_terminal_size(const struct top_terminal *terminal, size_t *ret_width,
		       size_t *ret_height)
{
	*ret_width = terminal->width;
	*ret_height = terminal->height;
}

void top_terminal_renew(struct top_terminal *terminal)
{
	terminal->nc.clearok(terminal->window, true);
}

static void set_style(struct top_terminal *terminal, const struct screen_piece *piece)
{
	attr_t attributes = piece->reverse ? A_REVERSE : A_NORMAL;
	short pair = 0;

	if (piece->tone == TONE_BAD || piece->tone == TONE_BOLD)
		attributes |= A_BOLD;
	if (piece->tone == TONE_DIM)
		attributes |= A_DIM;
	if (terminal->colour && piece->tone >= TONE_GOOD && piece->tone <= TONE_BAD)
		pair = (short)piece->tone;
	terminal->nc.wattr_set(terminal->window, attributes, pair, NULL);
}

void top_terminal_show(struct top_terminal *terminal, const struct screen *screen)
{
	struct library *nc = &terminal->nc;

	nc->wattr_set(terminal->window, A_NORMAL, 0, NULL);
	nc->werase(terminal->window);
	for (size_t i = 0; i < screen->n; i++) {
		const struct screen_piece *piece = &screen->pieces[i];

		set_style(terminal, piece);
		nc->wmove(terminal->window, (int)piece->line, (int)piece->column);
		nc->waddstr(terminal->window, piece->text);
	}
	nc->wrefresh(terminal->window);
}

int top_terminal_key(struct top_terminal *terminal)
{
	static const struct {
		int theirs, ours;
	} keys[] = {
		{ KEY_UP, TOP_KEY_UP },
		{ KEY_DOWN, TOP_KEY_DOWN },
		{ KEY_PPAGE, TOP_KEY_PAGE_UP },
		{ KEY_NPAGE, TOP_KEY_PAGE_DOWN },
		{ KEY_HOME, TOP_KEY_HOME },
		{ KEY_END, TOP_KEY_END },
		{ KEY_ENTER, TOP_KEY_ENTER },
		{ '\r', TOP_KEY_ENTER },
		{ '\n', TOP_KEY_ENTER },
		{ '\033', TOP_KEY_ESCAPE },
		{ KEY_BACKSPACE, TOP_KEY_BACKSPACE },
		{ '\b', TOP_KEY_BACKSPACE },
		{ DELETE, TOP_KEY_BACKSPACE },
	};
	int key = terminal->nc.wgetch(terminal->window);

	if (key == ERR)
		return -EAGAIN;
	if (key == CTRL_L)
		top_terminal_renew(terminal);
	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++)
		if (key == keys[i].theirs)
			return keys[i].ours;
	return key <= 0xff ? key : 0;
}
