"""Connections that break between a client and a real server, whatever they speak."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager


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
