/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * options - a table says what options there are; parsing fills a struct from it.
 *
 * Options and words may be mixed; "--" ends the options.  "--name VALUE",
 * "--name=VALUE", "-n VALUE", "-nVALUE".
 */
#ifndef PORTWATCH_CLI_OPTIONS_H
#define PORTWATCH_CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum option_kind {
	OPTION_FLAG,   /* bool */
	OPTION_TEXT,   /* const char *, borrowed from argv; one of choices where there are
			  any */
	OPTION_CHOICE, /* int: the index into choices */
	OPTION_DURATION, /* struct duration */
	OPTION_LIST,     /* struct option_list, each time one more; borrowed from argv */
};

struct duration {
	bool given;
	uint64_t ms;
};

enum { OPTION_LIST_MAX = 32 };

struct option_list {
	const char *items[OPTION_LIST_MAX];
	size_t n;
};

struct option {
	const char *name; /* "socket"; NULL ends a table */
	char letter;      /* 'o'; 0 none */
	enum option_kind kind;
	size_t offset;     /* into the struct to fill */
	const char *value; /* "FILE"; NULL for a flag */
	const char *help;
	const char *const *choices; /* NULL-terminated; NULL: any */
};

/* A table and the struct that it fills. */
struct option_set {
	const struct option *options; /* NULL: an empty one */
	void *into;
};

/*
 * Takes the option at argv[*at], with its value, and moves *at behind it.  0; -EINVAL
 * with a sentence in @reterr (@size bytes).
 */
int options_take(const struct option_set *sets, size_t n_sets, char *const *argv, int *at,
		 char *reterr, size_t size);

#endif /* PORTWATCH_CLI_OPTIONS_H */
