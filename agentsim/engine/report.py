"""What a helper has to say about items: counters on the board, rows for what needs attention."""

from __future__ import annotations

from agentsim.engine import board, units
from agentsim.engine.board import Slot
from agentsim.engine.channel import Channel
from store import codes
from store.vocabulary import ItemKind, Outcome

Row = tuple[bytes, str, str, str, str, int]
"""Path, ItemKind, Outcome, status code, message, size in bytes."""

_CELL = {outcome: 1 + index for index, outcome in enumerate(board.OUTCOMES)}


class Report:
    """Counts every item once and tells the coordinator about those that an admin may ask for."""

    def __init__(self, slot: Slot, channel: Channel) -> None:
        self.cells = slot.cells
        self._channel = channel
        self._rows: list[Row] = []
        self._row_bytes = 0

    def scanned(self, size: int) -> None:
        """Count a listed item whose outcome is still to come (from another unit)."""
        self.cells[board.SCANNED] += 1
        self.cells[board.SCANNED + board.BYTES] += size

    def count(self, cell: int, size: int) -> None:
        """Count a listed item with its outcome, by its cell on the board."""
        cells = self.cells
        cells[board.SCANNED] += 1
        cells[cell] += 1
        if size:
            cells[board.SCANNED + board.BYTES] += size
            cells[cell + board.BYTES] += size

    def repaired(self, size: int) -> None:
        """Count a file whose metadata was set and whose content did not travel."""
        cells = self.cells
        cells[board.SCANNED] += 1
        cells[board.TRANSFERRED] += 1
        cells[board.SCANNED + board.BYTES] += size
        cells[board.NO_TRANSFER_NEEDED + board.BYTES] += size

    def late(self, cell: int, size: int, scanned_size: int) -> None:
        """Count the outcome of an item that was counted as scanned before, perhaps with another size."""
        self.cells[cell] += 1
        self.cells[cell + board.BYTES] += size
        self.cells[board.SCANNED + board.BYTES] += size - scanned_size

    def row(self, path: bytes, kind: ItemKind, outcome: Outcome, code: str, message: str, size: int) -> None:
        """Record an item; counting it is another call."""
        self._rows.append((path, kind.value, outcome.value, code, message, size))
        self._row_bytes += len(path) + len(message) + 64
        if self._row_bytes >= units.CHUNK_BYTES:
            self.flush()

    def removed(self, path: bytes, kind: ItemKind, size: int, message: str = "Not in the source") -> None:
        """Count and record one deleted target item."""
        self.cells[board.DELETED] += 1
        self.cells[board.DELETED + board.BYTES] += size
        self.row(path, kind, Outcome.DELETED, codes.SUCCESS, message, size)

    def withheld(self, path: bytes, kind: ItemKind, code: str, message: str, size: int) -> None:
        """Count and record one target item that was to be deleted and is kept."""
        self.cells[board.DELETE_WITHHELD] += 1
        self.cells[board.DELETE_WITHHELD + board.BYTES] += size
        self.row(path, kind, Outcome.DELETE_WITHHELD, code, message, size)

    def log(self, level: str, text: str) -> None:
        """Narrate; the text is printable already."""
        self._channel.send((units.LOG, level, text))

    def flush(self) -> None:
        """Send the rows collected so far."""
        if self._rows:
            self._channel.send((units.ITEMS, self._rows))
            self._rows = []
            self._row_bytes = 0


def cell_of(outcome: Outcome) -> int:
    """The items counter of an outcome."""
    return _CELL[outcome]
