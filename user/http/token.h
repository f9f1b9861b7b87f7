/* SPDX-License-Identifier: GPL-2.0-only */
/* token - the secret that whoever comes in by TCP must know, in a file for its owner. */
#ifndef PORTWATCH_HTTP_TOKEN_H
#define PORTWATCH_HTTP_TOKEN_H

enum {
	TOKEN_MIN = 32, /* characters that one written by hand needs */
	TOKEN_MAX = 512,
	TOKEN_BYTES = 32, /* of chance in one that is made */
};

/*
 * Reads the token in the file at @path; one that is missing is made first, mode 0600.
 * White space behind it does not belong to it.  @ret is owned.  -EACCES: somebody besides
 * its owner may read it, -EOWNERDEAD: it is another user's than root's or the caller's,
 * -EINVAL: what it holds is no token, -ENOMEM, or what the system calls say.
 */
int token_load(const char *path, char **ret);

#endif /* PORTWATCH_HTTP_TOKEN_H */
