"""The run's counters, in shared memory: helpers count where they stand, the coordinator adds up.

No message is needed for a number, so progress moves inside a directory of a million files and
inside one large file, and counting costs an addition.
"""

from __future__ import annotations

import mmap
from typing import Final

from store.vocabulary import SCANNED_OUTCOMES, Outcome

SCANNED: Final = 0
OUTCOMES: Final = tuple(Outcome)
TRANSFERRED: Final = 1 + OUTCOMES.index(Outcome.TRANSFERRED)
NO_TRANSFER_NEEDED: Final = 1 + OUTCOMES.index(Outcome.NO_TRANSFER_NEEDED)
EXCLUDED: Final = 1 + OUTCOMES.index(Outcome.EXCLUDED)
UNSUPPORTED: Final = 1 + OUTCOMES.index(Outcome.UNSUPPORTED)
FAILED: Final = 1 + OUTCOMES.index(Outcome.FAILED)
CHANGED: Final = 1 + OUTCOMES.index(Outcome.CHANGED)
DELETED: Final = 1 + OUTCOMES.index(Outcome.DELETED)
DELETE_WITHHELD: Final = 1 + OUTCOMES.index(Outcome.DELETE_WITHHELD)

BYTES: Final = 1 + len(OUTCOMES)
"""Distance from an items counter to the bytes counter of the same name."""
IN_FLIGHT: Final = 2 * BYTES
"""Bytes copied of large files that are not complete yet."""
OWNERS_LOST: Final = IN_FLIGHT + 1
"""Items whose owner or group the target did not accept."""
TARGET_ITEMS: Final = OWNERS_LOST + 1
"""Entries that the target's directories held before the run, as far as they were listed."""
DOOMED: Final = TARGET_ITEMS + 1
"""Entries below the directories that are to be deleted; those directories themselves not counted."""
ACLS_LOST: Final = DOOMED + 1
"""Items with an access control list of a kind that cannot be carried (NFSv4's, SMB's)."""
_CELLS: Final = ACLS_LOST + 1

NAMES: Final = (
    "scanned",
    "transferred",
    "no_transfer_needed",
    "excluded",
    "unsupported",
    "failed",
    "changed",
    "deleted",
    "delete_withheld",
)
"""Suffixes of the progress counters, in the order of the cells."""

_PATH_BYTES: Final = 4096 - 8 * 32
_SLOT_BYTES: Final = 4096


class Slot:
    """One process's own part of the board: only its owner writes it, so no lock is needed."""

    def __init__(self, memory: memoryview) -> None:
        self.cells: memoryview[int] = memory[: 8 * _CELLS].cast("q")
        self._length = memory[8 * 31 : 8 * 32].cast("q")
        self._path = memory[8 * 32 :]

    def set_current(self, path: bytes) -> None:
        """Show what this process is on; a path too long to show is cut at the front."""
        shown = path[-_PATH_BYTES:]
        self._path[: len(shown)] = shown
        self._length[0] = len(shown)

    def current(self) -> bytes:
        """What the owner is on. Read while it writes, it may be a mixture: for display only."""
        return bytes(self._path[: self._length[0]])


class Board:
    """Slots of all helpers, and what the survey of the source has found."""

    def __init__(self, helpers: int) -> None:
        memory = memoryview(mmap.mmap(-1, (helpers + 1) * _SLOT_BYTES))
        self.slots = [Slot(memory[at * _SLOT_BYTES : (at + 1) * _SLOT_BYTES]) for at in range(1, helpers + 1)]
        self._survey: memoryview[int] = memory[:24].cast("q")
        self._hungry: memoryview[int] = memory[24:32].cast("q")

    def totals(self) -> list[int]:
        """Sums over all helpers, indexed by the constants of this module."""
        return [sum(cells) for cells in zip(*(slot.cells for slot in self.slots), strict=True)]

    def set_survey(self, items: int, size: int, *, complete: bool) -> None:
        """Record the survey's findings so far."""
        self._survey[0] = items
        self._survey[1] = size
        self._survey[2] = complete

    def survey(self) -> tuple[int, int] | None:
        """Items and bytes of the source by a completed survey; None while it is not complete."""
        return (self._survey[0], self._survey[1]) if self._survey[2] else None

    def set_hungry(self, hungry: bool) -> None:
        """Say whether a helper has nothing to do."""
        self._hungry[0] = hungry

    def hungry(self) -> bool:
        """Whether a helper has nothing to do, so that one with much should give some away."""
        return bool(self._hungry[0])


def adds_up(totals: list[int]) -> bool:
    """Whether every scanned item and byte has exactly one outcome (DESIGN §5)."""
    scanned = [1 + OUTCOMES.index(outcome) for outcome in SCANNED_OUTCOMES]
    return all(totals[base + SCANNED] == sum(totals[base + cell] for cell in scanned) for base in (0, BYTES))
