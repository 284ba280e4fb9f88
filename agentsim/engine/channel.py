"""Messages between processes of one run: marshalled tuples over an AF_UNIX/SOCK_SEQPACKET pair.

Used between agent and worker and between coordinator and helpers alike. ``marshal`` keeps bytes
as bytes (a path is bytes) and is fast; both ends are the same interpreter on the same host.
"""

from __future__ import annotations

import marshal
import socket
from collections import deque
from typing import Any

Message = tuple[Any, ...]
"""A tag (str) and its plain values: int, float, str, bytes, bool, None, and lists, tuples, dicts of these."""

PACKET_BYTES = 64 * 1024
"""Payload of one packet. Senders chunk their lists to stay below; a message that is longer all the
same (one path of hundreds of levels) travels as several packets."""

_LAST = b"\x00"
_MORE = b"\x01"


def socket_pair() -> tuple[socket.socket, socket.socket]:
    """Two connected sockets that keep message borders."""
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)


class Channel:
    """One end of a conversation. Messages arrive whole and in order, or not at all."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._partial: list[bytes] = []
        self._outgoing: deque[bytes] = deque()

    @classmethod
    def pair(cls) -> tuple[Channel, Channel]:
        """Two connected ends."""
        left, right = socket_pair()
        return cls(left), cls(right)

    @classmethod
    def from_fd(cls, fd: int) -> Channel:
        """Take over an inherited descriptor.

        Raises:
            OSError: the descriptor is not a socket.
        """
        return cls(socket.socket(fileno=fd))

    def fileno(self) -> int:
        """The descriptor, for ``poll``."""
        return self._sock.fileno()

    def close(self) -> None:
        self._sock.close()

    def finish_sending(self) -> None:
        """Give the other end an end of file while still reading from it."""
        self._outgoing.clear()
        try:
            self._sock.shutdown(socket.SHUT_WR)
        except OSError:
            return  # the other end is gone already, which is all that was wanted

    def send(self, message: Message) -> None:
        """Send and wait until the message is on its way.

        Raises:
            OSError: the other end is gone (``BrokenPipeError``, ``ConnectionResetError``).
        """
        for packet in _packets(message):
            self._sock.sendall(packet)

    def post(self, message: Message) -> None:
        """Send without ever waiting: what does not fit now is kept for :meth:`flush`.

        Raises:
            OSError: the other end is gone.
        """
        self._outgoing.extend(_packets(message))
        self.flush()

    def flush(self) -> None:
        """Send as much of what was posted as fits.

        Raises:
            OSError: the other end is gone.
        """
        while self._outgoing:
            try:
                self._sock.send(self._outgoing[0], socket.MSG_DONTWAIT)
            except BlockingIOError:
                return
            self._outgoing.popleft()

    @property
    def has_outgoing(self) -> bool:
        """Whether :meth:`flush` still has work when the socket becomes writable."""
        return bool(self._outgoing)

    def recv(self) -> Message | None:
        """The next message, waiting for it; None when the other end is gone."""
        return self._receive(0)

    def recv_nowait(self) -> Message | None:
        """The next message if it is here; None when the other end is gone.

        Raises:
            BlockingIOError: no complete message has arrived yet.
        """
        return self._receive(socket.MSG_DONTWAIT)

    def _receive(self, flags: int) -> Message | None:
        while True:
            try:
                packet = self._sock.recv(PACKET_BYTES + 1, flags)
            except ConnectionResetError:
                # The other end left with messages of ours unread; its own last ones are still to come.
                continue
            except ConnectionError:
                return None
            if not packet:
                return None
            self._partial.append(packet[1:])
            if packet[:1] == _LAST:
                break
        body = b"".join(self._partial)
        self._partial.clear()
        message: Message = marshal.loads(body)
        return message


def _packets(message: Message) -> list[bytes]:
    body = marshal.dumps(message)
    if len(body) <= PACKET_BYTES:
        return [_LAST + body]
    pieces = [body[at : at + PACKET_BYTES] for at in range(0, len(body), PACKET_BYTES)]
    return [_MORE + piece for piece in pieces[:-1]] + [_LAST + pieces[-1]]
