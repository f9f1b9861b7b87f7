// SPDX-License-Identifier: GPL-2.0-only
#include "cli/rows.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "base/strings.h"

enum { FIRST_CAPACITY = 64 };

/* The paths that are still open at some depth: bit i is path i. */
typedef uint64_t path_set;
_Static_assert(PATHS_MAX <= 64, "a set of paths is a word");

enum { DEPTH_MAX = 4, MEMO_MAX = 32 };

/* "pid" of "process.pid". */
struct segment {
	const char *at; /* NULL: the path is not so deep */
	size_t size;
	bool last;
};

/* What a key meant when it last stood at this place.  Rows are alike: nearly always it
 * means the same again. */
struct memo {
	struct span key;
	path_set open, here, deeper;
};

struct search {
	size_t n_paths;
	struct segment segments[PATHS_MAX][DEPTH_MAX];
	path_set whole_row;  /* paths that are "." */
	struct span *values; /* of the row that is read */
	struct memo memos[DEPTH_MAX][MEMO_MAX];
};

void rows_done(struct rows *rows)
{
	free(rows->values);
	free(rows->whole);
	free(rows->keys);
	*rows = (struct rows){ 0 };
}

static int enlarge(struct span **spans, size_t count)
{
	struct span *grown = reallocarray(*spans, count, sizeof(**spans));

	if (!grown)
		return -ENOMEM;
	*spans = grown;
	return 0;
}

static int grow(struct rows *rows)
{
	size_t capacity = rows->capacity ? rows->capacity * 2 : FIRST_CAPACITY;

	if (rows->count < rows->capacity)
		return 0;
	if (enlarge(&rows->values, capacity * (rows->n_paths + 1)) < 0 ||
	    enlarge(&rows->whole, capacity) < 0 || enlarge(&rows->keys, capacity) < 0)
		return -ENOMEM;
	rows->capacity = capacity;
	return 0;
}

static void prepare(struct search *search, const char *const *paths, size_t n_paths)
{
	*search = (struct search){ .n_paths = n_paths };
	for (size_t i = 0; i < n_paths; i++) {
		const char *path = paths[i];

		if (streq(path, "."))
			search->whole_row |= 1ull << i;
		for (size_t depth = 0; depth < DEPTH_MAX && *path; depth++) {
			size_t size = strcspn(path, ".");

			search->segments[i][depth] =
				(struct segment){ path, size, path[size] == '\0' };
			path += size + (path[size] == '.');
		}
	}
}

/* Which of the paths in @open go on with @key: ending there, or deeper. */
static void match(const struct search *search, path_set open, size_t depth,
		  struct span key, struct memo *ret)
{
	*ret = (struct memo){ .key = key, .open = open };
	for (size_t i = 0; i < search->n_paths; i++) {
		const struct segment *segment = &search->segments[i][depth];

		if (!(open & 1ull << i) || !segment->at || segment->size != key.size ||
		    memcmp(segment->at, key.at, key.size) != 0)
			continue;
		*(segment->last ? &ret->here : &ret->deeper) |= 1ull << i;
	}
}

/* The next key of the object and what it means; NULL past the last. */
static const struct memo *recall(struct reader *r, struct search *search, path_set open,
				 size_t depth, size_t place)
{
	struct memo *memo = &search->memos[depth][place % MEMO_MAX];
	bool known = memo->key.at && memo->open == open;
	struct span key;

	if (known && reader_key_again(r, memo->key))
		return memo;
	if (!reader_key(r, &key))
		return NULL;
	match(search, open, depth, key, memo);
	return memo;
}

/* Reads the object that starts here, for the paths in @open. */
static void read_members(struct reader *r, struct search *search, path_set open,
			 size_t depth)
{
	const struct memo *memo;

	if (depth == DEPTH_MAX || !reader_enter(r, '{')) {
		reader_skip(r);
		return;
	}
	for (size_t place = 0; (memo = recall(r, search, open, depth, place)); place++) {
		path_set here = memo->here;
		const char *start;

		reader_peek(r);
		start = r->at;
		if (memo->deeper)
			read_members(r, search, memo->deeper, depth + 1);
		else
			reader_skip(r);
		for (; here; here &= here - 1)
			search->values[__builtin_ctzll(here)] =
				(struct span){ start, r->at - start };
	}
}

static int read_row(struct reader *r, struct search *search, struct span key,
		    struct rows *rows)
{
	const char *start;

	if (grow(rows) < 0)
		return -ENOMEM;
	search->values = rows->values + rows->count * rows->n_paths;
	memset(search->values, 0, rows->n_paths * sizeof(*search->values));
	reader_peek(r);
	start = r->at;
	read_members(r, search, ~0ull, 0);
	if (reader_failed(r))
		return -EBADMSG;
	rows->keys[rows->count] = key;
	rows->whole[rows->count] = (struct span){ start, r->at - start };
	for (path_set left = search->whole_row; left; left &= left - 1)
		search->values[__builtin_ctzll(left)] = rows->whole[rows->count];
	rows->count++;
	return 0;
}

static int read_all(struct reader *r, struct search *search, struct rows *rows)
{
	struct span key = { 0 };
	int err = 0;

	if (reader_enter(r, '[')) {
		while (err == 0 && reader_element(r))
			err = read_row(r, search, key, rows);
	} else if (reader_enter(r, '{')) {
		while (err == 0 && reader_key(r, &key))
			err = read_row(r, search, key, rows);
	} else {
		err = -EBADMSG;
	}
	return err == 0 && reader_failed(r) ? -EBADMSG : err;
}

int rows_read(const char *document, size_t size, const char *key,
	      const char *const *paths, size_t n_paths, struct rows *ret)
{
	_cleanup_(rows_done) struct rows rows = { .n_paths = n_paths };
	struct search search;
	struct span name;
	struct reader r;
	int err = -EBADMSG;

	prepare(&search, paths, n_paths);
	reader_init(&r, document, size);
	if (!reader_enter(&r, '{'))
		return -EBADMSG;
	while (reader_key(&r, &name)) {
		if (!span_is(name, key)) {
			reader_skip(&r);
			continue;
		}
		err = read_all(&r, &search, &rows);
		break;
	}
	if (err < 0)
		return err;

	*ret = rows;
	rows = (struct rows){ 0 };
	return 0;
}

void rows_keep(struct rows *rows, bool (*fn)(const struct span *values, void *arg),
	       void *arg)
{
	size_t kept = 0;

	for (size_t i = 0; i < rows->count; i++) {
		struct span *from = rows->values + i * rows->n_paths;

		if (!fn(from, arg))
			continue;
		memmove(rows->values + kept * rows->n_paths, from,
			rows->n_paths * sizeof(*from));
		rows->keys[kept] = rows->keys[i];
		rows->whole[kept++] = rows->whole[i];
	}
	rows->count = kept;
}

struct sort_key {
	struct span text;
	double number;
	bool is_missing, is_number;
	size_t row;
};

static bool is_number(struct span value)
{
	return value.size && (*value.at == '-' || (*value.at >= '0' && *value.at <= '9'));
}

static int compare_text(struct span a, struct span b)
{
	int order = memcmp(a.at, b.at, a.size < b.size ? a.size : b.size);

	return order ? order : (a.size > b.size) - (a.size < b.size);
}

static int compare(const void *left, const void *right)
{
	const struct sort_key *a = left, *b = right;
	int order = 0;

	if (a->is_missing || b->is_missing)
		order = a->is_missing - b->is_missing;
	else if (a->is_number && b->is_number)
		order = (a->number > b->number) - (a->number < b->number);
	else
		order = compare_text(a->text, b->text);
	return order ? order : (a->row > b->row) - (a->row < b->row);
}

/* Missing ones stay last, equal ones in their order. */
static int compare_descending(const void *left, const void *right)
{
	const struct sort_key *a = left, *b = right;

	if (a->is_missing || b->is_missing || compare(a, b) == 0)
		return compare(a, b);
	if (a->is_number && b->is_number ? a->number == b->number
					 : compare_text(a->text, b->text) == 0)
		return compare(a, b);
	return compare(b, a);
}

static int reorder(struct rows *rows, const struct sort_key *order)
{
	_cleanup_(rows_done) struct rows sorted = { .n_paths = rows->n_paths };
	size_t width = rows->n_paths;

	while (sorted.capacity < rows->count) {
		sorted.count = sorted.capacity;
		if (grow(&sorted) < 0)
			return -ENOMEM;
	}
	sorted.count = rows->count;
	for (size_t i = 0; i < rows->count; i++) {
		size_t from = order[i].row;

		memcpy(sorted.values + i * width, rows->values + from * width,
		       width * sizeof(*sorted.values));
		sorted.whole[i] = rows->whole[from];
		sorted.keys[i] = rows->keys[from];
	}
	rows_done(rows);
	*rows = sorted;
	sorted = (struct rows){ 0 };
	return 0;
}

int rows_sort(struct rows *rows, size_t path, bool descending)
{
	_cleanup_(freep) struct sort_key *order = NULL;

	if (rows->count < 2)
		return 0;
	order = calloc(rows->count, sizeof(*order));
	if (!order)
		return -ENOMEM;
	for (size_t i = 0; i < rows->count; i++) {
		struct span value = rows_value(rows, i, path);

		order[i] = (struct sort_key){ .text = value,
					      .number = span_number(value, 0),
					      .is_missing = span_is_null(value),
					      .is_number = is_number(value),
					      .row = i };
	}
	qsort(order, rows->count, sizeof(*order),
	      descending ? compare_descending : compare);
	return reorder(rows, order);
}
