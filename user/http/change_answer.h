/* SPDX-License-Identifier: GPL-2.0-only */
/* change_answer - a change of the registry file, and the answer that waits for it. */
#ifndef PORTWATCH_HTTP_CHANGE_ANSWER_H
#define PORTWATCH_HTTP_CHANGE_ANSWER_H

#include "http/deferred.h"
#include "service/changes.h"

struct change_answer {
	struct deferred deferred;
	struct change_request request; /* for the handler to fill in */
	struct api *api;
	char name[PARAMETER_MAX];         /* what stood in the path */
	char which[SERVICE_NAME_MAX + 1]; /* for the order to point to */
	struct doc *body;                 /* owned; likewise */
	char *text;                       /* owned; likewise */
	/* Make the reply of an order that has its answer. */
	int (*tell)(struct change_answer *answer, struct reply *reply);
	/* private */
	bool answered, left;
};

/* NULL for want of memory. */
struct change_answer *change_answer_new(const struct request *req,
					int (*tell)(struct change_answer *answer,
						    struct reply *reply));
/* Accepts NULL, returns NULL; one that was not submitted. */
struct change_answer *change_answer_free(struct change_answer *answer);
DEFINE_CLEANUP(struct change_answer, change_answer_free)

/* Takes over @answer: *reply waits for it. */
void change_answer_submit(struct change_answer *answer, struct reply *reply);

/* Where the registry file is. */
const char *change_answer_path(const struct change_answer *answer);

#endif /* PORTWATCH_HTTP_CHANGE_ANSWER_H */
