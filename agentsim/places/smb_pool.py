"""Connections to one share: as many as are used at once, made anew when they are lost."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from typing import Final, TypeVar

from agentsim.engine.errors import Side
from agentsim.engine.lease import Lease
from agentsim.places.smb_server import Server
from agentsim.places.smb_status import IN_USE, ConnectionLost, StatusError, unreachable
from agentsim.places.smb_wire import Channel

T = TypeVar("T")

PATIENCE: Final = 60.0
"""Seconds that a server may be away in mid-run."""

BUSY_PAUSES: Final = (0.1, 0.3, 0.9)
"""Seconds before each further try of an item that another program is at."""

_LONGEST: Final = 4.0
_SLICE: Final = 0.2


def pause(seconds: float, lease: Lease) -> None:
    """Wait, with an eye on the lease.

    Raises:
        Canceled: the run is to stop.
    """
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        lease.check()
        time.sleep(min(_SLICE, left))


class Patience:
    """Back-off after lost connections: at once, then ever longer, with jitter, until it ends."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._end = 0.0
        self._delay = 0.0

    def spend(self, why: ConnectionLost) -> None:
        """Wait before the next try.

        Raises:
            RunStopped: it has been too long.
            Canceled: the run is to stop.
        """
        now = time.monotonic()
        if not self._end:
            self._end = now + self._pool.patience
        elif now >= self._end:
            raise unreachable(self._pool.side, self._pool.server.where, str(why)) from why
        pause(min(self._delay * random.uniform(0.7, 1.3), max(self._end - now, 0)), self._pool.lease)
        self._delay = min(max(2 * self._delay, 0.25), _LONGEST)


class Pool:
    """The connections of one place.

    Attributes:
        patience: seconds that the server may be away.
    """

    def __init__(self, server: Server, side: Side, lease: Lease) -> None:
        self.server = server
        self.side = side
        self.lease = lease
        self.patience = PATIENCE
        self._lock = threading.Lock()
        self._idle: list[Channel] = []
        self._entered = False
        self._closed = False

    def reach(self) -> None:
        """Connect once, and keep the connection for :meth:`enter`.

        Raises:
            RunStopped: nobody answers.
        """
        channel = Channel(self.server, self.side, self.lease)
        try:
            channel.connect()
        except ConnectionLost as error:
            channel.close()
            raise unreachable(self.side, self.server.where, str(error)) from error
        self._idle.append(channel)

    def enter(self) -> None:
        """Log in and connect to the share; called after :meth:`reach`.

        Raises:
            RunStopped: with the code that says what failed.
        """
        channel = self._idle.pop()
        try:
            self._admit(channel)
        except ConnectionLost as error:
            channel.close()
            raise unreachable(self.side, self.server.where, str(error)) from error
        except BaseException:
            channel.close()
            raise
        self._entered = True
        self._idle.append(channel)

    def _admit(self, channel: Channel) -> None:
        channel.log_in()
        channel.enter_share(again=self._entered)

    def take(self) -> Channel:
        """A connection for one thread, to be given back.

        Raises:
            ConnectionLost: none can be made just now.
            RunStopped: none will be: the credential is refused by now, say.
        """
        with self._lock:
            while self._idle:
                channel = self._idle.pop()
                if channel.alive:
                    return channel
        channel = Channel(self.server, self.side, self.lease)
        try:
            channel.connect()
            self._admit(channel)
        except BaseException:
            channel.close()
            raise
        return channel

    def give(self, channel: Channel) -> None:
        """Take a connection back; one that is lost is let go."""
        with self._lock:
            if channel.alive and not self._closed:
                self._idle.append(channel)
                return
        channel.close()

    def hold(self, act: Callable[[Channel], T], patience: Patience | None = None) -> tuple[Channel, T]:
        """Do something that may be done again: on another connection when one is lost, later when an item is in use.

        Args:
            act: what to do; it closes what it opened, unless the result is to be used with the connection.
            patience: how long the server may be away from now; a new one by default.

        Returns:
            The connection, which the caller gives back, and the result.

        Raises:
            StatusError: the server is against it.
            RunStopped: the server was away for too long.
            Canceled: the run is to stop.
        """
        patience = patience or Patience(self)
        pauses = iter(BUSY_PAUSES)
        while True:
            try:
                return self._once(act)
            except ConnectionLost as lost:
                patience.spend(lost)
            except StatusError as error:
                wait = next(pauses, None) if error.status in IN_USE else None
                if wait is None:
                    raise
                pause(wait, self.lease)

    def _once(self, act: Callable[[Channel], T]) -> tuple[Channel, T]:
        channel = self.take()
        try:
            return channel, act(channel)
        except (ConnectionLost, StatusError):
            self.give(channel)
            raise
        except BaseException:
            channel.close()  # It may be in the middle of something.
            raise

    def call(self, act: Callable[[Channel], T]) -> T:
        """As :meth:`hold`, and the connection is given back."""
        channel, result = self.hold(act)
        self.give(channel)
        return result

    def close(self) -> None:
        """Let all connections go that nobody uses; the others go when they are given back."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for channel in idle:
            channel.close()
