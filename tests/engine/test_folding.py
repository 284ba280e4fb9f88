"""Targets that take different spellings of a name for the same (faults F20)."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentsim.engine import aliases, listing, probe
from agentsim.engine.aliases import FoldedNames, colliding, folded
from agentsim.engine.lease import Lease, now
from agentsim.engine.listing import Listing
from agentsim.engine.reserved import PROBE, TRASH, is_leftover, is_reserved
from store import codes
from store.settings import CopySettings
from store.vocabulary import CopyMode, Guard
from tests.faultfs.mount import FaultFs, fault_fs

from .conftest import Trees
from .driver import assert_sums, copied, differences, order, run

COMPOSED, DECOMPOSED = "caf\u00e9", "cafe\u0301"


@pytest.fixture
def folding(trees: Trees) -> Iterator[FaultFs]:
    """The target is a file system that takes names as a Mac's does."""
    real = trees.base / "real"
    real.mkdir()
    with fault_fs(real, trees.target) as mounted:
        mounted.order(fold="both")
        yield mounted


def opened(path: Path) -> int:
    return os.open(path, os.O_RDONLY)


def test_other_spellings_are_found_and_not_deleted(trees: Trees, folding: FaultFs) -> None:
    (trees.source / "Folder").mkdir()
    for name in ("README", COMPOSED, "Both"):
        (trees.source / "Folder" / name).write_text("new " + name)
    real = folding.source / "fOLDER"
    real.mkdir()
    for name in ("readme", "CAFE\u0301", "gone"):
        (real / name).write_text("old")
    agent = copied(trees.source, trees.target, CopyMode.MIRROR)
    assert sorted(path.read_text() for path in real.iterdir()) == ["new Both", "new README", "new " + COMPOSED]
    assert {row[0] for row in agent.rows} == {b"Folder/gone"}
    again = copied(trees.source, trees.target, CopyMode.MIRROR)
    assert again.counters["items_transferred"] == 0
    assert again.counters["items_no_transfer_needed"] == 4


def test_other_spellings_are_found_in_a_directory_too_large_to_hold(trees: Trees, folding: FaultFs) -> None:
    for name in ("README", COMPOSED, "plain"):
        (trees.source / name).write_text("new")
    for name in ("readme", "CAFE\u0301", "gone", "plain"):
        (folding.source / name).write_text("old")
    script = (
        "import sys\n"
        "from agentsim.engine import listing\n"
        "listing.MAX_ENTRIES = 2\n"
        "from agentsim.worker import main\n"
        "sys.exit(main(sys.argv[1:]))\n"
    )
    # The other spellings are no candidates: with a limit of one delete, the guard has nothing to say.
    settings = CopySettings(max_deletes=1)
    agent = run(order(trees.source, trees.target, CopyMode.MIRROR, settings=settings), script=script)
    assert agent.done is not None
    assert agent.done["status"] == "Succeeded"
    assert [row[0] for row in agent.rows] == [b"gone"]
    assert len(os.listdir(folding.source)) == 3


def test_a_name_that_an_earlier_pass_copied_is_not_taken_for_done_when_another_takes_its_place(
    trees: Trees, folding: FaultFs
) -> None:
    names = [f"note {number}" for number in range(8)]
    for name in names:
        (trees.source / name).write_text("the later name")
    copied(trees.source, trees.target)
    for name in names:
        (trees.source / name.upper()).write_text("the one that wins")
        # Some file systems list what came last first: now it is the one with a twin.
        (trees.source / name).rename(trees.base / "aside")
        (trees.base / "aside").rename(trees.source / name)
    agent = run(order(trees.source, trees.target))
    for name in names:
        assert agent.row(name.encode())[2:4] == ("Failed", codes.ITEM_NAME_COLLIDES)
        assert (trees.target / name).read_text() == "the one that wins"


def test_only_one_of_colliding_names_is_copied_and_nothing_is_merged(trees: Trees, folding: FaultFs) -> None:
    for name in ("note", "Note", "NOTE", COMPOSED, DECOMPOSED, "plain"):
        (trees.source / name).write_text(name)
    for name in ("dir", "Dir"):
        (trees.source / name).mkdir()
        (trees.source / name / f"in {name}").write_text(name)
    agent = run(order(trees.source, trees.target, CopyMode.MIRROR))
    assert agent.done is not None
    assert (agent.done["status"], agent.done["code"]) == ("Failed", codes.SOME_ITEMS_FAILED)
    assert_sums(agent.counters)
    failed = {row[0].decode(): row for row in agent.rows}
    assert {row[2:4] for row in failed.values()} == {("Failed", codes.ITEM_NAME_COLLIDES)}
    assert set(failed) == {"Note", "note", COMPOSED, "dir"}
    assert failed["note"][4].endswith("'NOTE', which is copied")
    assert sorted(os.listdir(folding.source)) == sorted(["Dir", "NOTE", DECOMPOSED, "plain"])
    assert (folding.source / "NOTE").read_text() == "NOTE"
    assert (folding.source / DECOMPOSED).read_text() == DECOMPOSED
    assert os.listdir(folding.source / "Dir") == ["in Dir"]
    again = run(order(trees.source, trees.target, CopyMode.MIRROR))
    assert again.counters["items_transferred"] == 0
    assert again.counters["items_deleted"] == 0


def test_names_that_no_target_could_tell_apart_still_do_where_it_can(trees: Trees) -> None:
    for name in ("note", "NOTE", COMPOSED, DECOMPOSED):
        (trees.source / name).write_text(name)
    copied(trees.source, trees.target, CopyMode.MIRROR)
    assert differences(trees.source, trees.target) == ""


def test_the_trash_cannot_be_reached_by_another_spelling(trees: Trees, folding: FaultFs) -> None:
    (folding.source / TRASH).mkdir()
    (folding.source / TRASH / "kept").touch()
    (trees.source / TRASH.upper()).mkdir()
    (trees.source / TRASH.upper() / "planted").touch()
    agent = run(order(trees.source, trees.target, CopyMode.MIRROR, overrides=frozenset(Guard)))
    assert agent.row(TRASH.upper().encode())[2:4] == ("Unsupported", codes.ITEM_NAME_RESERVED)
    assert os.listdir(folding.source / TRASH) == ["kept"]


def test_replaced_files_go_to_the_trash_once(trees: Trees, folding: FaultFs) -> None:
    (trees.source / "README").write_text("new")
    (folding.source / "readme").write_text("old")
    copied(trees.source, trees.target, CopyMode.MIRROR, settings=CopySettings(trash=True))
    (kept,) = (folding.source / TRASH / "test").iterdir()
    assert kept.read_text() == "old"
    assert (trees.target / "README").read_text() == "new"


@pytest.mark.parametrize(("fold", "expected"), [("", False), ("case", True), ("unicode", True), ("both", True)])
def test_the_probe_tells_and_leaves_nothing(trees: Trees, folding: FaultFs, fold: str, expected: bool) -> None:
    folding.order(fold=fold)
    os.utime(trees.target, ns=(5, 7))
    fd = opened(trees.target)
    assert probe.probed(fd).folds is expected
    assert not probe.guessed(fd).folds
    assert os.listdir(folding.source) == []
    assert trees.target.stat().st_mtime_ns == 7
    for name in ("Letters", COMPOSED):
        (folding.source / name).touch()
    os.close(fd)
    fd = opened(trees.target)
    assert probe.guessed(fd).folds is expected
    os.close(fd)


def test_a_full_target_is_asked_by_what_it_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fd = opened(tmp_path)
    (tmp_path / "name").touch()
    original = os.open

    def full(path: Any, flags: int, *rest: Any, **where: Any) -> int:
        if flags & os.O_CREAT:
            raise OSError(errno.ENOSPC, "full")
        return original(path, flags, *rest, **where)

    monkeypatch.setattr(os, "open", full)
    assert not probe.probed(fd).folds
    # A second link is what another spelling of one file looks like.
    monkeypatch.setattr(probe, "same_entry", lambda directory, one, other: {one, other} == {"name", "NAME"})
    assert probe.probed(fd).folds
    os.close(fd)


def test_a_probe_that_a_dead_worker_left_is_removed(trees: Trees) -> None:
    (trees.source / "x").touch()
    for accent in ("\u00e9", "e\u0301"):
        (trees.target / f".longshore-0123456789abcdef-{accent}.part").touch()
    copied(trees.source, trees.target)
    assert os.listdir(trees.target) == ["x"]


def test_reserved_names() -> None:
    accented = ".longshore-0123456789abcdef-\u00e9.part"
    assert PROBE.fullmatch(accented)
    assert is_leftover(accented)
    assert is_leftover(".longshore-0123456789abcdef.part")
    assert not is_leftover(".longshore-mine.part")
    assert is_reserved(TRASH, at_root=True, folds=False)
    assert not is_reserved(TRASH, at_root=False, folds=True)
    assert is_reserved(".LongShore-Trash", at_root=True, folds=True)
    assert not is_reserved(".LongShore-Trash", at_root=True, folds=False)


@pytest.mark.parametrize(
    ("one", "other"),
    [("Name", "nAME"), (COMPOSED, DECOMPOSED), ("STRASSE", "stra\u00dfe"), ("\u212a", "k"), ("a\u200db", "AB")],
)
def test_folded_is_equal_for_what_some_file_system_takes_for_the_same(one: str, other: str) -> None:
    assert folded(one) == folded(other)


@given(st.text(max_size=20))
def test_folding_twice_changes_nothing_more(name: str) -> None:
    assert folded(name.upper()) == folded(folded(name.upper()))


@given(st.lists(st.text("aAbB\u00e9e\u0301", min_size=1, max_size=4), max_size=40))
def test_colliding_finds_all_but_the_smallest_of_each_group(names: list[str]) -> None:
    class Entry:
        def __init__(self, name: str) -> None:
            self.name = name

    class Listed:
        def __enter__(self) -> Iterator[Entry]:
            return iter([Entry(name) for name in unique])

        def __exit__(self, *_: object) -> None:
            return

    unique = sorted(set(names))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "scandir", lambda _: Listed())
        # Two at a time, so that there are parts to be sorted one by one.
        patch.setattr(aliases, "_SORTED_AT_ONCE", 2)
        found = colliding(0)
        may_have = FoldedNames(0).may_have
    groups: dict[str, list[bytes]] = {}
    for name in unique:
        groups.setdefault(folded(name), []).append(name.encode())
    expected = {loser: min(group) for group in groups.values() for loser in group if loser != min(group)}
    assert {loser.encode(): winner.encode() for loser, winner in found.items()} == expected
    assert all(may_have(name.swapcase()) for name in unique)


def test_a_listing_counts_what_it_saw_and_cleans_only_where_it_may(tmp_path: Path) -> None:
    for name in ("a", "b", ".longshore-0123456789abcdef.part", ".longshore-mine"):
        (tmp_path / name).touch()
    (tmp_path / TRASH).mkdir()
    fd = opened(tmp_path)
    lease = Lease(now() + 60)
    looking = Listing(fd, lease, cleans=False, at_root=True)
    looking.load()
    assert (looking.entries, sorted(looking.unlisted())) == (3, [".longshore-mine", "a", "b"])
    assert len(os.listdir(tmp_path)) == 5
    below = Listing(fd, lease, at_root=False)
    below.load()
    assert (below.entries, len(os.listdir(tmp_path))) == (4, 4)
    os.close(fd)


def test_a_listing_too_large_to_hold_counts_all_and_names_no_trash(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "MAX_ENTRIES", 2)
    for root in ("s", "t"):
        (tmp_path / root).mkdir()
    for name in "abcde":
        (tmp_path / "t" / name).touch()
    (tmp_path / "t" / TRASH).mkdir()
    source, target = opened(tmp_path / "s"), opened(tmp_path / "t")
    found = Listing(target, Lease(now() + 60), at_root=True)
    found.load()
    assert found.entries == 5
    assert sorted(found.unmatched(source)) == list("abcde")
    os.close(source)
    os.close(target)


@pytest.mark.parametrize(
    ("kept", "step"),
    [(1_123_456_789, 1), (1_123_456_700, 100), (1_123_456_000, 1000), (1_000_000_000, 10**9), (0, 2 * 10**9)],
)
def test_the_step_of_a_target_that_cuts_times_short_is_learnt_from_one_file(kept: int, step: int) -> None:
    assert probe.step_of(1_123_456_789, kept) == step


def test_few_round_times_are_chance() -> None:
    assert probe.coarsest([0, 4 * 10**9]) == 1
    assert probe.coarsest([0, 4 * 10**9, 10**10]) == 2 * 10**9
    assert probe.coarsest([0, 4 * 10**9, 10**10 + 1]) == 1
