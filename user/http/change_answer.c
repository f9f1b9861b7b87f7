// SPDX-License-Identifier: GPL-2.0-only
#include "http/change_answer.h"

#include <string.h>

static struct change_answer *of_deferred(struct deferred *deferred)
{
	return (struct change_answer *)deferred; /* its first member */
}

static struct change_answer *of_request(struct change_request *request)
{
	return (struct change_answer *)((char *)request -
					offsetof(struct change_answer, request));
}

struct change_answer *change_answer_free(struct change_answer *answer)
{
	if (!answer)
		return NULL;
	registry_order_done(&answer->request.order);
	doc_free(answer->body);
	free(answer->text);
	free(answer);
	return NULL;
}

static struct changes *changes_of(const struct change_answer *answer)
{
	return answer->api->options.changes;
}

static void close_answer(struct deferred *deferred)
{
	struct change_answer *answer = of_deferred(deferred);

	if (answer->answered || changes_withdraw(changes_of(answer), &answer->request))
		change_answer_free(answer);
	else
		answer->left = true;
}

static void on_answer(struct change_request *request, int err)
{
	struct change_answer *answer = of_request(request);

	answer->answered = true;
	if (answer->left) {
		change_answer_free(answer);
		return;
	}
	if (err == 0)
		err = answer->tell(answer, &answer->deferred.reply);
	deferred_ready(&answer->deferred, err);
}

struct change_answer *change_answer_new(const struct request *req,
					int (*tell)(struct change_answer *answer,
						    struct reply *reply))
{
	struct change_answer *answer = calloc(1, sizeof(*answer));

	if (!answer)
		return NULL;
	answer->api = req->api;
	answer->tell = tell;
	strcpy(answer->name, req->parameter);
	return answer;
}

void change_answer_submit(struct change_answer *answer, struct reply *reply)
{
	answer->deferred.close = close_answer;
	answer->request.answer = on_answer;
	*reply = (struct reply){ .deferred = &answer->deferred };
	changes_submit(changes_of(answer), &answer->request);
}

const char *change_answer_path(const struct change_answer *answer)
{
	const struct api_options *options = &answer->api->options;

	return options->registry(options->arg)->path;
}
