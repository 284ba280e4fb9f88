"""The list of a run's items by outcome and code: how many, and what to do."""

from __future__ import annotations

from store.queries import runs
from store.queries.codes import ORDER, codes
from store.queries.retention import expired
from store.queries.window import Page, Window
from store.reader import Reader
from store.vocabulary import Outcome
from tui.lists.spec import ListSpec
from tui.presentation.cells import Row
from tui.presentation.codes_view import CODE_COLUMNS, CodeLine, code_lines, code_row, start_of

NONE = "Nothing: no item so far needs a word."


def codes_list(run_id: int) -> ListSpec[CodeLine]:
    """The codes of a run. Each answer counts one outcome, so that others read in between."""

    def query(reader: Reader, page: Page, text: str, order: str) -> Window[CodeLine]:
        onward = page.anchor is not None and page.direction == "after"
        outcome = Outcome((page.anchor or "").partition("/")[0]) if onward else ORDER[0]
        run = runs.run(reader, run_id)
        if run is None:
            return Window([], not onward, True)
        removed = expired(reader, run_id).items is not None
        lines = code_lines(run, outcome, codes(reader, run_id, [outcome]), removed)
        known = [line.key for line in lines]
        if onward and page.anchor in known:
            # The list goes on behind a line that is shown.
            lines = lines[known.index(page.anchor) + 1 :]
        following = ORDER[ORDER.index(outcome) + 1 :]
        if not following:
            return Window(lines, not onward, True)
        return Window(lines, not onward, False, None, start_of(following[0]))

    return ListSpec(
        "By code",
        CODE_COLUMNS,
        query,
        _rows,
        lambda line, order: line.key,
        none=NONE,
        filters=False,
    )


def _rows(reader: Reader, found: list[CodeLine]) -> list[Row]:
    return [code_row(line) for line in found]
