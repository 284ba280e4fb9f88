"""Directories swapped for links at the worst moments, one moment a test: nothing outside is read or touched (F5).

One side is a file system that waits when told to, so that the swap on the other side comes exactly
between two steps of the worker. ``test_mirror`` has the same as a race.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from store.vocabulary import CopyMode
from tests.faultfs.faults import Fault
from tests.faultfs.mount import FaultFs

from .conftest import Trees
from .driver import Agent, assert_sums, order

SECRET = "SECRET"


class Victim:
    """A tree outside of both roots, with the names that the worker is about to use."""

    def __init__(self, path: Path) -> None:
        self.path = path
        (path / "sub").mkdir(parents=True)
        for name in ("file", "extra", "sub/file", "sub/extra"):
            (path / name).write_text(SECRET)
        self._before = self._look()

    def _look(self) -> dict[str, tuple[int, ...]]:
        """Everything that any change of an item changes: ``ctime`` above all."""
        found: dict[str, tuple[int, ...]] = {}
        for path in [self.path, *self.path.rglob("*")]:
            seen = path.lstat()
            found[str(path)] = (
                seen.st_ino,
                seen.st_mode,
                seen.st_uid,
                seen.st_nlink,
                seen.st_mtime_ns,
                seen.st_ctime_ns,
            )
        return found

    def untouched(self) -> bool:
        return self._look() == self._before

    def take_place_of(self, directory: Path) -> None:
        """What a user does who can write in the parent: move the directory away, put a link in its place."""
        directory.rename(directory.with_name(directory.name + "-aside"))
        directory.symlink_to(self.path)


@pytest.fixture
def victim(trees: Trees) -> Iterator[Victim]:
    found = Victim(trees.base / "victim")
    yield found
    assert found.untouched()


def holds_secret(root: Path) -> bool:
    """Whether anything in a tree says what only the victim says; links are not followed."""
    return any(path.read_text() == SECRET for path in root.rglob("*") if path.is_file() and not path.is_symlink())


def swapped_at(
    waiting: Fault, waits: FaultFs, victim: Victim, directory: Path, trees: Trees, mode: CopyMode = CopyMode.MIRROR
) -> Agent:
    """Run until the file system waits, swap a directory for a link, and go on to the end."""
    waits.order(waiting)
    agent = Agent(order(trees.source, trees.target, mode, helpers=1))
    try:
        waits.wait_for(waiting)
        victim.take_place_of(directory)
    finally:
        waits.order()
    agent.finish()
    assert_sums(agent.counters)
    return agent


def test_a_source_directory_swapped_between_scan_and_copy(trees: Trees, faulty_target: FaultFs, victim: Victim) -> None:
    (trees.source / "d").mkdir()
    (trees.source / "d" / "file").write_text("plain")
    agent = swapped_at(Fault(operation="mkdir", path="d", hang=True), faulty_target, victim, trees.source / "d", trees)
    assert agent.row(b"d")[2] == "Changed"
    assert not holds_secret(faulty_target.source)


def test_a_source_directory_swapped_while_a_file_of_it_is_copied(
    trees: Trees, faulty_target: FaultFs, victim: Victim
) -> None:
    for name in ("a", "file", "z"):
        (trees.source / "d").mkdir(exist_ok=True)
        (trees.source / "d" / name).write_text("plain")
    waiting = Fault(operation="create", path="d/*", hang=True)
    swapped_at(waiting, faulty_target, victim, trees.source / "d", trees)
    assert not holds_secret(faulty_target.source)


def test_a_target_directory_swapped_between_scan_and_copy(trees: Trees, faulty_source: FaultFs, victim: Victim) -> None:
    for root in (faulty_source.source, trees.target):
        (root / "d" / "sub").mkdir(parents=True)
        (root / "d" / "sub" / "file").write_text(str(root))
    (faulty_source.source / "z").touch()
    waiting = Fault(operation="open", path="z", hang=True)
    agent = swapped_at(waiting, faulty_source, victim, trees.target / "d", trees)
    assert agent.row(b"d")[2] == "Failed"


def test_a_target_directory_swapped_before_the_rename(trees: Trees, faulty_source: FaultFs, victim: Victim) -> None:
    """The temporary is in the directory that was opened, and that is where it is put in place."""
    for root in (faulty_source.source, trees.target):
        (root / "d").mkdir()
        (root / "d" / "file").write_text(str(root))
    waiting = Fault(operation="read", path="d/file", hang=True)
    swapped_at(waiting, faulty_source, victim, trees.target / "d", trees, CopyMode.ADDITIVE)
    assert (trees.target / "d-aside" / "file").read_text() == str(faulty_source.source)
    assert os.listdir(trees.target / "d-aside") == ["file"]


def test_a_target_file_swapped_before_the_rename(trees: Trees, faulty_source: FaultFs, victim: Victim) -> None:
    """The link is replaced by the file; what it leads to is nobody's business."""
    (faulty_source.source / "file").write_text("new")
    (trees.target / "file").write_text("old")
    waiting = Fault(operation="read", path="file", hang=True)
    faulty_source.order(waiting)
    agent = Agent(order(trees.source, trees.target, helpers=1))
    faulty_source.wait_for(waiting)
    (trees.target / "file").unlink()
    (trees.target / "file").symlink_to(victim.path / "file")
    faulty_source.order()
    assert agent.finish()["status"] == "Succeeded"
    assert not (trees.target / "file").is_symlink()
    assert (trees.target / "file").read_text() == "new"


@pytest.mark.parametrize("swapped", ["d", "d/sub"])
def test_a_target_directory_swapped_before_a_delete(
    trees: Trees, faulty_source: FaultFs, victim: Victim, swapped: str
) -> None:
    """``extra`` is about to be deleted, after the last look for it in the source; the victim has one too."""
    for root in (faulty_source.source, trees.target):
        (root / "d" / "sub").mkdir(parents=True)
        (root / "d" / "sub" / "file").write_text("same")
    for name in ("d/extra", "d/sub/extra"):
        (trees.target / name).write_text("only here")
    waiting = Fault(operation="getattr", path=f"{swapped}/extra", hang=True)
    swapped_at(waiting, faulty_source, victim, trees.target / swapped, trees)
    assert faulty_source.hits(waiting)


def test_a_target_directory_swapped_before_a_hard_link_is_made_in_it(
    trees: Trees, faulty_source: FaultFs, victim: Victim
) -> None:
    """A name in the victim's directory would give its owner the file."""
    for name in ("a", "d"):
        (faulty_source.source / name).mkdir()
    (faulty_source.source / "a" / "file").write_text("two names")
    os.link(faulty_source.source / "a" / "file", faulty_source.source / "d" / "file")
    waiting = Fault(operation="read", path="a/file", hang=True)
    agent = swapped_at(waiting, faulty_source, victim, trees.target / "d", trees, CopyMode.ADDITIVE)
    assert (trees.target / "a" / "file").read_text() == "two names"
    assert agent.row(b"d/file")[2] == "Failed"


def test_a_directory_swapped_while_its_tree_is_deleted(trees: Trees, faulty_target: FaultFs, victim: Victim) -> None:
    (trees.source / "kept").touch()
    for name in ("gone/a", "gone/z"):
        (faulty_target.source / name / "sub").mkdir(parents=True)
        (faulty_target.source / name / "sub" / "file").write_text("only here")
    waiting = Fault(operation="unlink", path="gone/?/sub/file", hang=True, times=1)
    faulty_target.order(waiting)
    agent = Agent(order(trees.source, trees.target, CopyMode.MIRROR, helpers=1))
    faulty_target.wait_for(waiting)
    ((_, first),) = faulty_target.hits(waiting)
    other = trees.target / "gone" / ("a" if first.startswith("gone/z") else "z")
    other.rename(trees.target / "aside")
    other.symlink_to(victim.path)
    faulty_target.order()
    agent.finish()
    assert not (trees.target / first).exists()


def test_a_directory_with_a_large_file_swapped_before_it_is_finished(
    trees: Trees, faulty_source: FaultFs, victim: Victim
) -> None:
    """Mode, owner and times of a directory come last: never through a link (CVE-2026-88016 of rclone)."""
    (faulty_source.source / "d").mkdir(mode=0o751)
    with open(faulty_source.source / "d" / "file", "wb") as file:
        file.truncate(70 << 20)
    (trees.target / "d").mkdir()
    waiting = Fault(operation="read", path="d/file", skip=1, hang=True)
    swapped_at(waiting, faulty_source, victim, trees.target / "d", trees, CopyMode.ADDITIVE)
