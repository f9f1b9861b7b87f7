// SPDX-License-Identifier: GPL-2.0-only
#include "store/registry_orders.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/strings.h"
#include "store/registry_edit_private.h"
#include "store/registry_merge.h"

/* An order being made. */
struct making {
	struct registry_order *order;
	struct registry_change change;
	union {
		struct edit_putting put;
		struct edit_removing remove;
		struct edit_reassigning reassign;
		struct registry_importing import;
	};
};

void registry_order_done(struct registry_order *order)
{
	registry_change_done(&order->change);
	order->result = 0;
}

/* *ret_edit is the edit that makes it; negative errno in the order's own error. */
static int begin(struct making *making, struct registry_order *order,
		 const struct registry *in_force, uint64_t generation,
		 struct registry_edit *ret_edit)
{
	making->order = order;
	switch (order->kind) {
	case ORDER_PUT:
		order->put.in_force = in_force;
		making->put = (struct edit_putting){ &order->put, &making->change };
		*ret_edit = (struct registry_edit){ .edit = edit_put, &making->put };
		return edit_put_check(&order->put, &order->error);
	case ORDER_REMOVE:
		making->remove = (struct edit_removing){ order->remove, &making->change };
		*ret_edit =
			(struct registry_edit){ .edit = edit_remove, &making->remove };
		return 0;
	case ORDER_REASSIGN:
		order->reassign.in_force = in_force;
		making->reassign = (struct edit_reassigning){ .asked = &order->reassign,
							      .change = &making->change };
		*ret_edit = (struct registry_edit){ .edit = edit_reassign,
						    &making->reassign };
		return 0;
	case ORDER_IMPORT:
		return registry_importing_init(&making->import, order->import.text,
					       order->import.size, generation, ret_edit,
					       &order->error);
	}
	return -EINVAL;
}

/* Tell the order what became of it. */
static void finish(struct making *making, struct registry_edit *edit)
{
	struct registry_order *order = making->order;

	if (order->kind == ORDER_IMPORT)
		registry_importing_done(&making->import, edit);
	order->result = edit->result;
	order->error = edit->error;
	if (edit->result < 0) {
		registry_change_done(&making->change);
	} else if (order->kind == ORDER_IMPORT) {
		order->counts = making->import.counts;
	} else {
		order->change = making->change;
		order->change.registry = take(edit->registry);
	}
	edit->registry = registry_free(edit->registry);
}

/* Was begun, and has to wait for the next time. */
static void put_off(struct making *making, struct registry_edit *edit)
{
	if (making->order->kind == ORDER_IMPORT)
		registry_importing_done(&making->import, edit);
}

static void fail_all(struct registry_order *const *orders, size_t n, int err)
{
	for (size_t i = 0; i < n; i++) {
		orders[i]->result = err;
		orders[i]->error = (struct decode_error){ 0 };
		snprintf(orders[i]->error.what, sizeof(orders[i]->error.what), "%s",
			 strerror(-err));
	}
}

size_t registry_orders_make(const char *path, struct registry_order *const *orders,
			    size_t n, const struct registry *in_force,
			    uint64_t generation)
{
	_cleanup_(freep) struct registry_edit *edits = calloc(n + 1, sizeof(*edits));
	_cleanup_(freep) struct making *makings = calloc(n + 1, sizeof(*makings));
	_cleanup_(freep) size_t *places = calloc(n + 1, sizeof(*places));
	size_t count = 0, made = 0;

	if (!edits || !makings || !places) {
		fail_all(orders, n, -ENOMEM);
		return n;
	}
	for (size_t i = 0; i < n; i++) {
		struct registry_order *order = orders[i];

		order->result = begin(&makings[count], order, in_force, generation,
				      &edits[count]);
		if (order->result == 0)
			places[count++] = i;
	}
	if (count > 0)
		made = registry_file_edit_all(path, edits, count, generation);
	for (size_t i = 0; i < count; i++) {
		if (i < made)
			finish(&makings[i], &edits[i]);
		else
			put_off(&makings[i], &edits[i]);
	}
	return made < count ? places[made] : n;
}
