/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * listener - a listening socket and the policy of those who come in by it.
 */
#ifndef PORTWATCH_HTTP_LISTENER_H
#define PORTWATCH_HTTP_LISTENER_H

#include <stdbool.h>
#include <sys/types.h>

#include "core/endpoint.h"

struct policy {
	const char *name; /* for messages */
	bool limited;     /* connections are bounded in number and time */
	bool by_token;    /* the kernel does not say who may do what: a token does */
};

extern const struct policy policy_unix;     /* the control socket */
extern const struct policy policy_loopback; /* TCP */
extern const struct policy policy_embedded; /* the one peer that started the engine */

struct listener {
	const struct policy *policy;
	int fd;
	char *path; /* of the socket file; owned; NULL none */
	dev_t dev;  /* of the socket file: only that one is removed again */
	ino_t ino;
};

/*
 * Listen at @path for everybody to read, owned by @group unless that is (gid_t)-1.
 * Missing parent folders are made.  A socket that nobody serves any more is replaced.
 * -EADDRINUSE where somebody answers there, -ENOTSOCK for a file that is none,
 * -ENAMETOOLONG, -ENOMEM, or what the system calls say.
 */
int listener_open_unix(const char *path, gid_t group, struct listener *ret);
/* Listen at an address and port of loopback, at no other.  -EINVAL, or what the system
 * calls say. */
int listener_open_loopback(const struct endpoint *at, struct listener *ret);
/* Closes it and removes the socket file if it is still its own. */
void listener_close(struct listener *listener);

#endif /* PORTWATCH_HTTP_LISTENER_H */
