"""Between a client and a real server: answers that say "too busy", and connections that break."""

from __future__ import annotations

import contextlib
import http.client
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

HOP_BY_HOP: Final = {"connection", "keep-alive", "transfer-encoding", "content-length"}
BUSY_BODY: Final = b"<?xml version='1.0'?><Error><Code>%b</Code><Message>Slow down.</Message></Error>"
CODES: Final = {503: b"SlowDown", 429: b"TooManyRequests"}


class Throttle(ThreadingHTTPServer):
    """An HTTP proxy that answers every third request itself, in turn with 503 and 429.

    Attributes:
        busy: how many requests it refused.
        passed: how many it passed on.
    """

    daemon_threads = True

    def __init__(self, upstream: int, every: int = 3) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.upstream = upstream
        self.every = every
        self.busy = self.passed = 0
        self._count = 0
        self._lock = threading.Lock()

    def turn(self) -> int:
        """What to answer the next request: a status, or 0 for what the server says."""
        with self._lock:
            self._count += 1
            if self._count % self.every:
                self.passed += 1
                return 0
            self.busy += 1
            return 503 if self.busy % 2 else 429

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up in the middle is nothing to tell."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Throttle

    def do_GET(self) -> None:
        body = self._body()
        status = self.server.turn()
        if status:
            return self._refuse(status)
        upstream = http.client.HTTPConnection("127.0.0.1", self.server.upstream, timeout=60)
        with contextlib.closing(upstream):
            upstream.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                if name.lower() not in HOP_BY_HOP | {"expect"}:
                    upstream.putheader(name, value)
            upstream.putheader("Content-Length", str(len(body)))
            upstream.endheaders(body)
            answer = upstream.getresponse()
            content = answer.read()
            length = answer.getheader("Content-Length", "0") if self.command == "HEAD" else str(len(content))
            self.send_response_only(answer.status, answer.reason)
            for name, value in answer.getheaders():
                if name.lower() not in HOP_BY_HOP:
                    self.send_header(name, value)
            if answer.status not in (204, 304):
                self.send_header("Content-Length", length)
            self.end_headers()
            self.wfile.write(content)

    do_PUT = do_POST = do_DELETE = do_HEAD = do_GET

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        parts = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def _refuse(self, status: int) -> None:
        body = BUSY_BODY % CODES[status] if self.command != "HEAD" else b""
        self.send_response(status)
        self.send_header("Content-Type", "application/xml")
        self.send_header("Retry-After", "0")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: Any) -> None:
        """It is told by the counts."""


class Relay:
    """A TCP relay that breaks each connection once it has carried so many bytes from the client.

    Attributes:
        after: the bytes; each connection carries more than the one before, so that everything comes through at last.
        broken: how many connections it broke.
    """

    def __init__(self, upstream: int, after: int, growth: float = 1.5) -> None:
        self.after = after
        self.broken = 0
        self._upstream = upstream
        self._growth = growth
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._open: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        _hang_up(self._listener, *self._open)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                try:
                    server = socket.create_connection(("127.0.0.1", self._upstream), 10)
                except OSError:
                    client.close()
                    continue
                server.settimeout(None)
                self._open += [client, server]
                most, self.after = self.after, int(self.after * self._growth)
                threading.Thread(target=self._carry, args=(client, server, most), daemon=True).start()
                threading.Thread(target=self._carry, args=(server, client, None), daemon=True).start()

    def _carry(self, source: socket.socket, target: socket.socket, most: int | None) -> None:
        carried = 0
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                carried += len(data)
                if most is not None and carried > most:
                    target.sendall(data[: len(data) // 2])
                    self.broken += 1
                    break
                target.sendall(data)
        _hang_up(source, target)


@contextmanager
def throttled(port: int) -> Iterator[Throttle]:
    """A :class:`Throttle` before a server on loopback; its own port is ``server_port``."""
    proxy = Throttle(port)
    thread = threading.Thread(target=proxy.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        proxy.shutdown()
        proxy.server_close()
        thread.join()


@contextmanager
def cut(port: int, after: int) -> Iterator[Relay]:
    """A :class:`Relay` before a server on loopback."""
    relay = Relay(port, after)
    try:
        yield relay
    finally:
        relay.close()


def _hang_up(*sockets: socket.socket) -> None:
    for one in sockets:
        with contextlib.suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)
        one.close()
