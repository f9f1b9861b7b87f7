// SPDX-License-Identifier: GPL-2.0-only
#include "cli/options.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/strings.h"
#include "base/time.h"

enum { NAMES_MAX = 64 };

/* What an error is written to. */
struct complaint {
	char *text;
	size_t size;
};

static int complain(const struct complaint *to, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static int complain(const struct complaint *to, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(to->text, to->size, fmt, ap);
	va_end(ap);
	return -EINVAL;
}

/* The option that @word names: "--name" up to @length bytes, or "-n". */
static const struct option *find(const struct option *options, const char *word,
				 size_t length)
{
	for (; options && options->name; options++) {
		if (word[1] == '-' && strlen(options->name) == length - 2 &&
		    strncmp(options->name, word + 2, length - 2) == 0)
			return options;
		if (word[1] != '-' && options->letter == word[1])
			return options;
	}
	return NULL;
}

static int unknown(const struct option_set *sets, size_t n_sets, const char *word,
		   const struct complaint *to)
{
	const char *names[NAMES_MAX + 1], *near;
	size_t n = 0, length = strcspn(word, "=");
	char name[64];

	for (size_t i = 0; i < n_sets; i++)
		for (const struct option *o = sets[i].options; o && o->name; o++)
			if (n < NAMES_MAX)
				names[n++] = o->name;
	names[n] = NULL;
	if (word[1] != '-')
		return complain(to, "there is no option -%c", word[1]);
	snprintf(name, sizeof(name), "%.*s", (int)length - 2, word + 2);
	near = nearest_name(name, names);
	if (near)
		return complain(to, "there is no option --%s (did you mean --%s?)", name,
				near);
	return complain(to, "there is no option --%s", name);
}

static int choose(const struct option *option, const char *value, int *ret,
		  const struct complaint *to)
{
	_cleanup_(buffer_done) struct buffer all = { 0 };

	for (int i = 0; option->choices[i]; i++) {
		if (streq(option->choices[i], value)) {
			*ret = i;
			return 0;
		}
		buffer_printf(&all, "%s%s", i ? ", " : "", option->choices[i]);
	}
	return complain(to, "--%s is one of %s, not '%s'", option->name,
			all.data ? all.data : "", value);
}

static int append(const struct option *option, struct option_list *list,
		  const char *value, const struct complaint *to)
{
	if (list->n == OPTION_LIST_MAX)
		return complain(to, "--%s is given more than %d times", option->name,
				OPTION_LIST_MAX);
	list->items[list->n++] = value;
	return 0;
}

static int store(const struct option *option, void *into, const char *value,
		 const struct complaint *to)
{
	void *slot = (char *)into + option->offset;
	struct duration duration = { .given = true };

	switch (option->kind) {
	case OPTION_FLAG:
		*(bool *)slot = true;
		return 0;
	case OPTION_TEXT:
		if (!*value)
			return complain(to, "--%s needs a %s that is not empty",
					option->name, option->value);
		if (option->choices && choose(option, value, &(int){ 0 }, to) < 0)
			return -EINVAL;
		*(const char **)slot = value;
		return 0;
	case OPTION_CHOICE:
		return choose(option, value, slot, to);
	case OPTION_DURATION:
		if (duration_parse(value, &duration.ms) < 0)
			return complain(to,
					"--%s takes a time such as 30s, 5m or 1h30m, "
					"not '%s'",
					option->name, value);
		*(struct duration *)slot = duration;
		return 0;
	case OPTION_LIST:
		return append(option, slot, value, to);
	}
	return -EINVAL;
}

/* The value as it stands in the word itself: behind '=', or behind the letter. */
static const char *attached(const char *word, size_t length)
{
	if (word[1] != '-')
		return word[2] ? word + 2 : NULL;
	return word[length] == '=' ? word + length + 1 : NULL;
}

int options_take(const struct option_set *sets, size_t n_sets, char *const *argv, int *at,
		 char *reterr, size_t size)
{
	const struct complaint to = { reterr, size };
	const char *word = argv[*at], *value;
	size_t length = word[1] == '-' ? strcspn(word, "=") : 2;
	const struct option *option = NULL;
	size_t i;

	for (i = 0; i < n_sets; i++) {
		option = find(sets[i].options, word, length);
		if (option)
			break;
	}
	if (!option)
		return unknown(sets, n_sets, word, &to);
	value = attached(word, length);
	(*at)++;
	if (option->kind == OPTION_FLAG) {
		if (value)
			return complain(&to, "--%s takes no value", option->name);
	} else if (!value) {
		value = argv[*at];
		if (!value)
			return complain(&to, "--%s needs a value: %s", option->name,
					option->value);
		(*at)++;
	}
	return store(option, sets[i].into, value, &to);
}
