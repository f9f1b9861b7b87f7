/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * routes - the one table of what the API answers, and the way from a request to it.
 */
#ifndef PORTWATCH_HTTP_ROUTES_H
#define PORTWATCH_HTTP_ROUTES_H

#include "http/api.h"

enum access {
	ACCESS_PUBLIC, /* a read that needs no token anywhere: it tells nothing of this
			  host */
	ACCESS_READ,
	ACCESS_CHANGE,
	ACCESS_OWN, /* a change that anybody may make to what is theirs: the handler looks
		     */
};

struct route {
	enum method method;
	const char *path; /* {name} stands for one segment */
	enum engine_need need;
	enum access access;
	bool registry; /* answers 422 while the registry is refused */
	/* Fills in *reply.  Negative errno becomes a problem. */
	int (*handle)(const struct request *req, struct reply *reply);
	const char *what; /* one line, for people */
	/* In the words of http/schema.h; NULL none.  A request with another argument than
	 * these does not get as far as the handler. */
	const char *args;   /* of the query: all that there are */
	const char *body;   /* members of a JSON object, or "@Shape" */
	const char *answer; /* "200:Status": by its status, a shape or a media type */
};

size_t routes_all(const struct route **ret);

/* NULL where none has that path and method; *ret_allow gets the methods of that path.
 * @parameter has PARAMETER_MAX bytes and gets what stood for {…}. */
const struct route *routes_find(enum method method, const char *path, char *parameter,
				unsigned *ret_allow);

/* Everything of a request but HTTP: rights, what the route needs, the handler. */
void routes_answer(const struct route *route, const struct request *req,
		   struct reply *reply);

/* The handlers. */
int handle_status(const struct request *req, struct reply *reply);
int handle_watchdog(const struct request *req, struct reply *reply);
int handle_health_check(const struct request *req, struct reply *reply);
int handle_services(const struct request *req, struct reply *reply);
int handle_service(const struct request *req, struct reply *reply);
int handle_service_put(const struct request *req, struct reply *reply);
int handle_service_delete(const struct request *req, struct reply *reply);
int handle_service_reassign(const struct request *req, struct reply *reply);
int handle_available(const struct request *req, struct reply *reply);
int handle_env(const struct request *req, struct reply *reply);
int handle_report(const struct request *req, struct reply *reply);
int handle_conflicts(const struct request *req, struct reply *reply);
int handle_alerts(const struct request *req, struct reply *reply);
int handle_sockets(const struct request *req, struct reply *reply);
int handle_history(const struct request *req, struct reply *reply);
int handle_why(const struct request *req, struct reply *reply);
int handle_events(const struct request *req, struct reply *reply);
int handle_doctor(const struct request *req, struct reply *reply);
int handle_config(const struct request *req, struct reply *reply);
int handle_config_import(const struct request *req, struct reply *reply);
int handle_kill_service(const struct request *req, struct reply *reply);
int handle_kill_port(const struct request *req, struct reply *reply);
int handle_kill_process(const struct request *req, struct reply *reply);
int handle_allocations(const struct request *req, struct reply *reply);
int handle_allocation(const struct request *req, struct reply *reply);
int handle_allocate(const struct request *req, struct reply *reply);
int handle_allocation_release(const struct request *req, struct reply *reply);
int handle_up(const struct request *req, struct reply *reply);
int handle_down(const struct request *req, struct reply *reply);
int handle_restart(const struct request *req, struct reply *reply);
int handle_log(const struct request *req, struct reply *reply);
int handle_wait(const struct request *req, struct reply *reply);
int handle_page(const struct request *req, struct reply *reply);
int handle_page_file(const struct request *req, struct reply *reply);
int handle_openapi(const struct request *req, struct reply *reply);
int handle_metrics(const struct request *req, struct reply *reply);
int handle_healthz(const struct request *req, struct reply *reply);

#endif /* PORTWATCH_HTTP_ROUTES_H */
