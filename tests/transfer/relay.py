"""Connections that break between a client and a real server, whatever they speak."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Relay:
    """A TCP relay that breaks connections once they have carried so many bytes, whichever way, and then lets be.

    Attributes:
        broken: how many connections it broke.
    """

    def __init__(self, upstream: int, after: int, breaks: int) -> None:
        self.broken = 0
        self._after = after
        self._breaks = breaks
        self._upstream = upstream
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
                allowance = [self._after]
                for one, other in ((client, server), (server, client)):
                    threading.Thread(target=self._carry, args=(one, other, allowance), daemon=True).start()

    def _carry(self, source: socket.socket, target: socket.socket, allowance: list[int]) -> None:
        """Pass on what comes from one end, as long as both directions' common allowance lasts."""
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                allowance[0] -= len(data)
                if allowance[0] < 0 and self.broken < self._breaks:
                    target.sendall(data[: len(data) // 2])
                    self.broken += 1
                    break
                target.sendall(data)
        _hang_up(source, target)


@contextmanager
def cut(port: int, after: int, breaks: int = 4) -> Iterator[Relay]:
    """A :class:`Relay` before a server on loopback."""
    relay = Relay(port, after, breaks)
    try:
        yield relay
    finally:
        relay.close()


def _hang_up(*sockets: socket.socket) -> None:
    for one in sockets:
        with contextlib.suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)
        one.close()
