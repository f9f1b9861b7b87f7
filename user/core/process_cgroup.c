// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a cgroup path tells: the systemd unit and the container.
 *
 * The innermost of each counts: the unit inside a container that runs systemd, the
 * user's unit rather than the user@.service around it, the container inside another.
 */
#include "core/process.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "base/strings.h"

/* A stretch of the path. */
struct span {
	const char *text;
	size_t size;
};

static bool ends_with(struct span s, const char *suffix)
{
	size_t size = strlen(suffix);

	return s.size > size && !memcmp(s.text + s.size - size, suffix, size);
}

static bool cut_prefix(struct span *s, const char *prefix)
{
	size_t size = strlen(prefix);

	if (s->size <= size || memcmp(s->text, prefix, size))
		return false;
	s->text += size;
	s->size -= size;
	return true;
}

static bool cut_suffix(struct span *s, const char *suffix)
{
	if (!ends_with(*s, suffix))
		return false;
	s->size -= strlen(suffix);
	return true;
}

static bool is_span(struct span s, const char *text)
{
	return s.size == strlen(text) && !memcmp(s.text, text, s.size);
}

static bool is_unit(struct span s)
{
	static const char *const kinds[] = { ".service", ".scope", ".socket", ".mount",
					     ".swap" };

	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		if (ends_with(s, kinds[i]))
			return true;
	return false;
}

/* docker, podman, containerd and cri-o draw 256 bits. */
static bool is_long_id(struct span s)
{
	for (size_t i = 0; i < s.size; i++)
		if (!isxdigit((unsigned char)s.text[i]) ||
		    isupper((unsigned char)s.text[i]))
			return false;
	return s.size == 64;
}

/* "docker-ID.scope", "libpod-ID", "cri-containerd-ID.scope", "x.slice:cri-containerd:ID":
 * what follows the last separator. */
static struct span id_part(struct span s)
{
	cut_suffix(&s, ".scope");
	for (size_t i = s.size; i > 0; i--)
		if (s.text[i - 1] == '-' || s.text[i - 1] == ':')
			return (struct span){ s.text + i, s.size - i };
	return s;
}

/* The monitor of a container stands beside it, not in it. */
static bool is_monitor(struct span s)
{
	return cut_prefix(&s, "libpod-conmon-") || cut_prefix(&s, "crio-conmon-") ||
	       cut_prefix(&s, "lxc.monitor");
}

/* "machine-NAME.scope" of systemd-nspawn; libvirt's machines are no containers. */
static bool is_nspawn(struct span *s)
{
	struct span name = *s, rest;
	bool found;

	if (cut_prefix(&name, "machine-"))
		found = cut_suffix(&name, ".scope");
	else
		found = cut_prefix(&name, "systemd-nspawn@") &&
			cut_suffix(&name, ".service");
	rest = name;
	if (!found || cut_prefix(&rest, "qemu\\x2d"))
		return false;
	*s = name;
	return true;
}

/* Those that have a name rather than an id; *s becomes it. */
static bool is_named_container(struct span parent, struct span *s)
{
	if (is_span(parent, "lxc") || is_span(parent, "lxc.payload"))
		return !is_span(*s, "init.scope");
	return cut_prefix(s, "lxc.payload.") || is_nspawn(s);
}

static void look_at(struct span parent, struct span s, struct span *unit,
		    struct span *container)
{
	struct span id;

	/* systemd marks names that clash with the kernel's own files. */
	cut_prefix(&s, "_");
	if (is_unit(s))
		*unit = s;
	if (is_monitor(s))
		return;

	id = id_part(s);
	if (is_long_id(id))
		*container = id;
	else if (is_named_container(parent, &s))
		*container = s;
}

static int set(char **field, struct span value)
{
	char *copy;

	if (!value.text)
		return 0;
	copy = strndup(value.text, value.size);
	if (!copy)
		return -ENOMEM;
	free(*field);
	*field = copy;
	return 0;
}

int process_info_parse_cgroup(struct process_info *info, const char *cgroup)
{
	struct span unit = { 0 }, container = { 0 }, parent = { "", 0 };
	const char *at = cgroup;
	int err;

	while (*at) {
		struct span part = { at, strcspn(at, "/") };

		if (part.size)
			look_at(parent, part, &unit, &container);
		parent = part;
		at += part.size;
		at += *at == '/';
	}

	err = set(&info->unit, unit);
	if (err == 0)
		err = set(&info->container, container);
	if (err < 0 || cgroup == info->cgroup)
		return err;
	return set(&info->cgroup, (struct span){ cgroup, strlen(cgroup) });
}
