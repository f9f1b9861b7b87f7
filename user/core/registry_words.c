// SPDX-License-Identifier: GPL-2.0-only
/* The words of a command line, as it was given or as a title written over it. */
#include "core/registry_private.h"

#include <string.h>

bool argv_is_title(char *const *argv)
{
	if (!argv || !argv[0] || !strchr(argv[0], ' '))
		return false;
	/* What the title left of the old argv is empty. */
	for (char *const *arg = argv + 1; *arg; arg++)
		if (**arg)
			return false;
	return true;
}

bool title_next(const char **at, struct span *ret)
{
	const char *word = *at + strspn(*at, " ");
	size_t size = strcspn(word, " ");

	*at = word + size;
	*ret = (struct span){ word, size };
	return size > 0;
}

struct span title_trim(struct span word)
{
	static const char punctuation[] = ":,;()[]";

	while (word.size && strchr(punctuation, word.text[0]))
		word = (struct span){ word.text + 1, word.size - 1 };
	while (word.size && strchr(punctuation, word.text[word.size - 1]))
		word.size--;
	return word;
}

struct span word_normalise(struct span word)
{
	while (word.size > 2 && word.text[0] == '.' && word.text[1] == '/')
		word = (struct span){ word.text + 2, word.size - 2 };
	return word;
}
