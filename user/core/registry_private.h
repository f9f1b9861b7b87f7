/* SPDX-License-Identifier: GPL-2.0-only */
/* registry_private - what the files of the registry share; nobody else includes it. */
#ifndef PORTWATCH_CORE_REGISTRY_PRIVATE_H
#define PORTWATCH_CORE_REGISTRY_PRIVATE_H

#include "core/hash.h"
#include "core/registry.h"

/* Finds services by what their matches give. */
struct match_index;

/* A stretch of the claims, which are sorted by protocol and port. */
struct claim_slot {
	uint32_t first, count;
};

enum { CLAIM_PAGES = 256, CLAIM_PAGE = 256 };

struct service_node {
	struct service *service;
	UT_hash_handle hh; /* by name */
};

struct registry {
	uint64_t generation;
	struct settings settings;
	struct service **services;
	size_t n_services, services_capacity;
	struct service_node *by_name;
	struct allocation **allocations; /* in order of port, then protocol */
	size_t n_allocations, allocations_capacity;
	/* Made by registry_seal() */
	const struct claim **claims; /* of enabled services */
	struct claim_slot *claim_pages[2][CLAIM_PAGES];
	struct match_index *matches;
	const struct service **startup_order;
	size_t n_startup_order;
};

extern const struct health default_health;
extern const struct stop default_stop;

/* A stretch of somebody's string. */
struct span {
	const char *text;
	size_t size;
};

/*
 * By what names a process may be known: comm, the base names of exe and argv[0], and of
 * the script where it is an interpreter.
 */
struct names {
	struct span items[6];
	size_t n;
	bool comm_cut; /* items[0] is comm, as much as the kernel keeps of a longer name
			*/
};
void names_of(const struct process *p, bool scripts, struct names *ret);
/* Equal, a version at the end aside: python, python3 and python3.11 are, python2 and
 * python3 are not. */
bool name_equals(struct span a, struct span b);
bool names_contain(const struct names *names, const char *name);
/*
 * What names that are equal have in common, and the first number of the version ("" for
 * none).  Of a long name only what comm can hold counts.
 */
void name_split(struct span name, struct span *ret_stem, struct span *ret_major);
/* Of an interpreter, whose process runs what a file or module says? */
bool name_is_interpreter(struct span name);
struct span base_name(const char *path);

/* The words of a command line.  A process that wrote a title over its argv has one word
 * of several; they are told apart at the spaces. */
bool argv_is_title(char *const *argv);
/* The next word of a title, *at moves behind it; false at the end. */
bool title_next(const char **at, struct span *ret);
/* Without the punctuation that titles put around words: "nginx:", "[app]". */
struct span title_trim(struct span word);
/* "./x" is "x". */
struct span word_normalise(struct span word);

/* Does the match of @svc hold for @p itself? */
bool service_holds(const struct service *svc, const struct process *p);

/* Completes svc->match from process_name and startup_argv.  -ENOMEM. */
int service_derive_match(struct service *svc);

/* -ELOOP, -ENOENT with *reterr, -ENOMEM. */
int registry_order(struct registry *reg, char **reterr);

int match_index_new(const struct registry *reg, struct match_index **ret);
struct match_index *match_index_free(struct match_index *index);
DEFINE_CLEANUP(struct match_index, match_index_free)
/* The first enabled service in registry order that holds for @p or an ancestor. */
const struct service *match_index_find(const struct match_index *index,
				       const struct process *p);

#endif /* PORTWATCH_CORE_REGISTRY_PRIVATE_H */
