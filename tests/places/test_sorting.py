"""Listings sorted in bounded memory."""

from __future__ import annotations

import os
import random
import tempfile
from typing import IO, Any

import pytest

from agentsim.places import sorting
from agentsim.places.sorting import in_order

Entry = tuple[bytes, int]


def name_of(entry: Entry) -> bytes:
    return entry[0]


@pytest.mark.parametrize("count", [0, 1, 9, 10, 11, 20, 25, 640, 2000])
def test_any_number_of_items_comes_sorted(count: int) -> None:
    entries = [(b"%d" % number, number) for number in range(count)]
    random.Random(count).shuffle(entries)
    assert list(in_order(entries, name_of, limit=10)) == sorted(entries)


def test_items_with_equal_keys_stay_as_they_came() -> None:
    entries = [(b"%d" % (number % 7), number) for number in range(1500)]
    assert list(in_order(entries, name_of, limit=10)) == sorted(entries, key=name_of)


def test_no_more_than_the_limit_is_held(monkeypatch: pytest.MonkeyPatch) -> None:
    pieces: list[int] = []
    spilled = sorting._spilled

    def watched(items: Any) -> IO[bytes]:
        if isinstance(items, list):
            pieces.append(len(items))
        return spilled(items)

    monkeypatch.setattr(sorting, "_spilled", watched)
    entries = ((b"%06d" % number, number) for number in reversed(range(5050)))
    assert [number for _, number in in_order(entries, name_of, limit=100)] == list(range(5050))
    assert (max(pieces), sum(pieces)) == (100, 5050)


def test_nothing_is_left_behind_when_the_reader_stops_early(
    tmp_path: os.PathLike[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    before = len(os.listdir("/proc/self/fd"))
    coming = in_order([(b"%d" % number, number) for number in range(100)], name_of, limit=10)
    next(coming)
    assert os.listdir(tmp_path) == []
    coming.close()
    assert len(os.listdir("/proc/self/fd")) == before
