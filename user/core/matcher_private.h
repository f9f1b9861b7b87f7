/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * matcher_private - what the files of the matcher share.
 *
 * The matcher is cut by what it asks: identity (who is who), claims (what lies under
 * what), port, blocked, service, registry (the kinds of alert), state (who is recorded),
 * status, text (how it is said).
 */
#ifndef PORTWATCH_CORE_MATCHER_PRIVATE_H
#define PORTWATCH_CORE_MATCHER_PRIVATE_H

#include "core/matcher.h"

enum { PHRASE_SIZE = 320, PLACE_SIZE = 64 };

static inline bool is_v6only(const struct socket *sock)
{
	return sock->flags & SOCKET_V6ONLY;
}

/* matcher_claims.c */
uint32_t claim_netns(const struct world *world, const struct claim *claim);
/* The endpoint of a claim with its namespace; the wildcard where it takes any address. */
struct endpoint claim_endpoint(const struct world *world, const struct claim *claim);
struct endpoint allocation_endpoint(const struct world *world,
				    const struct allocation *alloc);
bool claim_covers_socket(const struct world *world, const struct claim *claim,
			 const struct socket *sock);
bool allocation_covers(const struct world *world, const struct allocation *alloc,
		       const struct endpoint *at);
/* The allocation that covers @at, or NULL. */
const struct allocation *allocation_over(const struct world *world,
					 const struct endpoint *at);
/* Does @svc (NULL: never) claim @at? */
bool service_claims(const struct world *world, const struct service *svc,
		    const struct endpoint *at, bool v6only);
/* The name under which a port is claimed: of the first claim over it, else of its
 * allocation, else NULL. */
const char *claimant_at(const struct world *world, const struct endpoint *at, bool v6only,
			bool *ret_is_allocation);
struct service_state *state_of_service(const struct world *world,
				       const struct service *svc);
struct service_state *state_of_allocation(const struct world *world,
					  const struct allocation *alloc);
/*
 * The sockets on the ports that a state claims, one after the other; for a service
 * without ports those that it was seen to hold.  Zero @walk but for `world` and `state`.
 */
struct claimed_walk {
	const struct world *world;
	const struct service_state *state;
	size_t claim;
	struct socket *next;
};
struct socket *claimed_next(struct claimed_walk *walk);

/* matcher_identity.c */
/* Is @p (or an ancestor) whom the allocation is for?  NULL: no. */
bool allocation_is_process(const struct world *world, const struct allocation *alloc,
			   const struct process *p);
/* One of the two that @state is of. */
bool state_is_process(const struct world *world, const struct service_state *state,
		      const struct process *p);
/* Is @p a service, or the process of an allocation?  For a socket at @at. */
bool is_known(const struct world *world, struct process *p, const struct endpoint *at,
	      bool v6only);
/* Is the owner of @sock, or one of its known holders, that service? */
bool socket_is_of_service(const struct world *world, const struct socket *sock,
			  const struct service *svc);
bool socket_is_of_state(const struct world *world, const struct socket *sock,
			const struct service_state *state);
/* Have @a and @b nobody in common, neither owners nor holders?  False where an owner is
 * unknown. */
bool different_owners(const struct world *world, const struct socket *a,
		      const struct socket *b);
/* The owner, where it lives, else the first holder that does; NULL. */
struct process *living_holder(const struct socket *sock);
bool is_holder(const struct socket *sock, const struct process *p);

/* matcher_split.c: shared and shadowed among the sockets of a port. */
int matcher_split(const struct world *world, const struct socket *first,
		  struct verdicts *ret);

/* matcher_status.c */
/* The best of the sockets by which it holds a port of its own; NULL none. */
const struct socket *own_socket(const struct world *world,
				const struct service_state *state);

/* matcher_drift.c */
/* Something that others may come to, on a port that the program chose. */
bool offers_service(const struct socket *sock);
/* Does @sock offer something on a port that @svc, its owner's service, does not claim? */
bool is_stray(const struct world *world, const struct service *svc,
	      const struct socket *sock);
int matcher_drift(const struct world *world, const struct service_state *state,
		  struct verdicts *ret);

/* matcher_state.c */
/* Did whom @state records hold @sock? */
bool state_held(const struct service_state *state, const struct socket *sock);

/* matcher_text.c */
/* Zeroed but for these; @service may be NULL. */
void verdict_init(struct verdict *v, enum alert_kind kind, const struct endpoint *at,
		  const char *service);
/* A new verdict at the end of @list, made so; NULL for want of memory. */
struct verdict *verdict_add(struct verdicts *list, enum alert_kind kind,
			    const struct endpoint *at, const char *service);
/* Cut at a whole UTF-8 character where there is no room. */
void verdict_say(struct verdict *v, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void verdict_fix(struct verdict *v, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* `expected` names a service, where there is one. */
void verdict_expect(struct verdict *v, const char *service);
/* "Port 8767 (tcp)", "Port 80 (tcp, network namespace 4026532245)".  Returns @buf, of
 * PLACE_SIZE. */
const char *say_port(const struct world *world, const struct endpoint *at, char *buf);
/* ":8767", ":53/udp": a target.  Returns @buf, of PLACE_SIZE. */
const char *say_target(const struct endpoint *at, char *buf);
/* "python3 (pid 12345, user root)", "a process that could not be identified".
 * Returns @buf, of PHRASE_SIZE. */
const char *say_process(const struct process *p, char *buf);
/* ": python3 -m http.server 8767" or "".  Returns @buf, of PHRASE_SIZE. */
const char *say_cmdline(const struct process *p, char *buf);
/* "exit code 3".  Returns @buf, of PLACE_SIZE. */
const char *say_exit(const struct process *p, char *buf);

#endif /* PORTWATCH_CORE_MATCHER_PRIVATE_H */
