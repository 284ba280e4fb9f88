"""Errors of single items and single directories: each is contained, told with its errno, and costs nothing else."""

from __future__ import annotations

import errno
import os
import shutil
import threading
from pathlib import Path

import pytest

from store import codes
from store.settings import CopySettings
from store.vocabulary import CopyMode, DataIntegrityValidation
from tests.faultfs.faults import Fault
from tests.faultfs.mount import FaultFs

from .conftest import Trees
from .driver import Agent, assert_sums, copied, differences, order, run, temporaries

OLD = "the old one"


def fill(root: Path, size: int = 3_000) -> list[str]:
    """Nine files in three directories; returns their paths."""
    found = []
    for directory in ("a", "b", "b/c"):
        (root / directory).mkdir()
        for number in range(3):
            (root / directory / f"f{number}").write_bytes(os.urandom(size))
            found.append(f"{directory}/f{number}")
    return found


def age(root: Path) -> None:
    """Make the files old enough that nothing waits for the clock's next tick, and alike for a second pass."""
    for path in root.rglob("*"):
        os.utime(path, ns=(10**18, 10**18), follow_symlinks=False)


def failed_alone(agent: Agent, path: str, *, of: int) -> tuple[str, str]:
    """Assert that one item failed and all others were copied; returns its code and message."""
    assert agent.done is not None
    assert (agent.done["status"], agent.done["code"]) == ("Failed", codes.SOME_ITEMS_FAILED), agent.done
    assert agent.done["message"].startswith("1 of ")
    assert_sums(agent.counters)
    assert agent.counters["items_transferred"] + agent.counters["items_no_transfer_needed"] == of - 1
    row = agent.row(path.encode())
    assert row[2] == "Failed"
    return row[3], row[4]


@pytest.mark.parametrize(
    ("operation", "error", "code"),
    [
        ("getattr", "EIO", codes.ITEM_SOURCE_IO),
        ("open", "EIO", codes.ITEM_SOURCE_IO),
        ("open", "ESTALE", codes.ITEM_SOURCE_IO),
        ("open", "ETIMEDOUT", codes.ITEM_SOURCE_IO),
        ("open", "EACCES", codes.ITEM_SOURCE_PERMISSION),
        ("read", "EIO", codes.ITEM_SOURCE_IO),
    ],
)
def test_a_source_file_that_cannot_be_read_fails_alone_and_is_not_deleted(
    trees: Trees, faulty_source: FaultFs, operation: str, error: str, code: str
) -> None:
    fill(faulty_source.source)
    (trees.target / "b").mkdir()
    (trees.target / "b" / "f1").write_text(OLD)
    faulty_source.order(Fault(operation=operation, path="b/f1", error=error))
    agent = run(order(trees.source, trees.target, CopyMode.MIRROR))
    found, message = failed_alone(agent, "b/f1", of=12)
    assert found == code
    assert f"({error})" in message
    assert (trees.target / "b" / "f1").read_text() == OLD
    faulty_source.order()
    copied(trees.source, trees.target, CopyMode.MIRROR)
    assert differences(faulty_source.source, trees.target) == ""
    assert temporaries(trees.target) == []


def test_an_error_in_the_middle_of_a_file_keeps_the_old_one(trees: Trees, faulty_source: FaultFs) -> None:
    (faulty_source.source / "big").write_bytes(os.urandom(6 << 20))
    (trees.target / "big").write_text(OLD)
    fault = Fault(operation="read", path="big", skip=3, error="EIO")
    faulty_source.order(fault)
    agent = run(order(trees.source, trees.target))
    assert failed_alone(agent, "big", of=1)[0] == codes.ITEM_SOURCE_IO
    assert faulty_source.hits(fault)
    assert (trees.target / "big").read_text() == OLD
    assert temporaries(trees.target) == []


def test_short_reads_and_short_writes_lose_nothing(
    trees: Trees, faulty_source: FaultFs, faulty_target: FaultFs
) -> None:
    fill(faulty_source.source, 30_000)
    reads, writes = Fault(operation="read", short=777), Fault(operation="write", short=501)
    faulty_source.order(reads)
    faulty_target.order(writes)
    copied(trees.source, trees.target)
    assert len(faulty_source.hits(reads)) > 9 * 30_000 / 777
    assert len(faulty_target.hits(writes)) > 9 * 30_000 / 777
    assert differences(faulty_source.source, faulty_target.source) == ""


def test_what_a_short_read_leaves_in_the_page_cache_is_not_copied(
    trees: Trees, faulty_source: FaultFs, faulty_target: FaultFs
) -> None:
    """The kernel fills up its pages with zeros then, and an in-kernel copy between two FUSE mounts takes them."""
    for number in range(100):
        (faulty_source.source / f"f{number}").write_bytes(os.urandom(3_000))
    faulty_source.order(Fault(operation="read", short=1_959))
    over = threading.Event()

    def look_at_all() -> None:
        while not over.is_set():
            for path in trees.source.iterdir():
                path.stat()

    # Whoever looks at a file meanwhile makes the kernel believe its size again.
    looking = threading.Thread(target=look_at_all)
    looking.start()
    try:
        copied(trees.source, trees.target)
    finally:
        over.set()
        looking.join()
    assert differences(faulty_source.source, faulty_target.source) == ""


@pytest.mark.parametrize("error", ["EIO", "ESTALE", "ETIMEDOUT", "EACCES"])
def test_a_listing_that_fails_half_way_protects_its_subtree_and_only_that(
    trees: Trees, faulty_source: FaultFs, error: str
) -> None:
    fill(faulty_source.source)
    copied(trees.source, trees.target)
    for name in ("a/extra", "b/kept", "b/c/kept"):
        (trees.target / name).write_text("only here")
    for name in ("b/z/deep", "gone/deep"):
        (trees.target / name).mkdir(parents=True)
        (trees.target / name / "file").write_text("only here")
    faulty_source.order(Fault(operation="readdir", path="b", entries=1, error=error))
    agent = run(order(trees.source, trees.target, CopyMode.MIRROR))
    assert agent.done is not None
    assert (agent.done["status"], agent.done["code"]) == ("Failed", codes.SOME_ITEMS_FAILED)
    assert agent.row(b"b")[1:3] == ("D", "Failed")
    assert f"({error})" in agent.row(b"b")[4]
    for name in ("b/f0", "b/f2", "b/kept", "b/z/deep/file", "b/c/f0"):
        assert (trees.target / name).exists(), name
    assert agent.row(b"b/kept")[2:4] == ("DeleteWithheld", codes.DELETE_UNLISTED)
    assert not (trees.target / "a" / "extra").exists()
    assert not (trees.target / "gone").exists()
    assert_sums(agent.counters)
    faulty_source.order()
    copied(trees.source, trees.target, CopyMode.MIRROR)
    assert differences(faulty_source.source, trees.target) == ""


def test_a_root_that_cannot_be_listed_to_its_end_deletes_nothing(trees: Trees, faulty_source: FaultFs) -> None:
    fill(faulty_source.source)
    copied(trees.source, trees.target)
    (trees.target / "a" / "extra").write_text("only here")
    shutil.copytree(trees.target / "b", trees.target / "only")
    faulty_source.order(Fault(operation="readdir", path="", entries=1, error="EIO"))
    agent = run(order(trees.source, trees.target, CopyMode.MIRROR))
    assert agent.done is not None
    assert (agent.done["status"], agent.done["code"]) == ("Failed", codes.SOURCE_SCAN)
    assert "EIO" in agent.done["message"]
    assert agent.counters["items_deleted"] == 0
    assert (trees.target / "a" / "extra").exists()
    assert (trees.target / "only" / "f0").exists()


def test_a_target_listing_that_fails_deletes_nothing_below(trees: Trees, faulty_target: FaultFs) -> None:
    fill(trees.source)
    copied(trees.source, trees.target)
    for name in ("b/extra", "b/c/extra", "a/extra"):
        (faulty_target.source / name).write_text("only here")
    faulty_target.order(Fault(operation="readdir", path="b", entries=1, error="EIO"))
    agent = run(order(trees.source, trees.target, CopyMode.MIRROR))
    assert agent.done is not None
    assert agent.done["status"] == "Failed"
    assert agent.row(b"b")[2] == "Failed"
    assert (faulty_target.source / "b" / "extra").exists()
    assert (faulty_target.source / "b" / "c" / "extra").exists()
    assert not (faulty_target.source / "a" / "extra").exists()


def test_what_vanishes_after_it_was_listed_stops_no_delete(trees: Trees, faulty_source: FaultFs) -> None:
    """A busy source always loses something; a guard that took it for an error would block deletes for ever (F3)."""
    fill(faulty_source.source)
    (trees.target / "extra").write_text("only here")
    waiting = Fault(operation="open", path="a/f0", hang=True)
    faulty_source.order(waiting)
    agent = Agent(order(trees.source, trees.target, CopyMode.MIRROR, helpers=1))
    faulty_source.wait_for(waiting)
    (faulty_source.source / "a" / "f0").unlink()
    (faulty_source.source / "a" / "f2").unlink()
    shutil.rmtree(faulty_source.source / "b")
    faulty_source.order()
    done = agent.finish()
    assert (done["status"], done["code"]) == ("Succeeded", codes.SUCCESS)
    assert agent.row(b"a/f0")[2:4] == ("Changed", codes.ITEM_VANISHED)
    assert not (trees.target / "extra").exists()
    assert_sums(agent.counters)
    copied(trees.source, trees.target, CopyMode.MIRROR)
    assert differences(faulty_source.source, trees.target) == ""


@pytest.mark.parametrize("operation", ["getattr", "create", "write", "flush", "utimens", "rename"])
def test_a_write_that_fails_fails_its_item_alone_and_keeps_the_old_file(
    trees: Trees, faulty_target: FaultFs, operation: str
) -> None:
    """``flush`` is what closing a file does on NFS, where the server's disk is full or broken only then."""
    fill(trees.source)
    (trees.source / "bad").mkdir()
    (trees.source / "bad" / "file").write_bytes(os.urandom(3_000))
    (faulty_target.source / "bad").mkdir()
    (faulty_target.source / "bad" / "file").write_text(OLD)
    fault = Fault(operation=operation, path="bad/?*", error="EIO")
    faulty_target.order(fault)
    agent = run(order(trees.source, trees.target, CopyMode.MIRROR))
    message = failed_alone(agent, "bad/file", of=14)[1]
    assert "(EIO)" in message
    assert faulty_target.hits(fault)
    assert (faulty_target.source / "bad" / "file").read_text() == OLD
    faulty_target.order()
    copied(trees.source, trees.target, CopyMode.MIRROR)
    assert differences(trees.source, faulty_target.source) == ""
    assert temporaries(faulty_target.source) == []


def test_a_file_that_moves_at_every_read_is_changed_and_its_old_target_stays(
    trees: Trees, faulty_source: FaultFs
) -> None:
    paths = fill(faulty_source.source)
    (trees.target / "b").mkdir()
    (trees.target / "b" / "f1").write_text(OLD)
    moving = Fault(operation="read", path="b/f1", touch=True)
    faulty_source.order(moving)
    agent = run(order(trees.source, trees.target))
    assert agent.done is not None
    assert agent.done["status"] == "Succeeded"
    assert "1 changed" in agent.done["message"]
    assert agent.row(b"b/f1")[2:4] == ("Changed", codes.ITEM_CHANGED)
    assert (trees.target / "b" / "f1").read_text() == OLD
    assert len(faulty_source.hits(moving)) >= 4
    assert agent.counters["items_transferred"] == len(paths) + 3 - 1
    assert temporaries(trees.target) == []


def test_a_file_that_moved_once_is_copied_as_it_is_afterwards(trees: Trees, faulty_source: FaultFs) -> None:
    fill(faulty_source.source)
    faulty_source.order(Fault(operation="read", path="b/f1", touch=True, times=1))
    copied(trees.source, trees.target)
    assert differences(faulty_source.source, trees.target) == ""


@pytest.mark.parametrize("error", ["ESTALE", "ETIMEDOUT", "EIO"])
def test_an_error_that_passes_is_waited_out(trees: Trees, faulty_source: FaultFs, error: str) -> None:
    fill(faulty_source.source)
    # The kernel has tried ESTALE a second time by itself.
    fault = Fault(operation="open", path="b/f1", error=error, times=2 if error == "ESTALE" else 1)
    faulty_source.order(fault)
    copied(trees.source, trees.target)
    assert faulty_source.hits(fault)
    assert differences(faulty_source.source, trees.target) == ""


def test_a_target_that_stores_something_else_is_found_by_verification(trees: Trees, faulty_target: FaultFs) -> None:
    fill(trees.source)
    (faulty_target.source / "b").mkdir()
    (faulty_target.source / "b" / "f1").write_text(OLD)
    lies = Fault(operation="write", path="b/.longshore-*", garble=True, times=1)
    faulty_target.order(lies)
    settings = CopySettings(validation=DataIntegrityValidation.SAVE_VERIFY_FILE_MD5)
    agent = run(order(trees.source, trees.target, settings=settings))
    assert faulty_target.hits(lies)
    (row,) = [row for row in agent.rows if row[2] == "Failed"]
    assert row[3] == codes.ITEM_DIGEST_DIFFERS
    (path,) = {row[0].decode()}
    if path == "b/f1":
        assert (faulty_target.source / path).read_text() == OLD
    else:
        assert not (faulty_target.source / path).exists()
    assert temporaries(faulty_target.source) == []


def test_ten_hostile_items_cost_the_others_nothing(
    trees: Trees, faulty_source: FaultFs, faulty_target: FaultFs
) -> None:
    """A hardening check of rsync tore down the whole transfer for one file that grew (F42)."""
    real = faulty_source.source
    good = fill(real)
    for number in range(10):
        (real / "a" / f"bad{number}").write_bytes(os.urandom(2_000))
    (real / "a" / "bad8").unlink()
    os.mkfifo(real / "a" / "bad8")
    for number in (7, 9):
        (real / "a" / f"bad{number}").unlink()
        (real / "a" / f"bad{number}").mkdir()
        (real / "a" / f"bad{number}" / "inside").touch()
    age(real)
    errors = ["EIO", "EACCES", "ESTALE", "ETIMEDOUT", "ENXIO"]
    reads = [Fault(operation="open", path=f"a/bad{number}", error=error) for number, error in enumerate(errors)]
    faulty_source.order(
        *reads,
        Fault(operation="read", path="a/bad5", error="EIO"),
        Fault(operation="read", path="a/bad6", touch=True),
        Fault(operation="opendir", path="a/bad7", error="EIO"),
    )
    faulty_target.order(Fault(operation="mkdir", path="a/bad9", error="EIO"))
    agent = run(order(trees.source, trees.target))
    assert agent.done is not None
    assert agent.done["code"] == codes.SOME_ITEMS_FAILED
    assert_sums(agent.counters)
    outcomes = {row[0]: row[2] for row in agent.rows}
    assert outcomes == {
        **{f"a/bad{number}".encode(): "Failed" for number in (0, 1, 2, 3, 4, 5, 7, 9)},
        b"a/bad6": "Changed",
        b"a/bad8": "Unsupported",
    }
    for number, error in enumerate(errors):
        assert os.strerror(getattr(errno, error)) in agent.row(f"a/bad{number}".encode())[4]
    for path in good:
        assert (faulty_target.source / path).read_bytes() == (real / path).read_bytes()
    assert temporaries(faulty_target.source) == []


def test_a_server_that_forgot_the_open_directory_is_asked_anew_by_path(trees: Trees, faulty_target: FaultFs) -> None:
    """The kernel asks twice for each attempt; four attempts, and then the directory is opened again."""
    (trees.source / "d").mkdir()
    (trees.source / "d" / "file").write_text("x")
    faulty_target.order(Fault(operation="create", path="d/*", error="ESTALE", times=8))
    agent = copied(trees.source, trees.target)
    assert agent.counters["items_failed"] == 0
    assert (faulty_target.source / "d" / "file").read_text() == "x"


def test_what_a_file_system_in_user_space_could_not_store_is_no_success(trees: Trees, faulty_target: FaultFs) -> None:
    """The kernel does not pass a syncfs on to it: each file is synchronised by itself, as it is with everyFile."""
    (trees.source / "kept").write_text("x")
    (trees.source / "lost").write_text("x")
    faulty_target.order(Fault(operation="fsync", error="EIO", skip=1))
    agent = run(order(trees.source, trees.target))
    assert agent.done is not None
    assert agent.done["status"] == "Failed"
    assert len([row for row in agent.rows if row[2] == "Failed" and "EIO" in row[4]]) == 1
