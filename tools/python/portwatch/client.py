# SPDX-License-Identifier: GPL-2.0-only
"""All that the daemon can be asked for."""

from __future__ import annotations

import os
import sys
from types import TracebackType
from typing import Any, Dict, Iterable, List, Optional, Type, Union

from .connection import Connection, EventStream, segment
from .errors import NotEnded, NotFound
from .model import Alert, Document, KillResult, ServiceInfo, parse_time

Duration = Union[str, int, float]  # "90s", "5m", or seconds


def _duration(value: Optional[Duration]) -> Optional[str]:
    """As the daemon takes it."""
    return value if value is None or isinstance(value, str) else f"{round(value * 1000)}ms"


class Allocation:
    """A port that was handed out.

    A context manager, which gives it back; ``int()`` of it is the port.
    """

    def __init__(self, client: "Client", document: Document):
        self._client = client
        self._take(document)

    def _take(self, document: Document) -> None:
        self.raw = document
        self.port: int = document["port"]
        self.proto: str = document.get("proto") or "tcp"
        self.service_name: str = document["service_name"]
        self.started_by: Optional[str] = document.get("started_by")
        self.purpose: Optional[str] = document.get("purpose")
        self.pid: Optional[int] = document.get("pid")
        self.health_status: Optional[str] = document.get("health_status")
        self.request_count: Optional[int] = document.get("request_count")
        self.error_count: Optional[int] = document.get("error_count")
        self.allocated_at = parse_time(document.get("allocated_at"))
        self.expires_at = parse_time(document.get("expires_at"))

    def refresh(self) -> "Allocation":
        """Asks anew, for the PID, the health and the counts.  NotFound once it has gone."""
        answer = self._client.connection.json(
            "GET", f"/allocations/{self.port}", query={"proto": self.proto}
        )
        self._take(answer["allocation"])
        return self

    def release(self) -> None:
        """Gives the port back.  NotFound where that has happened already."""
        self._client.release(self.port, self.proto)

    def __int__(self) -> int:
        return self.port

    __index__ = __int__

    def __repr__(self) -> str:
        return f"<Allocation {self.port}/{self.proto} of {self.service_name}>"

    def __enter__(self) -> "Allocation":
        return self

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        value: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        try:
            self.release()
        except NotFound:
            pass  # its process has ended, or its time has


class Client:
    """Asks the daemon on a Unix socket.

    socket: its path; else ``PORTWATCH_SOCKET``, else /run/portwatch/portwatch.sock.
    timeout: seconds of silence after which a request has failed.

    Every method may raise DaemonNotRunning, ConnectionFailed and the kinds of Refused.
    Threads may share a client.
    """

    def __init__(self, socket: Optional[str] = None, timeout: float = 30.0):
        self.connection = Connection(socket, timeout)

    # -- looking

    def status(self) -> Document:
        """Everything at a glance: the document of ``GET /api/ports/status``."""
        return self.connection.json("GET", "/status")

    def services(self) -> Dict[str, ServiceInfo]:
        """Every service of the registry by its name, in the registry's order."""
        services = self.status()["services"]
        return {name: ServiceInfo.of(status) for name, status in services.items()}

    def service(self, name: str) -> ServiceInfo:
        """One service.  NotFound."""
        answer = self.connection.json("GET", f"/services/{segment(name)}")
        return ServiceInfo.of(answer["status"])

    def conflicts(self) -> List[Alert]:
        """The conflicts that stand now."""
        return [Alert.of(a) for a in self.connection.json("GET", "/conflicts")["conflicts"]]

    def alerts(self, resolved: bool = False) -> List[Alert]:
        """All alerts that stand now; with @resolved the last resolved ones, too."""
        query = {"state": "all" if resolved else None}
        answer = self.connection.json("GET", "/alerts", query=query)
        return [Alert.of(a) for a in answer["alerts"]]

    def sockets(self, **filters: Any) -> List[Document]:
        """Every bound socket of the host; filters are port, proto, state, pid, user,
        service, netns."""
        return list(self.connection.json("GET", "/sockets", query=filters)["sockets"])

    def available(self, start: Optional[int] = None, count: int = 1) -> List[int]:
        """The first @count free ports from @start, else of the managed range; fewer where
        there are no more.  Nothing keeps them free: allocate() does."""
        query = {"port": start, "n": count}
        return list(self.connection.json("GET", "/available", query=query)["ports"])

    def report(self) -> str:
        """Everything as a page of text."""
        return self.connection.request("GET", "/report").decode()

    def environment(self, format: str = "sh") -> str:
        """The environment script: ``sh``, ``fish``, ``json``, ``dotenv``, ``systemd``."""
        return self.connection.request("GET", "/env", query={"format": format}).decode()

    def events(
        self,
        types: Union[str, Iterable[str], None] = None,
        targets: Union[str, Iterable[str]] = (),
        snapshot: bool = True,
        after: Optional[str] = None,
    ) -> EventStream:
        """Events as they happen, after what stands already (with @snapshot).

        types: ``"alert"``, ``"socket.bound"`` or several; what a type begins with will do.
        targets: ``"NAME"``, ``":PORT"``, ``":LOW-HIGH"``, ``"pid:N"``, or several.
        after: the ``last_id`` of a stream that broke: what came since is told instead of
            what stands, where the daemon still has it.
        """
        if types is not None and not isinstance(types, str):
            types = ",".join(types)
        query: Dict[str, Any] = {"snapshot": int(snapshot)}
        if types:
            query["types"] = types
        query["target"] = [targets] if isinstance(targets, str) else list(targets)
        return self.connection.stream("/events", query, after)

    # -- ending

    def kill(
        self,
        target: Union[str, int],
        signal: Union[str, int, None] = None,
        grace: Optional[Duration] = None,
        force: bool = False,
        sockets: bool = False,
        dry_run: bool = False,
    ) -> KillResult:
        """Ends the holders of what is bound, never its clients, and waits for the end.

        target: ``"NAME"``, ``":PORT"`` (or the port as a number), ``":LOW-HIGH"``,
            ``":PORT/udp"`` or ``"pid:N"``.
        signal: instead of the service's own or SIGTERM.
        grace: how long they may take; the service's own, or 10 s.
        force: SIGKILL for who is still there then.
        sockets: destroys TIME_WAIT and outgoing connections, and ends no process.
        dry_run: only says whom.

        NotEnded where one is still there or a port is not free; NotFound where nothing is
        bound; Conflict where a stranger sits on the port of the service NAME.
        """
        proto = None
        target = f":{target}" if isinstance(target, int) else target
        if target.startswith(":"):
            port, _, proto = target[1:].partition("/")
            path = f"/ports/{segment(port)}/kill"
        elif target.startswith("pid:"):
            path = f"/processes/{segment(target[4:])}/kill"
        else:
            path = f"/services/{segment(target)}/kill"
        body = {
            "signal": signal,
            "grace": _duration(grace),
            "force": force,
            "sockets": sockets,
            "dry_run": dry_run,
            "proto": proto or None,
        }
        result = KillResult.of(self.connection.json("POST", path, body=body))
        if not result:
            raise NotEnded(result)
        return result

    # -- the registry

    def reassign(self, name: str, port: int, force: bool = False) -> Document:
        """Gives a service another port, in the registry; the document of the change.

        Conflict where somebody holds or claims it, unless @force.
        """
        body = {"port": int(port), "force": force}
        return self.connection.json("POST", f"/services/{segment(name)}/reassign", body=body)

    def register(
        self, name: str, entry: Document, update: bool = False, force: bool = False
    ) -> Document:
        """Writes an entry of the registry; with @update merges what is given."""
        query = {"update": int(update), "force": int(force)}
        path = f"/services/{segment(name)}"
        return self.connection.json("PUT", path, query=query, body=entry)

    def unregister(self, name: str) -> Document:
        """Takes a service out of the registry."""
        return self.connection.json("DELETE", f"/services/{segment(name)}")

    # -- the managed range

    def allocate(
        self,
        service_name: str,
        port: Optional[int] = None,
        purpose: Optional[str] = None,
        started_by: Optional[str] = None,
        pid: Optional[int] = None,
        ttl: Optional[Duration] = None,
        proto: str = "tcp",
    ) -> Allocation:
        """A port of the managed range, given back by release(), at the end of a ``with``
        block, or when its process ends.

        port: this one; else the first that is free.
        started_by: the name of the program that runs, unless given.
        pid: who will bind it: this process unless given; 0 where that is not known yet.
            Whoever binds it first has it, whichever process was named.
        ttl: given back after that, whoever has it.

        Conflict where the port, or every port, is taken.
        """
        body = {
            "service_name": service_name,
            "port": None if port is None else int(port),
            "purpose": purpose,
            "started_by": started_by or os.path.basename(sys.argv[0] or "") or None,
            "pid": os.getpid() if pid is None else pid or None,
            "ttl": _duration(ttl),
            "proto": proto,
        }
        answer = self.connection.json("POST", "/allocations", body=body)
        return Allocation(self, answer["allocation"])

    def allocations(self) -> List[Allocation]:
        """The ports that are allocated now."""
        answer = self.connection.json("GET", "/allocations")
        return [Allocation(self, each) for each in answer["allocations"]]

    def allocation(self, port: int, proto: Optional[str] = None) -> Allocation:
        """One of them.  NotFound."""
        path = f"/allocations/{int(port)}"
        return Allocation(
            self, self.connection.json("GET", path, query={"proto": proto})["allocation"]
        )

    def release(self, port: Union[int, Allocation], proto: Optional[str] = None) -> None:
        """Gives a port back; whoever listens there keeps listening.  NotFound."""
        path = f"/allocations/{int(port)}"
        self.connection.request("DELETE", path, query={"proto": proto})


def only(ports: List[int], start: Optional[int]) -> int:
    """The one port that was asked for."""
    if not ports:
        where = "of the managed range" if start is None else f"from {start} to 65535"
        raise NotFound(404, {"detail": f"No port {where} is available"})
    return ports[0]
