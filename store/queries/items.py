"""The items of a run that did not simply transfer."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from store.queries.window import Branch, Listing, Page, Window, like
from store.reader import Reader, Row
from store.vocabulary import Outcome, RunKind

ITEMS_AT_ONCE = 1_000
"""Items that one answer looks through for a text: each is read, and four columns of it."""

SCATTERED_AT_ONCE = 250
"""The same by size: they lie anywhere among the others."""

ATTEMPTS = 20
"""Attempts of a run whose items are merged, the newest; more have never been seen."""


class ItemSort(StrEnum):
    """Orders of the items."""

    RECORDED = "recorded"
    """As they were recorded, which is about the order of the tree."""
    SIZE = "size"
    """The largest first."""


class ItemRow(NamedTuple):
    """An item that needs attention; ``fence`` is the attempt of the run that recorded it."""

    id: int
    path: bytes
    kind: str
    outcome: str
    code: str
    message: str
    size: int
    at: int
    fence: int


_ATTEMPTS = f"""WITH RECURSIVE attempt(fence) AS (
        SELECT max(fence) FROM run_item WHERE run_id = :run
        UNION ALL SELECT (SELECT max(i.fence) FROM run_item i WHERE i.run_id = :run AND i.fence < attempt.fence)
        FROM attempt WHERE attempt.fence IS NOT NULL)
    SELECT fence FROM attempt WHERE fence IS NOT NULL LIMIT {ATTEMPTS}"""
"""The attempts that recorded anything, from the newest: one step of an index for each."""


def items(
    reader: Reader,
    run_id: int,
    page: Page,
    *,
    outcome: str = "",
    code: str = "",
    text: str = "",
    sort: ItemSort = ItemSort.RECORDED,
) -> Window[ItemRow]:
    """The items of a run that did not simply transfer; only those of one outcome and of one code, if they are named.
    The text is looked for in paths, codes, outcomes and messages.

    Those of an earlier attempt of the same run were found anew by the present one and are left
    out, except deletes of a copy: what is deleted is not found again.
    """
    run = attempts_of(reader, run_id)
    if run is None:
        return Window([], True, True)
    by_size = sort == ItemSort.SIZE
    listing = Listing(
        item_branches(reader, run_id, run, outcome, by_size=by_size),
        (int, int) if by_size else (int,),
        "i.id",
        "i.id, i.path, i.kind, i.outcome, i.code, i.message, i.size, i.at, i.fence",
        ("run_item i", "i.id = page.id"),
        lambda row: ItemRow(*row),
        descending=by_size,
        match=" AND ".join(filter(None, (_match(reader) if text else "", "i.code = :code" if code else ""))),
        budget=SCATTERED_AT_ONCE if by_size else ITEMS_AT_ONCE,
    )
    raw = text.encode("utf-8", "surrogateescape")
    found = {"run": run_id, "code": code, "text": raw, "like": like(raw.decode("utf-8", "replace"))}
    return listing.window(reader, page, found)


def item_key(row: ItemRow, sort: ItemSort = ItemSort.RECORDED) -> str:
    """The key of an item in its list."""
    return str(row.id) if sort == ItemSort.RECORDED else f"{row.size}/{row.id}"


def attempts_of(reader: Reader, run_id: int) -> Row | None:
    """What says which attempts of a run count; None when it is not there."""
    return reader.row("SELECT fence, kind, cancel_deadline FROM job_run WHERE id = :run", {"run": run_id})


def item_branches(reader: Reader, run_id: int, run: Row, outcome: str, *, by_size: bool) -> list[Branch]:
    """The ranges of indexes that hold what is shown of a run, however much of it is not."""
    fence, canceled = run["fence"], run["cancel_deadline"] is not None
    if not (outcome or by_size) and (fence <= 1 or canceled):
        return [Branch("run_item i", (("i.run_id", ":run"),), ("i.id",))]
    attempts = [fence] if fence <= 1 else [row[0] for row in reader.rows(_ATTEMPTS, {"run": run_id})]
    keys = ("i.size", "i.id") if by_size else ("i.id",)
    return [
        Branch("run_item i", (("i.run_id", ":run"), ("i.fence", str(int(attempt))), ("i.outcome", f"'{one}'")), keys)
        for attempt in attempts
        for one in Outcome
        if outcome in ("", one)
        and (attempt == fence or canceled or (one == Outcome.DELETED and run["kind"] == RunKind.COPY))
    ]


def _match(reader: Reader) -> str:
    """Paths are bytes, and bytes are looked for in each dialect's own words."""
    path = "instr(i.path, :text)" if reader.dialect == "sqlite" else "position(:text IN i.path)"
    words = " OR ".join(f"i.{column} LIKE :like ESCAPE '\\'" for column in ("code", "outcome", "message"))
    return f"({path} > 0 OR {words})"
