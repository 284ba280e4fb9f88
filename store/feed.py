"""The change feed: what changed since a cursor, in O(changes), with nothing lost and nothing told twice.

Triggers write one row for each changed row. A cursor is opaque: readers only keep it and give it back.
A store that was restored or replaced has another epoch, and pruning moves the floor: both make the reader
start anew. How commits are put in order is particular to each kind of store.
"""

from __future__ import annotations

from typing import NamedTuple

from store.reader import Reader

PAGE = 1_000
"""Changes told at most in one answer."""

KEEP = 200_000
"""Changes kept when pruning (measurements-store §9)."""


class Change(NamedTuple):
    """One changed row: ``op`` is I, U or D. What it holds now is read from its table."""

    kind: str
    row_id: int
    op: str


class Changes(NamedTuple):
    """The answer to "what changed since": apply ``rows``, keep ``cursor``.

    ``resync`` means that the cursor is of no use any more: read afresh what is shown.
    ``more`` means that there may be another page; without it, all that was committed when asked has been told.
    """

    rows: list[Change]
    cursor: str
    resync: bool
    more: bool


def head(reader: Reader) -> str:
    """The cursor of now: take it before reading what is to be shown."""
    if reader.dialect == "sqlite":
        from store.sqlite import feed as of_file

        return of_file.head(reader)
    from store.postgres import feed as of_server

    return of_server.head(reader)


def since(reader: Reader, cursor: str, limit: int = PAGE) -> Changes:
    """What changed since a cursor. The changes of one row come in their order."""
    if reader.dialect == "sqlite":
        from store.sqlite import feed as of_file

        return of_file.since(reader, cursor, limit)
    from store.postgres import feed as of_server

    return of_server.since(reader, cursor, limit)


def revision(cursor: str) -> int:
    """The revision in a cursor, for showing only."""
    return int(cursor.rpartition("/")[2] or 0)
