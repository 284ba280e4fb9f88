"""Making a file that is there whole and for its owner alone, or not at all."""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

from store.errors import InvalidInput


@contextlib.contextmanager
def new_file(final: Path, *, replace: bool) -> Iterator[Path]:
    """A private file to write; when that went well it is synchronised and takes its name.

    Args:
        final: the name that it is to have.
        replace: whether a file of that name may be replaced.

    Raises:
        InvalidInput: OutputExists, or OutputUnwritable.
    """
    try:
        _refuse_taken(final, replace=replace)
        descriptor, name = tempfile.mkstemp(prefix=f".{final.name}.", suffix=".part", dir=final.parent)
        os.close(descriptor)
    except (OSError, ValueError) as error:
        raise _unwritable(final, error) from error
    part = Path(name)
    try:
        yield part
        _sync(part)
        if not replace:
            # Takes the name, so that a file that came meanwhile is not replaced.
            os.close(os.open(final, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600))
        part.rename(final)
        _sync(final.parent)
    except FileExistsError as error:
        raise _taken(final) from error
    except OSError as error:
        raise _unwritable(final, error) from error
    finally:
        for suffix in ("", "-wal", "-shm", "-journal"):
            Path(f"{name}{suffix}").unlink(missing_ok=True)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _refuse_taken(final: Path, *, replace: bool) -> None:
    try:
        mode = final.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISREG(mode):
        raise InvalidInput(f"'{final}' is there and is no plain file: name another one.", code="OutputExists")
    if not replace:
        raise _taken(final)


def _taken(final: Path) -> InvalidInput:
    return InvalidInput(f"The file '{final}' exists: name another one, or add --force.", code="OutputExists")


def _unwritable(final: Path, error: OSError | ValueError) -> InvalidInput:
    why = error.strerror if isinstance(error, OSError) else error
    return InvalidInput(f"The file '{final}' cannot be written ({why}): name another one.", code="OutputUnwritable")
