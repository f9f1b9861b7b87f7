/* SPDX-License-Identifier: GPL-2.0-only */
/* shapes - how the documents of the API become the structs of client.h. */
#ifndef PORTWATCH_CLIENT_SHAPES_H
#define PORTWATCH_CLIENT_SHAPES_H

#include "client/shape.h"

extern const struct shape alert_shape, service_shape, allocation_shape, status_shape,
	killed_shape, event_shape;

#endif /* PORTWATCH_CLIENT_SHAPES_H */
