# SPDX-License-Identifier: GPL-2.0-only
"""What the daemon answers, as objects.

Members that a newer daemon adds are in ``raw``, which has the whole document.  What is
unknown, or not for the caller to see, is None.  Times are aware datetimes in UTC.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from datetime import datetime, timezone
from typing import Any, Dict, List, Mapping, Optional, Type, TypeVar

Document = Dict[str, Any]
T = TypeVar("T", bound="Model")


def parse_time(text: Optional[str]) -> Optional[datetime]:
    """RFC 3339 as the daemon writes it; nanoseconds are cut to microseconds."""
    if not text:
        return None
    whole, _, fraction = text.rstrip("Z").partition(".")
    seconds = datetime.strptime(whole, "%Y-%m-%dT%H:%M:%S").replace(tzinfo=timezone.utc)
    return seconds.replace(microsecond=int((fraction + "000000")[:6]))


@dataclass(frozen=True)
class Model:
    """An object of the API with its document."""

    raw: Document = field(repr=False, compare=False)

    @classmethod
    def convert(cls, name: str, value: Any) -> Any:
        """The value of the member @name; for subclasses."""
        return value

    @classmethod
    def of(cls: Type[T], document: Mapping[str, Any]) -> T:
        """From the JSON object @document."""
        raw = dict(document)
        known = {
            f.name: cls.convert(f.name, raw.get(f.name)) for f in fields(cls) if f.name != "raw"
        }
        return cls(raw=raw, **known)

    @classmethod
    def maybe(cls: Type[T], document: Optional[Mapping[str, Any]]) -> Optional[T]:
        """The same, None of None."""
        return None if document is None else cls.of(document)


@dataclass(frozen=True)
class Process(Model):
    """A process, as it was when the event happened."""

    pid: Optional[int]
    ppid: Optional[int]
    start_time: Optional[datetime]
    comm: Optional[str]
    exe: Optional[str]
    cmdline: Optional[List[str]]
    uid: Optional[int]
    user: Optional[str]
    cwd: Optional[str]
    cgroup: Optional[str]
    unit: Optional[str]
    container: Optional[str]

    @classmethod
    def convert(cls, name: str, value: Any) -> Any:
        return parse_time(value) if name == "start_time" else value


@dataclass(frozen=True)
class ServiceInfo(Model):
    """A service and how it is.

    status: ``running``, ``starting``, ``stopped``, ``conflict``, ``unhealthy`` or
        ``disabled``.
    port: its first port; of a dynamic service where it listens, None while it does not.
    health: ``healthy``, ``unhealthy``, or None where no check has run.
    """

    name: str
    port: Optional[int]
    status: str
    pid: Optional[int]
    enabled: bool
    environment: Optional[str]
    description: Optional[str]
    proto: Optional[str]
    address: Optional[str]
    ports: List[Document]
    process: Optional[Process]
    health: Optional[str]
    health_endpoint: Optional[str]
    since: Optional[datetime]
    uptime_s: Optional[int]
    restarts: Optional[int]
    request_count: Optional[int]
    error_count: Optional[int]

    @classmethod
    def convert(cls, name: str, value: Any) -> Any:
        if name == "process":
            return Process.maybe(value)
        return parse_time(value) if name == "since" else value

    @property
    def is_running(self) -> bool:
        """It listens on its port."""
        return self.status in ("running", "unhealthy")


@dataclass(frozen=True)
class Alert(Model):
    """Something that stands, or stood.  ``str()`` of it is the sentence."""

    id: int
    kind: str
    severity: str
    state: str
    service: Optional[str]
    port: Optional[int]
    proto: Optional[str]
    address: Optional[str]
    since: Optional[datetime]
    resolved_at: Optional[datetime]
    latency_us: Optional[int]
    expected: Optional[str]
    found: Optional[Process]
    holder: Optional[Process]
    message: str
    fix: Optional[str]
    repeats: int

    @classmethod
    def convert(cls, name: str, value: Any) -> Any:
        if name in ("found", "holder"):
            return Process.maybe(value)
        return parse_time(value) if name in ("since", "resolved_at") else value

    def __str__(self) -> str:
        return self.message


@dataclass(frozen=True)
class Victim(Model):
    """One process of a kill.

    result: ``ended``, ``signalled`` and still there, ``refused``, or ``would_end``.
    """

    pid: int
    comm: Optional[str]
    user: Optional[str]
    result: str
    signal: Optional[str]
    reason: Optional[str]
    process: Optional[Process]

    @classmethod
    def convert(cls, name: str, value: Any) -> Any:
        return Process.maybe(value) if name == "process" else value


@dataclass(frozen=True)
class FreedPort(Model):
    """A port of a kill; free is None for a dry run."""

    port: int
    proto: str
    free: Optional[bool]
    taken: Optional[bool]
    holder: Optional[Process]

    @classmethod
    def convert(cls, name: str, value: Any) -> Any:
        return Process.maybe(value) if name == "holder" else value


@dataclass(frozen=True)
class KillResult(Model):
    """How a kill went.  True where all ended and the ports are free, or for a dry run.

    outcome: ``done``, ``planned``, ``timed_out``, ``taken`` or ``partly``.
    """

    outcome: str
    message: str
    service: Optional[str]
    dry_run: bool
    processes: List[Victim]
    ports: List[FreedPort]
    sockets: List[Document]

    @classmethod
    def convert(cls, name: str, value: Any) -> Any:
        if name == "processes":
            return [Victim.of(each) for each in value or []]
        if name == "ports":
            return [FreedPort.of(each) for each in value or []]
        return value

    def __bool__(self) -> bool:
        return self.outcome in ("done", "planned")
