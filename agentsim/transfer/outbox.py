"""Messages from all threads to the one that talks to the agent."""

from __future__ import annotations

import os
import queue
from collections.abc import Iterator

from agentsim.engine.channel import Message

_WAITING = 64
"""Messages that may wait: an agent that does not read must not fill this process's memory."""

_PAUSE_SECONDS = 0.2


class Outbox:
    """Takes messages from any thread; wakes the thread that polls its descriptor."""

    def __init__(self) -> None:
        self._queue: queue.Queue[Message] = queue.Queue(_WAITING)
        self._bell = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._closed = False

    def fileno(self) -> int:
        """Readable when there may be messages."""
        return self._bell

    def send(self, message: Message) -> None:
        """Hand a message over; waits while too many wait. After :meth:`close` it is dropped."""
        while not self._closed:
            try:
                self._queue.put(message, timeout=_PAUSE_SECONDS)
            except queue.Full:
                continue
            self.ring()
            return

    def ring(self) -> None:
        """Wake the thread that polls."""
        os.eventfd_write(self._bell, 1)

    def taken(self) -> Iterator[Message]:
        """All messages that wait now."""
        try:
            os.eventfd_read(self._bell)
        except BlockingIOError:
            return
        while True:
            try:
                yield self._queue.get_nowait()
            except queue.Empty:
                return

    def close(self) -> None:
        """Nobody reads any more. The descriptor stays: a thread that hangs may still ring it."""
        self._closed = True
