/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * port_words - the ports of a service, as its program is given them: in its words, and
 * in its environment.
 */
#ifndef PORTWATCH_BASE_PORT_WORDS_H
#define PORTWATCH_BASE_PORT_WORDS_H

#include <stddef.h>
#include <stdint.h>

struct named_port {
	const char *name; /* NULL none */
	uint16_t port;
};

/* The first of them is the one that goes without a name. */
struct port_words {
	const char *service;
	const struct named_port *ports;
	size_t n;
};

/*
 * @text with each {port} replaced by the first port and {port:NAME} by that called NAME;
 * any other brace stays, and all of them where there is no port.  Owned; NULL for want of
 * memory.
 */
char *port_words_fill_in(const struct port_words *words, const char *text);
/* The same for each of @texts; *ret is an owned strv.  -ENOMEM. */
int port_words_fill_in_all(const struct port_words *words, char *const *texts,
			   char ***ret);

/* PORTWATCH_SERVICE, PORT, PORTWATCH_PORT, and PORTWATCH_PORT_NAME for each port that has
 * a name.  -ENOMEM. */
int port_words_export(const struct port_words *words, char ***env);

/* "NAME=value" into a strv of such lines; the last one of a name counts.  -ENOMEM. */
int env_set(char ***env, const char *line);
int env_printf(char ***env, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif /* PORTWATCH_BASE_PORT_WORDS_H */
