/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * access - whether a request is let in at all: for whom it is, which page sent it, and
 * whether it knows the token.
 *
 * A browser may be made to send requests here by any page that it shows.  It cannot be
 * made to send a Host or an Origin that is not the page's own, so both are looked at on
 * every listener; what else a peer may do, its credentials or the token say.
 *
 * Pure: no I/O.
 */
#ifndef PORTWATCH_HTTP_ACCESS_H
#define PORTWATCH_HTTP_ACCESS_H

#include <stdbool.h>

/* Of the listeners on TCP, but for @hosts, which hold for all. */
struct access_rules {
	char **hosts;   /* served besides loopback; NULL none */
	char *token;    /* NULL: none is right */
	bool read_only; /* reads need no token, and nothing is changed */
};

/* Empties it; the token does not stay in memory. */
void access_rules_done(struct access_rules *rules);

/* What a request has of these headers; NULL none. */
struct access_claims {
	const char *host;
	unsigned n_hosts; /* how many lines of Host there are */
	const char *origin;
	unsigned n_origins;
	const char *authorization;
};

struct access_verdict {
	unsigned status; /* 0: let in, else that of the problem */
	const char *detail;
};

/* Of Host and Origin. */
struct access_verdict access_judge(const struct access_rules *rules,
				   const struct access_claims *claims);
/* Of the token, as a listener on TCP wants it; @changes: more than a read. */
struct access_verdict access_judge_token(const struct access_rules *rules,
					 const struct access_claims *claims,
					 bool changes);

/* "localhost", an address of loopback or one of @hosts, with or without a port. */
bool access_host_is_served(const char *host, char *const *hosts);
/* Is it the origin of what was served under @host, over TLS or not? */
bool access_origin_is_own(const char *origin, const char *host);
/* Takes as long for any text of one length. */
bool access_token_is_right(const char *authorization, const char *token);

#endif /* PORTWATCH_HTTP_ACCESS_H */
