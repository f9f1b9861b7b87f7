// SPDX-License-Identifier: GPL-2.0-only
#include "daemon/source.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/log.h"
#include "store/registry_file.h"

struct source_file {
	struct engine *engine;
	char *path;
	bool must_exist;
	bool loaded; /* the first reading was done */
	uint64_t generation;
	struct stat seen; /* the file in force; st_ino 0: there was none */
	int (*prepare)(struct registry *reg, void *arg); /* NULL none */
	void *prepare_arg;
	struct decode_warnings warnings;
	struct registry_view view;
	char refused[1024]; /* why the file as it is now is refused; "" it is not */
};

int source_new(struct engine *engine, const char *path, bool must_exist,
	       struct source_file **ret)
{
	_cleanup_(source_freep) struct source_file *source = calloc(1, sizeof(*source));

	if (!source)
		return -ENOMEM;
	source->path = strdup(path);
	if (!source->path)
		return -ENOMEM;
	source->engine = engine;
	source->must_exist = must_exist;
	source->view.path = source->path;
	source->view.warnings = &source->warnings;

	*ret = take(source);
	return 0;
}

struct source_file *source_free(struct source_file *source)
{
	if (!source)
		return NULL;
	decode_warnings_done(&source->warnings);
	free(source->path);
	free(source);
	return NULL;
}

void source_prepare(struct source_file *source,
		    int (*prepare)(struct registry *reg, void *arg), void *arg)
{
	source->prepare = prepare;
	source->prepare_arg = arg;
}

const struct registry_view *source_view(const struct source_file *source)
{
	return &source->view;
}

const char *source_describe(const struct registry_view *view, char *buf, size_t size)
{
	const struct decode_error *fault = &view->fault;
	_cleanup_(buffer_done) struct buffer text = { 0 };

	buffer_puts(&text, view->path);
	if (fault->line)
		buffer_printf(&text, ":%u:%u", fault->line, fault->column);
	if (fault->path[0])
		buffer_printf(&text, ": %s", fault->path);
	buffer_printf(&text, ": %s", fault->what);
	if (fault->remedy[0])
		buffer_printf(&text, "; %s", fault->remedy);
	snprintf(buf, size, "%s", text.failed ? "out of memory" : text.data);
	return buf;
}

static bool is_same_file(const struct stat *a, const struct stat *b)
{
	return a->st_ino == b->st_ino && a->st_dev == b->st_dev &&
	       a->st_size == b->st_size && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
	       a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

static void say_missing_namespaces(const struct registry *reg)
{
	for (size_t i = 0; i < registry_count(reg); i++) {
		const struct service *svc = registry_service(reg, i);

		if (svc->netns && svc->netns_inode == UINT32_MAX)
			log_warning("Service %s: there is no network namespace %s; until "
				    "it is "
				    "there and the registry is read again (SIGHUP), "
				    "nothing is "
				    "known of its ports",
				    svc->name, svc->netns);
	}
}

/* The registry as it is on the disk; an empty one for the default file where there is
 * none, at the start. */
static int read_file(const struct source_file *source, bool may_be_missing,
		     struct registry **ret, struct decode_warnings *ret_warnings,
		     struct decode_error *fault)
{
	static const char nothing[] = "{\"services\":[]}";
	int err = registry_file_load(source->path, source->generation + 1, ret,
				     ret_warnings, fault);

	if (err != -ENOENT || !may_be_missing)
		return err;
	log_info("There is no %s; continuing without services (portwatch config init "
		 "writes a first one)",
		 source->path);
	return codec_decode_registry(nothing, sizeof(nothing) - 1, source->generation + 1,
				     ret, ret_warnings, fault);
}

static int put_in_force(struct source_file *source, bool reload,
			struct decode_error *fault)
{
	struct decode_warnings warnings = { 0 };
	struct registry *reg = NULL;
	struct stat seen = { 0 };
	int err;

	/* Before the reading: what is written meanwhile is then seen to be newer. */
	if (stat(source->path, &seen) < 0)
		seen = (struct stat){ 0 };
	err = read_file(source, !reload && !source->must_exist, &reg, &warnings, fault);
	if (err == 0) {
		err = source->prepare ? source->prepare(reg, source->prepare_arg) : 0;
		if (err == 0)
			err = engine_set_registry(source->engine, take(reg), reload);
		registry_free(reg);
		if (err < 0)
			snprintf(fault->what, sizeof(fault->what), "%s", strerror(-err));
	}
	if (err < 0) {
		decode_warnings_done(&warnings);
		return err;
	}
	say_missing_namespaces(engine_world(source->engine)->registry);
	source->generation++;
	source->seen = seen;
	decode_warnings_done(&source->warnings);
	source->warnings = warnings;
	return 0;
}

int source_load(struct source_file *source)
{
	if (source->loaded)
		return source->view.error;
	source->loaded = true;
	source->view.error = put_in_force(source, false, &source->view.fault);
	return source->view.error;
}

static int refuse(struct source_file *source, int err, const struct decode_error *fault)
{
	struct registry_view view = { .path = source->path, .fault = *fault };
	char reason[sizeof(source->refused)];

	source_describe(&view, reason, sizeof(reason));
	if (streq(reason, source->refused))
		return err;
	strcpy(source->refused, reason);
	source->view.refused = source->refused;
	log_error("%s; the registry that is in force stays", reason);
	engine_registry_rejected(source->engine, reason);
	return err;
}

int source_reload(struct source_file *source, bool force)
{
	struct decode_error fault = { 0 };
	struct stat now = { 0 };
	int err;

	if (stat(source->path, &now) < 0)
		now = (struct stat){ 0 };
	if (!force && !source->refused[0] && is_same_file(&now, &source->seen))
		return 0;
	err = put_in_force(source, true, &fault);
	if (err < 0)
		return refuse(source, err, &fault);

	source->refused[0] = '\0';
	source->view.refused = NULL;
	log_info("Read %s anew: %zu services", source->path,
		 registry_count(engine_world(source->engine)->registry));
	return 1;
}
