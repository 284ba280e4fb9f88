"""Files with several names (faults F33): one file with the same names in the target, pass after pass."""

from __future__ import annotations

import os
import subprocess
from collections import defaultdict
from pathlib import Path

from store import codes
from store.vocabulary import CopyMode, RunKind
from tests.engine.conftest import Trees
from tests.engine.driver import assert_sums, copied, differences, order, run


def names_by_file(root: Path) -> set[frozenset[str]]:
    """Which names are one file, however the files are numbered."""
    found = defaultdict(set)
    for path in root.rglob("*"):
        if path.is_file() and not path.is_symlink() and path.stat().st_nlink > 1:
            found[path.stat().st_ino].add(str(path.relative_to(root)))
    return {frozenset(names) for names in found.values()}


def linked(root: Path) -> None:
    """Three files with two, three and two names, one of them in a directory of its own."""
    (root / "a").mkdir()
    (root / "b" / "deep").mkdir(parents=True)
    for name, others in {"a/one": ["b/one"], "a/two": ["a/two-again", "b/deep/two"], "b/x": ["b/deep/y"]}.items():
        (root / name).write_bytes(os.urandom(5000))
        for other in others:
            os.link(root / name, root / other)
    (root / "a" / "single").write_text("alone")


def test_names_of_one_file_are_names_of_one_file_in_the_target(trees: Trees) -> None:
    linked(trees.source)
    agent = copied(trees.source, trees.target)
    assert names_by_file(trees.target) == names_by_file(trees.source)
    assert differences(trees.source, trees.target) == ""
    # What travelled is one copy of each file; the other names cost nothing.
    assert agent.counters["bytes_transferred"] == 3 * 5000 + 5
    assert agent.counters["items_transferred"] == agent.counters["items_scanned"] == 11


def test_a_second_pass_finds_nothing_to_do(trees: Trees) -> None:
    linked(trees.source)
    copied(trees.source, trees.target)
    before = {path: path.stat().st_ctime_ns for path in trees.target.rglob("*")}
    agent = copied(trees.source, trees.target, CopyMode.MIRROR)
    assert agent.counters["items_transferred"] == 0
    assert {path: path.stat().st_ctime_ns for path in trees.target.rglob("*")} == before


def test_copies_that_were_files_of_their_own_become_names_of_one(trees: Trees) -> None:
    linked(trees.source)
    subprocess.run(["cp", "-a", "--no-preserve=links", f"{trees.source}/.", str(trees.target)], check=True)
    assert not names_by_file(trees.target)
    agent = copied(trees.source, trees.target)
    assert names_by_file(trees.target) == names_by_file(trees.source)
    assert agent.counters["bytes_transferred"] == 0
    assert differences(trees.source, trees.target) == ""


def test_a_name_that_became_another_file_is_parted_from_the_others(trees: Trees) -> None:
    linked(trees.source)
    copied(trees.source, trees.target)
    (trees.source / "b" / "one").unlink()
    (trees.source / "b" / "one").write_text("now alone")
    (trees.source / "b" / "deep" / "two").unlink()
    copied(trees.source, trees.target, CopyMode.MIRROR)
    assert (trees.target / "a" / "one").stat().st_size == 5000
    assert names_by_file(trees.target) == names_by_file(trees.source)
    assert differences(trees.source, trees.target) == ""


def test_new_metadata_of_a_file_is_set_once_for_all_its_names(trees: Trees) -> None:
    linked(trees.source)
    copied(trees.source, trees.target)
    inode = (trees.target / "a" / "two").stat().st_ino
    (trees.source / "a" / "two").chmod(0o600)
    agent = copied(trees.source, trees.target)
    assert (trees.target / "b" / "deep" / "two").stat().st_mode & 0o7777 == 0o600
    assert (trees.target / "a" / "two").stat().st_ino == inode
    assert agent.counters["bytes_transferred"] == 0
    assert differences(trees.source, trees.target) == ""


def test_a_name_outside_the_run_is_never_written_to(trees: Trees) -> None:
    linked(trees.source)
    copied(trees.source, trees.target)
    outside = trees.base / "outside"
    os.link(trees.target / "a" / "two", outside)
    (trees.source / "a" / "two").chmod(0o600)
    copied(trees.source, trees.target)
    assert outside.stat().st_mode & 0o7777 != 0o600
    assert outside.stat().st_ino != (trees.target / "a" / "two").stat().st_ino
    assert names_by_file(trees.target) == names_by_file(trees.source)


def test_a_name_takes_the_place_of_a_directory_in_a_mirror(trees: Trees) -> None:
    linked(trees.source)
    (trees.target / "b" / "one").mkdir(parents=True)
    (trees.target / "b" / "one" / "old").write_text("old")
    (trees.target / "a" / "two" / "sub").mkdir(parents=True)
    agent = run(order(trees.source, trees.target))
    assert agent.row(b"b/one")[2:4] == ("Failed", codes.ITEM_BLOCKED_BY_DIRECTORY)
    assert_sums(agent.counters)
    copied(trees.source, trees.target, CopyMode.MIRROR)
    assert names_by_file(trees.target) == names_by_file(trees.source)
    assert differences(trees.source, trees.target) == ""


def test_a_read_only_directory_gets_its_mode_and_time_back(trees: Trees) -> None:
    linked(trees.source)
    os.chmod(trees.source / "b" / "deep", 0o555)
    os.utime(trees.source / "b" / "deep", ns=(1, 1_000_000_001))
    copied(trees.source, trees.target)
    assert (trees.target / "b" / "deep").stat().st_mtime_ns == 1_000_000_001
    assert differences(trees.source, trees.target) == ""


def test_more_names_than_fit_into_a_message(trees: Trees) -> None:
    (trees.source / "first").write_text("x")
    for number in range(3000):
        os.link(trees.source / "first", trees.source / f"another-name-of-the-same-file-{number:05d}")
    agent = copied(trees.source, trees.target)
    assert (trees.target / "first").stat().st_nlink == 3001
    assert agent.counters["bytes_transferred"] == 1


def test_verify_tells_a_copy_from_a_name(trees: Trees) -> None:
    linked(trees.source)
    copied(trees.source, trees.target)
    assert run(order(trees.source, trees.target, kind=RunKind.VERIFY)).done == {
        "status": "Succeeded",
        "code": codes.SUCCESS,
        "message": "11 of 11 items alike",
        "target": "",
    }
    content = (trees.target / "b" / "one").read_bytes()
    stat = (trees.target / "b" / "one").stat()
    (trees.target / "b" / "one").unlink()
    (trees.target / "b" / "one").write_bytes(content)
    os.utime(trees.target / "b" / "one", ns=(stat.st_atime_ns, stat.st_mtime_ns))
    agent = run(order(trees.source, trees.target, kind=RunKind.VERIFY))
    assert [row[3] for row in agent.rows if row[0] == b"b/one"] == [codes.VERIFY_METADATA]


def test_a_directory_keeps_its_time_though_a_name_in_it_could_not_be_made(trees: Trees) -> None:
    (trees.source / "d").mkdir()
    (trees.source / "d" / "one").write_text("x")
    os.link(trees.source / "d" / "one", trees.source / "d" / "other")
    os.utime(trees.source / "d", ns=(1, 3_000_000_003))
    (trees.target / "d" / "other").mkdir(parents=True)
    agent = run(order(trees.source, trees.target))
    assert agent.counters["items_failed"] == 1
    assert (trees.target / "d").stat().st_mtime_ns == 3_000_000_003
