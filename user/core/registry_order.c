// SPDX-License-Identifier: GPL-2.0-only
/*
 * The order in which services start: each in registry order, with what it depends on
 * before it.
 *
 * A walk in depth with a stack of its own: a chain may be as long as the registry.
 */
#include "core/registry_private.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/strings.h"

enum mark { UNSEEN, ON_STACK, DONE };

struct frame {
	const struct service *service;
	size_t next; /* dependency to look at */
};

struct walk {
	struct registry *reg;
	enum mark *marks;
	struct frame *stack;
	size_t depth;
};

static int say_missing(const struct service *svc, const char *name, char **reterr)
{
	if (asprintf(reterr,
		     "service \"%s\" depends on \"%s\", which is not in the registry",
		     svc->name, name) < 0)
		return -ENOMEM;
	return -ENOENT;
}

/* "a -> b -> a": from where @again stands on the stack back to it. */
static int say_circle(const struct walk *walk, const struct service *again, char **reterr)
{
	struct buffer text = { 0 };
	size_t i = walk->depth;

	while (walk->stack[i - 1].service != again)
		i--;
	buffer_puts(&text, "depends_on goes in a circle: ");
	for (; i <= walk->depth; i++)
		buffer_printf(&text, "%s -> ", walk->stack[i - 1].service->name);
	buffer_puts(&text, again->name);
	if (text.failed) {
		buffer_done(&text);
		return -ENOMEM;
	}

	*reterr = text.data;
	return -ELOOP;
}

static void push(struct walk *walk, const struct service *svc)
{
	walk->marks[svc->index] = ON_STACK;
	walk->stack[walk->depth++] = (struct frame){ svc, 0 };
}

static void pop(struct walk *walk)
{
	const struct service *svc = walk->stack[--walk->depth].service;
	struct registry *reg = walk->reg;

	walk->marks[svc->index] = DONE;
	if (svc->enabled)
		reg->startup_order[reg->n_startup_order++] = svc;
}

static int step(struct walk *walk, char **reterr)
{
	struct frame *top = &walk->stack[walk->depth - 1];
	const struct service *needed;
	const char *name;

	if (top->next == top->service->n_depends_on) {
		pop(walk);
		return 0;
	}

	name = top->service->depends_on[top->next++].name;
	needed = registry_find(walk->reg, name);
	if (!needed)
		return say_missing(top->service, name, reterr);
	if (walk->marks[needed->index] == ON_STACK)
		return say_circle(walk, needed, reterr);
	if (walk->marks[needed->index] == UNSEEN)
		push(walk, needed);
	return 0;
}

static int visit_all(struct walk *walk, char **reterr)
{
	int err;

	for (size_t i = 0; i < walk->reg->n_services; i++) {
		if (walk->marks[i] == UNSEEN)
			push(walk, walk->reg->services[i]);
		while (walk->depth) {
			err = step(walk, reterr);
			if (err < 0)
				return err;
		}
	}
	return 0;
}

int registry_order(struct registry *reg, char **reterr)
{
	size_t n = reg->n_services + 1;
	_cleanup_(freep) enum mark *marks = calloc(n, sizeof(*marks));
	_cleanup_(freep) struct frame *stack = calloc(n, sizeof(*stack));
	struct walk walk = { .reg = reg, .marks = marks, .stack = stack };

	free(reg->startup_order);
	reg->n_startup_order = 0;
	reg->startup_order = calloc(n, sizeof(*reg->startup_order));
	if (!marks || !stack || !reg->startup_order)
		return -ENOMEM;
	return visit_all(&walk, reterr);
}
