# SPDX-License-Identifier: GPL-2.0-only
"""HTTP over the daemon's Unix socket, a connection a request."""

from __future__ import annotations

import http.client
import json
import os
import socket
import struct
from typing import Any, Dict, Iterator, Mapping, NoReturn, Optional, Tuple
from urllib.parse import quote, urlencode

from .errors import ConnectionFailed, DaemonNotRunning, NotPermitted, refusal

DEFAULT_SOCKET = "/run/portwatch/portwatch.sock"
API = "/api/ports"
BODY_MAX = 256 * 1024 * 1024
EVENT_MAX = 16 * 1024 * 1024


def default_socket() -> str:
    """``PORTWATCH_SOCKET`` where it is set, else the daemon's usual place."""
    return os.environ.get("PORTWATCH_SOCKET") or DEFAULT_SOCKET


def segment(text: str) -> str:
    """@text as one segment of a path."""
    return quote(text, safe="")


class UnixConnection(http.client.HTTPConnection):
    """An HTTPConnection to a Unix socket."""

    def __init__(self, path: str, timeout: Optional[float]):
        super().__init__("localhost", timeout=timeout)
        self.path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            if self.timeout is not None:
                # A Unix socket that does not block gives up at once on a full backlog.
                wait = struct.pack("ll", int(self.timeout), int(self.timeout % 1 * 1000000))
                self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, wait)
            self.sock.connect(self.path)
            self.sock.settimeout(self.timeout)
        except BlockingIOError as err:
            self.sock.close()
            raise socket.timeout from err
        except BaseException:
            self.sock.close()
            raise


class Connection:
    """Where the daemon is.  Holds no descriptor, so that threads may share it."""

    def __init__(self, path: Optional[str] = None, timeout: float = 30.0):
        self.path = path or default_socket()
        self.timeout = timeout

    def _fail(self, err: BaseException, what: str) -> NoReturn:
        if isinstance(err, PermissionError):
            detail = f"Not permitted to connect to {self.path}: become root or join its group"
            raise NotPermitted(403, {"detail": detail}) from err
        if isinstance(err, (FileNotFoundError, NotADirectoryError, ConnectionRefusedError)):
            raise DaemonNotRunning(
                f"Nobody answers on {self.path}: is portwatchd running?"
            ) from err
        if isinstance(err, socket.timeout):
            raise ConnectionFailed(f"No answer to {what} within {self.timeout:g} s") from err
        raise ConnectionFailed(f"Cannot ask for {what}: {err or type(err).__name__}") from err

    def _open(
        self, method: str, path: str, body: Optional[bytes], headers: Mapping[str, str]
    ) -> Tuple[UnixConnection, http.client.HTTPResponse]:
        connection = UnixConnection(self.path, self.timeout)
        try:
            connection.request(method, path, body, dict(headers))
            return connection, connection.getresponse()
        except (OSError, http.client.HTTPException) as err:
            connection.close()
            self._fail(err, path)

    def request(
        self,
        method: str,
        path: str,
        query: Optional[Mapping[str, Any]] = None,
        body: Optional[Mapping[str, Any]] = None,
    ) -> bytes:
        """The body of the answer.  @path is below ``/api/ports``; of @query and @body
        what is None is left out.

        Raises DaemonNotRunning, ConnectionFailed, Refused.
        """
        given = {k: v for k, v in (query or {}).items() if v is not None}
        path = API + path + ("?" + urlencode(given) if given else "")
        headers = {"Accept": "*/*", "Connection": "close"}
        data = None
        if method != "GET":
            sent = {k: v for k, v in (body or {}).items() if v is not None}
            data = json.dumps(sent).encode()
            headers["Content-Type"] = "application/json"
        connection, response = self._open(method, path, data, headers)
        try:
            text = response.read(BODY_MAX)
        except (OSError, http.client.HTTPException) as err:
            self._fail(err, path)
        finally:
            connection.close()
        if response.status >= 300:
            raise refusal(response.status, _problem(text))
        return text

    def json(self, method: str, path: str, **arguments: Any) -> Dict[str, Any]:
        """As request(), the answer parsed."""
        text = self.request(method, path, **arguments)
        try:
            document = json.loads(text)
        except ValueError as err:
            raise ConnectionFailed(f"The answer to {path} is no JSON: {err}") from err
        if not isinstance(document, dict):
            raise ConnectionFailed(f"The answer to {path} is no JSON object")
        return document

    def stream(
        self, path: str, query: Mapping[str, Any], after: Optional[str] = None
    ) -> "EventStream":
        """Server-sent events.  Once it is open it may be silent for ever."""
        path = API + path + "?" + urlencode(query, doseq=True)
        headers = {"Accept": "text/event-stream"}
        if after:
            headers["Last-Event-ID"] = after
        connection, response = self._open("GET", path, None, headers)
        if response.status >= 300:
            try:
                text = response.read(BODY_MAX)
            finally:
                connection.close()
            raise refusal(response.status, _problem(text))
        if connection.sock is not None:
            connection.sock.settimeout(None)
        return EventStream(self, connection, response)


def _problem(text: bytes) -> Mapping[str, Any]:
    try:
        problem = json.loads(text)
    except ValueError:
        return {}
    return problem if isinstance(problem, dict) else {}


class EventStream:
    """Events as they happen, each a dict.  Iterable, and a context manager.

    Ends with the stream: raises ConnectionFailed where that breaks.
    last_id: of the event that was read last, to resume after; None before the first.
    """

    def __init__(
        self,
        place: Connection,
        connection: UnixConnection,
        response: http.client.HTTPResponse,
    ):
        self._place = place
        self._connection = connection
        self._response = response
        self.last_id: Optional[str] = None

    def __enter__(self) -> "EventStream":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Ends it; may be called twice."""
        self._response.close()
        self._connection.close()

    def _line(self) -> bytes:
        try:
            line = self._response.readline(EVENT_MAX + 1)
        except (OSError, ValueError, http.client.HTTPException) as err:
            if self._response.closed:
                return b""
            self._place._fail(err, "the stream of events")
        if len(line) > EVENT_MAX:
            raise ConnectionFailed("An event is too large")
        return line

    def __iter__(self) -> Iterator[Dict[str, Any]]:
        data = []
        while line := self._line():
            line = line.rstrip(b"\r\n")
            if line.startswith(b"id:"):
                self.last_id = line[3:].strip().decode("ascii", "replace")
            elif line.startswith(b"data:"):
                data.append(line[5:].lstrip(b" "))
            elif not line and data:
                yield json.loads(b"\n".join(data))
                data = []
