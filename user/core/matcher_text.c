// SPDX-License-Identifier: GPL-2.0-only
/*
 * How a verdict is said.
 *
 * Words of other processes go in as they are: who prints them escapes them.  What has no
 * room is cut between two UTF-8 characters.
 */
#include "core/matcher_private.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { CMDLINE_SHOWN = 200 };

void verdicts_done(struct verdicts *list)
{
	free(list->items);
	*list = (struct verdicts){ 0 };
}

static struct verdict *verdicts_extend(struct verdicts *list)
{
	size_t capacity = list->capacity ? list->capacity * 2 : 4;
	struct verdict *items;

	if (list->count < list->capacity)
		return &list->items[list->count++];

	items = reallocarray(list->items, capacity, sizeof(*items));
	if (!items)
		return NULL;
	list->items = items;
	list->capacity = capacity;
	return &list->items[list->count++];
}

/* Shorten @text, whose @size bytes were not enough, to whole characters. */
static void cut_at_character(char *text, size_t size)
{
	size_t end = size - 1, start = end;

	while (start > 0 && ((unsigned char)text[start - 1] & 0xc0) == 0x80 &&
	       end - start < 3)
		start--;
	if (start > 0) {
		unsigned char lead = text[start - 1];
		size_t need = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc0 ? 2 : 1;

		if (need > end - start + 1)
			text[start - 1] = '\0';
	}
}

static void say(char *buf, size_t size, const char *fmt, va_list ap)
{
	int length = vsnprintf(buf, size, fmt, ap);

	if (length < 0)
		buf[0] = '\0';
	else if ((size_t)length >= size)
		cut_at_character(buf, size);
}

void verdict_say(struct verdict *v, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(v->message, sizeof(v->message), fmt, ap);
	va_end(ap);
}

void verdict_fix(struct verdict *v, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(v->fix, sizeof(v->fix), fmt, ap);
	va_end(ap);
}

void verdict_init(struct verdict *v, enum alert_kind kind, const struct endpoint *at,
		  const char *service)
{
	memset(v, 0, sizeof(*v));
	v->kind = kind;
	v->at = *at;
	if (service)
		memcpy(v->service, service, strnlen(service, sizeof(v->service) - 1));
}

struct verdict *verdict_add(struct verdicts *list, enum alert_kind kind,
			    const struct endpoint *at, const char *service)
{
	struct verdict *v = verdicts_extend(list);

	if (v)
		verdict_init(v, kind, at, service);
	return v;
}

void verdict_expect(struct verdict *v, const char *service)
{
	if (service)
		memcpy(v->expected, service, strnlen(service, sizeof(v->expected) - 1));
}

const char *say_port(const struct world *world, const struct endpoint *at, char *buf)
{
	if (at->netns == world->own_netns)
		snprintf(buf, PLACE_SIZE, "Port %u (%s)", at->port,
			 proto_name(at->proto));
	else
		snprintf(buf, PLACE_SIZE, "Port %u (%s, network namespace %u)", at->port,
			 proto_name(at->proto), at->netns);
	return buf;
}

const char *say_target(const struct endpoint *at, char *buf)
{
	snprintf(buf, PLACE_SIZE, at->proto == IPPROTO_UDP ? ":%u/udp" : ":%u", at->port);
	return buf;
}

static void say_user(const struct process *p, char *buf, size_t size)
{
	buf[0] = '\0';
	if (p->info.user)
		snprintf(buf, size, "user %.64s", p->info.user);
	else if (p->info.uid != (uid_t)-1)
		snprintf(buf, size, "uid %u", p->info.uid);
}

const char *say_process(const struct process *p, char *buf)
{
	const char *comm = p && p->info.comm[0] ? p->info.comm : "a process";
	char user[80];

	if (!p) {
		snprintf(buf, PHRASE_SIZE, "a process that could not be identified");
		return buf;
	}
	say_user(p, user, sizeof(user));
	snprintf(buf, PHRASE_SIZE, "%.16s (pid %d%s%s)", comm, p->info.id.pid,
		 user[0] ? ", " : "", user);
	return buf;
}

const char *say_cmdline(const struct process *p, char *buf)
{
	size_t used = 0;

	buf[0] = '\0';
	for (char **word = p ? p->info.cmdline : NULL; word && *word; word++) {
		int n = snprintf(buf + used, CMDLINE_SHOWN - used, "%s%s",
				 used ? " " : ": ", *word);

		if (n < 0 || (size_t)n >= CMDLINE_SHOWN - used) {
			cut_at_character(buf, CMDLINE_SHOWN);
			strcat(buf, "…");
			break;
		}
		used += n;
	}
	return buf;
}

const char *say_exit(const struct process *p, char *buf)
{
	return process_describe_exit(p, buf, PLACE_SIZE);
}
