/* SPDX-License-Identifier: GPL-2.0-only */
/* model_private - the cast and its sockets: model.c, model_acts.c and model_cast.c. */
#ifndef PORTWATCH_TESTS_KERNEL_MODEL_PRIVATE_H
#define PORTWATCH_TESTS_KERNEL_MODEL_PRIVATE_H

#include "kernel/model.h"

enum { CAST_MAX = 10, CAST_MIN = 5, PLAY_SLOTS = 40, LIVE_MAX = CAST_MAX * PLAY_SLOTS };
enum { SERVER_PORT = 500 };

/* A socket that somebody has. */
struct prop {
	struct known known; /* at.proto and at.netns from the start */
	unsigned refs;      /* descriptors */
	int place;          /* index of its namespace */
	bool v6, direct;
	bool locked; /* the port was asked for: SOCK_BINDPORT_LOCK */
	bool stays;  /* an address was, once: SOCK_BINDADDR_LOCK, until the close */
	bool spent;  /* autobound or connected without a bind: only to be closed */
	bool busy;   /* somebody acts on it in this step */
};

struct member {
	struct actor *actor; /* NULL: nobody */
	int place;
	struct prop *slots[PLAY_SLOTS];
	bool inherited[PLAY_SLOTS]; /* survives an exec */
};

struct model {
	unsigned seed;
	bool every_path;
	struct member cast[CAST_MAX];
	struct actor *server[MODEL_NAMESPACES]; /* who is connected to */
	struct prop servers[MODEL_NAMESPACES][2];
	int diag[MODEL_NAMESPACES];
	uint32_t netns[MODEL_NAMESPACES];
	const char *paths[3]; /* ways in that this kernel has; NULL */
	bool direct;          /* direct descriptors too */
	bool mptcp;
	struct prop *live[LIVE_MAX];
	size_t n_live, made;
	struct knowledge knowledge;
};

/* 0 to @n - 1. */
unsigned model_random(struct model *m, unsigned n);
/* A prop with one descriptor; owned by the list of the living.  @cookie 0: unknown. */
struct prop *model_add(struct model *m, uint64_t cookie, int place);
/* One descriptor less: at the last one it is gone. */
void model_drop(struct model *m, struct prop *p);
/* The address and port that its own process sees. */
void model_learn_name(struct prop *p, struct actor *a, unsigned slot);
/* How a connection that ended or a shutdown leaves the port. */
void model_return(struct prop *p);

/* One more act in its life; the first are forgotten where there are many. */
void model_note(struct prop *p, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* Something for this member to do; its answer is to be asked for.  False: nothing. */
bool model_begin_act(struct model *m, struct member *who);
void model_end_act(struct model *m, struct member *who);

/* A fork, an exec, a death, a socket handed on. */
void model_turn(struct model *m);
void model_join(struct model *m, struct member *who, int place);

#endif /* PORTWATCH_TESTS_KERNEL_MODEL_PRIVATE_H */
