// SPDX-License-Identifier: GPL-2.0-only
#include "http/status_cache.h"

enum { VIEWERS = 4 };

struct status_cache {
	struct {
		struct status_key key;
		struct shared_body *body; /* NULL: free */
	} entries[VIEWERS];
	unsigned next; /* to be replaced by a new viewer */
};

static bool key_equal(const struct status_key *a, const struct status_key *b)
{
	return viewer_equal(&a->viewer, &b->viewer) && a->sequence == b->sequence &&
	       a->seen == b->seen && a->generation == b->generation &&
	       a->checks == b->checks && a->second == b->second;
}

struct shared_body *status_cache_find(const struct status_cache *cache,
				      const struct status_key *key)
{
	for (unsigned i = 0; cache && i < VIEWERS; i++)
		if (cache->entries[i].body && key_equal(&cache->entries[i].key, key))
			return cache->entries[i].body;
	return NULL;
}

void status_cache_keep(struct status_cache **cache, const struct status_key *key,
		       struct shared_body *body)
{
	unsigned i;

	if (!*cache)
		*cache = calloc(1, sizeof(**cache));
	if (!*cache)
		return;
	for (i = 0; i < VIEWERS; i++)
		if ((*cache)->entries[i].body &&
		    viewer_equal(&(*cache)->entries[i].key.viewer, &key->viewer))
			break;
	if (i == VIEWERS)
		i = (*cache)->next++ % VIEWERS;

	body->refs++;
	shared_body_unref((*cache)->entries[i].body);
	(*cache)->entries[i].key = *key;
	(*cache)->entries[i].body = body;
}

struct status_cache *status_cache_free(struct status_cache *cache)
{
	for (unsigned i = 0; cache && i < VIEWERS; i++)
		shared_body_unref(cache->entries[i].body);
	free(cache);
	return NULL;
}
