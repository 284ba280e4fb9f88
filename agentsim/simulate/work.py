"""What a simulated run does: its totals, its way there, and its items. Pure: the same seed, the same run."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from random import Random
from typing import Any, Final

from agentsim.engine import board
from agentsim.engine.verdict import Verdict, verdict
from agentsim.simulate.parts import RunPart, Totals
from agentsim.simulate.words import DIRECTORIES, ENDINGS, FILES
from store import codes, report_lines
from store.display import display
from store.models import COUNTER_FIELDS
from store.report_lines import Facts
from store.vocabulary import SCANNED_OUTCOMES, ItemKind, Outcome, PlannedAction, RunKind, ScanStatus

CELLS: Final = 2 * board.BYTES
RECORDED: Final = tuple(o for o in Outcome if o not in (Outcome.TRANSFERRED, Outcome.NO_TRANSFER_NEEDED))
"""The outcomes of items that are kept one by one."""

_SCANNED_CELLS: Final = tuple(1 + board.OUTCOMES.index(outcome) for outcome in SCANNED_OUTCOMES)
_LISTED_AT: Final = 0.3
"""The share of a run's way at which everything has been listed."""

_REASONS: Final[dict[Outcome, tuple[tuple[str, str], ...]]] = {
    Outcome.EXCLUDED: ((codes.ITEM_FILTERED, "the pattern '*.bak' leaves it out"),),
    Outcome.UNSUPPORTED: (
        (codes.ITEM_TYPE_UNSUPPORTED, "a FIFO is not copied"),
        (codes.ITEM_NAME_TOO_LONG, "File name too long"),
    ),
    Outcome.FAILED: (
        (codes.ITEM_SOURCE_PERMISSION, "Permission denied"),
        (codes.ITEM_SOURCE_IO, "Input/output error"),
        (codes.ITEM_TARGET_PERMISSION, "Permission denied"),
        (codes.ITEM_NAME_COLLIDES, "the target takes it and 'Report.docx' for the same"),
    ),
    Outcome.CHANGED: (
        (codes.ITEM_CHANGED, "it changed three times while it was read"),
        (codes.ITEM_VANISHED, "No such file or directory"),
    ),
    Outcome.DELETED: (("", "the source does not have it"),),
    Outcome.DELETE_WITHHELD: ((codes.DELETE_UNLISTED, "its source directory could not be listed"),),
}
_VERIFY_REASONS: Final = (
    (codes.VERIFY_CONTENT, "the content differs"),
    (codes.VERIFY_MISSING, "the target does not have it"),
    (codes.VERIFY_METADATA, "mode 0644 in the source, 0600 in the target"),
)

Item = tuple[bytes, str, str, str, str, int]
"""Path, kind, outcome, code, message and size: what ``report_items`` takes."""


def totals_of(items: dict[Outcome, int], sizes: dict[Outcome, int]) -> Totals:
    """Totals from what each outcome has; what was scanned is their sum, so that they always add up."""
    cells = [0] * CELLS
    for base, numbers in ((0, items), (board.BYTES, sizes)):
        for outcome, number in numbers.items():
            cells[base + 1 + board.OUTCOMES.index(outcome)] = number
    return _scanned(cells)


def _scanned(cells: list[int]) -> Totals:
    for base in (0, board.BYTES):
        cells[base] = sum(cells[base + cell] for cell in _SCANNED_CELLS)
    return tuple(cells)


def count(totals: Totals, outcome: Outcome) -> int:
    """Items of one outcome."""
    return totals[1 + board.OUTCOMES.index(outcome)]


def size(totals: Totals, outcome: Outcome) -> int:
    """Bytes of one outcome."""
    return totals[board.BYTES + 1 + board.OUTCOMES.index(outcome)]


def lognormal(random: Random, median: float, sigma: float, least: float, most: float) -> float:
    """A size as sizes are: most are small, few are very large; cut off at both ends."""
    return min(max(median * math.exp(random.gauss(0.0, sigma)), least), most)


class Attempt:
    """One attempt of a run: from nothing to its totals, less what an attempt before has done.

    Args:
        part: the run.
        done: what the attempts before it transferred and deleted.
        known: items and bytes of the last pass, or -1.
    """

    def __init__(self, part: RunPart, done: Totals, known: tuple[int, int]) -> None:
        self.part = part
        self._known = known
        self._before = done
        self._totals = _without(part.totals, done)
        self._items = list(items_of(part.seed, self._totals, part.kind))
        self._told = 0

    def numbers(self, share: float) -> dict[str, Any]:
        """The numbers of a progress report when this share of the way is behind it (0 to 1)."""
        cells = self.totals(share)
        listed = share >= _LISTED_AT
        final = (self._totals[board.SCANNED], self._totals[board.BYTES])
        total = final if listed else (max(self._known[0], cells[0]), max(self._known[1], cells[board.BYTES]))
        known = listed or self._known[0] >= 0
        return {
            **dict(zip(COUNTER_FIELDS, cells, strict=True)),
            "bytes_in_flight": 0 if share >= 1 else final[1] // 1_000_000,
            "scan_status": ScanStatus.COMPLETED if known else ScanStatus.SCANNING,
            "total_items": total[0] if known else -1,
            "total_bytes": total[1] if known else -1,
            "phase": "copy" if share < 0.95 else "delete" if count(self._totals, Outcome.DELETED) else "finish",
            "current": [] if share >= 1 else [display(_path(Random(self.part.seed + int(share * 1000))))],
        }

    def totals(self, share: float) -> Totals:
        """The counters at this share of the way: they add up at every moment."""
        return at_share(self._totals, share)

    def untold_items(self, share: float) -> list[Item]:
        """The items that were found up to this share and not told yet."""
        return self._items[self._told : int(len(self._items) * min(share, 1.0))]

    def told_items(self, number: int) -> None:
        """So many more of them are in the store."""
        self._told += number

    def done(self, share: float) -> Totals:
        """What would compare equal, or be gone, for the next attempt; with what was so for this one."""
        cells = self.totals(share)
        kept = (board.TRANSFERRED, board.DELETED) if self.part.kind == RunKind.COPY else ()
        places = {base + cell for base in (0, board.BYTES) for cell in kept}
        return tuple(
            before + (cell if place in places else 0)
            for place, (before, cell) in enumerate(zip(self._before, cells, strict=True))
        )

    def verdict(self) -> Verdict:
        """How it ends when it has come all the way, by the engine's own judgement."""
        return verdict(self._totals, self.part.stops, self.part.kind)

    def report(self, fence: int) -> tuple[int, bytes]:
        """The full report of all items as one chunk: how many lines, and they packed."""
        lines = list(_lines(self.part, self._totals, self._items, fence))
        return len(lines), report_lines.pack(lines)


def at_share(totals: Totals, share: float) -> Totals:
    """The totals of a run that has come this far (0 to 1); they add up."""
    return totals if share >= 1 else _scanned([int(cell * share) for cell in totals])


def _without(totals: Totals, done: Totals) -> Totals:
    """What is left for an attempt: what was transferred compares equal, and what was deleted is not found."""
    cells = list(totals)
    for base in (0, board.BYTES):
        moved = min(cells[base + board.TRANSFERRED], done[base + board.TRANSFERRED])
        cells[base + board.TRANSFERRED] -= moved
        cells[base + board.NO_TRANSFER_NEEDED] += moved
        cells[base + board.DELETED] -= min(cells[base + board.DELETED], done[base + board.DELETED])
    return _scanned(cells)


def done_share(totals: Totals, done: Totals) -> float:
    """How much of what a run transfers was transferred before, 0 to 1."""
    whole = size(totals, Outcome.TRANSFERRED)
    return min(1.0, size(done, Outcome.TRANSFERRED) / whole) if whole else 0.0


NOTHING: Final[Totals] = (0,) * CELLS
"""What the first attempt of a run finds done."""


def items_of(seed: int, totals: Totals, kind: RunKind = RunKind.COPY) -> Iterator[Item]:
    """The items that a run records, in the order in which it finds them; as many as its totals say."""
    random = Random(seed)
    outcomes = [outcome for outcome in RECORDED for _ in range(count(totals, outcome))]
    random.shuffle(outcomes)
    left = {outcome: (count(totals, outcome), size(totals, outcome)) for outcome in RECORDED}
    for outcome in outcomes:
        number, bytes_ = left[outcome]
        share = bytes_ // number
        left[outcome] = (number - 1, bytes_ - share)
        verify = kind == RunKind.VERIFY and outcome == Outcome.FAILED
        code, message = random.choice(_VERIFY_REASONS if verify else _REASONS[outcome])
        type_ = ItemKind.SPECIAL if code == codes.ITEM_TYPE_UNSUPPORTED else ItemKind.FILE
        yield _path(random), type_.value, outcome.value, code, message, share


def _path(random: Random) -> bytes:
    number = random.randrange(10_000)
    name = f"{random.choice(DIRECTORIES)}/{random.choice(FILES)} {number:04d}{random.choice(ENDINGS)}".encode()
    # Names are bytes: some organisations still have those of another encoding.
    return name.replace("é".encode(), b"\xe9") if number % 50 == 0 else name


def _lines(part: RunPart, totals: Totals, items: Sequence[Item], fence: int) -> Iterator[bytes]:
    """A line for each item; those that are not recorded one by one come after the others."""
    preview = part.kind == RunKind.PREVIEW
    for path, kind, outcome, code, message, size_ in items:
        action = PlannedAction.DELETE if outcome == Outcome.DELETED else PlannedAction.SKIP
        yield _line(path, kind, outcome, size_, fence, code, message, action if preview else None)
    random = Random(part.seed + 1)
    plain = {Outcome.TRANSFERRED: PlannedAction.COPY, Outcome.NO_TRANSFER_NEEDED: PlannedAction.SKIP}
    for outcome, action in plain.items():
        number, bytes_ = count(totals, outcome), size(totals, outcome)
        for left in range(number, 0, -1):
            share = bytes_ // left
            bytes_ -= share
            yield _line(_path(random), ItemKind.FILE, outcome, share, fence, "", "", action if preview else None)


def _line(
    path: bytes, kind: str, outcome: str, size_: int, fence: int, code: str, message: str, action: PlannedAction | None
) -> bytes:
    facts = Facts(ItemKind(kind), 1, size_, 0, 0, 0o644, 1000, 1000)
    source = None if action in (None, PlannedAction.DELETE) else facts
    target = facts if action == PlannedAction.DELETE else None
    words = action.value if action else ""
    return report_lines.line(
        path, kind, outcome, size_, fence, code=code, message=message, action=words, source=source, target=target
    )
