"""A place on disk for an embedded store, and whether it can hold one.

Standard library only: the first frame of the screen opens a store through here.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

from store.errors import StoreUnavailable
from store.head import refuse_newer
from store.sqlite.errors import not_ours

APPLICATION_ID = 0x4C534852
"""``LSHR``: marks an SQLite file as a Longshore store (PRAGMA application_id)."""

_NETWORK_FILE_SYSTEMS = re.compile(r"nfs\d?|cifs|smb\d?|smbfs|9p|afs|ceph|glusterfs|lustre|fuse\..*|fuse")


@dataclass(frozen=True)
class SqlitePlace:
    """A place on disk for an embedded store. ``path`` is real: links are resolved."""

    path: Path
    dialect: ClassVar[Literal["sqlite"]] = "sqlite"

    @property
    def url(self) -> str:
        """What one writes after ``--store`` to name it."""
        return str(self.path)

    @property
    def shared_url(self) -> str:
        """The same for somebody else."""
        return self.url

    @property
    def local(self) -> bool:
        """Whether nobody but this machine reaches it by its URL."""
        return True

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
        if version is not None:
            refuse_newer(str(version), self.url)
        return None if version is None else str(version)


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
