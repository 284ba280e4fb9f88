"""The parts that touch the kernel, one by one."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from agentsim.engine import board
from agentsim.engine.aliases import source_has_alias
from agentsim.engine.board import Board
from agentsim.engine.channel import PACKET_BYTES, Channel
from agentsim.engine.errors import Canceled
from agentsim.engine.lease import Lease, now
from agentsim.engine.listing import Listing
from agentsim.engine.spool import Spool
from agentsim.engine.walker import KEPT_LEVELS, Walker


def test_channel_keeps_messages_whole_whatever_their_length() -> None:
    left, right = Channel.pair()
    for message in [("a", b"\xff\n", 1.5, None), ("long", b"x" * (PACKET_BYTES * 2 + 5))]:
        left.post(message)
        assert right.recv() == message
    with pytest.raises(BlockingIOError):
        right.recv_nowait()
    left.finish_sending()
    assert right.recv() is None
    right.send(("still", "heard"))
    assert left.recv() == ("still", "heard")
    right.close()
    assert left.recv() is None
    left.close()


def test_channel_post_never_waits() -> None:
    left, right = Channel.pair()
    message = ("bulk", b"x" * 60_000)
    for _ in range(40):
        left.post(message)
    assert bool(left.has_outgoing) is True
    for _ in range(40):
        assert right.recv() == message
        left.flush()
    assert bool(left.has_outgoing) is False
    left.close()
    right.close()


def test_lease_waits_for_renewal_and_stops() -> None:
    lease = Lease(now() + 60)
    lease.check()
    lease.renew(now() - 1)
    if not os.fork():
        time.sleep(0.1)
        lease.renew(now() + 60)
        os._exit(0)
    begin = time.monotonic()
    lease.check()
    assert time.monotonic() - begin > 0.05
    os.wait()
    lease.stop()
    with pytest.raises(Canceled):
        lease.check()


def test_lease_ends_an_orphan() -> None:
    lease = Lease(now() + 60)
    child = os.fork()
    if not child:
        lease.adopt_parent(1)
        lease.check()
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 75


def test_board_adds_up_over_processes() -> None:
    sheet = Board(2)
    if not os.fork():
        sheet.slots[0].cells[board.SCANNED] += 2
        sheet.slots[0].cells[board.FAILED] += 2
        sheet.slots[0].set_current(b"x" * 5000 + b"/end")
        os._exit(0)
    os.wait()
    sheet.slots[1].cells[board.SCANNED] += 1
    assert sheet.totals()[board.SCANNED] == 3
    assert not board.adds_up(sheet.totals())
    sheet.slots[1].cells[board.TRANSFERRED] += 1
    assert board.adds_up(sheet.totals())
    assert sheet.slots[0].current().endswith(b"/end")
    assert sheet.survey() is None
    sheet.set_survey(7, 8, complete=True)
    assert sheet.survey() == (7, 8)


def open_descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


def test_walker_is_bounded_and_refuses_links(tmp_path: Path) -> None:
    root = os.open(tmp_path, os.O_RDONLY)
    before = open_descriptors()
    walker = Walker(root)
    depth = KEPT_LEVELS + 40
    at = os.dup(root)
    for _ in range(depth):
        os.mkdir("d", dir_fd=at)
        below = os.open("d", os.O_RDONLY, dir_fd=at)
        os.close(at)
        at = below
    for side in ("left", "right"):
        os.mkdir(side, dir_fd=at)
    deep = b"/".join([b"d"] * depth)
    for name in (b"left", b"right", b"left"):
        found = os.fstat(walker.open(deep + b"/" + name))
        assert found.st_ino == os.stat(name, dir_fd=at).st_ino
    assert open_descriptors() - before <= KEPT_LEVELS + 5
    assert os.fstat(walker.open(b"")).st_ino == os.fstat(root).st_ino
    (tmp_path / "link").symlink_to(tmp_path / "d")
    for path in (b"link", b"link/d", b"missing"):
        with pytest.raises((NotADirectoryError, FileNotFoundError)):
            walker.open(path)
    assert os.fstat(walker.open(b"d/d")).st_ino == (tmp_path / "d" / "d").stat().st_ino
    os.close(at)
    walker.forget()
    os.close(walker.root)
    os.close(root)
    assert open_descriptors() == before - 1


def test_listing_streams_beyond_its_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agentsim.engine.listing.MAX_ENTRIES", 3)
    source, target = tmp_path / "s", tmp_path / "t"
    for directory, names in ((source, "abcd"), (target, "abcdef")):
        directory.mkdir()
        for name in names:
            (directory / name).touch()
    (target / ".longshore-0123456789abcdef.part").touch()
    fd, other = os.open(target, os.O_RDONLY), os.open(source, os.O_RDONLY)
    listing = Listing(fd, Lease(now() + 60))
    listing.load()
    assert not (target / ".longshore-0123456789abcdef.part").exists()
    assert all(listing.take(name) is not None for name in "abcd")
    assert listing.take("z") is None
    assert sorted(listing.unmatched(other)) == ["e", "f"]
    os.close(fd)
    os.close(other)


def test_spool_gives_back_what_it_got() -> None:
    spool = Spool()
    records = [
        (b"a", [b"x", b"\xff"], [], False, True),
        (b"a", [], [(b"l", 3, b"")], True, True),
        (b"", [b"y"], [], True, False),
    ]
    for record in records:
        spool.append(record)
    assert (spool.candidates, spool.directories) == (4, 1)
    assert list(spool) == records
    assert list(spool) == records
    spool.close()
    assert list(Spool()) == []


def test_aliases_are_one_item_under_two_spellings(tmp_path: Path) -> None:
    """A hard link under the other spelling looks like a directory that ignores case."""
    source, target = tmp_path / "s", tmp_path / "t"
    source.mkdir()
    target.mkdir()
    (source / "NAME").touch()
    long = "\u00e9" * 127
    for name in ("name", "plain", "upper", long):
        (target / name).touch()
    os.link(target / "name", target / "NAME")
    os.link(target / "upper", target / "UPPER")
    (source / "Plain").touch()
    fds = os.open(source, os.O_RDONLY), os.open(target, os.O_RDONLY)
    assert source_has_alias(*fds, "name")
    assert not source_has_alias(*fds, "plain")
    assert not source_has_alias(*fds, "upper")
    assert not source_has_alias(*fds, "\udcff")
    assert not source_has_alias(*fds, long)
    for fd in fds:
        os.close(fd)


def test_a_refreshed_walker_keeps_its_numbers_and_leads_to_the_present_directory(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "file").write_text("x")
    root = os.open(tmp_path, os.O_RDONLY)
    walker = Walker(root)
    held = walker.open(b"a/b")
    seen = os.fstat(held)
    with os.scandir(held) as entries:
        (entry,) = entries
        walker.refresh(b"a/b", seen)
        # An entry asks by the number of the descriptor that was listed.
        assert entry.stat(follow_symlinks=False).st_size == 1
    assert walker.open(b"a/b") == held
    (tmp_path / "a" / "b").rename(tmp_path / "a" / "c")
    (tmp_path / "a" / "b").mkdir()
    with pytest.raises(FileNotFoundError):
        walker.refresh(b"a/b", seen)
    assert os.fstat(held).st_ino == seen.st_ino
    walker.forget()
    os.close(walker.root)
    os.close(root)
