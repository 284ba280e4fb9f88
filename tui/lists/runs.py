"""The list of runs in a scope, with the numbers of now."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from store.lifecycle import ACTIVE
from store.queries import runs
from store.queries.fleet import rates
from store.queries.runs import RunRow, RunSort
from store.queries.scope import Scope
from store.queries.window import Page, Window
from store.reader import Reader
from store.vocabulary import JobRunStatus
from tui.lists.spec import ListSpec, Order
from tui.presentation.cells import Row
from tui.presentation.glyphs import Glyphs
from tui.presentation.rows import RUN_COLUMNS, run_row
from tui.subjects import RUN, Subject

ORDERS = (
    Order(RunSort.NEWEST, "newest first"),
    Order(RunSort.OLDEST, "oldest first"),
    Order(RunSort.BYTES, "ended runs, most bytes first"),
    Order(RunSort.FAILED, "ended runs with failed items, most first"),
)


def runs_list(
    scope: Scope, glyphs: Glyphs, statuses: Collection[JobRunStatus] = (), title: str = "Runs"
) -> ListSpec[RunRow]:
    """The runs of a scope; only those of some statuses, if any are named."""

    def query(reader: Reader, page: Page, text: str, order: str) -> Window[RunRow]:
        return runs.runs(reader, scope, page, text=text, sort=RunSort(order), statuses=statuses)

    def rows(reader: Reader, found: list[RunRow]) -> list[Row]:
        now, live = reader.now(), rates(reader, [run.id for run in found if run.active])
        return [run_row(run, now, glyphs, live.get(run.id, (0.0, 0.0))[0]) for run in found]

    return ListSpec(
        title,
        RUN_COLUMNS,
        query,
        rows,
        lambda row, order: runs.run_key(row, RunSort(order)),
        run_subject,
        ORDERS,
        ("job_run", "agent"),
        ages=True,
        live=lambda run: run.active,
        reread=lambda reader, found: runs.runs_by_id(reader, sorted(run.id for run in found)),
    )


def active_runs_list(scope: Scope, glyphs: Glyphs, title: str) -> ListSpec[RunRow]:
    """The runs of a scope that have not ended; only the orders by age hold any."""
    return replace(runs_list(scope, glyphs, sorted(ACTIVE), title), orders=ORDERS[:2], none="Nothing runs now.")


def run_subject(row: RunRow) -> Subject:
    """A run as what keys act on."""
    return Subject(RUN, row.id, row.mover, row.label, row)
