"""A secret in a file: read only where nobody but the agent's user, and root, could have read or put it there."""

from __future__ import annotations

import errno
import os
import stat
from typing import Final

LARGEST: Final = 64 * 1024
_OTHERS: Final = 0o077
_OTHERS_WRITE: Final = 0o022


class Unusable(Exception):
    """A reference leads to nothing that may be used; the text says why and holds no secret."""


def read_secret_file(path: str) -> str:
    """The text of a file, less one line end after it.

    Args:
        path: absolute.

    Raises:
        Unusable: it cannot be read, is no regular file, is not UTF-8, or others than the agent's user could have
            read it, or put it there.
    """
    if not path.startswith("/"):
        raise Unusable("the path must be absolute")
    try:
        content = _content(path)
    except OSError as error:
        why = _why(error)
    except ValueError:
        why = "no file can have this name"
    else:
        return _text(content)
    raise Unusable(why)


def _content(path: str) -> bytes:
    directory, name = os.path.split(path)
    if name in ("", ".", ".."):
        raise Unusable("this names a directory, not a file")
    place = os.open(directory, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        _check_directory(os.fstat(place))
        # O_NONBLOCK: a FIFO must not hold the run up before it is found to be one.
        file = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=place)
    finally:
        os.close(place)
    try:
        _check_file(os.fstat(file))
        content = b""
        while len(content) <= LARGEST and (more := os.read(file, LARGEST + 1 - len(content))):
            content += more
    finally:
        os.close(file)
    if len(content) > LARGEST:
        raise Unusable(f"the file is larger than {LARGEST // 1024} KiB")
    return content


def _check_directory(found: os.stat_result) -> None:
    """Whoever can rename in a directory can put another file in a secret's place; in a sticky one nobody else can."""
    if found.st_uid not in (0, os.geteuid()):
        raise Unusable("its directory belongs to another user: chown it to the agent's user")
    if found.st_mode & _OTHERS_WRITE and not found.st_mode & stat.S_ISVTX:
        raise Unusable("others can write to its directory: chmod go-w it")


def _check_file(found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise Unusable("it is not a regular file")
    if found.st_uid not in (0, os.geteuid()):
        raise Unusable("the file belongs to another user: chown it to the agent's user")
    if found.st_mode & _OTHERS:
        raise Unusable("others can read or write the file: chmod 600 it, and change the secret")


def _text(content: bytes) -> str:
    try:
        return content.decode().removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        pass
    raise Unusable("the file is not UTF-8")


def _why(error: OSError) -> str:
    if error.errno == errno.ELOOP:
        return "it is a symbolic link: name the file itself"
    return f"the file cannot be opened: {os.strerror(error.errno or 0)}"
