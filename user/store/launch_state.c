// SPDX-License-Identifier: GPL-2.0-only
#include "store/launch_state.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/files.h"
#include "base/strings.h"
#include "base/time.h"
#include "json/doc.h"

enum { FILE_MAX = 64 * 1024 * 1024, FILE_MODE = 0640, FOLDER_MODE = 0755, BOOT_ID = 64 };

void launch_records_done(struct launch_records *records)
{
	for (size_t i = 0; i < records->n; i++)
		free(records->items[i].cgroup);
	free(records->items);
	*records = (struct launch_records){ 0 };
}

char *launch_state_path(const char *folder)
{
	char *path;

	return asprintf(&path, "%s/launched.json", folder) < 0 ? NULL : path;
}

static void read_boot_id(char *buf)
{
	_cleanup_(freep) char *id = NULL;

	buf[0] = '\0';
	if (file_read("/proc/sys/kernel/random/boot_id", BOOT_ID, &id, NULL) == 0)
		snprintf(buf, BOOT_ID, "%.*s", (int)strcspn(id, "\n"), id);
}

static void copy_text(const struct doc *item, const char *key, char *buf, size_t size)
{
	const char *text = doc_get_string(item, key);

	snprintf(buf, size, "%s", text ? text : "");
}

static int decode_record(const struct doc *item, struct launch_record *ret)
{
	const char *cgroup = doc_get_string(item, "cgroup");
	const char *started = doc_get_string(item, "started_at");

	copy_text(item, "service", ret->service, sizeof(ret->service));
	copy_text(item, "state", ret->phase, sizeof(ret->phase));
	copy_text(item, "mark", ret->mark, sizeof(ret->mark));
	if (!service_name_is_valid(ret->service))
		return -EINVAL;
	ret->process.pid = (pid_t)doc_get_int(item, "pid", 0);
	ret->process.start_ticks = (uint64_t)doc_get_int(item, "start_ticks", 0);
	ret->restarts = (uint32_t)doc_get_int(item, "restarts", 0);
	ret->is_ready = doc_get_bool(item, "ready", false);
	if (started && time_parse(started, &ret->started_ns) < 0)
		ret->started_ns = 0;
	if (!cgroup)
		return 0;
	ret->cgroup = strdup(cgroup);
	return ret->cgroup ? 0 : -ENOMEM;
}

static int decode(const char *text, size_t size, struct launch_records *ret)
{
	_cleanup_(doc_freep) struct doc *doc = doc_parse(text, size, NULL);
	_cleanup_(launch_records_done) struct launch_records records = { 0 };
	const struct doc *list = doc_get(doc, "services");
	char boot_id[BOOT_ID];
	int err = 0;

	if (!doc || doc_type(list) != DOC_ARRAY)
		return -EINVAL;
	read_boot_id(boot_id);
	if (!streq(doc_get_string(doc, "boot_id"), boot_id))
		return 0;
	records.items = calloc(doc_count(list) + 1, sizeof(*records.items));
	if (!records.items)
		return -ENOMEM;
	for (const struct doc *i = doc_first(list); i && err == 0; i = doc_next(i))
		err = decode_record(i, &records.items[records.n++]);
	if (err < 0)
		return err;

	*ret = records;
	records = (struct launch_records){ 0 };
	return 0;
}

int launch_state_load(const char *path, struct launch_records *ret)
{
	_cleanup_(freep) char *text = NULL;
	size_t size;
	int err = file_read(path, FILE_MAX, &text, &size);

	*ret = (struct launch_records){ 0 };
	if (err == -ENOENT)
		return 0;
	return err < 0 ? err : decode(text, size, ret);
}

static struct doc *encode(const struct launch_records *records)
{
	struct doc *doc = doc_schema("launched"), *list = doc_array();
	char boot_id[BOOT_ID];

	read_boot_id(boot_id);
	doc_set_time(doc, "timestamp", now_wall_ns());
	doc_set_string(doc, "boot_id", boot_id);
	for (size_t i = 0; i < records->n; i++) {
		const struct launch_record *record = &records->items[i];
		struct doc *item = doc_object();

		doc_set_string(item, "service", record->service);
		doc_set_string(item, "state", record->phase);
		doc_set_int(item, "pid", record->process.pid);
		doc_set_int(item, "start_ticks", (int64_t)record->process.start_ticks);
		doc_set_string(item, "cgroup", record->cgroup);
		doc_set_string(item, "mark", record->mark);
		doc_set_int(item, "restarts", record->restarts);
		doc_set_time(item, "started_at", record->started_ns);
		doc_set_bool(item, "ready", record->is_ready);
		doc_append(list, item);
	}
	doc_set(doc, "services", list);
	return doc;
}

int launch_state_save(const char *path, const struct launch_records *records)
{
	_cleanup_(doc_freep) struct doc *doc = encode(records);
	_cleanup_(freep) char *folder = strdup(path);
	_cleanup_(freep) char *text = NULL;
	size_t size;
	int err;

	text = doc ? doc_print(doc, true, &size) : NULL;
	if (!text || !folder)
		return -ENOMEM;
	*strrchr(folder, '/') = '\0';
	err = make_directories(folder, FOLDER_MODE);
	return err < 0 ? err : file_write_atomic(path, text, size, FILE_MODE);
}
