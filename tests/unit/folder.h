/* SPDX-License-Identifier: GPL-2.0-only */
/* folder - a folder of the test's own, which is the working directory meanwhile. */
#ifndef PORTWATCH_TESTS_UNIT_FOLDER_H
#define PORTWATCH_TESTS_UNIT_FOLDER_H

#include "harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/files.h"
#include "base/strings.h"

static inline void folder_enter(void)
{
	char folder[] = "/tmp/portwatch-test-XXXXXX";

	CHECK(mkdtemp(folder));
	CHECK_EQ(chdir(folder), 0);
}

static inline void folder_leave(void)
{
	_cleanup_(freep) char *folder = get_current_dir_name();
	char command[4200];

	CHECK(starts_with(folder, "/tmp/portwatch-test-"));
	snprintf(command, sizeof(command), "rm -rf %s", folder);
	CHECK_EQ(system(command), 0);
}

static inline void folder_write(const char *path, const char *text)
{
	CHECK_EQ(file_write_atomic(path, text, strlen(text), 0644), 0);
}

/* Owned. */
static inline char *folder_read(const char *path)
{
	char *text = NULL;

	CHECK_EQ(file_read(path, 1 << 20, &text, NULL), 0);
	return text;
}

#endif /* PORTWATCH_TESTS_UNIT_FOLDER_H */
