"""A backup of a store that is in use: one moment of it in a new file, whole or not there."""

from __future__ import annotations

import contextlib
import secrets
import sqlite3
from pathlib import Path

from store.errors import InvalidInput, StoreUnavailable
from store.place import StorePlace
from store.sqlite.errors import named
from store.sqlite.place import SqlitePlace
from store.upkeep.newfile import new_file
from store.upkeep.upgrading import schema_of


def back_up(place: StorePlace, file: Path, *, replace: bool) -> int:
    """Make a backup, which is a store itself: an embedded one, under another epoch of its feed.

    Args:
        place: the store; it may be written to meanwhile.
        file: where to.
        replace: whether a file of that name may be replaced.

    Returns:
        Its size in bytes.

    Raises:
        InvalidInput: the file exists, cannot be written, or is part of the store.
        StoreUnavailable: the store cannot be read, or is damaged; no file was made.
    """
    final = file.parent.resolve() / file.name
    if place.dialect == "sqlite":
        _refuse_own(place, final)
        schema_of(place)
        with new_file(final, replace=replace) as part:
            copy_file(place, part)
    else:
        from store.upkeep.copying import copy_into_file

        copy_into_file(place, SqlitePlace(final), replace=replace)
    return final.stat().st_size


def copy_file(place: SqlitePlace, part: Path) -> None:
    """Copy a store into an empty private file, and check the copy.

    In one step: with more, every commit of somebody else would make it start anew (measurements-store §8).

    Raises:
        StoreUnavailable: the store cannot be read, or the copy is damaged as it is.
    """
    try:
        with (
            contextlib.closing(sqlite3.connect(place.path, timeout=5)) as source,
            contextlib.closing(sqlite3.connect(part, isolation_level=None)) as copy,
        ):
            source.backup(copy, pages=-1)
            # One file that needs no log beside it, and that readers of the store do not take for it.
            copy.execute("PRAGMA journal_mode=DELETE")
            copy.execute("UPDATE feed_state SET epoch = ?", (secrets.token_hex(8),))
            said = copy.execute("PRAGMA quick_check(1)").fetchone()[0]
    except sqlite3.Error as error:
        raise named(error, place.path) from error
    if said != "ok":
        raise StoreUnavailable(
            f"The store '{place.path}' is damaged ({' '.join(str(said).split())[:200]}), and a backup of it would be, "
            "too: keep your last one, and see 'longshore store check'.",
            code="StoreCorrupt",
        )


def _refuse_own(place: SqlitePlace, final: Path) -> None:
    name = place.path.name
    own = {place.path.with_name(f"{name}{suffix}") for suffix in ("", "-wal", "-shm", "-journal", ".ckpt")}
    try:
        same = final.stat().st_ino == place.path.stat().st_ino and final.stat().st_dev == place.path.stat().st_dev
    except OSError:
        same = False
    if same or final in own:
        raise InvalidInput(f"'{final}' is the store itself: name another file for its backup.", code="SamePlace")
