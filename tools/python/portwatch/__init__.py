# SPDX-License-Identifier: GPL-2.0-only
"""portwatch - who owns which port, from Python.

A client of portwatchd over its Unix socket; the standard library is all it needs::

    from portwatch import get_port_manager

    pm = get_port_manager()
    for name, service in pm.check_all_services().items():
        print(name, service.status, service.port, service.pid)
    for conflict in pm.get_conflicts():
        print(conflict, "-", conflict.fix)

    with pm.allocate("grace_backend", purpose="API") as port:
        serve(port.port)

Client has the rest: events, alerts, the registry.  The socket is PORTWATCH_SOCKET, else
/run/portwatch/portwatch.sock.  Every failure is a PortwatchError.
"""

from .client import Allocation, Client
from .connection import DEFAULT_SOCKET, EventStream
from .errors import (
    Conflict,
    ConnectionFailed,
    DaemonNotRunning,
    InvalidRequest,
    NotEnded,
    NotFound,
    NotPermitted,
    PortwatchError,
    Refused,
)
from .manager import PortManager, PortService, allocate, get_port_manager, get_port_service
from .model import Alert, FreedPort, KillResult, Process, ServiceInfo, Victim

__version__ = "0.1.0"
__all__ = [
    "DEFAULT_SOCKET",
    "Alert",
    "Allocation",
    "Client",
    "Conflict",
    "ConnectionFailed",
    "DaemonNotRunning",
    "EventStream",
    "FreedPort",
    "InvalidRequest",
    "KillResult",
    "NotEnded",
    "NotFound",
    "NotPermitted",
    "PortManager",
    "PortService",
    "PortwatchError",
    "Process",
    "Refused",
    "ServiceInfo",
    "Victim",
    "allocate",
    "get_port_manager",
    "get_port_service",
]
