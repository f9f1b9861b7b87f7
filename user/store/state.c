// SPDX-License-Identifier: GPL-2.0-only
#include "store/state.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/files.h"
#include "base/strings.h"
#include "base/time.h"

enum { LOCK_TIMEOUT_MS = 2000, FILE_MODE = 0644, FOLDER_MODE = 0755, BOOT_ID = 64 };

/* Of a process of an earlier boot. */
#define NO_START (UINT64_MAX >> 1)

struct state {
	char *folder, *path;
	struct stat seen; /* the file as it was last loaded or saved; st_ino 0: none */
	bool known;       /* it was */
	char boot_id[BOOT_ID];
};

int state_new(const char *folder, struct state **ret)
{
	_cleanup_(state_freep) struct state *state = calloc(1, sizeof(*state));
	_cleanup_(freep) char *id = NULL;

	if (!state)
		return -ENOMEM;
	state->folder = strdup(folder);
	if (!state->folder || asprintf(&state->path, "%s/port_registry.json", folder) < 0)
		return -ENOMEM;
	if (file_read("/proc/sys/kernel/random/boot_id", BOOT_ID, &id, NULL) == 0)
		snprintf(state->boot_id, sizeof(state->boot_id), "%.*s",
			 (int)strcspn(id, "\n"), id);

	*ret = take(state);
	return 0;
}

struct state *state_free(struct state *state)
{
	if (!state)
		return NULL;
	free(state->folder);
	free(state->path);
	free(state);
	return NULL;
}

const char *state_path(const struct state *state)
{
	return state->path;
}

int state_lock(struct state *state)
{
	int err = make_directories(state->folder, FOLDER_MODE);

	return err < 0 ? err : file_lock(state->path, LOCK_TIMEOUT_MS);
}

static struct stat look(const struct state *state)
{
	struct stat now;

	return stat(state->path, &now) < 0 ? (struct stat){ 0 } : now;
}

bool state_is_newer(const struct state *state)
{
	struct stat now = look(state);

	return !state->known || now.st_ino != state->seen.st_ino ||
	       now.st_dev != state->seen.st_dev || now.st_size != state->seen.st_size ||
	       now.st_mtim.tv_sec != state->seen.st_mtim.tv_sec ||
	       now.st_mtim.tv_nsec != state->seen.st_mtim.tv_nsec;
}

/* Which boot it was written in, where that can be told. */
static bool is_of_this_boot(const struct state *state, const char *text, size_t size)
{
	_cleanup_(doc_freep) struct doc *doc = doc_parse(text, size, NULL);
	const char *id = doc_get_string(doc, "boot_id");

	return !id || !state->boot_id[0] || streq(id, state->boot_id);
}

static void mark(struct registry *reg, bool is_today)
{
	const struct allocation *known;

	for (size_t i = 0; (known = registry_allocation(reg, i)); i++) {
		struct allocation *alloc =
			registry_find_allocation(reg, known->proto, known->port);

		alloc->managed = true;
		if (alloc->process.pid && !is_today)
			alloc->process.start_ticks = NO_START;
	}
}

static int decode(const struct state *state, const char *text, size_t size,
		  struct registry **ret, struct decode_error *reterr)
{
	int err = codec_decode_registry(text, size, 0, ret, NULL, reterr);

	if (err < 0)
		return err;
	mark(*ret, is_of_this_boot(state, text, size));
	return 0;
}

int state_load(struct state *state, struct registry **ret, struct decode_error *reterr)
{
	static const char nothing[] = "{\"allocations\":{}}";
	_cleanup_(freep) char *text = NULL;
	struct stat seen = look(state);
	size_t size = 0;
	int err = file_read(state->path, REGISTRY_BYTES_MAX, &text, &size);

	*reterr = (struct decode_error){ 0 };
	if (err == -ENOENT)
		err = decode(state, nothing, sizeof(nothing) - 1, ret, reterr);
	else if (err == 0)
		err = decode(state, text, size, ret, reterr);
	else
		snprintf(reterr->what, sizeof(reterr->what), "cannot read it: %s",
			 strerror(-err));
	if (err < 0)
		return err;
	state->seen = seen;
	state->known = true;
	return 0;
}

static struct doc *encode(const struct state *state,
			  const struct allocation *const *items, size_t n)
{
	struct doc *doc = doc_object(), *allocations = doc_object();
	char port[16];

	doc_set_time(doc, "timestamp", now_wall_ns());
	if (state->boot_id[0])
		doc_set_string(doc, "boot_id", state->boot_id);
	for (size_t i = 0; i < n; i++) {
		snprintf(port, sizeof(port), "%u%s", items[i]->port,
			 items[i]->proto == IPPROTO_UDP ? "/udp" : "");
		doc_set(allocations, port, codec_encode_allocation(items[i]));
	}
	doc_set(doc, "allocations", allocations);
	return doc;
}

int state_save(struct state *state, const struct allocation *const *items, size_t n)
{
	_cleanup_(doc_freep) struct doc *doc = encode(state, items, n);
	_cleanup_(freep) char *text = NULL;
	size_t size;
	int err;

	text = doc ? doc_print(doc, true, &size) : NULL;
	if (!text)
		return -ENOMEM;
	err = file_write_atomic(state->path, text, size, FILE_MODE);
	if (err < 0)
		return err;
	state->seen = look(state);
	state->known = true;
	return 0;
}
