/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * status_cache - the status document as it was last sent, while nothing changed.
 *
 * An engine that knows nothing of changes has no cache.
 */
#ifndef PORTWATCH_HTTP_STATUS_CACHE_H
#define PORTWATCH_HTTP_STATUS_CACHE_H

#include "http/api.h"

/* All that the document depends on. */
struct status_key {
	struct viewer viewer;
	uint64_t sequence;   /* of the engine's last event */
	uint64_t seen;       /* facts; they may change a socket without an event */
	uint64_t checks;     /* made so far */
	uint64_t generation; /* of the registry */
	uint64_t second;     /* of the wall clock: ages and times are in it */
};

/* Borrowed; NULL where the one that is kept differs. */
struct shared_body *status_cache_find(const struct status_cache *cache,
				      const struct status_key *key);
/* Keeps a reference on @body.  Without memory nothing is kept. */
void status_cache_keep(struct status_cache **cache, const struct status_key *key,
		       struct shared_body *body);
struct status_cache *status_cache_free(struct status_cache *cache);

#endif /* PORTWATCH_HTTP_STATUS_CACHE_H */
