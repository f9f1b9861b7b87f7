// SPDX-License-Identifier: GPL-2.0-only
#include "store/registry_file.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/files.h"
#include "base/strings.h"
#include "store/registry_merge.h"

enum {
	LOCK_TIMEOUT_MS = 5000,
	FILE_MODE = 0644,
	FOLDER_MODE = 0755,
	/* What changes that are written together may read and write in all: each has a
	 * registry of its own until they are answered. */
	TOGETHER_BYTES = 1024 * 1024,
};

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

/* The file as it is, or is to become. */
struct contents {
	char *text;
	size_t size;
	const struct registry *registry; /* what it says; borrowed */
};

/* Decode @document as it would be read back, into what the file is to become. */
static int render(const struct doc *document, uint64_t generation, struct contents *file,
		  struct registry **ret, struct decode_error *reterr)
{
	_cleanup_(freep) char *text = NULL;
	size_t size;
	int err;

	text = doc_print(document, true, &size);
	if (!text)
		return explain(-ENOMEM, "write it", reterr);
	text[size++] = '\n'; /* in the place of the NUL */
	err = codec_decode_registry(text, size, generation, ret, NULL, reterr);
	if (err < 0) {
		/* A place in a text that nobody will see helps nobody. */
		reterr->line = reterr->column = 0;
		return err;
	}
	free(file->text);
	*file = (struct contents){ take(text), size, *ret };
	return 1;
}

static int apply(struct registry_edit *edit, uint64_t generation, struct contents *file)
{
	_cleanup_(doc_freep) struct doc *document =
		doc_parse(file->text, file->size, NULL);
	int err;

	edit->error = (struct decode_error){ 0 };
	if (!document)
		return explain(-ENOMEM, "read it", &edit->error);
	err = edit->edit(document, file->registry, edit->arg, &edit->error);
	if (err > 0)
		err = render(document, generation, file, &edit->registry, &edit->error);
	else if (err == 0)
		err = codec_decode_registry(file->text, file->size, generation,
					    &edit->registry, NULL, &edit->error);
	if (err < 0 && !edit->error.what[0])
		return explain(err, "change it", &edit->error);
	return err;
}

static void fail(struct registry_edit *edits, size_t n, int err,
		 const struct decode_error *why)
{
	for (size_t i = 0; i < n; i++) {
		/* What is wrong by itself has its own reason; what else was refused may
		 * have been so for one of those that come to nothing. */
		if (edits[i].result == -EINVAL || edits[i].result == -E2BIG)
			continue;
		edits[i].registry = registry_free(edits[i].registry);
		edits[i].result = err;
		edits[i].error = *why;
	}
}

/* The lock is held. */
static size_t edit_contents(const char *path, struct registry_edit *edits, size_t n,
			    uint64_t generation, struct contents *file)
{
	struct decode_error why;
	size_t changed = n, count = 0, bytes = 0;
	int err;

	do {
		struct registry_edit *edit = &edits[count++];

		edit->result = apply(edit, generation, file);
		if (edit->result > 0 && changed == n)
			changed = count - 1;
		bytes += file->size;
	} while (count < n && bytes < TOGETHER_BYTES);
	if (changed == n)
		return count;
	err = file_write_atomic(path, file->text, file->size, FILE_MODE);
	if (err < 0)
		fail(edits + changed, count - changed, explain(err, "write it", &why),
		     &why);
	return count;
}

size_t registry_file_edit_all(const char *path, struct registry_edit *edits, size_t n,
			      uint64_t generation)
{
	_cleanup_(registry_freep) struct registry *reg = NULL;
	_cleanup_(close_fdp) int lock_fd = lock(path);
	struct contents file = { 0 };
	struct decode_error why;
	int err = 0;

	for (size_t i = 0; i < n; i++)
		edits[i].result = 0;
	if (lock_fd < 0)
		err = explain(lock_fd, "lock it", &why);
	if (err == 0) {
		err = read_document(path, &file.text, &file.size);
		if (err < 0)
			explain(err, "read it", &why);
	}
	if (err == 0)
		err = codec_decode_registry(file.text, file.size, generation, &reg, NULL,
					    &why);
	file.registry = reg;
	if (err < 0)
		fail(edits, n, err, &why);
	else
		n = edit_contents(path, edits, n, generation, &file);
	free(file.text);
	return n;
}

int registry_file_edit(const char *path, registry_edit_fn edit, void *arg,
		       uint64_t generation, struct registry **ret,
		       struct decode_error *reterr)
{
	struct registry_edit one = { .edit = edit, .arg = arg };

	registry_file_edit_all(path, &one, 1, generation);
	if (one.result < 0)
		*reterr = one.error;
	else if (ret)
		*ret = take(one.registry);
	registry_free(one.registry);
	return one.result;
}

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
	struct registry_importing *importing = arg;

	return registry_merge(document, current, &importing->from, &importing->counts,
			      reterr);
}

int registry_importing_init(struct registry_importing *importing, const char *text,
			    size_t size, uint64_t generation,
			    struct registry_edit *ret_edit, struct decode_error *reterr)
{
	_cleanup_(registry_freep) struct registry *reg = NULL;
	int err = codec_decode_registry(text, size, generation, &reg, NULL, reterr);
	struct doc *document;

	if (err < 0)
		return err;
	document = doc_parse(text, size, NULL);
	if (!document)
		return explain(-ENOMEM, "read it", reterr);
	*importing = (struct registry_importing){
		.from = { text, size, document, take(reg) },
	};
	*ret_edit = (struct registry_edit){ .edit = import, .arg = importing };
	return 0;
}

void registry_importing_done(struct registry_importing *importing,
			     struct registry_edit *edit)
{
	registry_free((struct registry *)importing->from.registry);
	doc_free((struct doc *)importing->from.document);
	if (edit->result < 0 && edit->result != -EEXIST)
		name_the_file(&edit->error);
}

int registry_file_import(const char *path, const char *text, size_t size,
			 uint64_t generation, struct registry **ret,
			 struct registry_import *ret_counts, struct decode_error *reterr)
{
	struct registry_importing importing;
	struct registry_edit edit;
	int err = registry_importing_init(&importing, text, size, generation, &edit,
					  reterr);

	if (err < 0)
		return err;
	registry_file_edit_all(path, &edit, 1, generation);
	registry_importing_done(&importing, &edit);
	if (edit.result < 0)
		*reterr = edit.error;
	else
		*ret_counts = importing.counts;
	if (edit.result >= 0 && ret)
		*ret = take(edit.registry);
	registry_free(edit.registry);
	return edit.result;
}
