/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * hash - uthash, with want of memory as an ordinary error.
 *
 * An element that could not be added has hh.tbl == NULL and is in no table.
 */
#ifndef PORTWATCH_CORE_HASH_H
#define PORTWATCH_CORE_HASH_H

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#define hash_was_added(element) ((element)->hh.tbl != NULL)

#endif /* PORTWATCH_CORE_HASH_H */
