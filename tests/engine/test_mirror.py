"""Deletes: what goes, what stays, and what stops them."""

from __future__ import annotations

import contextlib
import itertools
import os
import subprocess
import threading
import time
from pathlib import Path

import pytest

from store import codes
from store.vocabulary import CopyMode

from .conftest import Trees
from .driver import assert_sums, copied, differences, order, run

NOBODY = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


def fill(root: Path) -> None:
    for directory in ("a", "a/b", "c"):
        (root / directory).mkdir()
        for number in range(3):
            (root / directory / f"f{number}").write_text(f"{directory}{number}")


def test_mirror_deletes_what_the_source_no_longer_has(trees: Trees) -> None:
    fill(trees.source)
    copied(trees.source, trees.target)
    (trees.source / "a" / "f0").unlink()
    outside = trees.base / "outside"
    outside.mkdir()
    (outside / "precious").write_text("keep")
    (trees.target / "gone" / "deep").mkdir(parents=True)
    (trees.target / "gone" / "deep" / "x").write_text("12")
    (trees.target / "gone" / "link").symlink_to(outside)
    (trees.target / "link").symlink_to(outside)
    os.mkfifo(trees.target / "fifo")
    agent = copied(trees.source, trees.target, CopyMode.MIRROR)
    assert differences(trees.source, trees.target) == ""
    assert (outside / "precious").read_text() == "keep"
    assert agent.counters["items_deleted"] == 7
    deleted = {row[0]: row[1] for row in agent.rows if row[2] == "Deleted"}
    assert deleted == {
        b"a/f0": "F",
        b"gone": "D",
        b"gone/deep": "D",
        b"gone/deep/x": "F",
        b"gone/link": "L",
        b"link": "L",
        b"fifo": "S",
    }


def test_a_directory_that_became_a_file_or_link(trees: Trees) -> None:
    (trees.source / "file").write_text("now a file")
    (trees.source / "link").symlink_to("file")
    for name in ("file", "link"):
        (trees.target / name / "sub").mkdir(parents=True)
        (trees.target / name / "sub" / "x").touch()
    copied(trees.source, trees.target, CopyMode.MIRROR)
    assert differences(trees.source, trees.target) == ""


def test_an_empty_source_deletes_nothing(trees: Trees) -> None:
    fill(trees.target)
    agent = run(order(trees.source, trees.target, CopyMode.MIRROR, last_source_items=9))
    assert agent.done is not None
    assert (agent.done["status"], agent.done["code"]) == ("Failed", codes.SOURCE_EMPTY)
    assert sorted(row[0] for row in agent.rows if row[2] == "DeleteWithheld") == [b"a", b"c"]
    assert len(list(trees.target.rglob("*"))) == 12
    assert_sums(agent.counters)


def test_a_source_of_empty_directories_is_not_empty(trees: Trees) -> None:
    (trees.source / "a").mkdir()
    fill(trees.target)
    copied(trees.source, trees.target, CopyMode.MIRROR)
    assert differences(trees.source, trees.target) == ""


def test_a_replaced_source_root_deletes_nothing(trees: Trees) -> None:
    """The root is swapped between the last transfer and the first delete."""
    fill(trees.source)
    fill(trees.target)
    (trees.target / "only").write_text("keep")
    code = (
        "import os, sys, time\n"
        "from agentsim.engine import coordinator\n"
        "original = coordinator.Coordinator._delete\n"
        "def swapped(self, roots):\n"
        f"    os.rename({str(trees.source)!r}, {str(trees.base / 'away')!r})\n"
        f"    os.mkdir({str(trees.source)!r})\n"
        "    return original(self, roots)\n"
        "coordinator.Coordinator._delete = swapped\n"
        "from agentsim.worker import main\n"
        "sys.exit(main(sys.argv[1:]))\n"
    )
    agent = run(order(trees.source, trees.target, CopyMode.MIRROR), script=code)
    assert agent.done is not None
    assert (agent.done["status"], agent.done["code"]) == ("Failed", codes.SOURCE_REPLACED)
    assert (trees.target / "only").read_text() == "keep"
    assert agent.row(b"only")[2:4] == ("DeleteWithheld", codes.SOURCE_REPLACED)


def test_a_listing_that_failed_protects_its_subtree_and_only_that(trees: Trees) -> None:
    fill(trees.source)
    copied(trees.source, trees.target)
    for name in ("a/b/kept", "a/extra", "c/extra"):
        (trees.target / name).write_text("only here")
    wrapper: tuple[str, ...] = ()
    if os.geteuid() == 0:
        wrapper = NOBODY
        subprocess.run(["chown", "-R", "65534:65534", str(trees.base)], check=True)
    (trees.source / "a" / "b").chmod(0)
    agent = run(order(trees.source, trees.target, CopyMode.MIRROR), wrapper)
    (trees.source / "a" / "b").chmod(0o755)
    assert agent.done is not None
    assert (agent.done["status"], agent.done["code"]) == ("Failed", codes.SOME_ITEMS_FAILED)
    assert agent.row(b"a/b")[1:4] == ("D", "Failed", "AZSM2062")
    assert "EACCES" in agent.row(b"a/b")[4]
    assert (trees.target / "a" / "b" / "kept").exists()
    assert (trees.target / "a" / "b" / "f0").exists()
    assert agent.row(b"a/b/kept")[2:4] == ("DeleteWithheld", codes.DELETE_UNLISTED)
    assert not (trees.target / "a" / "extra").exists()
    assert not (trees.target / "c" / "extra").exists()
    assert_sums(agent.counters)


def test_read_only_directories_of_an_unprivileged_agent(trees: Trees) -> None:
    """Modes without write are set last, mended on the way and restored (faults F34)."""
    wrapper: tuple[str, ...] = NOBODY if os.geteuid() == 0 else ()
    fill(trees.source)
    if wrapper:
        subprocess.run(["chown", "-R", "65534:65534", str(trees.base)], check=True)
    for path in ("a/b", "a", "c"):
        (trees.source / path).chmod(0o555)
    assert run(order(trees.source, trees.target), wrapper).done["status"] == "Succeeded"  # type: ignore[index]
    assert differences(trees.source, trees.target) == ""
    for path in ("a", "a/b"):
        (trees.source / path).chmod(0o755)
    (trees.source / "a" / "b" / "new").write_text("new")
    (trees.source / "a" / "f1").unlink()
    if wrapper:
        os.chown(trees.source / "a" / "b" / "new", 65534, 65534)
    for path in ("a/b", "a"):
        (trees.source / path).chmod(0o555)
    assert run(order(trees.source, trees.target, CopyMode.MIRROR), wrapper).done["status"] == "Succeeded"  # type: ignore[index]
    assert differences(trees.source, trees.target) == ""


@as_root
def test_owners_that_cannot_be_given_fail_nothing(trees: Trees) -> None:
    (trees.source / "file").write_text("x")
    os.chown(trees.source / "file", 1234, 1234)
    for path in (trees.target, trees.source):
        os.chown(path, 65534, 65534)
    agent = run(order(trees.source, trees.target), NOBODY)
    assert agent.done is not None
    assert agent.done["status"] == "Succeeded"
    assert [(level, text.split()[0]) for level, text in agent.logs] == [("warning", "1")]
    again = run(order(trees.source, trees.target), NOBODY)
    assert again.counters["items_transferred"] == 0


@as_root
@pytest.mark.parametrize("kind", ["tmpfs", "bind"])
def test_deletes_stop_at_a_mount(trees: Trees, kind: str) -> None:
    fill(trees.source)
    mount = trees.target / "gone" / "mount"
    mount.mkdir(parents=True)
    elsewhere = trees.base / "elsewhere"
    elsewhere.mkdir()
    command = ["mount", "--bind", str(elsewhere), str(mount)]
    if kind == "tmpfs":
        command = ["mount", "-t", "tmpfs", "tmpfs", str(mount)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("cannot mount here")
    try:
        (mount / "precious").write_text("keep")
        (trees.target / "gone" / "x").touch()
        agent = run(order(trees.source, trees.target, CopyMode.MIRROR))
        assert (mount / "precious").read_text() == "keep"
    finally:
        subprocess.run(["umount", str(mount)], check=True)
    assert agent.done is not None
    assert (agent.done["status"], agent.done["code"]) == ("Failed", codes.DELETES_WITHHELD)
    assert agent.row(b"gone/mount")[2:4] == ("DeleteWithheld", codes.DELETE_MOUNT)
    assert agent.row(b"gone")[2:4] == ("DeleteWithheld", codes.DELETE_NOT_EMPTY)
    assert agent.row(b"gone/x")[2] == "Deleted"


@as_root
def test_a_bind_mount_that_hides_an_overlap_stops_the_run(trees: Trees) -> None:
    """The target is a directory of the source under another name: no parent of either says so."""
    fill(trees.source)
    command = ["mount", "--bind", str(trees.source / "a"), str(trees.target)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("cannot mount here")
    try:
        agent = run(order(trees.source, trees.target, CopyMode.MIRROR))
    finally:
        subprocess.run(["umount", str(trees.target)], check=True)
    assert agent.done is not None
    assert agent.done["code"] == codes.OVERLAP
    assert (trees.source / "a" / "b" / "f0").exists()
    assert not any(row[2] == "Deleted" for row in agent.rows)


def test_swapping_directories_for_links_aims_nothing_outside(trees: Trees) -> None:
    """While runs go on, a user swaps directories of both trees for links (faults F5)."""
    secret, victim = trees.base / "secret", trees.base / "victim"
    for directory in (secret, victim):
        (directory / "sub").mkdir(parents=True)
        for number in range(20):
            (directory / "sub" / f"precious{number}").write_text("SECRET")
    for root in (trees.source, trees.target):
        (root / "d" / "sub").mkdir(parents=True)
    for number in range(200):
        (trees.source / "d" / "sub" / f"s{number}").write_text("plain")
        (trees.target / "d" / "sub" / f"precious{number}").write_text("only here")
    (trees.source / "d" / "kept").touch()
    within = os.open(trees.target / "d" / "sub", os.O_RDONLY)
    over = threading.Event()

    def swap() -> None:
        for number in itertools.count():
            for root, aim in ((trees.target, victim), (trees.source, secret)):
                aside = trees.base / f"{root.name}-aside{number}"
                # The worker may put a directory of its own there in between.
                with contextlib.suppress(OSError):
                    os.rename(root / "d", aside)
                    os.symlink(aim, root / "d")
                time.sleep(0.0005)
                with contextlib.suppress(OSError):
                    os.unlink(root / "d")
                with contextlib.suppress(OSError):
                    os.rename(aside, root / "d")
            if over.is_set():
                return

    stop = threading.Thread(target=swap)
    stop.start()
    try:
        for _ in range(8):
            run(order(trees.source, trees.target, CopyMode.MIRROR))
            for number in range(200):
                # A run that met the source without "d" has rightly deleted it from the target.
                with contextlib.suppress(FileNotFoundError):
                    os.close(os.open(f"precious{number}", os.O_WRONLY | os.O_CREAT, dir_fd=within))
    finally:
        over.set()
        stop.join()
        os.close(within)
    for directory in (secret, victim):
        assert sorted(path.name for path in (directory / "sub").iterdir()) == sorted(
            f"precious{number}" for number in range(20)
        )
        assert all(path.read_text() == "SECRET" for path in (directory / "sub").iterdir())
    found = subprocess.run(["grep", "-rl", "SECRET", str(trees.target)], capture_output=True, check=False).stdout
    assert found == b""


@as_root
def test_a_target_that_ignores_case_keeps_what_was_just_copied(trees: Trees) -> None:
    image = trees.base / "image"
    with open(image, "wb") as file:
        file.truncate(16 << 20)
    made = subprocess.run(["mkfs.ext4", "-q", "-O", "casefold", str(image)], capture_output=True, check=False)
    mounted = (
        made.returncode == 0
        and not subprocess.run(
            ["mount", "-o", "loop", str(image), str(trees.target)], capture_output=True, check=False
        ).returncode
    )
    if not mounted:
        pytest.skip("no file system that ignores case can be made here")
    try:
        folder = trees.target / "folder"
        folder.mkdir()
        if subprocess.run(["chattr", "+F", str(folder)], capture_output=True, check=False).returncode:
            pytest.skip("the kernel cannot ignore case")
        (trees.source / "folder").mkdir()
        for name in ("README", "caf\u00e9", "Both"):
            (trees.source / "folder" / name).write_text("new " + name)
        for name in ("readme", "CAFE\u0301", "gone"):
            (folder / name).write_text("old")
        agent = copied(trees.source, trees.target, CopyMode.MIRROR)
        assert (folder / "README").read_text() == "new README"
        assert (folder / "caf\u00e9").read_text() == "new caf\u00e9"
        assert not (folder / "gone").exists()
        assert (b"folder/readme", "Deleted") not in {(row[0], row[2]) for row in agent.rows}
    finally:
        subprocess.run(["umount", str(trees.target)], check=True)
