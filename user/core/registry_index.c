// SPDX-License-Identifier: GPL-2.0-only
/*
 * Finds the services whose match may hold for a process without asking each.
 *
 * What a match gives is a set of tokens (a word of argv, a name, a unit, …), each of
 * which a process must show for the match to hold.  A service is entered under the one
 * of its tokens that the fewest others have, so that 65,536 services called python are
 * told apart by their arguments.  A process is looked up by every token that it shows;
 * what is found is then asked in full, so that a token needs to be no more than a hash.
 */
#include "core/registry_private.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/strings.h"

/* In order of preference where two tokens are equally rare. */
enum token_kind {
	TOKEN_WORD,
	TOKEN_UNIT,
	TOKEN_EXE,
	TOKEN_CGROUP,
	TOKEN_NAME,
	TOKEN_ANY_VERSION, /* a versioned name, for processes whose name has none */
	TOKEN_USER,
};

struct bucket {
	uint64_t token;
	uint32_t first, last; /* links */
	UT_hash_handle hh;
};

struct link {
	const struct service *service;
	uint32_t next; /* in registry order; 0 is the end, and no link */
};

struct match_index {
	struct bucket *buckets;
	struct link *links;
	uint32_t n_links;
};

/* FNV-1a */
static uint64_t mix(uint64_t hash, const char *text, size_t size)
{
	for (size_t i = 0; i < size; i++)
		hash = (hash ^ (unsigned char)text[i]) * 0x100000001b3;
	return hash;
}

static uint64_t token(enum token_kind kind, struct span text)
{
	char tag = (char)kind;

	return mix(mix(0xcbf29ce484222325, &tag, 1), text.text, text.size);
}

static uint64_t token_of(enum token_kind kind, const char *text)
{
	return token(kind, (struct span){ text, strlen(text) });
}

static uint64_t name_token(struct span stem, struct span major)
{
	return mix(mix(token(TOKEN_NAME, stem), "", 1), major.text, major.size);
}

/* A word of several words in the registry meets a title word by word. */
static uint64_t word_token(struct span word)
{
	const char *space = memchr(word.text, ' ', word.size);

	if (space)
		word.size = space - word.text;
	return token(TOKEN_WORD, word_normalise(word));
}

static uint64_t unit_token(struct span unit)
{
	static const char suffix[] = ".service";
	size_t size = sizeof(suffix) - 1;

	if (unit.size > size && !memcmp(unit.text + unit.size - size, suffix, size))
		unit.size -= size;
	return token(TOKEN_UNIT, unit);
}

static uint64_t cgroup_token(const char *cgroup)
{
	size_t size = strlen(cgroup);

	while (size && cgroup[size - 1] == '/')
		size--;
	return token(TOKEN_CGROUP, (struct span){ cgroup, size });
}

typedef void (*token_fn)(uint64_t token, void *arg);

/* The tokens of a match, any of which it can be found by. */
static void match_tokens(const struct match *m, token_fn fn, void *arg)
{
	struct span stem, major;

	for (char *const *word = m->cmdline; word && *word; word++)
		if (**word && **word != ' ')
			fn(word_token((struct span){ *word, strlen(*word) }), arg);
	if (m->unit)
		fn(unit_token((struct span){ m->unit, strlen(m->unit) }), arg);
	if (m->exe)
		fn(token_of(TOKEN_EXE, m->exe), arg);
	if (m->cgroup)
		fn(cgroup_token(m->cgroup), arg);
	if (m->process_name) {
		name_split((struct span){ m->process_name, strlen(m->process_name) },
			   &stem, &major);
		fn(name_token(stem, major), arg);
	}
	if (m->user)
		fn(token_of(TOKEN_USER, m->user), arg);
}

static void show_words(char *const *argv, token_fn fn, void *arg)
{
	const char *at;
	struct span word;

	if (!argv_is_title(argv)) {
		for (; argv && *argv; argv++)
			fn(word_token((struct span){ *argv, strlen(*argv) }), arg);
		return;
	}
	for (at = argv[0]; title_next(&at, &word);) {
		struct span trimmed = title_trim(word);

		fn(word_token(word), arg);
		if (trimmed.size != word.size)
			fn(word_token(trimmed), arg);
	}
}

static void show_names(const struct process *p, token_fn fn, void *arg)
{
	struct names names;

	names_of(p, true, &names);
	for (size_t i = 0; i < names.n; i++) {
		struct span stem, major;

		name_split(names.items[i], &stem, &major);
		fn(name_token(stem, major), arg);
		if (major.size)
			fn(name_token(stem, (struct span){ "", 0 }), arg);
		else
			fn(token(TOKEN_ANY_VERSION, stem), arg);
	}
}

/* The cgroup and all above it, and each of its parts as a unit. */
static void show_cgroup(const char *cgroup, token_fn fn, void *arg)
{
	const char *at = cgroup;

	fn(cgroup_token(""), arg);
	while (*at) {
		size_t size = strcspn(at, "/");

		if (size) {
			fn(unit_token((struct span){ at, size }), arg);
			fn(token(TOKEN_CGROUP,
				 (struct span){ cgroup, at + size - cgroup }),
			   arg);
		}
		at += size;
		at += *at == '/';
	}
}

/* The tokens that @p shows: whatever match holds for it has its token among them. */
static void process_tokens(const struct process *p, token_fn fn, void *arg)
{
	char uid[16];

	show_words(p->info.cmdline, fn, arg);
	show_names(p, fn, arg);
	if (p->info.unit)
		fn(unit_token((struct span){ p->info.unit, strlen(p->info.unit) }), arg);
	if (p->info.cgroup)
		show_cgroup(p->info.cgroup, fn, arg);
	if (p->info.exe) {
		fn(token_of(TOKEN_EXE, p->info.exe), arg);
		fn(token(TOKEN_EXE, base_name(p->info.exe)), arg);
	}
	if (p->info.user)
		fn(token_of(TOKEN_USER, p->info.user), arg);
	if (p->info.uid != (uid_t)-1) {
		snprintf(uid, sizeof(uid), "%u", p->info.uid);
		fn(token_of(TOKEN_USER, uid), arg);
	}
}

/* How often tokens occur, near enough: those that share a place are counted as one. */
struct census {
	uint32_t *counts;
	uint64_t mask;
	/* The rarest of one match */
	uint64_t rarest;
	uint32_t least;
};

static void count(uint64_t tok, void *arg)
{
	struct census *census = arg;

	census->counts[tok & census->mask]++;
}

static void choose(uint64_t tok, void *arg)
{
	struct census *census = arg;
	uint32_t n = census->counts[tok & census->mask];

	if (n >= census->least)
		return;
	census->least = n;
	census->rarest = tok;
}

static int census_take(struct census *census, const struct registry *reg)
{
	size_t size = 64;

	while (size < 4 * reg->n_services)
		size *= 2;
	census->counts = calloc(size, sizeof(*census->counts));
	if (!census->counts)
		return -ENOMEM;

	census->mask = size - 1;
	for (size_t i = 0; i < reg->n_services; i++)
		match_tokens(&reg->services[i]->match, count, census);
	return 0;
}

static struct bucket *get_bucket(struct match_index *index, uint64_t tok)
{
	struct bucket *bucket;

	HASH_FIND(hh, index->buckets, &tok, sizeof(tok), bucket);
	if (bucket)
		return bucket;

	bucket = calloc(1, sizeof(*bucket));
	if (!bucket)
		return NULL;
	bucket->token = tok;
	HASH_ADD(hh, index->buckets, token, sizeof(bucket->token), bucket);
	if (!hash_was_added(bucket)) {
		free(bucket);
		return NULL;
	}
	return bucket;
}

static int enter(struct match_index *index, uint64_t tok, const struct service *svc)
{
	struct bucket *bucket = get_bucket(index, tok);
	uint32_t link = ++index->n_links;

	if (!bucket)
		return -ENOMEM;
	index->links[link].service = svc;
	if (bucket->last)
		index->links[bucket->last].next = link;
	else
		bucket->first = link;
	bucket->last = link;
	return 0;
}

static uint64_t path_token(const char *folder, struct span word)
{
	_cleanup_(freep) char *path = NULL;
	int size = strlen(folder);

	while (size && folder[size - 1] == '/')
		size--;
	size = asprintf(&path, "%.*s/%.*s", size, folder, (int)word.size, word.text);
	return size < 0 ? 0 : word_token((struct span){ path, size });
}

/* How else what @chosen was made of may show itself; 0 in no way. */
static uint64_t other_token(const struct service *svc, uint64_t chosen)
{
	const struct match *m = &svc->match;
	struct span stem, major;

	for (char *const *w = m->cmdline; w && *w; w++) {
		struct span word = word_normalise((struct span){ *w, strlen(*w) });

		if (m->derived && svc->working_dir && word_token(word) == chosen)
			return path_token(svc->working_dir, word);
	}

	if (!m->process_name)
		return 0;
	name_split((struct span){ m->process_name, strlen(m->process_name) }, &stem,
		   &major);
	return major.size && name_token(stem, major) == chosen
		       ? token(TOKEN_ANY_VERSION, stem)
		       : 0;
}

/* A match that gives words of nothing alone stands under 0, where everybody looks. */
static int enter_service(struct match_index *index, struct census *census,
			 const struct service *svc)
{
	uint64_t other;
	int err;

	census->rarest = 0;
	census->least = UINT32_MAX;
	match_tokens(&svc->match, choose, census);

	err = enter(index, census->rarest, svc);
	if (err < 0)
		return err;
	other = other_token(svc, census->rarest);
	return other ? enter(index, other, svc) : 0;
}

static int enter_all(struct match_index *index, const struct registry *reg)
{
	struct census census;
	int err = census_take(&census, reg);

	for (size_t i = 0; !err && i < reg->n_services; i++) {
		const struct service *svc = reg->services[i];

		if (svc->enabled && service_can_recognise(svc))
			err = enter_service(index, &census, svc);
	}
	free(census.counts);
	return err;
}

int match_index_new(const struct registry *reg, struct match_index **ret)
{
	_cleanup_(match_index_freep) struct match_index *index =
		calloc(1, sizeof(*index));
	int err;

	if (!index)
		return -ENOMEM;
	index->links = calloc(2 * reg->n_services + 1, sizeof(*index->links));
	if (!index->links)
		return -ENOMEM;
	err = enter_all(index, reg);
	if (err < 0)
		return err;

	*ret = take(index);
	return 0;
}

struct match_index *match_index_free(struct match_index *index)
{
	struct bucket *bucket, *next;

	if (!index)
		return NULL;

	HASH_ITER(hh, index->buckets, bucket, next)
	{
		HASH_DEL(index->buckets, bucket);
		free(bucket);
	}
	free(index->links);
	free(index);
	return NULL;
}

struct search {
	const struct match_index *index;
	const struct process *p;
	const struct service *found;
};

static void look_under(uint64_t tok, void *arg)
{
	struct search *search = arg;
	const struct match_index *index = search->index;
	struct bucket *bucket;

	HASH_FIND(hh, index->buckets, &tok, sizeof(tok), bucket);
	for (uint32_t i = bucket ? bucket->first : 0; i; i = index->links[i].next) {
		const struct service *svc = index->links[i].service;

		if (search->found && svc->index >= search->found->index)
			return;
		if (!service_holds(svc, search->p))
			continue;
		search->found = svc;
		return;
	}
}

const struct service *match_index_find(const struct match_index *index,
				       const struct process *p)
{
	struct search search = { .index = index };

	for (; p; p = p->parent) {
		search.p = p;
		look_under(0, &search);
		process_tokens(p, look_under, &search);
	}
	return search.found;
}
