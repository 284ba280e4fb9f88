"""The list of what happened to a run."""

from __future__ import annotations

from store.queries import runs
from store.queries.runs import EventRow
from store.queries.window import Page, Window
from store.reader import Reader
from tui.lists.spec import ListSpec
from tui.presentation.cells import Row
from tui.presentation.rows import EVENT_COLUMNS, event_row


def run_events_list(run_id: int) -> ListSpec[EventRow]:
    """The events of a run, newest first."""

    def query(reader: Reader, page: Page, text: str, order: str) -> Window[EventRow]:
        return runs.run_events(reader, run_id, page)

    def rows(reader: Reader, found: list[EventRow]) -> list[Row]:
        now = reader.now()
        return [event_row(event, now) for event in found]

    return ListSpec(
        "What happened",
        EVENT_COLUMNS,
        query,
        rows,
        lambda row, order: str(row.id),
        touched_by=("event", "job_run"),
        ages=True,
        copies=lambda event: event.detail or event.action,
        filters=False,
    )
