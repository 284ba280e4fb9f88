"""The list of what is known of one resource: a few lines, held whole, and served like any other list."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from store.display import undisplay
from store.queries.window import Page, Window
from store.reader import Reader
from tui.lists.spec import ListSpec
from tui.presentation.cells import Row
from tui.presentation.facts import FACT_COLUMNS, LABEL_CELLS, Fact, containing, fact_row, wrapped
from tui.subjects import Subject

FRAME_CELLS = 5
"""What a pane's border, and the gap between its columns, take of its width."""

Line = tuple[int, Fact]
"""A line and its place among those that are shown."""


def facts_list(
    title: str, read: Callable[[Reader], Iterable[Fact]], pane_cells: int, touched_by: tuple[str, ...]
) -> ListSpec[Line]:
    """Facts as lines.

    Args:
        title: of the pane.
        read: what is known now; nothing where the resource is gone.
        pane_cells: width of the pane with its border: longer texts go on in the next line.
        touched_by: the tables whose changes may change it.
    """

    def query(reader: Reader, page: Page, text: str, order: str) -> Window[Line]:
        lines = wrapped(read(reader), pane_cells - FRAME_CELLS - LABEL_CELLS)
        return window_of(list(enumerate(containing(lines, text) if text else lines)), page)

    return ListSpec(
        title,
        FACT_COLUMNS,
        query,
        _rows,
        lambda line, order: str(line[0]),
        _subject,
        touched_by=touched_by,
        ages=True,
        copies=lambda line: undisplay(line[1].whole),
        none="Nothing is known of it.",
    )


def window_of(lines: list[Line], page: Page) -> Window[Line]:
    """The lines that a page asks for: their keys are their places."""
    last = len(lines)
    place = min(int(page.anchor or 0), last)
    match page.direction:
        case "start":
            first, end = 0, page.limit
        case "end":
            first, end = last - page.limit, last
        case "after":
            first, end = place + 1, place + 1 + page.limit
        case "before":
            first, end = place - page.limit, place
        case "around":
            first, end = place - page.limit // 2, place + page.limit - page.limit // 2
    first, end = max(0, min(first, last)), max(0, min(end, last))
    return Window(lines[first:end], first == 0, end == last)


def _rows(reader: Reader, found: list[Line]) -> list[Row]:
    return [fact_row(fact, str(place)) for place, fact in found]


def _subject(line: Line) -> Subject | None:
    return line[1].subject
