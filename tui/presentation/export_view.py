"""The words of an export: what is written, where to, and how far it is."""

from __future__ import annotations

from pathlib import Path

from store.display import display
from store.queries.runs import RunRow
from tui.presentation import format as figures
from tui.presentation.cells import Cell
from tui.presentation.rows import ago

Line = list[Cell]
HEAD_LINES = 5
TAIL_LINES = 3
WRITING_LINES = 4
_PATH_CELLS = 60


def head_lines(run: RunRow, lines: int, form: str, forms: tuple[str, ...]) -> list[Line]:
    """What will be written, and as what."""
    about = f"About {figures.count(lines)} {'line' if lines == 1 else 'lines'}" if lines else "No line so far"
    if not run.report:
        what = f"{about}: what did not simply transfer; it kept no full report."
    elif run.active:
        what = f"{about}: what became of every item until now."
    else:
        what = f"{about}: what became of every item."
    choice = [Cell(f"[{one}]" if one == form else f" {one} ", "strong" if one == form else "dim") for one in forms]
    return [
        [Cell("Write the report of ", "dim"), Cell(run.label, "strong")],
        [Cell(what)],
        [],
        [Cell("Format  ", "dim"), *choice, Cell("   tab", "accent"), Cell(" the other one", "dim")],
        [Cell("File", "dim")],
    ]


def tail_lines(directory: str, refusal: str) -> list[Line]:
    """Where a name without a directory leads, and what the keys do."""
    return [
        [Cell("in ", "dim"), Cell(shortened(directory), "dim")],
        [Cell(refusal, "warn")] if refusal else [],
        [
            Cell("enter", "accent"),
            Cell(" write it, readable by you alone   "),
            Cell("esc", "accent"),
            Cell(" leave it"),
        ],
    ]


def writing_lines(name: str, written: int, total: int) -> list[Line]:
    """How far an export is."""
    share = f"  {figures.percentage(min(written / total, 0.999))}" if total > 0 else ""
    return [
        [Cell("Writing ", "dim"), Cell(shortened(name), "strong")],
        [Cell(f"{figures.count(written)} of about {figures.count(total)} lines{share}")],
        [],
        [Cell("esc", "accent"), Cell(" stops it: nothing of it stays")],
    ]


def file_name(run: RunRow, form: str) -> str:
    """What the file is called unless another name is typed."""
    return f"{run.project}-{run.definition}-{run.number}.{form}"


def renamed(name: str, before: str, form: str) -> str:
    """The typed name for another format: its ending goes along."""
    return name.removesuffix(f".{before}") + f".{form}" if name.endswith(f".{before}") else name


def written_words(run: RunRow, count: int, path: Path) -> str:
    """What was written."""
    until = " until now" if run.active else ""
    what = "" if run.report else " that did not simply transfer"
    lines = "item" if count == 1 else "items"
    return f"{figures.count(count)} {lines}{what}{until} written to '{display(str(path))}'."


def removed_words(run: RunRow, what: str, at: int, now: int) -> str:
    """Why there is nothing to write."""
    return f"Retention removed the {what} of {run.label} {ago(now, at)}: only its counters are left."


def replace_lines(path: Path) -> list[str]:
    """The question before a file is replaced."""
    return [
        f"Replace the file '{shortened(path.name)}'?",
        f"In {shortened(str(path.parent.absolute()))}; its present text is lost.",
    ]


def shortened(text: str) -> str:
    """A path on one line: its end, which tells more than its start."""
    shown = display(text)
    return shown if len(shown) <= _PATH_CELLS else f"...{shown[-_PATH_CELLS + 3 :]}"
