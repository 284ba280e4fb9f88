"""What SQLite says, as one of the named errors of a store."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from store.errors import StoreUnavailable


def not_ours(path: Path, why: str) -> StoreUnavailable:
    return StoreUnavailable(
        f"The file '{path}' {why}: name a Longshore store with --store, or a new file to make one.",
        code="StoreNotOurs",
    )


def named(error: sqlite3.Error, path: Path) -> StoreUnavailable:
    """An SQLite error as one of the named store errors, chosen by its code and never by its text."""
    name: str = getattr(error, "sqlite_errorname", "") or ""
    primary = "_".join(name.split("_")[:2])
    match primary:
        case "SQLITE_BUSY" | "SQLITE_LOCKED" | "SQLITE_PROTOCOL":
            return StoreUnavailable(
                f"The store '{path}' is locked by another process: try again; if it stays so, find the holder "
                f"with 'fuser {path}'.",
                code="StoreBusy",
            )
        case "SQLITE_NOTADB":
            return not_ours(path, "is not a database")
        case "SQLITE_CORRUPT":
            return StoreUnavailable(
                f"The store '{path}' is damaged: stop the agents, keep a copy, and restore your last backup.",
                code="StoreCorrupt",
            )
        case "SQLITE_FULL":
            return StoreUnavailable(
                f"The disk that holds the store '{path}' is full: free space; nothing was lost.",
                code="StoreFull",
            )
        case "SQLITE_READONLY" | "SQLITE_PERM":
            return StoreUnavailable(
                f"The store '{path}' or its directory is read-only: run as its owner, or make both writable.",
                code="StoreReadOnly",
            )
        case "SQLITE_CANTOPEN":
            return StoreUnavailable(
                f"The store '{path}' cannot be opened: check that its directory exists and is writable.",
                code="StoreCannotOpen",
            )
        case "SQLITE_IOERR":
            return StoreUnavailable(
                f"The disk that holds the store '{path}' reports an error ({name}): check the disk.",
                code="StoreIoError",
            )
    return StoreUnavailable(f"The store '{path}' cannot be used: {error} ({name or 'no code'}).")
