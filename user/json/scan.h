/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * scan - is a text JSON to the letter, and where in it does a value stand?
 *
 * cJSON lets much pass that is none (leading zeros, control characters, NUL bytes,
 * invalid UTF-8) and keeps no positions.  So a text from outside is scanned first, with
 * words for what people get wrong, and scanned again up to the place of a fault that was
 * found in its meaning.
 */
#ifndef PORTWATCH_JSON_SCAN_H
#define PORTWATCH_JSON_SCAN_H

#include <stdbool.h>
#include <stddef.h>

enum {
	SCAN_DEPTH_MAX = 256,
	SCAN_NUMBER_MAX = 63, /* characters; cJSON before 1.7.19 reads no more */
};

struct scan_fault {
	size_t offset;
	char what[160];
	char remedy[160]; /* "" none */
};

/*
 * RFC 8259, in UTF-8, with a byte order mark at most; no \u0000 and no lone surrogate,
 * which a C string in UTF-8 cannot hold.  -EINVAL with *reterr.  *ret_odd_numbers says
 * whether a number is anything but an integer of up to 15 digits.
 */
int scan_check(const char *text, size_t size, bool *ret_odd_numbers,
	       struct scan_fault *reterr);

/* Length of a UTF-8 byte order mark at the start: 3 or 0. */
size_t scan_mark(const char *text, size_t size);

/*
 * Places in a text that scan_check() has passed.  Looking for places in their order in
 * the text costs one pass over it in all.
 */
struct scan_finder {
	const char *text;
	size_t size;
	/* Where the last search began its walk through a member of a top-level one. */
	size_t top, item, item_offset;
	/* The last place that was counted. */
	size_t counted;
	unsigned line, column;
};
void scan_finder_init(struct scan_finder *finder, const char *text, size_t size);

/*
 * The offset of the value reached from the top by taking the ordinals[0]-th member or
 * element, of that the ordinals[1]-th and so on; with @key, of the name before it.  The
 * end of the text where there is no such value.
 */
size_t scan_find(struct scan_finder *finder, const size_t *ordinals, size_t depth,
		 bool key);

/* Line and column, from 1; a column is a character, whatever its width. */
void scan_place(struct scan_finder *finder, size_t offset, unsigned *ret_line,
		unsigned *ret_column);

/* From the number at *offset (at first 0) on, the next one: *ret_size its length.  False
 * where there is none.  Of a text that scan_check() has passed. */
bool scan_next_number(const char *text, size_t size, size_t *offset, size_t *ret_size);
bool scan_is_odd_number(const char *text, size_t size);

#endif /* PORTWATCH_JSON_SCAN_H */
