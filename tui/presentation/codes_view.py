"""A run's items by status code, as lines: how many, what it means, and what to do about it."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import NamedTuple

from store.codes import CATALOGUE, SUCCESS
from store.display import display
from store.queries.codes import COUNTED, CodeRow
from store.queries.runs import RunRow
from store.vocabulary import Outcome, RunKind
from tui.presentation import format as figures
from tui.presentation.cells import Cell, Column, Row

CODE_COLUMNS = (
    Column("Items", 11, "right", priority=8),
    Column("Code", 9, priority=7),
    Column("What it is, and what to do", None, min_width=20, priority=9),
)
TEXT_CELLS = 58
"""What the last column has at 80 cells: a sentence goes over as many lines as it needs, and is never cut."""

_STYLES = {
    Outcome.FAILED: "bad",
    Outcome.CHANGED: "warn",
    Outcome.UNSUPPORTED: "warn",
    Outcome.DELETE_WITHHELD: "warn",
    Outcome.TRANSFERRED: "warn",
    Outcome.NO_TRANSFER_NEEDED: "warn",
}
_WORDS = {
    RunKind.COPY: {
        Outcome.FAILED: "Failed",
        Outcome.CHANGED: "Changed while they were read",
        Outcome.UNSUPPORTED: "Unsupported by the target",
        Outcome.DELETE_WITHHELD: "Not deleted",
        Outcome.TRANSFERRED: "Transferred, with a remark",
        Outcome.NO_TRANSFER_NEEDED: "No transfer needed, with a remark",
        Outcome.DELETED: "Deleted",
        Outcome.EXCLUDED: "Excluded",
    },
    RunKind.PREVIEW: {
        Outcome.CHANGED: "Changed while they were looked at",
        Outcome.DELETE_WITHHELD: "Would not be deleted",
        Outcome.TRANSFERRED: "Would be transferred, with a remark",
        Outcome.DELETED: "Would be deleted",
    },
    RunKind.VERIFY: {
        Outcome.FAILED: "Differ or failed",
        Outcome.CHANGED: "Changed while they were compared",
        Outcome.DELETE_WITHHELD: "Only in the target",
        Outcome.TRANSFERRED: "Differ, with a remark",
        Outcome.NO_TRANSFER_NEEDED: "Alike, with a remark",
    },
}
_COUNTERS = {
    Outcome.FAILED: "failed",
    Outcome.CHANGED: "changed",
    Outcome.UNSUPPORTED: "unsupported",
    Outcome.DELETE_WITHHELD: "delete_withheld",
    Outcome.DELETED: "deleted",
    Outcome.EXCLUDED: "excluded",
}
"""The outcomes whose items are all listed, so that their counters say how many there are."""


class CodeLine(NamedTuple):
    """One line of the list: an outcome, a code below it, or more words on that."""

    key: str
    outcome: Outcome
    code: str
    """Empty on the line of an outcome."""
    cells: tuple[Cell, ...]


def start_of(outcome: Outcome) -> str:
    """The key before the lines of an outcome."""
    return f"{outcome}//"


def code_lines(run: RunRow, outcome: Outcome, found: Sequence[CodeRow], removed: bool) -> list[CodeLine]:
    """The lines of one outcome; none when nothing became of any item that way.

    Args:
        run: whose items they are.
        outcome: which of them.
        found: its codes.
        removed: whether retention has removed the items.
    """
    counted = sum(row.items for row in found)
    counter = _COUNTERS.get(outcome)
    number = max(counted, run.counters[f"items_{counter}"] if counter else 0)
    if not number:
        return []
    size = run.counters[f"bytes_{counter}"] if counter else sum(row.bytes for row in found)
    words = _WORDS[run.kind].get(outcome) or _WORDS[RunKind.COPY][outcome]
    about = [figures.size(size)] if size else []
    if removed:
        about.append("which they were was removed by retention")
    elif not all(row.whole for row in found):
        about.append(f"of the first {figures.count(COUNTED)}:")
    head = (Cell(figures.count(number), _STYLES.get(outcome, "")), Cell(""), Cell("  ".join([words, *about]), "strong"))
    lines = [CodeLine(f"{outcome}//0", outcome, "", head)]
    for row in found:
        lines += _lines_of(row)
    return lines


def code_row(line: CodeLine) -> Row:
    return Row(line.key, line.cells)


def _lines_of(row: CodeRow) -> list[CodeLine]:
    known = CATALOGUE.get(row.code)
    if row.code == SUCCESS:
        title, advice = "As it was meant to be.", ""
    elif known is not None:
        title, advice = known.title, known.advice
    else:
        title, advice = "A code that this version does not know", "The items' messages say what happened."
    texts = [
        *(Cell(text) for text in textwrap.wrap(title, TEXT_CELLS)),
        *(Cell(text, "dim") for text in textwrap.wrap(advice, TEXT_CELLS)),
    ]
    first = (Cell(figures.count(row.items)), Cell(display(row.code), "strong"))
    rest = (Cell(""), Cell(""))
    return [
        CodeLine(f"{row.outcome}/{row.code}/{n}", row.outcome, row.code, (*(rest if n else first), text))
        for n, text in enumerate(texts)
    ]
