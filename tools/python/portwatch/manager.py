# SPDX-License-Identifier: GPL-2.0-only
"""PortManager and PortService: the daemon by the names of the calls that came before it."""

from __future__ import annotations

import threading
from typing import Any, Dict, List, Optional, Union

from .client import Allocation, Client, only
from .connection import default_socket
from .model import Alert, Document, KillResult, ServiceInfo


class PortManager:
    """The registry, who is on its ports, and what can be done about it."""

    def __init__(self, client: Optional[Client] = None):
        self.client = client or Client()

    def check_all_services(self) -> Dict[str, ServiceInfo]:
        """Every service by name, with ``.status``, ``.port``, ``.pid``."""
        return self.client.services()

    def check_service(self, name: str) -> ServiceInfo:
        """One service.  NotFound."""
        return self.client.service(name)

    def generate_report(self) -> str:
        """A page of text, to print."""
        return self.client.report()

    def generate_env_script(self) -> str:
        """The environment script, for a POSIX shell."""
        return self.client.environment()

    def get_conflicts(self) -> List[Alert]:
        """The conflicts that stand now; empty where all is well."""
        return self.client.conflicts()

    def kill_service(self, name: str, **options: Any) -> KillResult:
        """Ends the processes of a service that hold its port.  Options of Client.kill().

        Conflict where somebody else sits on its port; NotEnded.
        """
        return self.client.kill(name, **options)

    def kill_port(self, port: int, **options: Any) -> KillResult:
        """Ends whoever holds @port."""
        return self.client.kill(int(port), **options)

    def get_available_port(self, start: Optional[int] = None) -> int:
        """The first free port from @start, else of the managed range."""
        return only(self.client.available(start), start)

    def reassign_port(self, name: str, port: int, force: bool = False) -> Document:
        """Gives a service another port, in the registry.  Conflict."""
        return self.client.reassign(name, port, force)

    def allocate(self, service_name: str, **options: Any) -> Allocation:
        """A port of the managed range.  Options of Client.allocate()."""
        return self.client.allocate(service_name, **options)

    def release(self, port: Union[int, Allocation]) -> None:
        """Gives a port back."""
        self.client.release(port)


class PortService:
    """What a dashboard shows."""

    def __init__(self, client: Optional[Client] = None):
        self.client = client or Client()

    def get_dashboard(self) -> Document:
        """``timestamp``, ``services``, ``conflicts``, ``startup_order``,
        ``shutdown_order``, ``port_manager``, ``watchdog`` and more."""
        return self.client.status()

    def check_service(self, name: str) -> ServiceInfo:
        """One service, with ``.status``, ``.port``, ``.pid``.  NotFound."""
        return self.client.service(name)


_lock = threading.Lock()
_clients: Dict[str, Client] = {}


def _client(socket: Optional[str]) -> Client:
    path = socket or default_socket()
    with _lock:
        return _clients.setdefault(path, Client(path))


def get_port_manager(socket: Optional[str] = None) -> PortManager:
    """The manager behind the daemon on @socket, else on the default one."""
    return PortManager(_client(socket))


def get_port_service(socket: Optional[str] = None) -> PortService:
    """The same for the dashboard."""
    return PortService(_client(socket))


def allocate(service_name: str, **options: Any) -> Allocation:
    """A port of the managed range, from the daemon on the default socket::

        with portwatch.allocate("grace_backend", purpose="API") as port:
            serve(port.port)

    Options of Client.allocate().
    """
    return _client(None).allocate(service_name, **options)
