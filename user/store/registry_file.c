// SPDX-License-Identifier: GPL-2.0-only
#include "store/registry_file.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/files.h"
#include "base/strings.h"
#include "store/registry_merge.h"

enum { LOCK_TIMEOUT_MS = 5000, FILE_MODE = 0644, FOLDER_MODE = 0755 };

static const char *remedy_for(int err)
{
	switch (err) {
	case -ENOENT:
		return "create it (portwatch config init), or name another with "
		       "--registry";
	case -EACCES:
	case -EPERM:
		return "ask as a user who may";
	case -EISDIR:
		return "name a file, not a folder";
	case -EFBIG:
		return "a registry has 16 MiB at most";
	case -EROFS:
		return "the file system is read-only";
	case -ENOSPC:
	case -EDQUOT:
		return "make room on the disk; the file is as it was";
	case -EWOULDBLOCK:
		return "another portwatch is writing it; try again";
	default:
		return "";
	}
}

/* The file itself is at fault.  Answers @err. */
static int explain(int err, const char *doing, struct decode_error *reterr)
{
	*reterr = (struct decode_error){ 0 };
	snprintf(reterr->what, sizeof(reterr->what), "cannot %s: %s", doing,
		 strerror(-err));
	snprintf(reterr->remedy, sizeof(reterr->remedy), "%s", remedy_for(err));
	return err;
}

int registry_file_load(const char *path, uint64_t generation, struct registry **ret,
		       struct decode_warnings *ret_warnings, struct decode_error *reterr)
{
	_cleanup_(freep) char *text = NULL;
	size_t size;
	int err = file_read(path, REGISTRY_BYTES_MAX, &text, &size);

	if (err < 0)
		return explain(err, "read it", reterr);
	return codec_decode_registry(text, size, generation, ret, ret_warnings, reterr);
}

/* What is in the file, or an empty document where there is none. */
static int read_document(const char *path, char **ret, size_t *ret_size)
{
	int err = file_read(path, REGISTRY_BYTES_MAX, ret, ret_size);

	if (err != -ENOENT)
		return err;
	*ret = strdup("{}");
	*ret_size = 2;
	return *ret ? 0 : -ENOMEM;
}

static int make_folder_of(const char *path)
{
	_cleanup_(freep) char *folder = strdup(path);
	char *slash = folder ? strrchr(folder, '/') : NULL;

	if (!folder)
		return -ENOMEM;
	if (!slash || slash == folder)
		return 0;
	*slash = '\0';
	return make_directories(folder, FOLDER_MODE);
}

static int lock(const char *path)
{
	int err = make_folder_of(path);

	return err < 0 ? err : file_lock(path, LOCK_TIMEOUT_MS);
}

/* Decode @document as it would be read back, then write it. */
static int save(const char *path, const struct doc *document, uint64_t generation,
		struct registry **ret, struct decode_error *reterr)
{
	_cleanup_(registry_freep) struct registry *reg = NULL;
	_cleanup_(freep) char *text = NULL;
	size_t size;
	int err;

	text = doc_print(document, true, &size);
	if (!text)
		return explain(-ENOMEM, "write it", reterr);
	text[size++] = '\n'; /* in the place of the NUL */
	err = codec_decode_registry(text, size, generation, &reg, NULL, reterr);
	if (err < 0) {
		/* A place in a text that nobody will see helps nobody. */
		reterr->line = reterr->column = 0;
		return err;
	}
	err = file_write_atomic(path, text, size, FILE_MODE);
	if (err < 0)
		return explain(err, "write it", reterr);

	*ret = take(reg);
	return 1;
}

int registry_file_edit(const char *path, registry_edit_fn edit, void *arg,
		       uint64_t generation, struct registry **ret,
		       struct decode_error *reterr)
{
	_cleanup_(registry_freep) struct registry *reg = NULL, *changed = NULL;
	_cleanup_(doc_freep) struct doc *document = NULL;
	_cleanup_(close_fdp) int lock_fd = lock(path);
	_cleanup_(freep) char *text = NULL;
	size_t size;
	int err;

	if (lock_fd < 0)
		return explain(lock_fd, "lock it", reterr);
	err = read_document(path, &text, &size);
	if (err < 0)
		return explain(err, "read it", reterr);
	err = codec_decode_registry(text, size, generation, &reg, NULL, reterr);
	if (err < 0)
		return err;
	document = doc_parse(text, size, NULL);
	if (!document)
		return explain(-ENOMEM, "read it", reterr);

	*reterr = (struct decode_error){ 0 };
	err = edit(document, reg, arg, reterr);
	if (err > 0)
		err = save(path, document, generation, &changed, reterr);
	if (err < 0 && !reterr->what[0])
		return explain(err, "change it", reterr);
	if (err >= 0 && ret)
		*ret = changed ? take(changed) : take(reg);
	return err;
}

struct import {
	struct registry_source from;
	struct registry_import counts;
};

/* A place in the file would be taken for one in what was to be imported. */
static void name_the_file(struct decode_error *reterr)
{
	char what[sizeof(reterr->what)];

	if (!reterr->line)
		return;
	snprintf(what, sizeof(what), "%s", reterr->what);
	snprintf(reterr->what, sizeof(reterr->what),
		 "the registry as it is now is refused: line %u, column %u: %.900s",
		 reterr->line, reterr->column, what);
	reterr->line = reterr->column = 0;
}

static int import(struct doc *document, const struct registry *current, void *arg,
		  struct decode_error *reterr)
{
	struct import *import = arg;

	return registry_merge(document, current, &import->from, &import->counts, reterr);
}

int registry_file_import(const char *path, const char *text, size_t size,
			 uint64_t generation, struct registry **ret,
			 struct registry_import *ret_counts, struct decode_error *reterr)
{
	_cleanup_(registry_freep) struct registry *reg = NULL;
	_cleanup_(doc_freep) struct doc *document = NULL;
	struct import arg = { .from = { .text = text, .size = size } };
	int err = codec_decode_registry(text, size, generation, &reg, NULL, reterr);

	if (err < 0)
		return err;
	document = doc_parse(text, size, NULL);
	if (!document)
		return explain(-ENOMEM, "read it", reterr);
	arg.from.document = document;
	arg.from.registry = reg;
	err = registry_file_edit(path, import, &arg, generation, ret, reterr);
	if (err >= 0)
		*ret_counts = arg.counts;
	else if (err != -EEXIST)
		name_the_file(reterr);
	return err;
}
