"""Giving back the pages that deleted rows have left in the file of an embedded store."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path
from typing import Final

STEP_PAGES: Final = 500
"""Pages given back in one transaction: some milliseconds (measurements-store §8)."""

SPARE_PAGES: Final = 1_000
"""Free pages that are left where they are: the next rows take them."""


def give_back(path: Path, steps: int | None = None) -> int:
    """Shorten the file by its free pages, in short transactions; a store that is busy is left for the next time.

    Args:
        path: the store's file.
        steps: transactions at most, None for as many as it takes.

    Returns:
        How many bytes were given back; the file is shorter by them after the next checkpoint.
    """
    freed = done = 0
    with (
        contextlib.closing(sqlite3.connect(path, timeout=0.1, isolation_level=None)) as connection,
        contextlib.suppress(sqlite3.OperationalError),
    ):
        connection.execute("PRAGMA wal_autocheckpoint=0")
        (page_size,) = connection.execute("PRAGMA page_size").fetchone()
        while (steps is None or done < steps) and (free := _free(connection)) > SPARE_PAGES:
            done += 1
            # As a script: execute() would stop after the first page (measurements-store §8).
            connection.executescript(f"PRAGMA incremental_vacuum({min(STEP_PAGES, free - SPARE_PAGES)})")
            gone = free - _free(connection)
            if gone <= 0:
                break
            freed += gone
    return freed * int(page_size)


def _free(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA freelist_count").fetchone()[0])
