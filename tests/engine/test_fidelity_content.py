"""Content: holes, digests, reading back, synchronising, and comparing byte by byte."""

from __future__ import annotations

import errno
import hashlib
import os
import resource
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from agentsim.engine import comparison, content
from agentsim.engine.comparison import same_content
from agentsim.engine.content import ContentCopier
from agentsim.engine.digest import Digest
from agentsim.engine.errors import Canceled, ItemChanged, ItemFailed
from agentsim.engine.holes import data_segments
from store import codes
from store.settings import CopySettings
from store.vocabulary import DataIntegrityValidation, Durability

from .conftest import Trees
from .driver import copied, differences
from .workbench import Workbench, workbench

GIB = 1 << 30
SAVE = CopySettings(validation=DataIntegrityValidation.SAVE_FILE_MD5)
VERIFY = CopySettings(validation=DataIntegrityValidation.SAVE_VERIFY_FILE_MD5)
VERIFY_STORAGE = CopySettings(validation=DataIntegrityValidation.SAVE_VERIFY_FILE_MD5, durability=Durability.EVERY_FILE)


def islands(path: Path, size: int, *offsets: int) -> None:
    """A file of holes with 4 KiB of data at each offset."""
    with open(path, "wb") as file:
        for offset in offsets:
            file.seek(offset)
            file.write(os.urandom(4096))
        file.truncate(size)


def cmp(one: Path, other: Path) -> bool:
    return subprocess.run(["cmp", "--silent", str(one), str(other)], check=False).returncode == 0


def du(path: Path) -> int:
    """KiB in use."""
    return int(subprocess.run(["du", "-k", str(path)], check=True, capture_output=True, text=True).stdout.split()[0])


@pytest.fixture
def _sparse(trees: Trees) -> None:
    islands(trees.source / "probe", 1 << 20)
    with open(trees.source / "probe") as file:
        if list(data_segments(file.fileno(), 1 << 20)):
            pytest.skip("the file system of the tests cannot tell holes")
    (trees.source / "probe").unlink()


@pytest.mark.usefixtures("_sparse")
def test_holes_stay_holes(trees: Trees) -> None:
    islands(trees.source / "three", GIB, 0, 500 << 20, GIB - 4096)
    islands(trees.source / "hole_at_the_end", GIB, 4096)
    islands(trees.source / "all_hole", 16 * GIB)
    islands(trees.source / "odd", 10_000_001, 5_000_000)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    agent = copied(trees.source, trees.target)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    # The processor's seconds, not those of the clock, which a busy machine has many of.
    spent = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    assert spent < 2, "the holes were read and written"
    assert agent.counters["items_transferred"] == 4
    for name in ("three", "hole_at_the_end", "odd"):
        assert cmp(trees.source / name, trees.target / name)
    assert (trees.target / "all_hole").stat().st_size == 16 * GIB
    for path in trees.source.iterdir():
        assert du(trees.target / path.name) <= du(path) + 8
    assert "odd" not in differences(trees.source, trees.target, content=False)


@pytest.mark.parametrize("number", [errno.EINVAL, errno.EOPNOTSUPP])
def test_where_holes_cannot_be_told_the_whole_file_is_copied(
    trees: Trees, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    islands(trees.source / "file", 3_000_000, 4096)

    def refuse(fd: int, position: int, how: int) -> int:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "lseek", refuse)
    with workbench(trees.source, trees.target) as at:
        at.files.copy("file")
    assert cmp(trees.source / "file", trees.target / "file")


@pytest.mark.usefixtures("_sparse")
def test_a_sparse_file_that_is_filled_while_it_is_copied_is_seen(trees: Trees, monkeypatch: pytest.MonkeyPatch) -> None:
    islands(trees.source / "file", 40 << 20, 0, 30 << 20)

    def filled(fd: int, size: int) -> object:
        for segment in data_segments(fd, size):
            yield segment
            with open(trees.source / "file", "r+b") as file:
                file.seek(10 << 20)
                file.write(os.urandom(4096))

    monkeypatch.setattr("agentsim.engine.content.data_segments", filled)
    with workbench(trees.source, trees.target) as at, pytest.raises(ItemChanged):
        at.files.copy("file")
    assert os.listdir(trees.target) == []


@pytest.mark.usefixtures("_sparse")
@pytest.mark.parametrize("settings", [SAVE, VERIFY, VERIFY_STORAGE])
def test_digests_are_what_md5sum_says(trees: Trees, settings: CopySettings) -> None:
    (trees.source / "empty").touch()
    (trees.source / "small").write_bytes(b"small")
    (trees.source / "large").write_bytes(os.urandom(3 * content.BUFFER_BYTES + 17))
    islands(trees.source / "sparse", 12_345_678, 4096, 5 << 20)
    islands(trees.source / "hole", 5_000_000)
    (trees.source / "readonly").write_bytes(b"r")
    (trees.source / "readonly").chmod(0o400)
    with workbench(trees.source, trees.target, settings) as at:
        for path in trees.source.iterdir():
            at.files.copy(path.name)
            (expected,) = subprocess.run(
                ["md5sum", str(path)], check=True, capture_output=True, text=True
            ).stdout.split()[:1]
            assert at.files.digest == expected
            assert cmp(path, trees.target / path.name)
            assert du(trees.target / path.name) <= du(path) + 8
        at.finish()
    assert differences(trees.source, trees.target) == ""


def test_no_digest_unless_it_is_asked_for(trees: Trees) -> None:
    (trees.source / "file").write_bytes(b"x")
    with workbench(trees.source, trees.target) as at:
        at.files.copy("file")
        assert at.files.digest == ""


class BadMemory(ContentCopier):
    """Writes one byte that is not the one that was read."""

    def copy(
        self,
        source: int,
        target: int,
        size: int,
        step: Callable[[int], None],
        sparse: bool = False,
        digest: Digest | None = None,
    ) -> int:
        done = super().copy(source, target, size, step, sparse, digest)
        os.pwrite(target, b"?", size // 2)
        return done


@pytest.mark.parametrize("settings", [VERIFY, VERIFY_STORAGE])
def test_a_byte_that_went_wrong_is_found_before_the_old_file_is_replaced(trees: Trees, settings: CopySettings) -> None:
    (trees.source / "file").write_bytes(b"12345" * 1000)
    (trees.target / "file").write_text("the old one")
    with workbench(trees.source, trees.target, settings) as at:
        at.files._content = BadMemory()
        with pytest.raises(ItemFailed) as failure:
            at.files.copy("file")
    assert failure.value.code == codes.ITEM_DIGEST_DIFFERS
    assert hashlib.md5(b"12345" * 1000, usedforsecurity=False).hexdigest() in failure.value.message
    assert [path.name for path in trees.target.iterdir()] == ["file"]
    assert (trees.target / "file").read_text() == "the old one"


def test_each_file_is_on_the_storage_before_it_takes_its_name(trees: Trees, monkeypatch: pytest.MonkeyPatch) -> None:
    (trees.source / "file").write_text("x")
    calls: list[str] = []
    real_sync, real_rename = os.fsync, os.rename

    def fsync(fd: int) -> None:
        calls.append("sync " + os.readlink(f"/proc/self/fd/{fd}")[-5:])
        real_sync(fd)

    def rename(source: str, target: str, *, src_dir_fd: int, dst_dir_fd: int) -> None:
        calls.append("rename")
        real_rename(source, target, src_dir_fd=src_dir_fd, dst_dir_fd=dst_dir_fd)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(os, "rename", rename)
    with workbench(trees.source, trees.target, CopySettings(durability=Durability.EVERY_FILE)) as at:
        at.files.copy("file")
        at.finish()
        assert calls == ["sync .part", "rename", "sync arget"]
        (trees.source / "file").chmod(0o600)
        assert at.repair("file") == (True, "")
        assert calls[3:] == ["sync /file"]
    with workbench(trees.source, trees.target) as at:
        at.files.copy("file")
        at.finish()
    assert calls[4:] == ["rename"]


@pytest.mark.parametrize("number", [errno.EIO, errno.EINVAL])
def test_only_a_directory_that_cannot_be_synchronised_alone_is_let_pass(
    trees: Trees, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fsync(fd: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", fsync)
    with workbench(trees.source, trees.target, CopySettings(durability=Durability.EVERY_FILE)) as at:
        if number == errno.EINVAL:
            at.finish()
        else:
            with pytest.raises(ItemFailed, match="EIO"):
                at.finish()


def compared(at: Workbench, source: Path, target: Path, theirs: bytes, ours: bytes) -> tuple[bool, str]:
    (source / "file").write_bytes(theirs)
    (target / "file").write_bytes(ours)
    return at.compare("file")


def test_content_is_compared_to_the_last_byte(trees: Trees) -> None:
    block = os.urandom(2 * comparison.BUFFER_BYTES + 5)
    with workbench(trees.source, trees.target, SAVE) as at:

        def equal(theirs: bytes, ours: bytes) -> tuple[bool, str]:
            return compared(at, trees.source, trees.target, theirs, ours)

        for same in (b"", b"x", block[: comparison.BUFFER_BYTES], block):
            assert equal(same, same) == (True, hashlib.md5(same, usedforsecurity=False).hexdigest())
        for position in (0, comparison.BUFFER_BYTES - 1, comparison.BUFFER_BYTES, len(block) - 1):
            wrong = bytearray(block)
            wrong[position] ^= 1
            assert equal(block, bytes(wrong)) == (False, "")
    with workbench(trees.source, trees.target) as at:
        assert compared(at, trees.source, trees.target, block, block) == (True, "")


def test_lengths_are_part_of_the_content(trees: Trees) -> None:
    (trees.source / "file").write_bytes(b"12345")
    (trees.target / "file").write_bytes(b"1234")
    with open(trees.source / "file", "rb") as one, open(trees.target / "file", "rb") as other:
        fds = one.fileno(), other.fileno()
        assert not same_content(*fds, 5, lambda done: None)
        assert not same_content(*fds, 4, lambda done: None)
        assert not same_content(fds[1], fds[1], 5, lambda done: None)
        assert same_content(fds[1], fds[1], 4, lambda done: None)


def test_a_comparison_leaves_no_trace_and_can_be_stopped(trees: Trees) -> None:
    for side in (trees.source, trees.target):
        (side / "file").write_bytes(b"x" * 100)
        os.utime(side / "file", ns=(5, 5))
    with workbench(trees.source, trees.target) as at:
        assert at.compare("file") == (True, "")
        if os.geteuid() == 0:
            assert [found.st_atime_ns for found in at.stats("file")] == [5, 5]
        at.lease.stop()
        with pytest.raises(Canceled):
            at.compare("file")


def test_a_source_that_moves_while_it_is_compared_is_changed(trees: Trees, monkeypatch: pytest.MonkeyPatch) -> None:
    for side in (trees.source, trees.target):
        (side / "file").write_bytes(b"x" * 100)
    attempts = 0

    def touched(*args: object) -> bool:
        nonlocal attempts
        attempts += 1
        with open(trees.source / "file", "r+b") as file:
            file.write(b"y")
        return False

    monkeypatch.setattr(comparison, "same_content", touched)
    with workbench(trees.source, trees.target) as at, pytest.raises(ItemChanged):
        at.compare("file")
    assert attempts == 1 + comparison.RETRIES


def test_only_the_files_that_were_listed_are_compared(trees: Trees) -> None:
    for side in (trees.source, trees.target):
        (side / "file").write_bytes(b"x")
        (side / "other").write_bytes(b"x")
    with workbench(trees.source, trees.target) as at:
        listed = at.stats("file")
        for side, kind in ((trees.source, ItemChanged), (trees.target, ItemFailed)):
            (side / "other").rename(side / "file")
            with pytest.raises(kind):
                at.comparer.compare(at.source, at.target, "file", *listed)
            listed = at.stats("file")
        (trees.source / "file").unlink()
        os.mkfifo(trees.source / "file")
        with pytest.raises(ItemChanged):
            at.comparer.compare(at.source, at.target, "file", *listed)
        (trees.source / "file").unlink()
        (trees.source / "file").symlink_to("/etc/passwd")
        with pytest.raises(ItemChanged):
            at.comparer.compare(at.source, at.target, "file", *listed)


def test_errors_of_a_comparison_name_their_side(trees: Trees) -> None:
    for side in (trees.source, trees.target):
        (side / "file").write_bytes(b"x")
    with workbench(trees.source, trees.target) as at:
        listed = at.stats("file")
        (trees.target / "file").unlink()
        with pytest.raises(ItemFailed, match="opening the target"):
            at.comparer.compare(at.source, at.target, "file", *listed)
        (trees.source / "file").unlink()
        with pytest.raises(ItemChanged, match="opening the source"):
            at.comparer.compare(at.source, at.target, "file", *listed)
