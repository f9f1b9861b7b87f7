// SPDX-License-Identifier: GPL-2.0-only
/* What an entry is in a few words, for a table or a timeline. */
#include <stdio.h>
#include <string.h>

#include "base/strings.h"
#include "base/time.h"
#include "store/history_private.h"

enum { WORDS = 600 };

static void describe_holder(const struct doc *holder, char *buf, size_t size)
{
	const char *comm = doc_get_string(holder, "comm");
	int64_t pid = doc_get_int(holder, "pid", 0);

	buf[0] = '\0';
	if (pid)
		snprintf(buf, size, ", held by %s (pid %jd)", comm ? comm : "a process",
			 (intmax_t)pid);
}

static void describe_failure(const struct doc *entry, char *buf, size_t size)
{
	const char *name = doc_get_string(entry, "errno");
	char holder[80];

	describe_holder(doc_get(entry, "holder"), holder, sizeof(holder));
	snprintf(buf, size, "%s%s%s", name ? name : "unknown error",
		 doc_get_bool(entry, "inferred", false) ? " (inferred)" : "", holder);
}

static void describe_release(const struct doc *entry, char *buf, size_t size)
{
	double lifetime_s = doc_number(doc_get(entry, "lifetime_s"));
	const char *cause = doc_get_string(entry, "cause");
	char after[40] = "", text[32];

	if (lifetime_s > 0)
		snprintf(after, sizeof(after), " after %s",
			 duration_format((uint64_t)(lifetime_s * NS_PER_S), text,
					 sizeof(text)));
	snprintf(buf, size, "%s%s", streq(cause, "exit") ? "its process ended" : "closed",
		 after);
}

static void describe_exit(const struct doc *entry, char *buf, size_t size)
{
	const char *signal = doc_get_string(entry, "signal");
	int64_t code;

	if (signal)
		snprintf(buf, size, "%s", signal);
	else if (doc_int(doc_get(entry, "exit_code"), &code))
		snprintf(buf, size, "exit code %jd", (intmax_t)code);
	else
		snprintf(buf, size, "unknown status");
}

static void describe_allocation(const struct doc *entry, char *buf, size_t size)
{
	const struct doc *alloc = doc_get(entry, "allocation");
	const char *purpose = doc_get_string(alloc, "purpose");
	const char *by = doc_get_string(alloc, "started_by");

	snprintf(buf, size, "%s%s%s", purpose ? purpose : "", purpose && by ? ", " : "",
		 by ? by : "");
}

static void describe_count(const struct doc *entry, const char *type, char *buf,
			   size_t size)
{
	intmax_t count = doc_get_int(entry, "count", 0);
	const char *reason = doc_get_string(entry, "reason");

	if (streq(type, "kernel.lost"))
		snprintf(buf, size, "%jd events were lost", count);
	else if (streq(type, "kernel.resynced"))
		snprintf(buf, size, "%jd sockets differed", count);
	else if (streq(type, "registry.reloaded"))
		snprintf(buf, size, "%jd services", count);
	else
		snprintf(buf, size, "%s", reason ? reason : "");
}

void history_describe(struct doc *entry)
{
	const char *type = doc_get_string(entry, "type");
	const char *known = doc_get_string(doc_get(entry, "alert"), "message");
	char buf[WORDS] = "";

	if (streq(type, "socket.bind_failed"))
		describe_failure(entry, buf, sizeof(buf));
	else if (streq(type, "socket.released"))
		describe_release(entry, buf, sizeof(buf));
	else if (streq(type, "process.exited"))
		describe_exit(entry, buf, sizeof(buf));
	else if (type && starts_with(type, "allocation."))
		describe_allocation(entry, buf, sizeof(buf));
	else if (doc_get(entry, "count"))
		describe_count(entry, type, buf, sizeof(buf));
	else if (!known)
		known = doc_get_string(entry, "reason");
	if (!known && type && starts_with(type, "socket.") &&
	    streq(doc_get_string(entry, "source"), "snapshot"))
		known = "was there when the watching began";
	doc_put_string(entry, "text", known ? known : buf[0] ? buf : NULL);
}
