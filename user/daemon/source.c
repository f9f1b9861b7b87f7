// SPDX-License-Identifier: GPL-2.0-only
#include "daemon/source.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/files.h"
#include "base/log.h"

struct source_file {
	struct engine *engine;
	char *path;
	bool must_exist;
	bool loaded; /* the first reading was done */
	uint64_t generation;
	uint64_t digest; /* of the text in force */
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

const struct registry_view *source_view(const struct source_file *source)
{
	return &source->view;
}

/* FNV-1a: only tells a file that was touched from one that was changed. */
static uint64_t digest(const char *text, size_t size)
{
	uint64_t hash = 0xcbf29ce484222325ull ^ size;

	for (size_t i = 0; i < size; i++)
		hash = (hash ^ (unsigned char)text[i]) * 0x100000001b3ull;
	return hash;
}

static void explain(int err, struct decode_error *fault)
{
	const char *remedy = "";

	*fault = (struct decode_error){ 0 };
	switch (err) {
	case -ENOENT:
		remedy = "create it (portwatch config init), or name another with "
			 "--registry";
		break;
	case -EACCES:
	case -EPERM:
		remedy = "make it readable, or run as a user who may read it";
		break;
	case -EISDIR:
		remedy = "name a file with --registry";
		break;
	case -EFBIG:
		remedy = "a registry ends at 16 MiB";
		break;
	}
	snprintf(fault->what, sizeof(fault->what), "%s", strerror(-err));
	snprintf(fault->remedy, sizeof(fault->remedy), "%s", remedy);
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

/* The text, or that of an empty registry for the default file where there is none. */
static int read_text(const struct source_file *source, char **ret, size_t *ret_size)
{
	int err = file_read(source->path, REGISTRY_BYTES_MAX, ret, ret_size);

	if (err != -ENOENT || source->must_exist)
		return err;
	*ret = strdup("{\"services\":[]}");
	*ret_size = *ret ? strlen(*ret) : 0;
	return *ret ? 0 : -ENOMEM;
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

/* Put the text in force.  The fault is filled in where it is refused. */
static int apply(struct source_file *source, const char *text, size_t size, bool reload,
		 struct decode_error *fault)
{
	struct decode_warnings warnings = { 0 };
	struct registry *reg = NULL;
	int err = codec_decode_registry(text, size, source->generation + 1, &reg,
					&warnings, fault);

	if (err < 0) {
		decode_warnings_done(&warnings);
		if (!fault->what[0])
			explain(err, fault);
		return err;
	}
	err = engine_set_registry(source->engine, reg, reload);
	if (err < 0) {
		decode_warnings_done(&warnings);
		explain(err, fault);
		return err;
	}
	say_missing_namespaces(reg);
	source->generation++;
	source->digest = digest(text, size);
	decode_warnings_done(&source->warnings);
	source->warnings = warnings;
	return 0;
}

int source_load(struct source_file *source)
{
	_cleanup_(freep) char *text = NULL;
	size_t size = 0;
	int err;

	if (source->loaded)
		return source->view.error;
	source->loaded = true;
	err = read_text(source, &text, &size);
	if (err < 0)
		explain(err, &source->view.fault);
	else
		err = apply(source, text, size, false, &source->view.fault);
	source->view.error = err;
	return err;
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
	_cleanup_(freep) char *text = NULL;
	struct decode_error fault = { 0 };
	size_t size = 0;
	int err;

	err = file_read(source->path, REGISTRY_BYTES_MAX, &text, &size);
	if (err == 0 && !force && !source->refused[0] &&
	    digest(text, size) == source->digest)
		return 0;
	if (err < 0)
		explain(err, &fault);
	else
		err = apply(source, text, size, true, &fault);
	if (err < 0)
		return refuse(source, err, &fault);

	source->refused[0] = '\0';
	source->view.refused = NULL;
	log_info("Registry read anew: %zu services",
		 registry_count(engine_world(source->engine)->registry));
	return 1;
}
