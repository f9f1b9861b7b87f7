/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * api - what the handlers of the REST API work on, and the requests that they answer.
 *
 * No HTTP library shows here: handlers turn a struct request into a struct reply.
 */
#ifndef PORTWATCH_HTTP_API_H
#define PORTWATCH_HTTP_API_H

#include "base/strings.h"
#include "engine/engine.h"
#include "http/hub.h"
#include "http/peer.h"
#include "json/codec.h"
#include "json/doc.h"

struct allocations;
struct changes;
struct history;
struct watchdog;
struct worker;

/* The registry file as it was last read. */
struct registry_view {
	const char *path;
	const struct decode_warnings *warnings;
	int error; /* 0, or why it is refused: then nothing of it is in force */
	struct decode_error fault;
	/* Why the file as it is now is refused while an older one is in force; NULL. */
	const char *refused;
};

struct kills;
struct launcher;
struct sink_stats;

struct api_options {
	struct engine *engine;
	struct kills *kills;
	struct allocations *allocations;
	struct changes *changes;
	struct watchdog *watchdog;
	struct launcher *launcher;
	struct history *history;
	struct worker *history_worker; /* who reads it */
	bool embedded;
	/* Load what is not loaded yet: engine_need() and what the loop must know of it.
	 */
	int (*need)(enum engine_need need, void *arg);
	/* The registry, read when it is first asked for; never NULL. */
	const struct registry_view *(*registry)(void *arg);
	/* Of the @index-th sink; false past the last. */
	bool (*sink_stats)(size_t index, struct sink_stats *ret, void *arg);
	void *arg;
};

struct api {
	struct api_options options;
	struct engine *engine;
	struct hub *hub;
	uint64_t started_mono_ns;
	struct status_cache *status_cache;
};

int api_init(struct api *api, const struct api_options *options);
/* Every stream must be closed by then. */
void api_done(struct api *api);

enum method { METHOD_GET = 1, METHOD_POST = 2, METHOD_PUT = 4, METHOD_DELETE = 8 };
enum { ARGS_MAX = 32, PARAMETER_MAX = 256, BODY_MAX = 1024 * 1024 };

struct argument {
	const char *key, *value; /* borrowed; value may be NULL */
};

struct request {
	struct api *api;
	const struct peer *peer;
	enum method method; /* HEAD comes as GET */
	const char *path;
	char parameter[PARAMETER_MAX]; /* what stands for {…} in the route */
	struct argument args[ARGS_MAX];
	size_t n_args;
	const char *last_event_id; /* NULL none */
	const char *if_none_match; /* NULL none */
	const char *body;          /* NUL-terminated; NULL none */
	size_t body_size;
};

/* The @index-th value of a query argument, or NULL; "" where it has no value. */
const char *request_arg(const struct request *req, const char *key, size_t index);
/* Answers -EINVAL having filled in *reply, where an argument is none of @known. */
struct reply;
int request_check_args(const struct request *req, const char *const *known,
		       struct reply *reply);

/* A body that is made while it is sent. */
struct producer {
	/* As stream_read(); -ENODATA at the end. */
	ssize_t (*read)(struct producer *producer, char *buf, size_t size);
	/* Frees it. */
	void (*close)(struct producer *producer);
	/* Set before the first read: what to call when read() has answered 0 and there
	 * is something now. */
	void (*wake)(void *arg);
	void *wake_arg;
	bool endless; /* only its ceiling bounds how slowly it may be read */
};

/* A body that several replies send. */
struct shared_body {
	unsigned refs;
	void *native; /* the server's own form of it; NULL until it is first sent */
	void (*release)(void *native);
	size_t size;
	char data[];
};
struct shared_body *shared_body_new(const char *data, size_t size);
struct shared_body *shared_body_unref(struct shared_body *body);

struct reply {
	unsigned status;
	const char *type;    /* Content-Type */
	unsigned allow;      /* methods, for 405 */
	const char *backend; /* told as Portwatch-Backend: who watches; NULL: not told */
	/* One of these. */
	char *body; /* owned */
	size_t size;
	struct shared_body *shared; /* referenced */
	struct producer *producer;  /* owned */
	struct deferred *deferred;  /* owned: the answer comes later */
	const struct page_file *file;
	bool versioned; /* of a file: the request named its content */
};
void reply_done(struct reply *reply);

/* Takes over @doc; NULL or one that ran out of memory gives -ENOMEM. */
int reply_doc(struct reply *reply, unsigned status, struct doc *doc);
int reply_text(struct reply *reply, unsigned status, const char *text);
/* application/problem+json. */
int reply_problem(struct reply *reply, unsigned status, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* Its document, to add members to; NULL for want of memory. */
struct doc *problem_doc(unsigned status, const char *detail);
int reply_problem_doc(struct reply *reply, unsigned status, struct doc *doc);
/* A problem, and where in the registry document of @path @fault lies (NULL: in none):
 * path, line, column, json_path, remedy. */
int reply_fault(struct reply *reply, unsigned status, const char *detail,
		const char *path, const struct decode_error *fault);
/* What a negative errno is told as, in the place of whatever the reply was. */
void reply_failure(struct reply *reply, int err);
const char *status_title(unsigned status);

/* What a handler tells an error as.  A list of them ends with err 0, whose status is that
 * of every other error; 0 there: what is usual. */
struct errno_status {
	int err; /* negative */
	unsigned status;
};
unsigned status_of_errno(int err, const struct errno_status *own);

#endif /* PORTWATCH_HTTP_API_H */
