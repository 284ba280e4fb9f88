"""What has to wait for the end of the walks, kept in a file so that memory stays bounded however much it is."""

from __future__ import annotations

import contextlib
import marshal
import struct
from collections.abc import Iterator
from typing import IO, Any

from agentsim.engine.errors import RunStopped, describe
from agentsim.places.place import Dress, Item
from store import codes
from store.vocabulary import ItemKind

_LENGTH = struct.Struct("<I")

Packed = tuple[Any, ...]
"""An item as plain values."""


def packed(item: Item) -> Packed:
    """An item as plain values, for :func:`unpacked`."""
    dress = item.dress
    return (
        *(item.path, item.kind.value, item.size, item.version, item.md5, item.detailed, item.implied, item.names),
        item.extras,
        (dress.mtime_ns, dress.atime_ns, dress.mode, dress.uid, dress.gid, dress.nt_acl, dress.dos),
    )


def unpacked(values: Packed) -> Item:
    """The item that :func:`packed` was given."""
    path, kind, size, version, md5, detailed, implied, names, extras, dress = values
    mtime, atime, mode, uid, gid, acl, dos = dress
    return Item(
        path=path,
        kind=ItemKind(kind),
        size=size,
        dress=Dress(mtime_ns=mtime, atime_ns=atime, mode=mode, uid=uid, gid=gid, nt_acl=acl, dos=dos),
        version=version,
        md5=md5,
        detailed=detailed,
        implied=implied,
        names=names,
        extras=tuple(extras),
    )


class Spool:
    """Tuples of plain values in an unlinked temporary file, to be read from either end.

    Attributes:
        count: how many there are.
    """

    def __init__(self) -> None:
        self._file: IO[bytes] | None = None
        self.count = 0

    def append(self, record: tuple[Any, ...]) -> None:
        """Keep one record.

        Raises:
            RunStopped: no space for temporary files on the agent's host.
        """
        data = marshal.dumps(record)
        length = _LENGTH.pack(len(data))
        with _room():
            if self._file is None:
                import tempfile

                self._file = tempfile.TemporaryFile(prefix="longshore-")  # noqa: SIM115
            self._file.write(length + data + length)
        self.count += 1

    def forward(self) -> Iterator[tuple[Any, ...]]:
        """All records in the order they came; nothing may be appended any more.

        Raises:
            RunStopped: not all of them could be kept.
        """
        if self._file is None:
            return
        with _room():
            self._file.flush()
        at = 0
        for _ in range(self.count):
            self._file.seek(at)
            (length,) = _LENGTH.unpack(self._file.read(_LENGTH.size))
            yield marshal.loads(self._file.read(length))
            at += length + 2 * _LENGTH.size

    def backward(self) -> Iterator[tuple[Any, ...]]:
        """All records, the last one first; as :meth:`forward`."""
        if self._file is None:
            return
        with _room():
            self._file.flush()
        at = self._file.seek(0, 2)
        while at:
            self._file.seek(at - _LENGTH.size)
            (length,) = _LENGTH.unpack(self._file.read(_LENGTH.size))
            at -= length + 2 * _LENGTH.size
            self._file.seek(at + _LENGTH.size)
            yield marshal.loads(self._file.read(length))

    def close(self) -> None:
        """Let the file go."""
        # What could not be written is not wanted any more.
        with contextlib.suppress(OSError):
            if self._file is not None:
                self._file.close()
                self._file = None


@contextlib.contextmanager
def _room() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise RunStopped(codes.AGENT_FULL, describe(error, "noting what is to be done at the end")) from error
