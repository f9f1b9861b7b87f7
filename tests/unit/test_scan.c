// SPDX-License-Identifier: GPL-2.0-only
/*
 * Places in random documents.  A document is printed, filler is strewn between its
 * tokens, and each of its values must be found where its own text begins.
 */
#include "json/scan.h"
#include "harness.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/strings.h"
#include "json/doc.h"

enum { DOCUMENTS = 200, NODES_MAX = 4096, DEPTH_MAX = 8 };

static uint64_t seed;

static unsigned roll(unsigned sides)
{
	seed = seed * 6364136223846793005ull + 1442695040888963407ull;
	return (unsigned)(seed >> 33) % sides;
}

static const char *const texts[] = {
	"",  "a", "\"",   "\\",  "[",    "]}", "{\"",
	",", ":", "\\\"", "ü€😀", "\n\t", "1",  "null",
};

static struct doc *random_value(unsigned depth)
{
	struct doc *doc;
	char key[32];

	switch (roll(depth < DEPTH_MAX ? 6 : 4)) {
	case 0:
		return doc_int_new((int64_t)roll(100000) - 50000);
	case 1:
		return doc_string_new(texts[roll(sizeof(texts) / sizeof(texts[0]))]);
	case 2:
		return doc_parse("-1.50e+3", 8, NULL);
	case 3:
		return roll(2) ? doc_array() : doc_object();
	case 4:
		doc = doc_array();
		for (unsigned n = roll(7); n > 0; n--)
			doc_append(doc, random_value(depth + 1));
		return doc;
	default:
		doc = doc_object();
		for (unsigned n = roll(7); n > 0; n--) {
			snprintf(key, sizeof(key), "%s%u",
				 texts[roll(sizeof(texts) / sizeof(texts[0]))], n);
			doc_set(doc, key, random_value(depth + 1));
		}
		return doc;
	}
}

static struct doc *random_document(void)
{
	struct doc *doc = roll(2) ? doc_array() : doc_object();
	bool array = doc_type(doc) == DOC_ARRAY;
	char key[16];

	for (unsigned n = roll(12); n > 0; n--) {
		snprintf(key, sizeof(key), "m%u", n);
		if (array)
			doc_append(doc, random_value(1));
		else
			doc_set(doc, key, random_value(1));
	}
	return doc;
}

static bool is_filler(char c)
{
	return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

/* Filler between the tokens of a compact text. */
static char *strew(const char *text)
{
	static const char filler[] = " \n\t\r";
	struct buffer buf = { 0 };
	bool quoted = false;

	if (roll(4) == 0)
		buffer_puts(&buf, "\xef\xbb\xbf");
	for (const char *p = text; *p; p++) {
		bool edge = strchr("{}[],:", *p) || (*p == '"' && !quoted);

		if (edge && !quoted)
			for (unsigned n = roll(3); n > 0; n--)
				buffer_add(&buf, &filler[roll(4)], 1);
		buffer_add(&buf, p, 1);
		if (quoted && *p == '\\')
			buffer_add(&buf, ++p, 1);
		else if (*p == '"')
			quoted = !quoted;
	}
	buffer_puts(&buf, roll(2) ? "\n" : "");
	return buf.data;
}

/* Is @want, a compact text, what stands at @text, filler aside? */
static bool stands_at(const char *text, const char *want)
{
	bool quoted = false;

	for (; *want; text++) {
		if (!quoted && is_filler(*text))
			continue;
		if (*text != *want++)
			return false;
		if (quoted && *text == '\\') {
			if (*++text != *want++)
				return false;
		} else if (*text == '"') {
			quoted = !quoted;
		}
	}
	return true;
}

struct node {
	const struct doc *doc;
	size_t ordinals[DEPTH_MAX + 2];
	size_t depth;
};

struct nodes {
	struct node items[NODES_MAX];
	size_t count;
};

static void list_nodes(struct nodes *list, const struct doc *doc, struct node way)
{
	size_t ordinal = 0;

	if (list->count == NODES_MAX)
		return;
	way.doc = doc;
	list->items[list->count++] = way;
	way.depth++;
	for (const struct doc *child = doc_first(doc); child; child = doc_next(child)) {
		way.ordinals[way.depth - 1] = ordinal++;
		list_nodes(list, child, way);
	}
}

static void check_place(struct scan_finder *finder, size_t offset)
{
	unsigned line, column, want_line = 1, want_column = 1;
	size_t at = scan_mark(finder->text, finder->size);

	for (; at < offset; at++) {
		want_column += (finder->text[at] & 0xc0) != 0x80;
		if (finder->text[at] == '\n') {
			want_line++;
			want_column = 1;
		}
	}
	scan_place(finder, offset, &line, &column);
	CHECK_EQ(line, want_line);
	CHECK_EQ(column, want_column);
}

static void check_node(struct scan_finder *finder, const struct node *node)
{
	_cleanup_(freep) char *want = doc_print(node->doc, false, NULL);
	size_t offset = scan_find(finder, node->ordinals, node->depth, false), name;

	CHECK(offset < finder->size);
	CHECK(stands_at(finder->text + offset, want));
	CHECK(!is_filler(finder->text[offset]));
	check_place(finder, offset);
	if (!doc_key(node->doc))
		return;
	name = scan_find(finder, node->ordinals, node->depth, true);
	CHECK(name < offset && finder->text[name] == '"');
	CHECK(strspn(finder->text + name + 1, "\"") <= 1);
	check_place(finder, name);
}

static void check_document(const struct doc *doc, const char *text)
{
	_cleanup_(freep) struct nodes *list = calloc(1, sizeof(*list));
	struct scan_finder finder;

	list_nodes(list, doc, (struct node){ 0 });
	scan_finder_init(&finder, text, strlen(text));
	for (size_t i = 0; i < list->count; i++) /* in their order in the text */
		check_node(&finder, &list->items[i]);
	for (size_t i = 0; i < list->count; i++) /* and in any */
		check_node(&finder, &list->items[roll((unsigned)list->count)]);
}

TEST(every_value_of_random_documents_is_found)
{
	for (unsigned i = 1; i <= DOCUMENTS; i++) {
		_cleanup_(doc_freep) struct doc *doc = NULL, *back = NULL;
		_cleanup_(freep) char *compact = NULL, *text = NULL;

		seed = i;
		doc = random_document();
		compact = doc_print(doc, false, NULL);
		text = strew(compact);
		back = doc_parse(text, strlen(text), NULL);
		CHECK(doc_equal(doc, back));
		check_document(doc, text);
	}
}

TEST(what_is_not_there_is_at_the_end)
{
	static const char text[] = "{\"a\": [1, 2], \"b\": 3}";
	static const size_t ways[][3] = {
		{ 2, 0, 0 }, { 0, 2, 0 }, { 1, 0, 0 }, { 0, 1, 0 }
	};
	static const size_t depths[] = { 1, 2, 2, 3 };
	struct scan_finder finder;

	scan_finder_init(&finder, text, sizeof(text) - 1);
	for (size_t i = 0; i < 4; i++)
		CHECK_EQ(scan_find(&finder, ways[i], depths[i], false), sizeof(text) - 1);
}

/* Every beginning of a document is refused at its end or before, and no byte behind it is
 * looked at (the copy has its exact size, for the sanitizer to see). */
TEST(every_beginning_of_a_document_is_refused)
{
	static const char text[] =
		"{\"a\\u00e9\": [1, -2.5e+3, \"\\ud83d\\ude00\", true, "
		"null, {}], \"b\": \"\xf0\x9f\x98\x80\"}";

	for (size_t size = 0; size < sizeof(text) - 1; size++) {
		_cleanup_(freep) char *copy = malloc(size ? size : 1);
		struct scan_fault fault;
		bool odd;

		memcpy(copy, text, size);
		CHECK(scan_check(copy, size, &odd, &fault) < 0);
		CHECK(fault.offset <= size && fault.what[0]);
	}
}
