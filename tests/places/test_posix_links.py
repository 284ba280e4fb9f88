"""Directories and files swapped for links between any two steps: nothing outside the root is read or touched (F5)."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from agentsim.engine.errors import ItemChanged, ItemFailed, Side
from agentsim.places.place import Dress, Unlisted
from agentsim.places.posix import PosixPlace
from store.vocabulary import ItemKind

from .posix_trees import Bytes, entered, item

SECRET = "SECRET"


class Victim:
    """A tree outside of the root, with the names that are about to be used."""

    def __init__(self, path: Path) -> None:
        self.path = path
        (path / "sub").mkdir(parents=True)
        for name in ("file", "sub/file"):
            (path / name).write_text(SECRET)
        os.symlink(SECRET, path / "link")
        self._before = self._look()

    def _look(self) -> dict[str, tuple[int, ...]]:
        found: dict[str, tuple[int, ...]] = {}
        for path in [self.path, *self.path.rglob("*")]:
            seen = path.lstat()
            found[str(path)] = (seen.st_ino, seen.st_mode, seen.st_uid, seen.st_mtime_ns, seen.st_ctime_ns)
        return found

    def untouched(self) -> bool:
        return self._look() == self._before

    def take_place_of(self, directory: Path) -> None:
        """What a user does who can write in the parent: move the directory away, put a link in its place."""
        directory.rename(directory.with_name(directory.name + "-aside"))
        directory.symlink_to(self.path)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    found = tmp_path / "root"
    (found / "d" / "sub").mkdir(parents=True)
    (found / "d" / "file").write_text("plain")
    (found / "d" / "sub" / "file").write_text("plain")
    os.symlink("plain", found / "d" / "link")
    return found


@pytest.fixture
def victim(tmp_path: Path) -> Iterator[Victim]:
    found = Victim(tmp_path / "victim")
    yield found
    assert found.untouched()


@pytest.fixture(params=list(Side))
def place(request: pytest.FixtureRequest, root: Path) -> Iterator[PosixPlace]:
    found = entered(root, request.param)
    yield found
    found.close()


@pytest.fixture
def target(root: Path) -> Iterator[PosixPlace]:
    found = entered(root)
    yield found
    found.close()


PATHS = (b"d/file", b"d/sub/file")


@pytest.mark.parametrize("path", PATHS)
def test_nothing_is_read_through_a_swapped_directory(
    place: PosixPlace, root: Path, victim: Victim, path: bytes
) -> None:
    file, link = item(place, path), item(place, b"d/link")
    victim.take_place_of(root / "d")
    with pytest.raises((ItemChanged, ItemFailed)):
        place.read(file)
    with pytest.raises((ItemChanged, ItemFailed)):
        place.read_link(link)
    assert place.find(path) is None


def test_nothing_is_read_through_a_swapped_file(place: PosixPlace, root: Path, victim: Victim) -> None:
    file = item(place, b"d/file")
    (root / "d" / "file").unlink()
    (root / "d" / "file").symlink_to(victim.path / "file")
    with pytest.raises((ItemChanged, ItemFailed)):
        place.read(file)
    assert item(place, b"d/file").kind is ItemKind.SYMLINK


def test_a_swapped_directory_is_told_as_not_listed(place: PosixPlace, root: Path, victim: Victim) -> None:
    """What was in it is not known: a Mirror must not take that for gone."""
    walk = place.walk(lambda path: True)
    assert next(walk).path == b"d"
    victim.take_place_of(root / "d")
    [entry] = walk
    assert isinstance(entry, Unlisted)
    assert entry.path == b"d"


def acts(target: PosixPlace, path: bytes) -> dict[str, Callable[[], object]]:
    """All that changes something, with items that were looked at before."""
    file, directory = item(target, path), item(target, path.rpartition(b"/")[0])
    link = item(target, b"d/link")
    return {
        "write": lambda: target.write(path, Bytes(b"new"), Dress(mode=0o600), file),
        "write new": lambda: target.write(path + b"2", Bytes(b"new"), Dress(mode=0o600), None),
        "link": lambda: target.make_link(path, b"text", Dress(mtime_ns=1), file),
        "relink": lambda: target.make_link(b"d/link", b"text", Dress(mtime_ns=1), link),
        "directory": lambda: target.make_directory(path + b"2", Dress(mode=0o700)),
        "dress": lambda: target.set_dress(file, Dress(mode=0o777, mtime_ns=1)),
        "dress directory": lambda: target.set_dress(directory, Dress(mode=0o777, mtime_ns=1)),
        "dress link": lambda: target.set_dress(link, Dress(mtime_ns=1)),
        "delete": lambda: target.delete(file),
        "aside": lambda: target.set_aside(file, b"trash/file"),
        "aside to it": lambda: target.set_aside(item(target, b"plain"), path + b"2"),
    }


ACTS = (
    "write",
    "write new",
    "link",
    "relink",
    "directory",
    "dress",
    "dress directory",
    "dress link",
    "delete",
    "aside",
    "aside to it",
)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("act", ACTS)
def test_nothing_is_changed_through_a_swapped_directory(
    target: PosixPlace, root: Path, victim: Victim, path: bytes, act: str
) -> None:
    (root / "plain").write_text("plain")
    do = acts(target, path)[act]
    victim.take_place_of(root / "d")
    with pytest.raises((ItemChanged, ItemFailed)):
        do()
    assert (root / "plain").read_text() == "plain"
    assert (root / "d-aside" / os.fsdecode(path[2:])).read_text() == "plain"


@pytest.mark.parametrize("act", ["write", "link", "dress", "delete", "aside"])
def test_nothing_is_changed_through_a_swapped_file(target: PosixPlace, root: Path, victim: Victim, act: str) -> None:
    do = acts(target, b"d/file")[act]
    (root / "d" / "file").unlink()
    (root / "d" / "file").symlink_to(victim.path / "file")
    with pytest.raises((ItemChanged, ItemFailed)):
        do()
    assert (root / "d" / "file").is_symlink()


@pytest.mark.parametrize("path", PATHS)
def test_a_directory_that_is_swapped_while_a_file_is_written(
    target: PosixPlace, root: Path, victim: Victim, path: bytes
) -> None:
    content = Bytes(b"new", before_settling=lambda: victim.take_place_of(root / "d"))
    with pytest.raises(ItemChanged):
        target.write(path, content, Dress(mode=0o600), item(target, path))
    aside = root / "d-aside" / os.fsdecode(path[2:])
    assert aside.read_text() == "plain"
    assert not list((root / "d-aside").rglob("*.part"))


def test_the_temporary_file_is_swapped_for_a_link(target: PosixPlace, root: Path, victim: Victim) -> None:
    """Whoever can write in the directory can replace the file, but what is dressed is what was written."""

    def swap() -> None:
        [temporary] = (root / "d").glob("*.part")
        temporary.unlink()
        temporary.symlink_to(victim.path / "file")

    target.write(b"d/new", Bytes(b"new", before_settling=swap), Dress(mode=0o777, mtime_ns=1), None)
    assert (root / "d" / "new").is_symlink()


def test_a_trash_that_is_a_link_takes_nothing(target: PosixPlace, root: Path, victim: Victim) -> None:
    (root / "trash").symlink_to(victim.path)
    for to in (b"trash/new", b"trash/sub/new", b"trash/more/new"):
        with pytest.raises((ItemChanged, ItemFailed)):
            target.set_aside(item(target, b"d/file"), to)
    assert (root / "d" / "file").exists()
