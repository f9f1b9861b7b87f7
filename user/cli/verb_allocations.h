/* SPDX-License-Identifier: GPL-2.0-only */
/* verb_allocations - what `allocate`, `release` and `allocations` have in common. */
#ifndef PORTWATCH_CLI_VERB_ALLOCATIONS_H
#define PORTWATCH_CLI_VERB_ALLOCATIONS_H

#include "cli/render.h"
#include "cli/session.h"
#include "json/doc.h"

extern const struct view allocations_view;

/* Print the allocations of @array in a format of rows; takes it over. */
int allocations_print(const struct command *cmd, const struct selection *selection,
		      struct doc *array);
/* Is it a table, which these verbs have in words? */
bool allocations_in_words(const struct command *cmd);

#endif /* PORTWATCH_CLI_VERB_ALLOCATIONS_H */
