# SPDX-License-Identifier: GPL-2.0-only
"""What can go wrong.  Each is a PortwatchError whose text is one sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Mapping, Optional

if TYPE_CHECKING:
    from .model import KillResult


class PortwatchError(Exception):
    """The base of all."""


class DaemonNotRunning(PortwatchError):
    """Nobody answers on the socket: portwatchd is not running, or listens elsewhere."""


class ConnectionFailed(PortwatchError):
    """The connection broke, or no answer came in time.

    Of a change nobody knows then whether it was made.
    """


class Refused(PortwatchError):
    """The daemon answered with a problem (RFC 9457).

    status: the HTTP status.
    detail: the sentence, also the text of the exception.
    problem: the whole document; beside ``title`` and ``detail`` it may have ``remedy``,
        ``holder`` (a process), ``capability``, and ``path``, ``line``, ``column`` of a
        registry that is refused.
    """

    def __init__(self, status: int, problem: Mapping[str, Any]):
        self.status = status
        self.problem = dict(problem)
        self.detail = str(
            problem.get("detail") or problem.get("title") or f"The daemon answered {status}"
        )
        super().__init__(self.detail)

    @property
    def remedy(self) -> Optional[str]:
        """What helps, where the daemon knows."""
        return self.problem.get("remedy")


class InvalidRequest(Refused):
    """400, 422 and the like: what was asked for makes no sense, or the registry is bad."""


class NotPermitted(Refused):
    """401, 403: only root and members of group portwatch may do that."""


class NotFound(Refused):
    """404: no such service, port or allocation; or nothing is bound there."""


class Conflict(Refused):
    """409: somebody else holds or claims the port, or no port is left."""


class NotEnded(PortwatchError):
    """A kill was carried out, and a process is still there or a port is not free.

    result: how it went, a KillResult.
    """

    def __init__(self, result: "KillResult"):
        self.result = result
        super().__init__(result.message)


def refusal(status: int, problem: Mapping[str, Any]) -> Refused:
    """The exception for an answer with @status."""
    kinds = {401: NotPermitted, 403: NotPermitted, 404: NotFound, 409: Conflict}
    kind = kinds.get(status, InvalidRequest if 400 <= status < 500 else Refused)
    return kind(status, problem)
