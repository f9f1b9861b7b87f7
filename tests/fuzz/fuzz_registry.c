// SPDX-License-Identifier: GPL-2.0-only
/*
 * A registry of any bytes is taken or refused with a reason and a place in it; what was
 * taken is written out and taken again as the same; and what is JSON is printed and read
 * back as the same.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/strings.h"
#include "json/codec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds)
		abort();
}

static char *encode(const struct registry *reg)
{
	_cleanup_(doc_freep) struct doc *doc = doc_object();
	struct doc *services = doc_array();
	char *text;

	for (size_t i = 0; i < registry_count(reg); i++)
		doc_append(services, codec_encode_service(registry_service(reg, i)));
	doc_set(doc, "services", services);
	doc_set(doc, "settings", codec_encode_settings(registry_get_settings(reg)));
	text = doc_print(doc, false, NULL);
	must(text != NULL);
	return text;
}

static void check_encoded(const struct registry *reg)
{
	_cleanup_(freep) char *once = encode(reg), *twice = NULL;
	_cleanup_(registry_freep) struct registry *back = NULL;
	struct decode_error fault;

	must(codec_decode_registry(once, strlen(once), 1, &back, NULL, &fault) == 0);
	twice = encode(back);
	must(streq(once, twice));
}

static void check_place(const char *text, size_t size, const struct decode_error *fault)
{
	unsigned lines = 1;

	for (size_t i = 0; i < size; i++)
		lines += text[i] == '\n';
	must(!fault->line == !fault->column);
	must(fault->line <= lines && fault->column <= size + 1);
}

static void check_registry(const char *text, size_t size)
{
	_cleanup_(decode_warnings_done) struct decode_warnings warnings = { 0 };
	_cleanup_(registry_freep) struct registry *reg = NULL;
	struct decode_error fault = { 0 };
	int err = codec_decode_registry(text, size, 1, &reg, &warnings, &fault);

	must(err == 0 ? reg != NULL : reg == NULL && fault.what[0]);
	must(memchr(fault.what, '\0', sizeof(fault.what)));
	must(memchr(fault.path, '\0', sizeof(fault.path)));
	check_place(text, size, &fault);
	if (reg)
		check_encoded(reg);
}

static void check_document(const char *text, size_t size)
{
	_cleanup_(doc_freep) struct doc *doc = doc_parse(text, size, NULL), *back = NULL;
	_cleanup_(freep) char *once = NULL, *twice = NULL;
	bool indented = size % 2;
	size_t length;

	if (!doc)
		return;
	once = doc_print(doc, indented, &length);
	must(once != NULL);
	back = doc_parse(once, length, NULL);
	must(back != NULL);
	twice = doc_print(back, indented, NULL);
	must(streq(once, twice));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* A copy of the exact size, so that a byte too far is seen. */
	_cleanup_(freep) char *text = malloc(size ? size : 1);

	if (size)
		memcpy(text, data, size);
	check_registry(text, size);
	check_document(text, size);
	return 0;
}
