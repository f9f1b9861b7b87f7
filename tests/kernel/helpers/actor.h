/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * actor - a process that does as it is told, one command a datagram.
 *
 * Descriptor 0 is a SOCK_SEQPACKET socket.  A request is words separated by blanks; the
 * answer is a number (negative errno where the command failed) and, for some, a word.
 * Either may carry one descriptor.  Sockets stand in slots, which a fork copies and an
 * exec hands on as far as the descriptors survive it.
 *
 *   socket S 4|6 tcp|udp|mptcp [PATH]   cookie
 *   quiet S 4|6 tcp|udp|mptcp [PATH]    1; the kernel is not asked for a cookie yet
 *   cookie S
 *   bind S ADDRESS PORT [PATH]          the port it got
 *   listen S [PATH]                     the port it got
 *   connect S ADDRESS PORT [PATH]       0
 *   disconnect S                        connect to AF_UNSPEC
 *   accept S T                          cookie
 *   send S ADDRESS PORT                 0; an unbound UDP socket is autobound
 *   shutdown S
 *   close S [PATH]      range S         close(2), close_range(2)
 *   dup S T             dup2 S T
 *   inherit S                           clears FD_CLOEXEC
 *   set S OPTION [VALUE]                reuseaddr reuseport v6only freebind late device
 *   name S                              port and address
 *   take S                              the descriptor that came with the request
 *   give S                              answers with the descriptor of slot S
 *   diag                                answers with a NETLINK_SOCK_DIAG socket
 *   fork                                pid; answers with the child's descriptor 0
 *   exec [WORD...]                      becomes the same program anew, with these words
 *   child COMMAND...                    by a child that is gone when the answer comes
 *   thread COMMAND...                   by another thread
 *   run PATH WORD...                    exit status of a program, run and waited for
 *   unshare   netns                     inode of the (new) network namespace, lo up
 *   pid   uid N   comm NAME   cd DIR   have PATH
 *   storm MS KEEP SEED                  binds made; leaves at most KEEP sockets open
 *   exit N   kill                       no answer
 *
 * PATH is sys, int80, uring or direct.  `actor -c 'COMMAND; COMMAND'` does these and
 * ends, for what has to be gone at once.
 */
#ifndef PORTWATCH_KERNEL_HELPERS_ACTOR_H
#define PORTWATCH_KERNEL_HELPERS_ACTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "kernel/helpers/path.h"

enum { SLOTS = 4096, WORDS = 16, ANSWER = 256 };

struct slot {
	int fd; /* -1: free */
	const struct path *path;
};

extern struct slot slots[SLOTS];

struct request {
	int argc;
	char *argv[WORDS];
	int fd_in;  /* came along; -1 */
	int fd_out; /* to go with the answer; -1 */
	char word[ANSWER];
};

/* A command: what it answers. */
typedef int64_t (*command_fn)(struct request *rq);

struct command {
	const char *name;
	int min_args;
	command_fn run;
};

/* Each table ends with a NULL name. */
extern const struct command socket_commands[], process_commands[];

int64_t actor_do(struct request *rq);
/* Serves descriptor 0 until it is closed; does not return. */
void actor_serve(void) __attribute__((noreturn));

/* -EBADF for a number that is none, or not in use. */
int slot_find(const char *word, struct slot **ret);
/* Takes over @fd; what was in the slot is left to be closed by its owner. */
int slot_put(const char *word, int fd, const struct path *path, struct slot **ret);

/* "127.0.0.1" or "::1", and a port.  -EINVAL. */
int address_parse(const char *text, const char *port, struct sockaddr_storage *ret,
		  socklen_t *ret_len);

int64_t command_storm(struct request *rq);

#endif /* PORTWATCH_KERNEL_HELPERS_ACTOR_H */
