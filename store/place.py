"""Where a store lives, and whether that place can hold one: paths, file systems, named errors.

Standard library only: the first frame of the screen opens a store through here.
"""

from __future__ import annotations

import os
import re
import sqlite3
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from store.errors import InvalidInput, StoreUnavailable

APPLICATION_ID = 0x4C534852
"""``LSHR``: marks an SQLite file as a Longshore store (PRAGMA application_id)."""

HEAD = "0005"
"""The newest schema version this program knows (an Alembic revision under ``store/migrations``)."""

_NETWORK_FILE_SYSTEMS = re.compile(r"nfs\d?|cifs|smb\d?|smbfs|9p|afs|ceph|glusterfs|lustre|fuse\..*|fuse")


@dataclass(frozen=True)
class StorePlace:
    """A place on disk for an embedded store. ``path`` is real: links are resolved."""

    path: Path

    @property
    def exists(self) -> bool:
        """Whether there is a store to open; an empty file counts as none."""
        try:
            return self.path.stat().st_size > 0
        except OSError:
            return False

    @property
    def identity(self) -> tuple[int, int] | None:
        """Device and inode of the file: they change when a store is replaced or restored."""
        try:
            found = self.path.stat()
        except OSError:
            return None
        return found.st_dev, found.st_ino

    def check(self) -> None:
        """Refuse what cannot hold a store, before anything opens it.

        Raises:
            StoreUnavailable: with code StoreMissingDirectory, StoreNetworkFileSystem,
                StoreNotOurs, StoreNoPermission or StoreCannotOpen.
        """
        directory = self.path.parent
        if not stat.S_ISDIR(self._mode_of(directory)):
            raise StoreUnavailable(
                f"The directory '{directory}' of the store does not exist: create it, or name another "
                "place with --store.",
                code="StoreMissingDirectory",
            )
        file_system = file_system_of(directory)
        if _NETWORK_FILE_SYSTEMS.fullmatch(file_system) and not os.environ.get("LONGSHORE_ALLOW_NETWORK_STORE"):
            raise StoreUnavailable(
                f"The store '{self.path}' is on a network file system ({file_system}), where SQLite loses "
                "data without an error: put it on a local disk.",
                code="StoreNetworkFileSystem",
            )
        mode = self._mode_of(self.path)
        if mode == 0:
            return
        if not stat.S_ISREG(mode):
            raise not_ours(self.path, "is not a file")
        if not os.access(self.path, os.R_OK):
            raise self._no_permission()

    def _mode_of(self, path: Path) -> int:
        """The mode of a path, 0 when there is nothing."""
        try:
            return path.stat().st_mode
        except (FileNotFoundError, NotADirectoryError):
            return 0
        except PermissionError as error:
            raise self._no_permission() from error
        except OSError as error:
            raise StoreUnavailable(
                f"The store '{self.path}' cannot be opened ({error.strerror}): name another place with --store.",
                code="StoreCannotOpen",
            ) from error

    def _no_permission(self) -> StoreUnavailable:
        return StoreUnavailable(
            f"The store '{self.path}' cannot be read: run Longshore as its owner.", code="StoreNoPermission"
        )

    def check_ours(self, execute: Callable[[str], Any]) -> str | None:
        """Ask an open database whether it is a Longshore store, and of which schema.

        The file itself is never opened beside SQLite: closing any descriptor of it would drop the
        process's POSIX locks, and the next process to leave would delete the log in use.

        Args:
            execute: runs a statement and returns its first value, or None.

        Returns:
            The schema version, or None when the database is empty.

        Raises:
            StoreUnavailable: StoreNotOurs, or StoreTooNew.
        """
        if execute("PRAGMA application_id") not in (0, APPLICATION_ID):
            raise not_ours(self.path, "is another program's database")
        if not execute("SELECT count(*) FROM sqlite_master WHERE name = 'alembic_version'"):
            if execute("SELECT count(*) FROM sqlite_master WHERE type = 'table'"):
                raise not_ours(self.path, "is another program's database")
            return None
        version = execute("SELECT version_num FROM alembic_version")
        if version is not None and str(version) > HEAD:
            raise StoreUnavailable(
                f"The store '{self.path}' was written by a newer Longshore (schema {version}, this one knows "
                f"{HEAD}): upgrade this program.",
                code="StoreTooNew",
            )
        return None if version is None else str(version)


def not_ours(path: Path, why: str) -> StoreUnavailable:
    return StoreUnavailable(
        f"The file '{path}' {why}: name a Longshore store with --store, or a new file to make one.",
        code="StoreNotOurs",
    )


def locate(url: str | None = None) -> StorePlace:
    """The place that ``--store``, ``LONGSHORE_STORE`` or the default name, in that order.

    Args:
        url: a path, or an ``sqlite:///path`` URL; None for the environment's or the default.

    Raises:
        InvalidInput: for a URL of another kind, or one that leads nowhere.
        StoreUnavailable: the default directory cannot be made.
    """
    url = url or os.environ.get("LONGSHORE_STORE") or ""
    if not url:
        directory = data_directory()
        try:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise StoreUnavailable(
                f"The directory '{directory}' of the store cannot be made ({error.strerror}): name another place "
                "with --store.",
                code="StoreCannotOpen",
            ) from error
        return StorePlace((directory / "longshore.db").resolve())
    if url.startswith("sqlite://"):
        url = url.removeprefix("sqlite://").removeprefix("/") or ""
    elif re.match(r"[a-z][a-z0-9+.-]*://", url):
        raise InvalidInput(
            f"The store URL '{url.split('://')[0]}://…' is not supported by this version: name a local file.",
            code="InvalidStoreUrl",
        )
    if not url or "\0" in url:
        raise InvalidInput("The store URL names no file: write --store /path/to/longshore.db.", code="InvalidStoreUrl")
    try:
        return StorePlace(Path(url).expanduser().resolve())
    except (OSError, RuntimeError) as error:  # an unknown user's home, a link that leads to itself
        raise InvalidInput(
            f"The store URL '{url}' leads nowhere: write --store /path/to/longshore.db.", code="InvalidStoreUrl"
        ) from error


def data_directory() -> Path:
    """Longshore's directory under the XDG data home."""
    home = os.environ.get("XDG_DATA_HOME") or os.path.expanduser("~/.local/share")
    return Path(home) / "longshore"


def file_system_of(path: Path) -> str:
    """The type of the file system that holds ``path``, from the mount table; ``""`` if unknown."""
    try:
        mounts = Path("/proc/self/mountinfo").read_text(errors="surrogateescape").splitlines()
    except OSError:
        return ""
    best, kind = "", ""
    real = str(path.resolve())
    for line in mounts:
        left, _, right = line.partition(" - ")
        fields = left.split()
        if len(fields) < 5 or not right:
            continue
        point = re.sub(r"\\([0-7]{3})", lambda m: chr(int(m[1], 8)), fields[4])
        inside = real == point or real.startswith(point.rstrip("/") + "/")
        if inside and len(point) >= len(best):
            best, kind = point, right.split()[0]
    return kind


def named(error: sqlite3.Error, path: Path) -> StoreUnavailable:
    """An SQLite error as one of the named store errors, chosen by its code and never by its text."""
    name: str = getattr(error, "sqlite_errorname", "") or ""
    primary = "_".join(name.split("_")[:2])
    match primary:
        case "SQLITE_BUSY" | "SQLITE_LOCKED":
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
