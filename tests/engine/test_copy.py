"""Whole trees through a real worker; rsync judges the result."""

from __future__ import annotations

import os
import socket
import stat
from pathlib import Path

import pytest

from store import codes
from store.vocabulary import CopyMode

from .conftest import Trees
from .driver import copied, differences, order, run, temporaries

HOSTILE = [
    b"new\nline",
    b"\x1b[31mred",
    b"caf\xe9",
    b"\x80\xff",
    b"-rf",
    b"--delete",
    b"a'b\"c`d$e\\f",
    b" ",
    b"tab\t",
    b"x" * 255,
    "ünï".encode(),
    b"\xed\xa0\x80",
    b".longshore-nearly.part",
    b".longshore-0123456789abcdef.part.old",
]


def build_mixed(root: Path) -> None:
    """A little of everything that a tree can hold."""
    (root / "empty").mkdir()
    (root / "nested" / "deep" / "deeper").mkdir(parents=True)
    for size in (0, 1, 4096, 70_000, 5_000_000):
        (root / "nested" / f"size{size}").write_bytes(os.urandom(size))
    hostile = os.fsencode(root) + b"/hostile"
    os.mkdir(hostile)
    for name in HOSTILE:
        with open(hostile + b"/" + name, "wb") as file:
            file.write(name)
        os.mkdir(hostile + b"/" + name[:250] + b".dir")
        with open(hostile + b"/" + name[:250] + b".dir/" + name, "wb") as file:
            file.write(b"inside")
    links = root / "links"
    links.mkdir()
    (links / "dangling").symlink_to("nowhere")
    (links / "directory").symlink_to("../nested")
    (links / "absolute").symlink_to("/etc/passwd")
    os.symlink(b"to\xff\n", os.fsencode(links) + b"/odd")
    modes = root / "modes"
    modes.mkdir()
    for mode in (0o000, 0o400, 0o644, 0o755, 0o777, 0o4755, 0o2755, 0o1644, 0o7777, 0o6711):
        path = modes / f"{mode:04o}"
        path.write_text("mode")
        path.chmod(mode)
        if os.geteuid() == 0 or mode & 0o700 == 0o700:
            directory = modes / f"d{mode:04o}"
            directory.mkdir()
            (directory / "file").write_text("in it")
            directory.chmod(mode)
    if os.geteuid() == 0:
        for number, path in enumerate(sorted(root.rglob("size*"))):
            os.chown(path, 1000 + number, 2000 + number)
        os.chown(modes / "4755", 1234, 1234)
        (modes / "4755").chmod(0o4755)
        os.chown(links / "dangling", 77, 78, follow_symlinks=False)
        os.chown(root / "empty", 5, 6)
    for number, path in enumerate([*sorted(root.rglob("*"), reverse=True), root]):
        moment = 1_500_000_000_123_456_789 + number * 1_000_000_007
        os.utime(path, ns=(moment, moment), follow_symlinks=False)


def test_a_mixed_tree_is_copied_exactly_and_then_left_alone(trees: Trees) -> None:
    build_mixed(trees.source)
    first = copied(trees.source, trees.target)
    assert differences(trees.source, trees.target) == ""
    assert first.counters["items_transferred"] == first.counters["items_scanned"] > 50
    assert first.counters["scan_status"] == "Completed"
    assert first.counters["total_items"] == first.counters["items_scanned"]
    assert first.started
    stamps = {path: path.lstat().st_ctime_ns for path in trees.target.rglob("*")}
    second = copied(trees.source, trees.target)
    assert second.counters["items_transferred"] == 0
    assert second.counters["bytes_no_transfer_needed"] == first.counters["bytes_transferred"]
    assert {path: path.lstat().st_ctime_ns for path in trees.target.rglob("*")} == stamps
    assert temporaries(trees.target) == []


def test_across_file_systems(trees: Trees) -> None:
    """From one file system to another the kernel may refuse to copy by itself."""
    memory = Path("/dev/shm")
    if not memory.is_dir() or memory.stat().st_dev == trees.base.stat().st_dev:
        pytest.skip("needs a second file system at /dev/shm")
    build_mixed(trees.source)
    target = memory / trees.base.name
    target.mkdir()
    try:
        copied(trees.source, target)
        assert differences(trees.source, target) == ""
    finally:
        os.system(f"rm -rf {target}")


def test_changes_of_every_kind_are_carried_over(trees: Trees) -> None:
    build_mixed(trees.source)
    copied(trees.source, trees.target)
    nested = trees.source / "nested"
    (nested / "size1").write_bytes(b"2")
    (nested / "size4096").chmod(0o600)
    os.utime(nested / "size0", ns=(5, 6))
    link = trees.source / "links" / "dangling"
    link.unlink()
    link.symlink_to("elsewhere")
    (nested / "deep").chmod(0o711)
    second = copied(trees.source, trees.target)
    assert differences(trees.source, trees.target) == ""
    # Four items, and two directories whose times the changes moved.
    assert 5 <= second.counters["items_transferred"] <= 7
    assert second.counters["bytes_transferred"] == 1


def test_metadata_alone_is_repaired_without_content(trees: Trees) -> None:
    (trees.source / "file").write_bytes(b"12345")
    copied(trees.source, trees.target)
    before = (trees.target / "file").stat()
    (trees.source / "file").chmod(0o6750)
    agent = copied(trees.source, trees.target)
    after = (trees.target / "file").stat()
    assert (after.st_ino, stat.S_IMODE(after.st_mode)) == (before.st_ino, 0o6750)
    assert agent.counters["items_transferred"] == 1
    assert agent.counters["bytes_transferred"] == 0


def test_a_file_with_a_second_name_is_replaced_not_repaired(trees: Trees) -> None:
    """The other name may be anybody's file: its owner and mode are not ours to set."""
    (trees.source / "file").write_bytes(b"12345")
    copied(trees.source, trees.target)
    other = trees.base / "precious"
    os.link(trees.target / "file", other)
    (trees.source / "file").chmod(0o777)
    copied(trees.source, trees.target)
    assert stat.S_IMODE((trees.target / "file").stat().st_mode) == 0o777
    assert stat.S_IMODE(other.stat().st_mode) != 0o777


def test_additive_keeps_what_only_the_target_has(trees: Trees) -> None:
    (trees.source / "a").mkdir()
    (trees.target / "a").mkdir()
    (trees.target / "a" / "old").write_text("keep")
    (trees.target / "b").mkdir()
    copied(trees.source, trees.target)
    assert (trees.target / "a" / "old").read_text() == "keep"
    assert (trees.target / "b").is_dir()


def test_types_that_differ(trees: Trees) -> None:
    for number, name in enumerate(("over_file", "over_link")):
        (trees.source / name).mkdir()
        (trees.source / name / "x").write_text(str(number))
    (trees.target / "over_file").write_text("old")
    (trees.target / "over_link").symlink_to(trees.base)
    (trees.source / "file").write_text("new")
    (trees.target / "file").symlink_to("/etc/passwd")
    (trees.source / "blocked").write_text("new")
    (trees.target / "blocked").mkdir()
    agent = run(order(trees.source, trees.target))
    assert agent.done is not None
    assert (agent.done["status"], agent.done["code"]) == ("Failed", codes.SOME_ITEMS_FAILED)
    assert agent.row(b"blocked")[2:4] == ("Failed", codes.ITEM_BLOCKED_BY_DIRECTORY)
    assert (trees.target / "over_link" / "x").read_text() == "1"
    assert not (trees.target / "over_link").is_symlink()
    assert (trees.target / "file").read_text() == "new"
    assert not (trees.base / "x").exists()


def test_special_files_are_unsupported_and_never_opened(trees: Trees) -> None:
    os.mkfifo(trees.source / "fifo")
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(trees.source / "socket"))
    (trees.source / ".longshore-0123456789abcdef.part").write_text("a source file")
    agent = copied(trees.source, trees.target)
    listener.close()
    assert agent.row(b"fifo")[1:4] == ("S", "Unsupported", "AZSM2021")
    assert agent.row(b"socket")[1:4] == ("S", "Unsupported", "AZSM2021")
    assert agent.row(b".longshore-0123456789abcdef.part")[2:4] == ("Unsupported", codes.ITEM_NAME_RESERVED)
    assert agent.done is not None
    assert "3 not supported" in agent.done["message"]
    assert os.listdir(trees.target) == []


def test_paths_far_beyond_the_kernels_limit(trees: Trees) -> None:
    """120 levels of 200-byte names; rsync cannot judge this one."""
    at = os.open(trees.source, os.O_RDONLY)
    for level in range(120):
        with open(os.open(f"file{level}", os.O_WRONLY | os.O_CREAT, dir_fd=at), "w") as file:
            file.write(str(level))
        name = f"{level:03d}" + "n" * 197
        os.mkdir(name, dir_fd=at)
        below = os.open(name, os.O_RDONLY, dir_fd=at)
        os.close(at)
        at = below
    os.close(at)
    agent = copied(trees.source, trees.target)
    assert agent.counters["items_transferred"] == 240
    found = 0
    for _, _, files, fd in os.fwalk(trees.target):
        for entry in files:
            with open(os.open(entry, os.O_RDONLY, dir_fd=fd)) as file:
                assert "file" + file.read() == entry
            found += 1
    assert found == 120
    agent = copied(trees.source, trees.target, CopyMode.MIRROR)
    assert agent.counters["items_transferred"] == 0


def test_large_files_are_units_and_show_while_they_are_copied(trees: Trees) -> None:
    block = os.urandom(1 << 20)
    for name in ("one", "two", "three"):
        with open(trees.source / name, "wb") as file:
            for _ in range(70):
                file.write(block)
        os.utime(trees.source / name, ns=(1, 2))
    (trees.source / "small").write_text("s")
    os.utime(trees.source, ns=(3, 4))
    agent = copied(trees.source, trees.target)
    assert differences(trees.source, trees.target) == ""
    assert agent.counters["bytes_in_flight"] == 0
    assert agent.counters["items_transferred"] == 4
    assert trees.target.stat().st_mtime_ns == 4


def test_subpaths(trees: Trees) -> None:
    (trees.source / "in" / "ner").mkdir(parents=True)
    (trees.source / "in" / "ner" / "x").write_text("x")
    copied(trees.source, trees.target, source_subpath=b"in/ner", target_subpath=b"new/est")
    assert differences(trees.source / "in" / "ner", trees.target / "new" / "est") == ""


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"source_root": b"/nowhere/at/all"}, "AZSM1004"),
        ({"source_subpath": b"missing"}, "AZSM1004"),
        ({"source_subpath": b"../source"}, "AZSM1004"),
        ({"source_subpath": b"link"}, "AZSM1004"),
        ({"source_subpath": b"file"}, "AZSM1004"),
        ({"target_root": b"/nowhere/at/all"}, "AZSM1022"),
        ({"target_subpath": b"../x"}, "AZSM1022"),
        ({"target_subpath": b"link"}, "AZSM1022"),
    ],
)
def test_preflight_refusals(trees: Trees, changes: dict[str, bytes], code: str) -> None:
    (trees.source / "file").write_text("x")
    (trees.source / "link").symlink_to(".")
    (trees.target / "link").symlink_to("/tmp")
    agent = run(order(trees.source, trees.target, CopyMode.MIRROR, **changes))
    assert agent.done is not None
    assert (agent.done["status"], agent.done["code"]) == ("Failed", code)
    assert not agent.started
    assert os.listdir(trees.target) == ["link"]


@pytest.mark.parametrize(
    ("source", "target", "subpath"),
    [
        ("source", "source", b""),
        ("source", "alias", b""),
        ("source", "source/in", b""),
        ("source", "source", b"new/sub/path"),
        ("source/in", "source", b""),
        ("source/in", "alias", b""),
        ("source", "alias", b"in/new"),
    ],
)
def test_overlap_is_refused_before_anything_is_written(trees: Trees, source: str, target: str, subpath: bytes) -> None:
    (trees.source / "in").mkdir()
    (trees.base / "alias").symlink_to("source")
    before = sorted(trees.base.rglob("*"))
    agent = run(order(trees.base / source, trees.base / target, CopyMode.MIRROR, target_subpath=subpath))
    assert agent.done is not None
    assert agent.done["code"] == codes.OVERLAP
    assert sorted(trees.base.rglob("*")) == before
