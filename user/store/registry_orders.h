/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * registry_orders - changes of the registry file that wait for each other's disk: made in
 * turn, as if each were alone, and written together.
 */
#ifndef PORTWATCH_STORE_REGISTRY_ORDERS_H
#define PORTWATCH_STORE_REGISTRY_ORDERS_H

#include "store/registry_edit.h"

enum registry_order_kind { ORDER_PUT, ORDER_REMOVE, ORDER_REASSIGN, ORDER_IMPORT };

struct registry_order {
	enum registry_order_kind kind;
	/* What is asked, all of it borrowed; in_force is registry_orders_make()'s to
	 * set. */
	union {
		struct registry_put put;
		const char *remove;
		struct registry_reassign reassign;
		struct {
			const char *text;
			size_t size;
		} import;
	};
	/* The answer: 1 or 0 as registry_file_edit(), or what the functions of
	 * registry_edit.h and registry_file_import() say, with @error. */
	int result;
	struct registry_change change; /* owned; not of an import */
	struct registry_import counts; /* of an import */
	struct decode_error error;
};

/*
 * Make them in the file @path, beside the allocations of @in_force (may be NULL). Answers
 * with how many were dealt with, at least one; the others are as they were.
 */
size_t registry_orders_make(const char *path, struct registry_order *const *orders,
			    size_t n, const struct registry *in_force,
			    uint64_t generation);
/* Free the answer. */
void registry_order_done(struct registry_order *order);

#endif /* PORTWATCH_STORE_REGISTRY_ORDERS_H */
