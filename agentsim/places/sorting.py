"""Sorting a listing of any length in bounded memory."""

from __future__ import annotations

import heapq
import marshal
import tempfile
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import ExitStack
from itertools import islice
from operator import itemgetter
from typing import IO, Any, TypeVar

T = TypeVar("T")

LIMIT = 20_000
"""Items that are sorted in memory: some megabytes of names."""

_FAN_IN = 64
"""Runs that are merged at once; each is a file with a batch of items in memory."""

_BATCH = 100
"""Items that are read from a run at once: one at a time costs several times as much."""


def in_order(items: Iterable[T], key: Callable[[T], bytes], limit: int = LIMIT) -> Generator[T, None, None]:
    """The items sorted by a key; those with equal keys stay as they came.

    At most ``limit`` items are held at once, whatever comes. More are sorted piece by piece, into temporary files
    without a name, and merged from there.

    Args:
        items: plain data: what ``marshal`` can write (bytes, numbers, strings, tuples of these).
        key: what to sort by.
        limit: items held in memory.

    Raises:
        OSError: there is no space for the temporary files.
    """
    coming = iter(items)
    piece = sorted(islice(coming, limit), key=key)
    if len(piece) < limit:
        yield from piece
        return
    with ExitStack() as files:
        runs: list[IO[bytes]] = []
        while piece:
            runs.append(files.enter_context(_spilled(piece)))
            del piece
            if len(runs) == _FAN_IN:
                merged = _spilled(_merged(runs, key))
                files.close()
                runs = [files.enter_context(merged)]
            piece = sorted(islice(coming, limit), key=key)
        yield from _merged(runs, key)


def _spilled(items: Iterable[Any]) -> IO[bytes]:
    """A file that holds the items one after the other, at its beginning again."""
    file = tempfile.TemporaryFile(prefix="longshore-sort-")  # noqa: SIM115 - the caller's to close
    try:
        coming = iter(items)
        while batch := list(islice(coming, _BATCH)):
            marshal.dump(batch, file)
        file.seek(0)
    except BaseException:
        file.close()
        raise
    return file


def _merged(runs: list[IO[bytes]], key: Callable[[Any], bytes]) -> Iterator[Any]:
    """Several runs as one. Earlier runs come first where keys are equal, so that the order they came in stays."""
    keyed = (_keyed(run, at, key) for at, run in enumerate(runs))
    return map(itemgetter(2), heapq.merge(*keyed, key=itemgetter(0, 1)))


def _keyed(run: IO[bytes], at: int, key: Callable[[Any], bytes]) -> Iterator[tuple[bytes, int, Any]]:
    while True:
        try:
            batch = marshal.load(run)
        except EOFError:
            return
        for item in batch:
            yield key(item), at, item
