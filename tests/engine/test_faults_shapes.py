"""Trees of a shape that breaks copiers: unmounted, enormous, deep, oddly named, or full of things that are no files."""

from __future__ import annotations

import os
import shutil
import socket
import stat
import subprocess
from pathlib import Path

import pytest

from store import codes
from store.vocabulary import CopyMode, Guard
from tests.faultfs.faults import Fault
from tests.faultfs.mount import FaultFs

from .conftest import Trees
from .driver import Agent, assert_sums, copied, differences, order, run, temporaries
from .mounts import bind, tmpfs

NOBODY = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")

ENTRIES = 200_000
MEMORY_KIB = 48 * 1024
"""What a process of a run may take at most: about 13 MiB are its interpreter."""


def fill(root: Path) -> None:
    for directory in ("a", "b"):
        (root / directory).mkdir()
        for number in range(3):
            (root / directory / f"f{number}").write_text(f"{directory}{number}")


def test_a_source_that_is_not_mounted_deletes_nothing(trees: Trees) -> None:
    """The mountpoint is there, and empty (F1)."""
    with tmpfs(trees.source):
        fill(trees.source)
        first = copied(trees.source, trees.target)
    agent = run(order(trees.source, trees.target, CopyMode.MIRROR, last_source_items=first.counters["items_scanned"]))
    assert agent.done is not None
    assert (agent.done["status"], agent.done["code"]) == ("Failed", codes.SOURCE_EMPTY)
    assert agent.counters["items_deleted"] == 0
    assert (trees.target / "b" / "f2").read_text() == "b2"


def test_a_source_that_is_unmounted_in_mid_run_deletes_nothing(trees: Trees, faulty_target: FaultFs) -> None:
    """What was opened is still there; what the path leads to now is something else."""
    (faulty_target.source / "only here").mkdir()
    with tmpfs(trees.source), tmpfs(trees.source):
        fill(trees.source)
        waiting = Fault(operation="create", path="b/*", hang=True)
        faulty_target.order(waiting)
        agent = Agent(order(trees.source, trees.target, CopyMode.MIRROR))
        faulty_target.wait_for(waiting)
        subprocess.run(["umount", "-l", str(trees.source)], check=True)
        faulty_target.order()
        done = agent.finish()
        # The other mount stands in for the one that the fixture takes down.
        subprocess.run(["mount", "-t", "tmpfs", "tmpfs", str(trees.source)], check=True)
    assert (done["status"], done["code"]) == ("Failed", codes.SOURCE_REPLACED)
    assert agent.row(b"only here")[2:4] == ("DeleteWithheld", codes.SOURCE_REPLACED)
    assert (faulty_target.source / "only here").is_dir()
    assert (faulty_target.source / "b" / "f2").read_text() == "b2"


def test_names_of_any_bytes(trees: Trees) -> None:
    """Every byte that a name can have: alone, in pairs, as a directory, and in a link's text."""
    root = os.fsencode(trees.source)
    for value in set(range(1, 256)) - {ord("/")}:
        byte = bytes([value])
        # A name of one or two dots is not free.
        for name in (byte * (3 if byte == b"." else 1), b"x" + byte, byte * 255):
            with open(root + b"/" + name, "wb") as file:
                file.write(name)
        os.mkdir(root + b"/d" + byte + b"d")
        os.symlink(b"to " + byte, root + b"/d" + byte + b"d/link" + byte)
    agent = copied(trees.source, trees.target)
    assert agent.counters["items_transferred"] == agent.counters["items_scanned"] == 254 * 5
    assert differences(trees.source, trees.target) == ""
    assert sorted(os.listdir(root)) == sorted(os.listdir(os.fsencode(trees.target)))
    assert copied(trees.source, trees.target, CopyMode.MIRROR).counters["items_transferred"] == 0


def peak_of_helpers(agent: Agent) -> int:
    """Follow a run to its end; the most memory that any of its processes took, KiB."""
    peak = 0
    while agent.done is None:
        agent.step(0.05)
        children = Path(f"/proc/{agent.process.pid}/task/{agent.process.pid}/children")
        try:
            for pid in [str(agent.process.pid), *children.read_text().split()]:
                for line in Path(f"/proc/{pid}/status").read_text().splitlines():
                    if line.startswith("VmHWM:"):
                        peak = max(peak, int(line.split()[1]))
        except (FileNotFoundError, ProcessLookupError):
            continue
    agent.finish()
    return peak


def test_200_000_entries_in_one_directory_take_no_memory(trees: Trees) -> None:
    with tmpfs(trees.source, size="1g"), tmpfs(trees.target, size="1g"):
        directory = os.open(trees.source, os.O_RDONLY)
        for number in range(ENTRIES):
            os.close(os.open(f"entry {number:07}", os.O_WRONLY | os.O_CREAT, dir_fd=directory))
        os.close(directory)
        for expected in (ENTRIES, 0):
            agent = Agent(order(trees.source, trees.target, CopyMode.MIRROR))
            peak = peak_of_helpers(agent)
            assert agent.done is not None
            assert agent.done["status"] == "Succeeded"
            assert agent.counters["items_scanned"] == ENTRIES
            assert agent.counters["items_transferred"] == expected
            assert peak < MEMORY_KIB, "KiB at the most"
        (trees.source / "entry 0123456").unlink()
        (trees.target / "entry only here").touch()
        copied(trees.source, trees.target, CopyMode.MIRROR)
        assert sorted(os.listdir(trees.source)) == sorted(os.listdir(trees.target))


@as_root
def test_devices_and_sockets_are_never_opened(trees: Trees) -> None:
    """Opening one can rewind a tape or hang for ever; reading ``zero`` has no end (F35)."""
    os.mknod(trees.source / "zero", 0o666 | stat.S_IFCHR, os.makedev(1, 5))
    os.mknod(trees.source / "loop", 0o600 | stat.S_IFBLK, os.makedev(7, 250))
    os.mkfifo(trees.source / "fifo")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(trees.source / "socket"))
        (trees.source / "file").write_text("file")
        agent = copied(trees.source, trees.target)
    unsupported = ("S", "Unsupported", codes.ITEM_TYPE_UNSUPPORTED)
    assert {row[0]: row[1:4] for row in agent.rows} == dict.fromkeys(
        (b"zero", b"loop", b"fifo", b"socket"), unsupported
    )
    assert os.listdir(trees.target) == ["file"]


def test_a_file_that_became_a_fifo_after_it_was_listed_does_not_hang(trees: Trees, faulty_source: FaultFs) -> None:
    for name in ("a", "b", "c"):
        (faulty_source.source / name).write_text(name)
    waiting = Fault(operation="open", path="a", hang=True)
    faulty_source.order(waiting)
    agent = Agent(order(trees.source, trees.target, helpers=1))
    faulty_source.wait_for(waiting)
    (faulty_source.source / "b").unlink()
    os.mkfifo(faulty_source.source / "b")
    faulty_source.order()
    assert agent.finish()["status"] == "Succeeded"
    assert agent.row(b"b")[2:4] == ("Changed", codes.ITEM_CHANGED)
    assert sorted(os.listdir(trees.target)) == ["a", "c"]


def test_the_kernels_own_files_do_not_stop_a_run(trees: Trees) -> None:
    """They say that they are empty, and are not: some have another content each time, some wait for ever."""
    fill(trees.source)
    for name in ("random", "kmsg"):
        (trees.source / name).mkdir()
    (trees.source / "kmsg" / "kmsg").touch()
    with (
        bind(Path("/proc/sys/kernel/random"), trees.source / "random"),
        bind(Path("/proc/kmsg"), trees.source / "kmsg" / "kmsg"),
    ):
        agent = run(order(trees.source, trees.target))
        assert_sums(agent.counters)
        assert not (trees.target / "random" / "uuid").exists()
        assert not (trees.target / "kmsg" / "kmsg").exists()
    assert (trees.target / "b" / "f2").read_text() == "b2"
    assert temporaries(trees.target) == []


def test_a_file_without_size_and_without_end_does_not_fill_the_target(trees: Trees, faulty_source: FaultFs) -> None:
    """As some of the kernel's files: what is longer than it says is read no further."""
    fill(faulty_source.source)
    (faulty_source.source / "endless").touch()
    (faulty_source.source / "longer").write_text("three")
    faulty_source.order(
        Fault(operation="read", path="endless", endless=True), Fault(operation="read", path="longer", endless=True)
    )
    with tmpfs(trees.target, size="16m"):
        agent = run(order(trees.source, trees.target))
        assert agent.done is not None
        assert agent.done["status"] == "Succeeded"
        assert {row[0]: row[2:4] for row in agent.rows} == dict.fromkeys(
            (b"endless", b"longer"), ("Changed", codes.ITEM_CHANGED)
        )
        assert (trees.target / "b" / "f2").read_text() == "b2"
        assert sorted(os.listdir(trees.target)) == ["a", "b"]


def deep(root: Path, levels: int) -> None:
    """A chain of directories with a file and a link in each, built relative to descriptors."""
    at = os.open(root, os.O_RDONLY)
    for level in range(levels):
        name = f"{level:03}" + "n" * 37
        os.mkdir(name, dir_fd=at)
        below = os.open(name, os.O_RDONLY, dir_fd=at)
        os.close(at)
        os.close(os.open("file", os.O_WRONLY | os.O_CREAT, dir_fd=below))
        os.symlink("/etc", "link", dir_fd=below)
        at = below
    os.close(at)


def test_150_levels_are_copied_and_deleted(trees: Trees) -> None:
    """Paths of 6,000 bytes, beyond what a system call takes."""
    deep(trees.source, 150)
    assert copied(trees.source, trees.target).counters["items_transferred"] == 450
    assert copied(trees.source, trees.target, CopyMode.MIRROR).counters["items_transferred"] == 0
    for top in trees.source.iterdir():
        shutil.rmtree(top)
    (trees.source / "not empty").mkdir()
    agent = run(order(trees.source, trees.target, CopyMode.MIRROR, overrides=frozenset(Guard)))
    assert agent.counters["items_deleted"] == 450
    assert os.listdir(trees.target) == ["not empty"]


def test_names_that_the_target_cannot_hold_fail_alone(trees: Trees, faulty_target: FaultFs) -> None:
    """As on eCryptfs, or a share with a shorter limit."""
    faulty_target.order(max_name=100)
    fill(trees.source)
    (trees.source / ("n" * 101)).write_text("too long")
    (trees.source / ("n" * 100)).write_text("just right")
    (trees.source / ("d" * 101)).mkdir()
    (trees.source / ("d" * 101) / "inside").touch()
    agent = run(order(trees.source, trees.target, CopyMode.MIRROR))
    assert agent.done is not None
    assert agent.done["code"] == codes.SOME_ITEMS_FAILED
    failed = {row[0]: row[3] for row in agent.rows if row[2] == "Failed"}
    assert failed == {b"n" * 101: codes.ITEM_NAME_TOO_LONG, b"d" * 101: codes.ITEM_NAME_TOO_LONG}
    assert (faulty_target.source / ("n" * 100)).read_text() == "just right"
    assert (faulty_target.source / "b" / "f2").exists()


@pytest.mark.parametrize("step", [1_000_000_000, 2_000_000_000])
def test_a_target_with_coarse_times_is_not_copied_again_for_ever(
    trees: Trees, faulty_target: FaultFs, step: int
) -> None:
    """FAT keeps two seconds, old NFS servers and ext3 one."""
    faulty_target.order(time_step=step)
    fill(trees.source)
    for number, path in enumerate(sorted(trees.source.rglob("*"))):
        os.utime(path, ns=(10**18, 10**18 + number * 777_777_777))
    assert copied(trees.source, trees.target).counters["items_transferred"] == 8
    again = copied(trees.source, trees.target)
    assert again.counters["bytes_transferred"] == 0
    assert again.counters["items_transferred"] == 0
    (trees.source / "a" / "f1").write_text("a2")
    assert copied(trees.source, trees.target).counters["bytes_transferred"] == 2
    assert (faulty_target.source / "a" / "f1").read_text() == "a2"


def test_two_names_that_are_one_in_the_target_are_not_merged(trees: Trees, faulty_target: FaultFs) -> None:
    """syncthing deleted one of the two, kntnt merged 26 pairs (F20)."""
    faulty_target.order(fold="both")
    fill(trees.source)
    for name in ("README", "readme", "caf\u00e9", "CAFE\u0301"):
        (trees.source / name).write_text("this is " + name)
    (faulty_target.source / "Readme").write_text("older than both")
    for _ in range(2):
        agent = run(order(trees.source, trees.target, CopyMode.MIRROR))
        assert agent.done is not None
        assert agent.done["code"] == codes.SOME_ITEMS_FAILED
        failed = {row[0].decode(): row[3] for row in agent.rows if row[2] == "Failed"}
        assert failed == {"readme": codes.ITEM_NAME_COLLIDES, "caf\u00e9": codes.ITEM_NAME_COLLIDES}
        assert (trees.target / "readme").read_text() == "this is README"
        assert (trees.target / "caf\u00e9").read_text() == "this is CAFE\u0301"
    assert agent.counters["items_transferred"] == 0
    assert agent.counters["items_deleted"] == 0


@as_root
def test_without_root_what_may_not_be_read_or_written_fails_alone(trees: Trees) -> None:
    fill(trees.source)
    fill(trees.target)
    (trees.source / "a" / "new").write_text("new")
    (trees.source / "b" / "new").write_text("new")
    subprocess.run(["chown", "-R", "65534:65534", str(trees.source), str(trees.target)], check=True)
    (trees.source / "a" / "f1").chmod(0)
    os.utime(trees.source / "a" / "f1", ns=(1, 1))
    os.chown(trees.target / "b", 0, 0)
    agent = run(order(trees.source, trees.target), NOBODY)
    assert agent.done is not None
    assert agent.done["code"] == codes.SOME_ITEMS_FAILED
    failed = {row[0]: row[3] for row in agent.rows if row[2] == "Failed"}
    assert failed[b"a/f1"] == codes.ITEM_SOURCE_PERMISSION
    assert failed[b"b/new"] == codes.ITEM_TARGET_PERMISSION
    assert (trees.target / "a" / "new").read_text() == "new"
    assert (trees.target / "a" / "f1").read_text() == "a1"
    assert_sums(agent.counters)
