/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * post - what is to be sent to a server, as the daemon writes it.
 *
 * Lines, an empty one, and the body to the end:
 *   url URL
 *   header NAME: VALUE
 *   sign ID TIMESTAMP SECRET      as Standard Webhooks has it; as often as there are
 * secrets
 */
#ifndef PORTWATCH_FETCH_POST_H
#define PORTWATCH_FETCH_POST_H

#include <stddef.h>

#include "base/cleanup.h"

enum { POST_MAX = 1024 * 1024, POST_SECRETS_MAX = 16 };

struct post {
	const char *url;
	char **headers; /* "NAME: VALUE", signatures among them */
	const char *body;
	size_t body_size;
};

/* @text (@size bytes and a NUL) is changed, and what is borrowed points into it. -EPROTO,
 * -EINVAL for a secret that is none, -ENOMEM. */
int post_parse(char *text, size_t size, struct post *ret);
void post_done(struct post *post);

#endif /* PORTWATCH_FETCH_POST_H */
