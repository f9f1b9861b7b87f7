// SPDX-License-Identifier: GPL-2.0-only
/* By what names a process may be known, and when two names are one program's. */
#include "core/registry_private.h"

#include <ctype.h>
#include <string.h>

#include "base/strings.h"

enum { COMM_MAX = 15 }; /* TASK_COMM_LEN without the NUL */

static struct span span_of(const char *text)
{
	return (struct span){ text, strlen(text) };
}

static bool span_equals(struct span a, struct span b)
{
	return a.size == b.size && !memcmp(a.text, b.text, a.size);
}

struct span base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return span_of(slash ? slash + 1 : path);
}

static bool is_version_char(char c)
{
	return isdigit((unsigned char)c) || c == '.' || c == '-' || c == '_';
}

/* As name_split(), of a whole name. */
static void split(struct span name, struct span *ret_stem, struct span *ret_major)
{
	size_t stem = name.size, start, end;

	while (stem > 0 && is_version_char(name.text[stem - 1]))
		stem--;
	if (!stem)
		stem = name.size; /* all of it looks like a version: it is the name */

	for (start = stem; start < name.size; start++)
		if (isdigit((unsigned char)name.text[start]))
			break;
	for (end = start; end < name.size; end++)
		if (!isdigit((unsigned char)name.text[end]))
			break;

	*ret_stem = (struct span){ name.text, stem };
	*ret_major = (struct span){ name.text + start, end - start };
}

void name_split(struct span name, struct span *ret_stem, struct span *ret_major)
{
	if (name.size > COMM_MAX)
		name.size = COMM_MAX;
	split(name, ret_stem, ret_major);
}

bool name_equals(struct span a, struct span b)
{
	struct span a_stem, a_major, b_stem, b_major;

	if (span_equals(a, b))
		return true;
	/* Most are not, and a stem has its name's first letter. */
	if (!a.size || !b.size || *a.text != *b.text)
		return false;
	split(a, &a_stem, &a_major);
	split(b, &b_stem, &b_major);
	return span_equals(a_stem, b_stem) &&
	       (!a_major.size || !b_major.size || span_equals(a_major, b_major));
}

bool name_is_interpreter(struct span name)
{
	/* clang-format off */
	static const char *const known[] = {
		"python", "pypy", "node", "nodejs", "bun", "deno", "ruby", "perl", "php",
		"lua", "sh", "bash", "dash", "zsh", "ksh",
	};
	/* clang-format on */

	struct span stem, major;

	split(name, &stem, &major);
	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (*known[i] == *stem.text && span_equals(stem, span_of(known[i])))
			return true;
	return false;
}

static void add_name(struct names *names, struct span name)
{
	if (name.size)
		names->items[names->n++] = name;
}

/* The script or module that an interpreter runs: its first argument that is no option. */
static const char *script_of(char *const *argv)
{
	for (char *const *arg = argv + 1; *argv && *arg; arg++)
		if (**arg && **arg != '-')
			return *arg;
	return NULL;
}

static void add_argv_names(char *const *argv, struct names *names)
{
	const char *at = argv[0];
	struct span word;

	/* A login shell is "-bash". */
	if (*at == '-')
		at++;
	add_name(names, base_name(at));
	if (!argv_is_title(argv) || !title_next(&at, &word))
		return;

	word = title_trim(word);
	for (size_t i = word.size; i > 0; i--) {
		if (word.text[i - 1] != '/')
			continue;
		word = (struct span){ word.text + i, word.size - i };
		break;
	}
	add_name(names, word);
}

static bool has_interpreter(const struct names *names)
{
	for (size_t i = 0; i < names->n; i++)
		if (name_is_interpreter(names->items[i]))
			return true;
	return false;
}

/* A name that begins with all that comm holds says what comm was cut from. */
static bool explains(struct span name, struct span comm)
{
	return name.size > comm.size && !memcmp(name.text, comm.text, comm.size);
}

void names_of(const struct process *p, bool scripts, struct names *ret)
{
	char *const *argv = p->info.cmdline;
	const char *script = argv ? script_of(argv) : NULL;
	struct span comm = span_of(p->info.comm);

	ret->n = 0;
	add_name(ret, comm);
	if (p->info.exe)
		add_name(ret, base_name(p->info.exe));
	if (argv && argv[0])
		add_argv_names(argv, ret);

	ret->comm_cut = comm.size == COMM_MAX;
	for (size_t i = 0; i < ret->n; i++)
		ret->comm_cut &= !explains(ret->items[i], comm);
	if (!script)
		return;
	if (ret->comm_cut && explains(base_name(script), comm))
		ret->comm_cut = false;
	else if (!scripts || !has_interpreter(ret))
		return;
	add_name(ret, base_name(script));
}

bool names_contain(const struct names *names, const char *name)
{
	struct span wanted = span_of(name);

	if (names->comm_cut && explains(wanted, names->items[0]))
		return true;
	for (size_t i = 0; i < names->n; i++)
		if (name_equals(wanted, names->items[i]))
			return true;
	return false;
}
