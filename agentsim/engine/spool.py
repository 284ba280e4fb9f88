"""Work for after the transfers, kept in a file so that memory stays bounded however much it is."""

from __future__ import annotations

import contextlib
import marshal
from collections.abc import Iterator
from typing import IO

from agentsim.engine.units import Late

Record = tuple[bytes, list[bytes], list[Late], bool, bool]
"""Directory, candidates, late names, final, changed (see ``units.DEFER``)."""


class Spool:
    """Records in the order they came, in an unlinked temporary file.

    Attributes:
        candidates: target entries waiting for deletion.
        directories: directories that are finished with their last record.
    """

    def __init__(self) -> None:
        self._file: IO[bytes] | None = None
        self.candidates = 0
        self.directories = 0

    def append(self, record: Record) -> None:
        """Keep one record.

        Raises:
            OSError: no space for temporary files on the agent's host.
        """
        path, names, late, final, _ = record
        self.candidates += len(names) + len(late)
        self.directories += final and path != b""
        if self._file is None:
            # Few runs get here; importing it would slow the start of every one.
            import tempfile

            self._file = tempfile.TemporaryFile(prefix="longshore-")  # noqa: SIM115
        marshal.dump(record, self._file)

    def complete(self) -> None:
        """Say that nothing more comes.

        Raises:
            OSError: not all of it could be kept.
        """
        if self._file is not None:
            self._file.flush()

    def __iter__(self) -> Iterator[Record]:
        """All records, once they are complete."""
        if self._file is None:
            return
        self._file.seek(0)
        while True:
            try:
                yield marshal.load(self._file)
            except EOFError:
                return

    def close(self) -> None:
        """Let the file go."""
        # What could not be written is not wanted any more.
        with contextlib.suppress(OSError):
            if self._file is not None:
                self._file.close()
