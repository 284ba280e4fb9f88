"""Single items: hard links, repairs in place, the moment before a replacement, and errors that pass."""

from __future__ import annotations

import errno
import os
import stat
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentsim.engine import backoff
from agentsim.engine.backoff import BUDGET_SECONDS, DELAYS, Patience, retry_delay
from agentsim.engine.copyfile import Linked, LinkRefused, TooLarge
from agentsim.engine.errors import Canceled, ItemFailed, Side, classify
from agentsim.engine.lease import Lease, now

from .conftest import Trees
from .workbench import workbench


def failure_of(number: int, side: Side = Side.SOURCE) -> ItemFailed:
    try:
        error = OSError(number, os.strerror(number))
        raise classify(error, side, "testing") from error
    except ItemFailed as failure:
        return failure


def test_a_file_with_further_names_is_told_before_anything_is_done(trees: Trees) -> None:
    (trees.source / "one").write_text("x")
    os.link(trees.source / "one", trees.source / "two")
    with workbench(trees.source, trees.target) as at:
        with pytest.raises(Linked) as linked:
            at.files.copy("one", limit=1)
        assert linked.value.stat.st_nlink == 2
        assert os.listdir(trees.target) == []
        with pytest.raises(TooLarge):
            at.files.copy("one", limit=1, linked=True)
        assert at.files.copy("one", linked=True) == 1
    assert (trees.target / "one").read_text() == "x"


def test_a_further_name_takes_its_place_like_a_copy(trees: Trees) -> None:
    (trees.target / "sub").mkdir()
    (trees.target / "sub" / "leader").write_text("leader")
    (trees.target / "old").write_text("old")
    (trees.target / "link").symlink_to("/etc/passwd")
    with workbench(trees.source, trees.target) as at:
        leader = os.open(trees.target / "sub", os.O_RDONLY)
        for name in ("new", "old", "link"):
            at.files.link(leader, "leader", name)
        at.files.link(leader, "leader", "old")  # Once more: it is there already.
        os.close(leader)
    assert sorted(os.listdir(trees.target)) == ["link", "new", "old", "sub"]
    inodes = {(trees.target / name).lstat().st_ino for name in ("new", "old", "link", "sub/leader")}
    assert len(inodes) == 1
    assert (trees.target / "new").stat().st_nlink == 4


def test_a_link_that_is_refused_leaves_nothing(trees: Trees, monkeypatch: pytest.MonkeyPatch) -> None:
    (trees.target / "leader").write_text("leader")
    (trees.target / "old").write_text("old")
    with workbench(trees.source, trees.target) as at:
        with pytest.raises(ItemFailed):
            at.files.link(at.target, "missing", "old")
        (trees.target / "directory").mkdir()
        with pytest.raises(ItemFailed):
            at.files.link(at.target, "leader", "directory")
        for number in (errno.EMLINK, errno.EXDEV, errno.EPERM, errno.EOPNOTSUPP):

            def refuse(*args: object, number: int = number, **kwargs: object) -> None:
                raise OSError(number, os.strerror(number))

            monkeypatch.setattr(os, "link", refuse)
            with pytest.raises(LinkRefused, match=errno.errorcode[number]):
                at.files.link(at.target, "leader", "old")
    assert sorted(os.listdir(trees.target)) == ["directory", "leader", "old"]
    assert (trees.target / "old").read_text() == "old"


def test_the_old_item_can_be_kept_right_before_it_is_replaced(trees: Trees) -> None:
    (trees.source / "file").write_text("new")
    (trees.source / "link").symlink_to("new")
    (trees.target / "file").write_text("old")
    (trees.target / "link").symlink_to("old")
    (trees.target / "linked").write_text("old")
    seen: list[str] = []
    with workbench(trees.source, trees.target) as at:

        def keep(directory: int, name: str) -> None:
            assert directory == at.target
            seen.append(name)
            os.link(name, f"{name}.kept", src_dir_fd=directory, dst_dir_fd=directory, follow_symlinks=False)

        at.files.before_replace = keep
        at.files.copy("file")
        at.files.copy_link("link", os.lstat(trees.source / "link"))
        at.files.link(at.target, "file", "linked")
        at.files.link(at.target, "file", "linked")  # Nothing is replaced.
        assert seen == ["file", "link", "linked"]
        # What cannot be kept is not replaced.
        (trees.source / "file").write_text("newer")
        with pytest.raises(ItemFailed, match="EEXIST"):
            at.files.copy("file")
    assert (trees.target / "file").read_text() == "new"
    assert (trees.target / "file.kept").read_text() == "old"
    assert os.readlink(trees.target / "link.kept") == "old"
    assert (trees.target / "linked.kept").read_text() == "old"
    assert not [name for name in os.listdir(trees.target) if name.startswith(".longshore")]


def test_times_and_modes_are_repaired_in_place_if_all_names_are_known(trees: Trees) -> None:
    for side, moment in ((trees.source, 5), (trees.target, 7)):
        (side / "file").write_text("x")
        os.utime(side / "file", ns=(moment, moment))
    os.link(trees.target / "file", trees.target / "second")
    (trees.source / "file").chmod(0o4711)
    inode = (trees.target / "file").stat().st_ino
    with workbench(trees.source, trees.target) as at:
        assert at.repair("file") == (False, "")
        assert at.repair("file", links=3) == (False, "")
        assert at.repair("file", links=2) == (True, "")
    found = (trees.target / "second").stat()
    assert (found.st_ino, found.st_mtime_ns, stat.S_IMODE(found.st_mode)) == (inode, 5, 0o4711)


def test_what_was_replaced_since_it_was_compared_is_not_repaired(trees: Trees) -> None:
    for side in (trees.source, trees.target):
        for name in ("file", "other"):
            (side / name).write_text("x")
    (trees.source / "file").chmod(0o600)
    with workbench(trees.source, trees.target) as at:
        listed = at.stats("file")
        for side in (trees.source, trees.target):
            (side / "other").rename(side / "file")
            mode = (trees.target / "file").stat().st_mode
            assert at.metadata.repair_file(at.source, at.target, "file", *listed) == (False, "")
            assert (trees.target / "file").stat().st_mode == mode
            listed = at.stats("file")
            (trees.source / "file").chmod(0o640)
            listed = (os.stat(trees.source / "file"), listed[1])


@given(number=st.sampled_from(sorted(errno.errorcode)), attempt=st.integers(0, 5), spent=st.floats(0, 100))
def test_waiting_is_bounded_and_only_for_what_passes(number: int, attempt: int, spent: float) -> None:
    delay = retry_delay(number, attempt, spent)
    if number in (errno.ENOENT, errno.EACCES, errno.ENOSPC, errno.EROFS, errno.ENAMETOOLONG):
        assert delay is None
    if number == errno.EIO and attempt:
        assert delay is None
    if delay is not None:
        assert attempt < len(DELAYS)
        assert delay == DELAYS[attempt]
        assert spent + delay <= BUDGET_SECONDS


def test_delays() -> None:
    assert [retry_delay(errno.ESTALE, attempt, 0) for attempt in range(4)] == [0.1, 0.4, 1.6, None]
    assert [retry_delay(errno.EIO, attempt, 0) for attempt in range(2)] == [0.1, None]
    assert retry_delay(errno.ETIMEDOUT, 2, 59.0) is None


def test_a_run_that_is_to_stop_is_not_waited_for() -> None:
    lease = Lease(now() + 60)
    lease.stop()
    with pytest.raises(Canceled):
        Patience(lease).wait(failure_of(errno.ETIMEDOUT), 2)


def test_one_process_waits_only_so_long_in_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backoff, "BUDGET_SECONDS", 0.25)
    patience = Patience(Lease(now() + 60))
    begin = time.monotonic()
    for _ in range(2):
        patience.wait(failure_of(errno.EBUSY), 0)
    assert time.monotonic() - begin >= 0.2
    with pytest.raises(ItemFailed, match="EBUSY"):
        patience.wait(failure_of(errno.EBUSY), 0)


@pytest.mark.parametrize(
    ("number", "attempts"),
    [(errno.ETIMEDOUT, 4), (errno.ESTALE, 4), (errno.EIO, 2), (errno.EACCES, 1)],
)
@pytest.mark.parametrize("call", ["open", "copy_file_range", "utime", "rename"])
def test_errors_that_pass_are_met_again_and_then_told(
    trees: Trees, number: int, attempts: int, call: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last attempt fails, or the one before the last does not: both are looked at."""
    monkeypatch.setattr(backoff, "DELAYS", (0.01, 0.01, 0.01))
    (trees.source / "file").write_text("new")
    (trees.target / "file").write_text("old")
    failures = 0
    allowed = attempts
    real = getattr(os, call)

    def faulty(*args: object, **kwargs: object) -> object:
        nonlocal failures
        if failures < allowed:
            failures += 1
            raise OSError(number, os.strerror(number))
        return real(*args, **kwargs)

    with workbench(trees.source, trees.target) as at:
        with monkeypatch.context() as patched:
            patched.setattr(os, call, faulty)
            if call == "copy_file_range":
                # The plain calls that follow tell whose error it is.
                patched.setattr(os, "preadv", faulty)
                allowed *= 2
            with pytest.raises(ItemFailed, match=errno.errorcode[number]) as failure:
                at.files.copy("file")
        assert failures == allowed
        assert failure.value.stale == (number == errno.ESTALE)
        assert (trees.target / "file").read_text() == "old"
        assert os.listdir(trees.target) == ["file"]
        if attempts == 1:
            return
        failures, allowed = 0, 1
        with monkeypatch.context() as patched:
            patched.setattr(os, call, faulty)
            at.files.copy("file")
    assert (trees.target / "file").read_text() == "new"


def test_a_stale_directory_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(fd: int) -> os.stat_result:
        raise OSError(errno.ESTALE, os.strerror(errno.ESTALE))

    def wait(seconds: float) -> None:
        raise AssertionError("it is waited for")

    monkeypatch.setattr(os, "fstat", gone)
    monkeypatch.setattr(time, "sleep", wait)
    with pytest.raises(ItemFailed) as failure:
        Patience(Lease(now() + 60)).wait(failure_of(errno.ESTALE), 0, 0)
    assert failure.value.stale
    assert failure_of(errno.ESTALE).stale is False
