// SPDX-License-Identifier: GPL-2.0-only
/* When a process is a service: SPEC section 2, the part that looks at the process. */
#include "core/registry_private.h"

#include <stdio.h>
#include <string.h>

#include "base/strings.h"

static bool same_text(struct span a, struct span b)
{
	return a.size == b.size && !memcmp(a.text, b.text, a.size);
}

/* Is @arg the path of @word below @folder? */
static bool is_below(const char *folder, struct span word, struct span arg)
{
	size_t size = folder ? strlen(folder) : 0;

	while (size && folder[size - 1] == '/')
		size--;
	return size && arg.size == size + 1 + word.size &&
	       !memcmp(arg.text, folder, size) && arg.text[size] == '/' &&
	       !memcmp(arg.text + size + 1, word.text, word.size);
}

/*
 * A path is compared as it was written, "./" aside; what startup_cmd gives is also
 * relative to working_dir.
 */
static bool is_word(const struct service *svc, struct span word, struct span arg)
{
	word = word_normalise(word);
	arg = word_normalise(arg);
	return same_text(word, arg) ||
	       (svc->match.derived && is_below(svc->working_dir, word, arg));
}

static bool words_in_argv(const struct service *svc, char *const *argv)
{
	char *const *word = svc->match.cmdline;

	for (; *word && *argv; argv++)
		if (is_word(svc, (struct span){ *word, strlen(*word) },
			    (struct span){ *argv, strlen(*argv) }))
			word++;
	return !*word;
}

/* The first place behind *@title where @word stands; *@title moves behind it. */
static bool find_in_title(const struct service *svc, struct span word, const char **title)
{
	struct span have;

	while (title_next(title, &have))
		if (is_word(svc, word, have) || is_word(svc, word, title_trim(have)))
			return true;
	return false;
}

static bool words_in_title(const struct service *svc, const char *title)
{
	for (char *const *words = svc->match.cmdline; *words; words++) {
		const char *at = *words;
		struct span word;

		while (title_next(&at, &word))
			if (!find_in_title(svc, word, &title))
				return false;
	}
	return true;
}

static bool holds_cmdline(const struct service *svc, char *const *argv)
{
	if (!strv_length(svc->match.cmdline))
		return true;
	if (!argv)
		return false;
	return argv_is_title(argv) ? words_in_title(svc, argv[0])
				   : words_in_argv(svc, argv);
}

static bool holds_name(const struct match *m, const struct process *p)
{
	struct names names;

	if (!m->process_name)
		return true;
	names_of(p, m->by_command, &names);
	return names_contain(&names, m->process_name);
}

static bool holds_exe(const char *exe, const char *have)
{
	if (!exe)
		return true;
	return have && (streq(exe, have) ||
			(!strchr(exe, '/') && streq(exe, base_name(have).text)));
}

static bool holds_user(const char *user, const struct process_info *info)
{
	uint64_t uid;

	if (!user || streq(user, info->user))
		return true;
	return info->uid != (uid_t)-1 && !parse_u64(user, UINT32_MAX, &uid) &&
	       uid == info->uid;
}

static bool is_same_unit(const char *unit, struct span have)
{
	static const char suffix[] = ".service";
	size_t size = strlen(unit);

	if (same_text((struct span){ unit, size }, have))
		return true;
	return have.size == size + sizeof(suffix) - 1 && !memcmp(have.text, unit, size) &&
	       !memcmp(have.text + size, suffix, sizeof(suffix) - 1);
}

/* Any unit that the process is in: user@1000.service is one as well as what runs
 * inside. */
static bool holds_unit(const char *unit, const struct process_info *info)
{
	const char *at = info->cgroup;

	if (!unit)
		return true;
	if (info->unit &&
	    is_same_unit(unit, (struct span){ info->unit, strlen(info->unit) }))
		return true;
	while (at && *at) {
		struct span part = { at, strcspn(at, "/") };

		if (is_same_unit(unit, part))
			return true;
		at += part.size;
		at += *at == '/';
	}
	return false;
}

static bool holds_cgroup(const char *cgroup, const char *have)
{
	size_t size;

	if (!cgroup)
		return true;
	if (!have)
		return false;
	size = strlen(cgroup);
	while (size && cgroup[size - 1] == '/')
		size--;
	return !strncmp(have, cgroup, size) && (!have[size] || have[size] == '/');
}

bool service_holds(const struct service *svc, const struct process *p)
{
	const struct match *m = &svc->match;

	return holds_name(m, p) && holds_exe(m->exe, p->info.exe) &&
	       holds_cmdline(svc, p->info.cmdline) && holds_user(m->user, &p->info) &&
	       holds_unit(m->unit, &p->info) && holds_cgroup(m->cgroup, p->info.cgroup);
}

bool service_matches(const struct service *svc, const struct process *p)
{
	if (!service_can_recognise(svc))
		return true;
	for (; p; p = p->parent)
		if (service_holds(svc, p))
			return true;
	return false;
}
