"""What a helper has to say about items: counters on the board, rows for what needs attention, lines for the rest."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Protocol, TypeAlias

from agentsim.engine import board, units
from agentsim.engine.board import Slot
from agentsim.engine.channel import Message
from agentsim.engine.decide import kind_of
from store import codes
from store.vocabulary import ItemKind, Outcome, PlannedAction

if TYPE_CHECKING:
    from store.report_lines import Facts

Row = tuple[bytes, str, str, str, str, int]
"""Path, ItemKind, Outcome, status code, message, size in bytes."""

Look: TypeAlias = "os.stat_result | Facts | None"
"""One side of an item as it was compared: what the kernel said, or what a place did."""

Seen: TypeAlias = "tuple[Look, Look]"
"""Source and target of an item as they were compared; a plan wants to find them so again."""

_CELL = {outcome: 1 + index for index, outcome in enumerate(board.OUTCOMES)}
_PLAIN = frozenset({Outcome.TRANSFERRED, Outcome.NO_TRANSFER_NEEDED})
"""Outcomes that need nobody's attention: counted, and told only in a full report."""


class Telling(Protocol):
    """Where messages for the agent go: a channel, or what hands them to the thread that has one."""

    def send(self, message: Message) -> None:
        """Send one."""


class Report:
    """Counts every item once, and tells the coordinator what an admin may ask for.

    Attributes:
        full: whether there is to be a line for every item, so that none may simply be counted.
    """

    def __init__(self, slot: Slot, channel: Telling, *, full: bool, attempt: int) -> None:
        self.cells = slot.cells
        self.full = full
        self._attempt = attempt
        self._channel = channel
        self._rows: list[Row] = []
        self._row_bytes = 0
        self._lines: list[bytes] = []
        self._line_bytes = 0

    def scanned(self, size: int) -> None:
        """Count a listed item whose outcome is still to come (from another unit)."""
        self.cells[board.SCANNED] += 1
        self.cells[board.SCANNED + board.BYTES] += size

    def count(self, cell: int, size: int, items: int = 1) -> None:
        """Count listed items with their outcome, by its cell on the board; for runs without a full report."""
        cells = self.cells
        cells[board.SCANNED] += items
        cells[cell] += items
        if size:
            cells[board.SCANNED + board.BYTES] += size
            cells[cell + board.BYTES] += size

    def item(
        self,
        path: bytes,
        kind: ItemKind,
        outcome: Outcome,
        size: int,
        *,
        code: str = codes.SUCCESS,
        message: str = "",
        action: PlannedAction | None = None,
        digest: str = "",
        seen: Seen = (None, None),
        scanned: int | None = None,
        moved: bool = True,
    ) -> None:
        """Count one source item with its outcome, and tell it where that is due.

        Args:
            path: the item.
            kind: what it is in the source.
            outcome: one of the outcomes of source items.
            size: its bytes.
            code: status code, of an outcome that has one.
            message: the system's words, or ours.
            action: what was done, or in a preview would be.
            digest: MD5 of its content in hex, where one was made.
            seen: source and target as they were compared, for a plan.
            scanned: the bytes it was counted with when it was listed; None if it was not counted yet.
            moved: whether its content travelled, of a Transferred item.
        """
        cells = self.cells
        cell = _CELL[outcome]
        cells[cell] += 1
        cells[(cell if moved else board.NO_TRANSFER_NEEDED) + board.BYTES] += size
        if scanned is None:
            cells[board.SCANNED] += 1
            cells[board.SCANNED + board.BYTES] += size
        else:
            cells[board.SCANNED + board.BYTES] += size - scanned
        if outcome not in _PLAIN:
            self._row(path, kind, outcome, code, message, size)
        if self.full:
            self._line(path, kind, outcome, size, code, message, action, digest, seen)

    def target_item(
        self,
        path: bytes,
        kind: ItemKind,
        outcome: Outcome,
        size: int,
        *,
        code: str,
        message: str,
        action: PlannedAction,
        seen: Look = None,
    ) -> None:
        """Count and record one target item that the source does not have: Deleted or DeleteWithheld."""
        cell = _CELL[outcome]
        self.cells[cell] += 1
        self.cells[cell + board.BYTES] += size
        self._row(path, kind, outcome, code, message, size)
        if self.full:
            self._line(path, kind, outcome, size, code, message, action, "", (None, seen))

    def removed(self, path: bytes, kind: ItemKind, size: int, message: str = "Not in the source") -> None:
        """Count and record one deleted target item."""
        self.target_item(
            path, kind, Outcome.DELETED, size, code=codes.SUCCESS, message=message, action=PlannedAction.DELETE
        )

    def withheld(self, path: bytes, kind: ItemKind, code: str, message: str, size: int) -> None:
        """Count and record one target item that was to be deleted and is kept."""
        self.target_item(
            path, kind, Outcome.DELETE_WITHHELD, size, code=code, message=message, action=PlannedAction.KEEP
        )

    def note(self, path: bytes, kind: ItemKind, size: int, action: PlannedAction, seen: Look) -> None:
        """Tell in a full report, without counting it, what would become of a target item in an entry's place."""
        if self.full:
            self._line(path, kind, Outcome.DELETED, size, codes.SUCCESS, "type differs", action, "", (None, seen))

    def log(self, level: str, text: str) -> None:
        """Narrate; the text is printable already."""
        self._channel.send((units.LOG, level, text))

    def _row(self, path: bytes, kind: ItemKind, outcome: Outcome, code: str, message: str, size: int) -> None:
        self._rows.append((path, kind.value, outcome.value, code, message, size))
        self._row_bytes += len(path) + len(message) + 64
        if self._row_bytes >= units.CHUNK_BYTES:
            self._flush_rows()

    def _line(
        self,
        path: bytes,
        kind: ItemKind,
        outcome: Outcome,
        size: int,
        code: str,
        message: str,
        action: PlannedAction | None,
        digest: str,
        seen: Seen,
    ) -> None:
        # Few runs have a full report; importing this would slow the start of every one.
        from store.report_lines import CHUNK_BYTES, line

        text = line(
            path,
            kind,
            outcome,
            size,
            self._attempt,
            code=code,
            message=message,
            action=action or "",
            md5=digest,
            source=facts(seen[0]),
            target=facts(seen[1]),
        )
        self._lines.append(text)
        self._line_bytes += len(text)
        if self._line_bytes >= CHUNK_BYTES:
            self._flush_lines()

    def _flush_rows(self) -> None:
        if self._rows:
            self._channel.send((units.ITEMS, self._rows))
            self._rows = []
            self._row_bytes = 0

    def _flush_lines(self) -> None:
        if self._lines:
            from store.report_lines import pack

            self._channel.send((units.REPORT, len(self._lines), pack(self._lines)))
            self._lines = []
            self._line_bytes = 0

    def flush(self) -> None:
        """Send the rows collected so far."""
        self._flush_rows()

    def close(self) -> None:
        """Send everything that is left; once, when the work is over."""
        self._flush_rows()
        self._flush_lines()


def facts(seen: Look) -> Facts | None:
    """What a plan keeps of one side of an item."""
    from store.report_lines import Facts

    if seen is None or isinstance(seen, Facts):
        return seen
    return Facts(
        kind_of(seen.st_mode),
        seen.st_ino,
        seen.st_size,
        seen.st_mtime_ns,
        seen.st_ctime_ns,
        seen.st_mode,
        seen.st_uid,
        seen.st_gid,
    )
