"""The items of a run counted by status code: what an admin has to mend, and how often."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from store.queries.items import attempts_of, item_branches
from store.queries.window import Branch
from store.reader import Reader
from store.vocabulary import Outcome

COUNTED = 10_000
"""Items of an outcome that are counted, the first recorded: no index holds codes, so that each is read."""

MIB = 1 << 20
"""Sizes are summed in two parts: whatever an agent says they are, no sum is greater than an integer may be."""

ORDER = (
    Outcome.FAILED,
    Outcome.CHANGED,
    Outcome.UNSUPPORTED,
    Outcome.DELETE_WITHHELD,
    Outcome.TRANSFERRED,
    Outcome.NO_TRANSFER_NEEDED,
    Outcome.DELETED,
    Outcome.EXCLUDED,
)
"""What needs an admin first."""


class CodeRow(NamedTuple):
    """The items of an outcome that have a code."""

    outcome: Outcome
    code: str
    items: int
    bytes: int
    whole: bool
    """Whether all items of this outcome were counted, rather than the first ``COUNTED`` of them."""


def codes(reader: Reader, run_id: int, outcomes: Sequence[Outcome] = ORDER, *, most: int = COUNTED) -> list[CodeRow]:
    """The codes of a run's listed items by outcome, the most frequent first.

    Args:
        reader: the store.
        run_id: the run; of its attempts those count that :func:`store.queries.items.items` shows.
        outcomes: those that are counted, each in a statement of its own.
        most: items of each outcome that are counted.
    """
    run = attempts_of(reader, run_id)
    if run is None:
        return []
    found: list[CodeRow] = []
    for outcome in outcomes:
        branches = item_branches(reader, run_id, run, outcome, by_size=False)
        if branches:
            rows = reader.rows(_counted(branches, most, fenced=reader.dialect == "postgresql"), {"run": run_id})
            whole = sum(row["items"] for row in rows) < most
            found += [
                CodeRow(outcome, row["code"], int(row["items"]), int(row["mib"] * MIB + row["rest"]), whole)
                for row in rows
            ]
    return found


def _counted(branches: Sequence[Branch], most: int, *, fenced: bool) -> str:
    """One outcome's first items, counted; limits stand in the text, for a plan to be made for them."""
    first = " UNION ALL ".join(
        f"SELECT * FROM ({_first(branch, most, fenced=fenced)}) AS b{n}" for n, branch in enumerate(branches)
    )
    return (
        f"SELECT code, count(*) AS items, sum(size / {MIB}) AS mib, sum(size % {MIB}) AS rest FROM "
        f"(SELECT code, size FROM ({first}) AS near LIMIT {most}) AS first GROUP BY code ORDER BY items DESC, code"
    )


def _first(branch: Branch, most: int, *, fenced: bool) -> str:
    conditions = [f"{column} = {value}" for column, value in branch.fixed]
    keys = branch.keys
    if fenced:
        # As in ``window``: PostgreSQL's planner is kept to the index that begins with the fixed columns.
        column, value = branch.fixed[0]
        conditions[0] = f"{column} = ANY(ARRAY[{value}])"
        keys = (column, *keys)
    return (
        f"SELECT i.code, i.size FROM {branch.source} WHERE {' AND '.join(conditions)} "
        f"ORDER BY {', '.join(keys)} LIMIT {most}"
    )
