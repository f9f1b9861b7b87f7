// SPDX-License-Identifier: GPL-2.0-only
/* Which columns, in which order: what --fields and --sort make of a view. */
#include <string.h>

#include "cli/render.h"

static const struct column *find(const struct view *view, const char *name, size_t size)
{
	for (const struct column *c = view->columns; c->name; c++)
		if (strlen(c->name) == size && memcmp(c->name, name, size) == 0)
			return c;
	return NULL;
}

static int unknown_field(const struct command *cmd, const struct view *view,
			 const char *name, size_t size)
{
	const char *names[PATHS_MAX + 1], *near;
	_cleanup_(buffer_done) struct buffer wrong = { 0 }, all = { 0 };
	size_t n = 0;

	buffer_add(&wrong, name, size);
	for (const struct column *c = view->columns; c->name && n < PATHS_MAX; c++) {
		buffer_printf(&all, "%s%s", n ? ", " : "", c->name);
		names[n++] = c->name;
	}
	names[n] = NULL;
	if (wrong.failed || all.failed)
		return usage_error(cmd->verb, "there is no such field");
	near = nearest_name(wrong.data, names);
	if (near)
		return usage_error(cmd->verb,
				   "there is no field '%s' (did you mean '%s'?)",
				   wrong.data, near);
	return usage_error(cmd->verb, "there is no field '%s', only %s", wrong.data,
			   all.data);
}

static int take_fields(const struct command *cmd, struct selection *ret)
{
	const char *list = cmd->globals->fields;

	for (;;) {
		size_t size = strcspn(list, ",");
		const struct column *column = find(ret->view, list, size);

		if (!column)
			return unknown_field(cmd, ret->view, list, size);
		if (ret->n_columns == PATHS_MAX - 2)
			return usage_error(cmd->verb, "--fields names too many fields");
		ret->columns[ret->n_columns++] = column;
		if (!list[size])
			return 0;
		list += size + 1;
	}
}

static void take_default_fields(const struct command *cmd, struct selection *ret)
{
	unsigned wanted = COLUMN_SHOWN;

	if (cmd->globals->format == FORMAT_WIDE)
		wanted |= COLUMN_WIDE;
	for (const struct column *c = ret->view->columns; c->name; c++)
		if (c->flags & wanted)
			ret->columns[ret->n_columns++] = c;
}

static int take_sort(const struct command *cmd, struct selection *ret)
{
	const char *text = cmd->globals->sort;
	size_t size = strcspn(text, ":");
	const char *order = text + size;

	ret->sort = find(ret->view, text, size);
	if (!ret->sort)
		return unknown_field(cmd, ret->view, text, size);
	ret->descending = streq(order, ":desc");
	if (*order && !ret->descending && !streq(order, ":asc"))
		return usage_error(cmd->verb,
				   "--sort goes up (:asc) or down (:desc), "
				   "not '%s'",
				   order);
	return 0;
}

int selection_make(const struct command *cmd, const struct view *view,
		   struct selection *ret)
{
	int status = 0;

	*ret = (struct selection){ .view = view, .asked = cmd->globals->fields };
	if (ret->asked)
		status = take_fields(cmd, ret);
	else
		take_default_fields(cmd, ret);
	if (status == 0 && cmd->globals->sort)
		status = take_sort(cmd, ret);
	return status;
}

/* People are shown what is meant for people; programs get what the API says. */
static bool is_for_people(const struct command *cmd)
{
	return cmd->globals->format == FORMAT_TABLE ||
	       cmd->globals->format == FORMAT_WIDE;
}

size_t selection_paths(const struct command *cmd, const struct selection *selection,
		       const char **ret)
{
	size_t n = 0;

	for (; n < selection->n_columns; n++)
		ret[n] = is_for_people(cmd) ? column_shown(selection->columns[n])
					    : column_path(selection->columns[n]);
	ret[n++] = selection->sort ? column_path(selection->sort) : "name";
	ret[n++] = "name";
	return n;
}
