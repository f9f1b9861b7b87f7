// SPDX-License-Identifier: GPL-2.0-only
#include "core/event.h"

const char *event_type_name(enum event_type type)
{
	static const char *const names[EVENT_TYPES] = {
		[EVENT_SOCKET_BOUND] = "socket.bound",
		[EVENT_SOCKET_LISTENING] = "socket.listening",
		[EVENT_SOCKET_RELEASED] = "socket.released",
		[EVENT_SOCKET_BIND_FAILED] = "socket.bind_failed",
		[EVENT_PROCESS_EXITED] = "process.exited",
		[EVENT_ALERT_FIRING] = "alert.firing",
		[EVENT_ALERT_RESOLVED] = "alert.resolved",
		[EVENT_SERVICE_STARTING] = "service.starting",
		[EVENT_SERVICE_RUNNING] = "service.running",
		[EVENT_SERVICE_STOPPED] = "service.stopped",
		[EVENT_SERVICE_HEALTHY] = "service.healthy",
		[EVENT_SERVICE_UNHEALTHY] = "service.unhealthy",
		[EVENT_SERVICE_RESTARTING] = "service.restarting",
		[EVENT_ALLOCATION_CREATED] = "allocation.created",
		[EVENT_ALLOCATION_CLAIMED] = "allocation.claimed",
		[EVENT_ALLOCATION_RELEASED] = "allocation.released",
		[EVENT_REGISTRY_RELOADED] = "registry.reloaded",
		[EVENT_REGISTRY_REJECTED] = "registry.rejected",
		[EVENT_KERNEL_LOST] = "kernel.lost",
		[EVENT_KERNEL_RESYNCED] = "kernel.resynced",
	};

	return (unsigned)type < EVENT_TYPES ? names[type] : "unknown";
}
