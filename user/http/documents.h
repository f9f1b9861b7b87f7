/* SPDX-License-Identifier: GPL-2.0-only */
/* documents - pieces of answers that several handlers give. */
#ifndef PORTWATCH_HTTP_DOCUMENTS_H
#define PORTWATCH_HTTP_DOCUMENTS_H

#include "http/api.h"

/* The alerts that stand and that @wanted (NULL: any) wants, as an array. */
struct doc *alerts_doc(const struct request *req,
		       bool (*wanted)(const struct alert *alert, const void *arg),
		       const void *arg);
/* Those that stand no more, newest first. */
struct doc *resolved_alerts_doc(const struct request *req);
bool alert_is_conflict(const struct alert *alert, const void *arg);
/* @arg is a service name. */
bool alert_is_of_service(const struct alert *alert, const void *arg);

/* The entry of @svc as whoever asks may see it; NULL for want of memory. */
struct doc *service_doc(const struct request *req, const struct service *svc);
/* 404 for the parameter of the request, with the nearest name that there is. */
int reply_no_such_service(const struct request *req, struct reply *reply);
/* What is to be printed of the service's process is read now. */
void complete_service(struct engine *engine, const struct service *svc);

/* What GET /status answers; NULL for want of memory. */
struct doc *status_doc(const struct request *req, uint64_t wall_ns);

/* The registry file @path could not be read or changed: @err, and what is said of it.
 * NULL @path: the fault lies in what was asked. */
int reply_registry_fault(struct reply *reply, int err, const char *path,
			 const struct decode_error *fault);
/* What this host lets portwatch see, as an array: each hook is tried now. */
struct doc *findings_doc(struct probe *probe);
/* The members of port_manager: the range, how much of it is taken, and by whom. */
void set_allocations(struct engine *engine, struct doc *doc);

#endif /* PORTWATCH_HTTP_DOCUMENTS_H */
