"""The rows a VirtualTable holds: a stretch of a long list around what is visible.

No Textual in here. The window says which rows it needs and takes them when they come; it never
waits for them, and an answer that no longer fits its question is dropped.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

from tui.presentation.cells import Row

Direction = Literal["start", "end", "after", "before", "around"]
"""Where wanted rows stand: at an end of the list, next to a row held, or on both sides of a row."""

CHUNK = 128
"""Rows asked for at a time."""

MARGIN = 48
"""Rows wanted beyond each edge of the viewport; fewer, and the next chunk is asked for."""

KEEP = 512
"""Rows held at most; the ones farthest from the viewport are let go."""


class Request(NamedTuple):
    """A question for rows."""

    direction: Direction
    anchor_key: str | None
    """The row the direction refers to; None for the two ends of the list."""
    limit: int
    """Rows wanted at most."""
    serial: int = 0
    """Tells apart those that ask the same at different times."""


class RowWindow:
    """A buffer of consecutive rows with a cursor and a viewport.

    Invariant: the cursor is on a row of the viewport whenever there are rows. It stays with the row it is on,
    by key, whatever is loaded and however old the question was; if the row is gone, it takes the next one
    that is left. Only where nobody is at it, it stays on the list's first row: else a list whose new rows
    come on top would slowly push it down, and then show none of the new ones.
    """

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.at_start = False
        """The first row held is the first of the list."""
        self.at_end = False
        """The last row held is the last of the list."""
        self.total: int | None = None
        """Rows in the whole list, if the owner knows."""
        self.loaded = False
        """An answer has come since the last ``reset``; until then an empty window means nothing."""
        self.top = 0
        """Index of the row on the first line of the viewport."""
        self.cursor = 0
        self.height = 0
        """Lines of the viewport."""
        self.unattended = False
        """No key acts on what the cursor is on."""
        self._positions: dict[str, int] = {}
        # A replacing request gives a new buffer; a growing one adds to it. Only the newest
        # replacing one counts, and while it is under way nothing grows.
        self._replacing: Request | None = None
        self.jump = 0
        """Where the cursor is to go by the answer that is still to come: to the first rows, an end, a row that is not
        held. The serial of the request that first asked for it; 0 when it is where it was wanted."""
        self._serial = 0
        self._growing: dict[Direction, Request] = {}
        self._second_try: Request | None = None

    @property
    def cursor_key(self) -> str | None:
        """Key of the row the cursor is on; None without rows."""
        return self.rows[self.cursor].key if self.rows else None

    @property
    def position(self) -> int | None:
        """Place of the cursor in the whole list, from 0; None where keysets cannot tell."""
        if self.at_start:
            return self.cursor
        if self.at_end and self.total is not None:
            return self.total - (len(self.rows) - self.cursor)
        return None

    def visible(self) -> list[Row]:
        """Return the rows of the viewport, from its first line on."""
        return self.rows[self.top : self.top + self.height]

    # Asking

    def reset(self, anchor_key: str | None = None) -> Request:
        """Forget all rows, for another list or order, and ask for the start or around a row."""
        self.rows = []
        self._positions = {}
        self.at_start = self.at_end = self.loaded = False
        self.total = None
        self.top = self.cursor = 0
        return self._go("start" if anchor_key is None else "around", anchor_key)

    def refresh(self) -> Request:
        """Ask for the visible rows again. What is still unanswered is asked again instead."""
        if self._replacing is not None:
            return self._ask(self._replacing.direction, self._replacing.anchor_key)
        if not self.loaded:
            return self._go("start", None)
        return self._ask("around", self.cursor_key) if self.rows else self._ask("start", None)

    def missing(self) -> list[Request]:
        """Return the requests that are due after a change; each comes once.

        They fetch the rows ahead of the viewport, or begin again where an answer led nowhere.
        """
        if self._second_try is not None:
            due, self._second_try = [self._second_try], None
            return due
        if self._replacing is not None or not self.rows:
            return []
        due = []
        ahead = len(self.rows) - (self.top + self.height)
        if not self.at_end and ahead < MARGIN and "after" not in self._growing:
            due.append(Request("after", self.rows[-1].key, CHUNK))
        if not self.at_start and self.top < MARGIN and "before" not in self._growing:
            due.append(Request("before", self.rows[0].key, CHUNK))
        for request in due:
            self._growing[request.direction] = request
        return due

    # Answers

    def load(
        self,
        direction: Direction,
        anchor_key: str | None,
        rows: Sequence[Row],
        at_start: bool,
        at_end: bool,
        total: int | None = None,
        serial: int | None = None,
    ) -> bool:
        """Take the answer to a request; see ``VirtualTable.load``.

        Returns:
            False if nothing waits for this answer any more, and it was dropped.
        """
        if direction in ("after", "before"):
            taken = self._grow(direction, anchor_key, rows, at_start, at_end)
        else:
            taken = self._take_over(direction, anchor_key, rows, at_start, at_end, serial)
        if taken:
            self.total = total
        return taken

    def update(self, row: Row) -> bool:
        """Put a changed row in the place of the one with its key; False if that is not held."""
        position = self._positions.get(row.key)
        if position is None:
            return False
        self.rows[position] = row
        return True

    # Moving

    def resize(self, height: int) -> None:
        """Set the lines of the viewport."""
        self.height = max(0, height)
        self._show_cursor()

    def move(self, lines: int) -> None:
        """Move the cursor, as far as rows are held."""
        self._place_cursor(self.cursor + lines)

    def page(self, pages: int) -> None:
        """Move cursor and viewport by whole viewports."""
        lines = pages * max(1, self.height)
        self.top += lines
        self._place_cursor(self.cursor + lines)

    def scroll(self, lines: int) -> None:
        """Move the viewport and let its edge push the cursor along."""
        self.top = self._clamp_top(self.top + lines)
        last = max(self.top, self.top + self.height - 1)
        self._place_cursor(min(max(self.cursor, self.top), last))

    def home(self) -> Request | None:
        """Go to the first row of the list; a request if it is not held."""
        if not self.at_start:
            return self._go("start", None)
        self._place_cursor(0)
        return None

    def end(self) -> Request | None:
        """Go to the last row of the list; a request if it is not held."""
        if not self.at_end:
            return self._go("end", None)
        self._place_cursor(len(self.rows) - 1)
        return None

    def go_to(self, key: str) -> Request | None:
        """Go to a row by key; a request if it is not held."""
        position = self._positions.get(key)
        if position is None:
            return self._go("around", key)
        self._place_cursor(position)
        return None

    # Inside

    def _go(self, direction: Direction, anchor_key: str | None) -> Request:
        """Ask for a row to put the cursor on."""
        request = self._ask(direction, anchor_key)
        self.jump = request.serial
        return request

    def _ask(self, direction: Direction, anchor_key: str | None) -> Request:
        self._growing = {}
        self._second_try = None
        # The cursor may stand on either edge of the viewport, so each side gets all of it; an end of the list has one.
        sides = 2 if direction == "around" else 1
        limit = sides * max(CHUNK // 2, self.height + MARGIN + 1)
        self._serial += 1
        self._replacing = Request(direction, anchor_key, limit, self._serial)
        return self._replacing

    def _take_over(
        self,
        direction: Direction,
        anchor_key: str | None,
        rows: Sequence[Row],
        at_start: bool,
        at_end: bool,
        serial: int | None,
    ) -> bool:
        asked = self._replacing
        if asked is None or (asked.direction, asked.anchor_key) != (direction, anchor_key):
            return False
        here = self.cursor_key
        if not self.jump and here is not None and here != anchor_key and all(row.key != here for row in rows):
            # The cursor was moved on since this was asked, to a row that may be beyond the answer.
            self._second_try = self._ask("around", here)
            return True
        if serial is None or serial == asked.serial:
            # An answer to an older question of the same kind is taken, but may be older than the newest question.
            self._replacing = None
        if not rows and not (at_start and at_end):
            # The anchor is gone and the owner cannot tell where it stood: begin again.
            self._second_try = self._go("start", None)
        old_rows, old_cursor, line = self.rows, self.cursor, self.cursor - self.top
        stays_at_top = self.at_start and self.top == 0 and direction == "around"
        stays_first = self.unattended and stays_at_top and old_cursor == 0 and self.cursor_key == anchor_key
        if stays_first and not at_start:
            # So many are new that its row is not among them.
            self._second_try = self._go("start", None)
        self.rows = list(rows)
        self._index()
        self.at_start, self.at_end, self.loaded = at_start, at_end, self._second_try is None
        wanted = anchor_key if self.jump else here
        if (self.jump and direction == "start") or (stays_first and at_start):
            cursor = 0
        elif self.jump and direction == "end":
            cursor = len(self.rows) - 1
        elif wanted in self._positions:
            cursor = self._positions[wanted]
        else:
            cursor = self._survivor(old_rows, old_cursor)
        self.top = 0 if stays_at_top and at_start else cursor - line
        self._place_cursor(cursor)
        if self._second_try is None:
            self.jump = 0
        return True

    def _survivor(self, old_rows: Sequence[Row], old_cursor: int) -> int:
        """Return where the row under the cursor is now, or the next one that is left, or the one
        before it; with none left, as far down as it was."""
        for row in old_rows[old_cursor:]:
            if row.key in self._positions:
                return self._positions[row.key]
        for row in reversed(old_rows[:old_cursor]):
            if row.key in self._positions:
                return self._positions[row.key]
        return old_cursor

    def _grow(
        self, direction: Direction, anchor_key: str | None, rows: Sequence[Row], at_start: bool, at_end: bool
    ) -> bool:
        asked = self._growing.get(direction)
        if asked is None or asked.anchor_key != anchor_key:
            return False
        del self._growing[direction]
        # A row that moved in the list's order since may come a second time.
        fresh = [row for row in rows if row.key not in self._positions]
        if direction == "after":
            self.rows += fresh
            # A non-final answer without anything new would be asked for for ever.
            self.at_end = at_end or not fresh
            surplus = min(len(self.rows) - self._keep(), self.top - MARGIN)
            if surplus > 0:
                del self.rows[:surplus]
                self.top -= surplus
                self.cursor -= surplus
                self.at_start = False
        else:
            self.rows[:0] = fresh
            self.top += len(fresh)
            self.cursor += len(fresh)
            self.at_start = at_start or not fresh
            below = len(self.rows) - (self.top + self.height + MARGIN)
            surplus = min(len(self.rows) - self._keep(), below)
            if surplus > 0:
                del self.rows[-surplus:]
                self.at_end = False
        self._index()
        return True

    def _keep(self) -> int:
        return max(KEEP, self.height + 2 * (MARGIN + CHUNK))

    def _index(self) -> None:
        self._positions = {row.key: position for position, row in enumerate(self.rows)}

    def _clamp_top(self, top: int) -> int:
        return max(0, min(top, len(self.rows) - self.height))

    def _place_cursor(self, cursor: int) -> None:
        self.cursor = max(0, min(cursor, len(self.rows) - 1))
        self._show_cursor()

    def _show_cursor(self) -> None:
        self.top = self._clamp_top(self.top)
        if self.cursor < self.top:
            self.top = self.cursor
        elif self.height and self.cursor >= self.top + self.height:
            self.top = self.cursor - self.height + 1
