"""Keys in turn: each is handled when the one before has had its effect.

Textual gives a key to whatever has the focus when it comes, which is before the keys ahead of it were handled: typed
fast, pasted, or held up by a slow link and delivered at once, ``/`` and a word would filter by nothing, and the
``enter`` after ``r`` would not reach the launch sheet but what lies below it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Any

from textual import events
from textual.message_pump import MessagePump

from tui.widgets.virtual_table import VirtualTable

if TYPE_CHECKING:
    from textual.app import App
    from textual.screen import Screen

ROUNDS = 3
"""Ways up from the focused widget that an effect may take: the key, the message it makes, and the message of that."""

LONGEST_SECONDS = 2.0
"""A key waits no longer for the one before: nothing that hangs may take the keyboard away."""

ROWS_SECONDS = 0.5
"""Nor for the rows of a list that the one before had read anew: the store may be away, and most keys need no rows."""

MOST_KEYS = 256
"""Keys that may wait; what is typed beyond is lost, as in any full buffer."""


class TypingAhead:
    """Holds the keys that came while one is handled. Everything runs on the event loop."""

    def __init__(self, app: App[Any]) -> None:
        self._app = app
        self._waiting: deque[events.Key] = deque()
        self._handled: events.Key | None = None
        self._screen: Screen[Any] | None = None
        """The one that was on top when the key came."""
        self._turn = 0
        self._flow: object | None = None
        """Stands for a flow that has not asked yet, nor ended."""
        self._settled = False
        """Whether the key has had all its effect but for its flow's."""
        self._read: tuple[VirtualTable, int] | None = None
        """The list, and which reading of it, that a key has waited for."""
        self._reader = 0
        """The turn that had it read."""

    # A key on its way

    def begin(self, key: events.Key) -> bool:
        """Whether a key may be handled now; if not, it comes again in its turn."""
        if self._handled is key:
            return True
        if self._handled is not None:
            if len(self._waiting) < MOST_KEYS:
                self._waiting.append(key)
            return False
        self._start(key)
        return True

    def given_to(self, target: MessagePump) -> None:
        """The key was given to a widget, from which it goes up."""
        self._climb(target, target, ROUNDS, self._turn)

    def _start(self, key: events.Key) -> None:
        self._handled, self._screen = key, self._app.screen
        self._flow, self._settled = None, False
        self._turn += 1
        asyncio.get_running_loop().call_later(LONGEST_SECONDS, self._end, self._turn)

    def _climb(self, start: MessagePump, node: MessagePump, rounds: int, turn: int) -> None:
        """Queue behind the key (or what it led to) here, then at the parent, until it is done everywhere."""
        if turn != self._turn:
            return
        if node is not self._app:
            above = node._parent or self._app
            if not node.call_later(self._climb, start, above, rounds, turn):
                # It was taken apart meanwhile: whatever it had to do is done.
                self._climb(start, above, rounds, turn)
        elif rounds > 1:
            self._app.call_later(self._climb, start, start, rounds - 1, turn)
        else:
            self._app.call_later(self._settle, turn)

    def _settle(self, turn: int) -> None:
        if turn == self._turn:
            self._settled = True
            if self._flow is None:
                self._end_when_shown(turn)

    def _end_when_shown(self, turn: int) -> None:
        """The next key; another screen must be there, with its focus, before a key can be for it."""
        if self._app.screen is self._screen:
            self._end_when_read(turn)
        else:
            self._app.screen.call_after_refresh(self._end_when_read, turn)

    def _end_when_read(self, turn: int) -> None:
        """The next key; it may be for a row of the list that is being read for this one: once, it waits for that."""
        table = self._app.focused
        read = (table, table.reading) if isinstance(table, VirtualTable) and table.reading else None
        if turn != self._turn or read is None or read == self._read:
            self._end(turn)
        else:
            self._read, self._reader = read, turn
            asyncio.get_running_loop().call_later(ROWS_SECONDS, self._end, turn)

    def rows_came(self, table: VirtualTable) -> None:
        """A list that was read anew has its rows."""
        if self._read is not None and self._read[0] is table:
            self._end(self._reader)

    def _end(self, turn: int) -> None:
        if turn != self._turn or self._handled is None:
            return
        self._handled = None
        if self._waiting:
            key = self._waiting.popleft()
            self._start(key)
            self._app.post_message(key)

    # What a key began

    def flow_began(self) -> object:
        """The key began a flow, which will ask: the next key is for its question."""
        self._flow = object()
        return self._flow

    def flow_ended(self, flow: object) -> None:
        """It has ended, with or without a question."""
        if flow is self._flow:
            self.flow_asks()

    def flow_asks(self) -> None:
        """A screen is being shown: whatever is typed now is for it."""
        self._flow = None
        if self._settled:
            self._end_when_shown(self._turn)
