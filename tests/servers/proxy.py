"""An HTTP server in front of another one that passes requests on, or does to them what networks and busy servers do."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length", "date", "server"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One request.

    Attributes:
        number: counted from 1.
        method: of HTTP.
        path: with the query.
        size: bytes of its body.
    """

    number: int
    method: str
    path: str
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What to do instead of passing a request on.

    Attributes:
        status: answer this; 0 for none.
        headers: with these headers.
        body: and this body.
        cut_before: close the connection without asking the server.
        cut_after: let the server answer, and close the connection after so many bytes of the answer's body; -1 for no.
        damage_request: flip a bit of what is sent to the server.
        damage_answer: flip a bit of what comes back.
    """

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    cut_before: bool = False
    cut_after: int = -1
    damage_request: bool = False
    damage_answer: bool = False


Rule = Callable[[Asked], Fault | None]


def every(number: int, fault: Fault) -> Rule:
    """A fault for each ``number``-th request."""
    return lambda asked: fault if asked.number % number == 0 else None


class Proxy:
    """The server in front; a context manager.

    Attributes:
        port: on 127.0.0.1.
        rule: asked for each request; may be replaced at any time.
        seen: the requests so far.
        faults: how many of them got a fault.
    """

    def __init__(self, upstream: int, rule: Rule | None = None) -> None:
        self.rule: Rule = rule or (lambda _: None)
        self.seen: list[Asked] = []
        self.faults = 0
        self._upstream = upstream
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self.port: int = self._server.server_address[1]

    def __enter__(self) -> Proxy:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def decide(self, method: str, path: str, size: int) -> Fault | None:
        """Count a request, and what is to be done to it."""
        with self._lock:
            asked = Asked(number=len(self.seen) + 1, method=method, path=path, size=size)
            self.seen.append(asked)
            fault = self.rule(asked)
            self.faults += fault is not None
        return fault

    def ask(
        self, method: str, path: str, headers: dict[str, str], body: bytes
    ) -> tuple[int, list[tuple[str, str]], bytes]:
        """The server's own answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self._upstream, timeout=60)
        try:
            connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
            for name, value in headers.items():
                connection.putheader(name, value)
            connection.endheaders(body)
            answer = connection.getresponse()
            return answer.status, answer.getheaders(), answer.read()
        finally:
            connection.close()


def _handler(proxy: Proxy) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def pass_on(self) -> None:
            body = self._body()
            fault = proxy.decide(self.command, self.path, len(body)) or Fault()
            if fault.cut_before:
                self.close_connection = True
                return
            if fault.status:
                self._answer(fault.status, list(fault.headers.items()), fault.body)
                return
            headers = {
                name: value for name, value in self.headers.items() if name.lower() not in ("connection", "expect")
            }
            headers["Connection"] = "close"
            try:
                status, found, data = proxy.ask(
                    self.command, self.path, headers, _damaged(body) if fault.damage_request else body
                )
            except (OSError, http.client.HTTPException):
                self.close_connection = True
                return
            data = _damaged(data) if fault.damage_answer else data
            self._answer(status, [(name, value) for name, value in found], data, fault.cut_after)

        def _body(self) -> bytes:
            if "chunked" in self.headers.get("Transfer-Encoding", ""):
                raise NotImplementedError("a request in chunks")
            if self.headers.get("Expect", "").lower() == "100-continue":
                self.send_response_only(100)
                self.end_headers()
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))

        def _answer(self, status: int, headers: list[tuple[str, str]], data: bytes, cut_after: int = -1) -> None:
            is_head = self.command == "HEAD"
            lengths = [value for name, value in headers if name.lower() == "content-length"]
            self.send_response(status)
            for name, value in headers:
                if name.lower() not in _HOP:
                    self.send_header(name, value)
            if status not in (204, 304):
                self.send_header("Content-Length", lengths[0] if is_head and lengths else str(len(data)))
            self.end_headers()
            if is_head:
                return
            if cut_after >= 0:
                self.wfile.write(data[:cut_after])
                self.wfile.flush()
                self.close_connection = True
                return
            self.wfile.write(data)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's name
            pass

        do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = pass_on

    return Handler


def _damaged(data: bytes) -> bytes:
    if not data:
        return data
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]
