"""The demo's directory: made for it, and removed with everything that the demo put there and nothing else."""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import tempfile
from pathlib import Path
from typing import Any

from store.errors import InvalidInput

STORE = "longshore.db"
CONTENT = (STORE, f"{STORE}-wal", f"{STORE}-shm", f"{STORE}.ckpt", "agents", "nas1", "hr", "payroll", "new-nas")
"""All that the demo puts into its directory."""


class DemoDirectory:
    """A directory that was absent or empty before."""

    def __init__(self, path: Path, *, made: bool) -> None:
        self.path = path
        self._made = made

    @property
    def store(self) -> Path:
        return self.path / STORE

    def remove(self) -> None:
        """Remove what the demo made; the directory itself only if the demo made it and nothing else is in it."""
        for name in CONTENT:
            path = self.path / name
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path, onerror=_make_writable_and_retry)
            else:
                with contextlib.suppress(OSError):
                    path.unlink()
        if self._made:
            with contextlib.suppress(OSError):
                self.path.rmdir()


def make(name: str | None) -> DemoDirectory:
    """Make the demo's directory.

    Raises:
        InvalidInput: the named one holds something, or cannot be made.
    """
    if name is None:
        return DemoDirectory(Path(tempfile.mkdtemp(prefix="longshore-demo-")).resolve(), made=True)
    path = Path(name).expanduser().absolute()
    try:
        try:
            path.mkdir(mode=0o700)
            return DemoDirectory(path.resolve(), made=True)
        except FileExistsError:
            if next(os.scandir(path), None) is not None:
                raise InvalidInput(
                    f"The directory '{path}' is not empty: name one that is, or that does not exist yet.",
                    code="DirectoryNotEmpty",
                ) from None
            return DemoDirectory(path.resolve(), made=False)
    except OSError as error:
        raise InvalidInput(
            f"The directory '{path}' cannot be used ({error.strerror}): name another with --dir.",
            code="DirectoryUnusable",
        ) from error


def _make_writable_and_retry(function: Any, path: str, _error: object) -> None:
    """A directory without write permission keeps its entries from being removed."""
    with contextlib.suppress(OSError):
        os.chmod(os.path.dirname(path), stat.S_IRWXU)
        if os.path.isdir(path) and not os.path.islink(path):
            os.chmod(path, stat.S_IRWXU)
            shutil.rmtree(path, ignore_errors=True)
        else:
            os.unlink(path)
