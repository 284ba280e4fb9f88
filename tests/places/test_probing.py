"""Trying a place: each step says what it found, and nothing of it stays."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from agentsim.engine.errors import ItemFailed, Side
from agentsim.places.place import Content, Dress, Item, Written
from agentsim.places.posix import PosixPlace
from agentsim.places.probing import Step, try_place
from store import codes
from tests.engine import mounts

from .posix_trees import opening


def steps(place: PosixPlace, *, writes: bool = True) -> list[Step]:
    found = list(try_place(place, writes))
    place.close()
    return found


def words(found: list[Step]) -> list[tuple[str, bool]]:
    return [(step.name, step.ok) for step in found]


def test_a_target_is_written_to_and_left_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "f").touch()
    found = steps(PosixPlace(opening(), os.fsencode(tmp_path)))
    names = ["reach", "authenticate", "list", "write", "read", "delete"]
    assert words(found) == [(name, True) for name in names]
    assert all(step.code == codes.SUCCESS and step.milliseconds >= 0 for step in found)
    assert found[2].message == "1 item"
    assert os.listdir(tmp_path) == ["f"]


def test_a_source_is_only_looked_at(tmp_path: Path) -> None:
    for number in range(20):
        (tmp_path / f"{number}").mkdir()
    found = steps(PosixPlace(opening(Side.SOURCE), os.fsencode(tmp_path)), writes=False)
    assert words(found) == [("reach", True), ("authenticate", True), ("list", True)]
    assert found[2].message == "10 items or more"


@pytest.mark.parametrize(
    ("path", "fails", "code"),
    [("missing", "reach", codes.TARGET_PATH_INVALID), ("busy", "authenticate", codes.TARGET_BUSY)],
)
def test_the_first_step_that_fails_is_the_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str, fails: str, code: str
) -> None:
    monkeypatch.setattr("agentsim.engine.preflight.LOCK_SECONDS", 0.2)
    (tmp_path / "busy").mkdir()
    other = PosixPlace(opening(), os.fsencode(tmp_path / "busy"))
    other.enter()
    found = steps(PosixPlace(opening(), os.fsencode(tmp_path / path)))
    other.close()
    assert (found[-1].name, found[-1].ok, found[-1].code) == (fails, False, code)
    assert found[-1].message
    assert all(step.ok for step in found[:-1])


def test_a_full_target_fails_to_be_written_to(tmp_path: Path) -> None:
    with mounts.tmpfs(tmp_path, size="4k", inodes=100):
        (tmp_path / "f").write_bytes(b"x" * 4096)
        found = steps(PosixPlace(opening(), os.fsencode(tmp_path)))
        assert (found[-1].name, found[-1].code) == ("write", codes.TARGET_FULL)
        assert os.listdir(tmp_path) == ["f"]


class Unread(PosixPlace):
    def read(self, item: Item) -> Content:
        raise ItemFailed(codes.ITEM_FAILED, "It cannot be read")


class Garbled(PosixPlace):
    def write(self, path: bytes, content: Content, dress: Dress, replacing: Item | None) -> Written:
        written = super().write(path, content, dress, replacing)
        (Path(os.fsdecode(self._path)) / os.fsdecode(path)).write_bytes(b"other")
        return written


@pytest.mark.parametrize(("kind", "code"), [(Unread, codes.ITEM_FAILED), (Garbled, codes.ITEM_DIGEST_DIFFERS)])
def test_what_was_written_goes_even_when_it_cannot_be_read(tmp_path: Path, kind: type[PosixPlace], code: str) -> None:
    found = steps(kind(opening(), os.fsencode(tmp_path)))
    assert (found[-1].name, found[-1].ok, found[-1].code) == ("read", False, code)
    assert os.listdir(tmp_path) == []


def test_a_reader_who_goes_away_in_the_middle_leaves_nothing(tmp_path: Path) -> None:
    place = PosixPlace(opening(), os.fsencode(tmp_path))
    trying = try_place(place, True)
    assert next(step for step in trying if step.name == "write").ok
    assert len(os.listdir(tmp_path)) == 1
    trying.close()  # type: ignore[attr-defined]
    assert os.listdir(tmp_path) == []
    place.close()
