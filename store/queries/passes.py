"""The passes of a definition: its latest copies, and what was looked at without copying."""

from __future__ import annotations

from itertools import chain
from typing import NamedTuple

from store.queries.runs import RunRow, runs_by_id
from store.queries.window import Branch, Listing, Page
from store.reader import Reader
from store.vocabulary import RunKind

PASSES = 30
"""Copies that are shown beside one another."""

RUNS_AT_ONCE = 200
"""Runs of a definition among which they are looked for: between two copies there may be any number of others."""


class Passes(NamedTuple):
    """The latest runs of a definition by what they were for."""

    copies: list[RunRow]
    """At most ``PASSES``, the oldest first; one that is on is the last."""
    preview: RunRow | None
    verify: RunRow | None

    @property
    def active(self) -> RunRow | None:
        """The run that is on."""
        latest = [run for run in (*self.copies[-1:], self.preview, self.verify) if run is not None]
        return next((run for run in latest if run.active), None)

    def with_run(self, run: RunRow) -> Passes:
        """The same with one of the runs as it is now."""

        def now(old: RunRow | None) -> RunRow | None:
            return run if old is not None and old.id == run.id else old

        copies = [run if old.id == run.id else old for old in self.copies]
        return Passes(copies, now(self.preview), now(self.verify))


_NEWEST = Listing(
    [Branch("job_run r", (("r.definition_id", ":id"),), ("r.id",))],
    (int,),
    "r.id",
    "r.id, r.kind",
    ("job_run r", "r.id = page.id"),
    lambda row: (int(row["id"]), RunKind(row["kind"])),
    descending=True,
)


def passes(reader: Reader, definition_id: int) -> Passes:
    """The latest copies, preview and verify run among the newest ``RUNS_AT_ONCE`` runs of a definition."""
    found = _NEWEST.window(reader, Page(limit=RUNS_AT_ONCE), {"id": definition_id}).rows
    ids = {kind: [run_id for run_id, one in found if one == kind] for kind in RunKind}
    wanted = {kind: ids[kind][: PASSES if kind == RunKind.COPY else 1] for kind in RunKind}
    rows = {run.id: run for run in runs_by_id(reader, sorted(chain.from_iterable(wanted.values())))}

    def read(kind: RunKind) -> list[RunRow]:
        return [rows[run_id] for run_id in wanted[kind] if run_id in rows]

    return Passes(
        read(RunKind.COPY)[::-1], next(iter(read(RunKind.PREVIEW)), None), next(iter(read(RunKind.VERIFY)), None)
    )
