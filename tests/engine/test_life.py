"""What happens to a run: files that move, full targets, leases, cancels, crashes."""

from __future__ import annotations

import fcntl
import os
import random
import signal
import subprocess
import threading
import time
from pathlib import Path

import pytest

from agentsim.engine.lease import now
from store import codes
from store.vocabulary import CopyMode

from .conftest import Trees
from .driver import LIMIT_SECONDS, Agent, assert_sums, copied, differences, order, run, temporaries

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


def fill(root: Path, directories: int = 30, files: int = 50, size: int = 3000) -> None:
    block = os.urandom(size)
    for directory in range(directories):
        path = root / f"d{directory % 7}" / f"e{directory}"
        path.mkdir(parents=True)
        for number in range(files):
            (path / f"f{number}").write_bytes(block)


def snapshot(root: Path) -> dict[str, tuple[int, int, int]]:
    """All items of a tree but temporaries, which are nobody's."""
    found = {}
    for path in sorted(root.rglob("*")):
        if not path.name.endswith(".part"):
            seen = path.lstat()
            size = 0 if path.is_dir() else seen.st_size
            found[str(path)] = (seen.st_mode, size, seen.st_ino)
    return found


SLOW_CHUNKS = """
import os, sys, time
from agentsim.engine import content
from agentsim.worker import main

content.CHUNK_BYTES = 1 << 16
chunk = os.copy_file_range

def slowly(*arguments):
    if arguments[2] == content.CHUNK_BYTES:
        time.sleep(0.05)
    return chunk(*arguments)

os.copy_file_range = slowly
sys.exit(main(sys.argv[1:]))
"""


def test_a_file_that_changes_while_it_is_read_is_never_put_in_place(trees: Trees) -> None:
    """Each chunk takes its time, so that it changes meanwhile however little of the machine the writer gets."""
    moving = trees.source / "moving"
    moving.write_bytes(b"a" * (1 << 20))
    (trees.source / "still").write_text("still")
    (trees.target / "moving").write_text("the old one")
    over = threading.Event()

    def write() -> None:
        with open(moving, "r+b", buffering=0) as file:
            while not over.is_set():
                file.seek(random.randrange(1 << 20))
                file.write(b"b")
                time.sleep(0.0005)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        agent = run(order(trees.source, trees.target), script=SLOW_CHUNKS)
    finally:
        over.set()
        writer.join()
    assert agent.row(b"moving")[2:4] == ("Changed", codes.ITEM_CHANGED)
    assert (trees.target / "moving").read_text() == "the old one"
    assert (trees.target / "still").read_text() == "still"
    assert temporaries(trees.target) == []
    assert agent.done is not None
    assert agent.done["status"] == "Succeeded"
    assert "1 changed" in agent.done["message"]
    assert_sums(agent.counters)
    copied(trees.source, trees.target)
    assert differences(trees.source, trees.target) == ""


def test_one_bad_item_leaves_the_others_copied(trees: Trees) -> None:
    fill(trees.source, 3, 5)
    (trees.target / "blocked").mkdir()
    (trees.source / "blocked").write_text("x")
    os.mkfifo(trees.source / "fifo")
    agent = run(order(trees.source, trees.target))
    assert agent.done is not None
    assert agent.done["message"].startswith("1 of ")
    assert agent.counters["items_transferred"] == agent.counters["items_scanned"] - 2
    assert_sums(agent.counters)


@as_root
def test_a_full_target_ends_the_run_and_keeps_the_old_files(trees: Trees) -> None:
    if subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(trees.target)], capture_output=True, check=False
    ).returncode:
        pytest.skip("cannot mount here")
    try:
        for number in range(40):
            (trees.source / f"f{number}").write_bytes(os.urandom(100_000))
            (trees.target / f"f{number}").write_text("old")
        agent = run(order(trees.source, trees.target, CopyMode.MIRROR))
        assert agent.done is not None
        assert (agent.done["status"], agent.done["code"]) == ("Failed", codes.TARGET_FULL)
        assert "ENOSPC" in agent.done["message"]
        assert temporaries(trees.target) == []
        for number in range(40):
            content = (trees.target / f"f{number}").read_bytes()
            assert content in (b"old", (trees.source / f"f{number}").read_bytes())
    finally:
        subprocess.run(["umount", str(trees.target)], check=True)


@as_root
def test_a_read_only_target_is_refused(trees: Trees) -> None:
    if subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "ro", "tmpfs", str(trees.target)], capture_output=True, check=False
    ).returncode:
        pytest.skip("cannot mount here")
    try:
        agent = run(order(trees.source, trees.target))
    finally:
        subprocess.run(["umount", str(trees.target)], check=True)
    assert agent.done is not None
    assert agent.done["code"] == codes.TARGET_READ_ONLY


def test_cancel_stops_within_a_chunk_and_leaves_no_temporaries(trees: Trees) -> None:
    """Each chunk takes its time: a file under way would take a quarter of a minute, and is not waited for."""
    fill(trees.source)
    (trees.source / "large").write_bytes(os.urandom(1 << 20) * 20)
    agent = Agent(order(trees.source, trees.target), script=SLOW_CHUNKS)
    agent.until(lambda: any(path.stat().st_size >= 1 << 17 for path in trees.target.glob(".longshore-*.part")))
    agent.channel.send(("cancel",))
    done = agent.finish()
    assert done["status"] == "Canceled"
    assert not (trees.target / "large").exists()
    assert temporaries(trees.target) == []
    files = sum(1 for path in trees.target.rglob("*") if path.is_file())
    assert files <= agent.counters["items_transferred"]
    copied(trees.source, trees.target)
    assert differences(trees.source, trees.target) == ""


def test_nothing_is_touched_without_a_lease(trees: Trees) -> None:
    fill(trees.source, 2, 5)
    agent = Agent(order(trees.source, trees.target, deadline=now() - 1, target_subpath=b"new"))
    end = time.monotonic() + 0.5
    while time.monotonic() < end:
        agent.step(0.05)
    assert os.listdir(trees.target) == []
    agent.channel.send(("lease", now() + 60))
    assert agent.finish()["status"] == "Succeeded"
    assert differences(trees.source, trees.target / "new") == ""


def stopped_in_mid_run(trees: Trees) -> tuple[Agent, float]:
    """A worker that sleeps with work done and work left, and the end of its lease: as long as the machine needs."""
    for seconds in (1.5, 6.0, 24.0):
        deadline = now() + seconds
        agent = Agent(order(trees.source, trees.target, deadline=deadline))

        def copied_files() -> int:
            return len(list(trees.target.rglob("f*")))

        agent.until(lambda: copied_files() > 50 or now() > deadline)  # noqa: B023 (called here only)
        agent.signal_all(signal.SIGSTOP)
        if copied_files() > 50:
            return agent, deadline
        agent.kill()
    raise AssertionError("this machine copies fifty files in no time that a lease has")


def test_a_worker_that_slept_past_its_lease_touches_nothing_until_it_is_renewed(trees: Trees) -> None:
    fill(trees.source, 80, 50)
    agent, deadline = stopped_in_mid_run(trees)
    while now() < deadline:
        time.sleep(0.05)
    asleep = snapshot(trees.target)
    assert len(asleep) < 4000
    agent.signal_all(signal.SIGCONT)
    time.sleep(0.4)
    assert snapshot(trees.target) == asleep
    agent.channel.send(("lease", now() + 60))
    assert agent.finish()["status"] == "Succeeded"
    assert differences(trees.source, trees.target) == ""


def test_a_worker_whose_agent_is_gone_stops_at_once(trees: Trees) -> None:
    fill(trees.source, 80, 50)
    agent = Agent(order(trees.source, trees.target))
    agent.until(lambda: len(list(trees.target.rglob("f*"))) > 50)
    helpers = Path(f"/proc/{agent.process.pid}/task/{agent.process.pid}/children").read_text().split()[:2]
    agent.channel.close()
    assert agent.process.wait(LIMIT_SECONDS) == 75
    # One that was killed still finishes the call it was in: it must have.
    assert [helper for helper in helpers if Path("/proc", helper).exists()] == []
    before = snapshot(trees.target)
    time.sleep(0.3)
    assert snapshot(trees.target) == before
    agent.errors()
    copied(trees.source, trees.target)
    assert differences(trees.source, trees.target) == ""
    assert temporaries(trees.target) == []


def test_helpers_whose_coordinator_is_killed_stop_and_let_the_lock_go(trees: Trees) -> None:
    fill(trees.source, 80, 50)
    agent = Agent(order(trees.source, trees.target))
    agent.until(lambda: len(list(trees.target.rglob("f*"))) > 50)
    agent.process.kill()
    agent.process.wait()
    copied(trees.source, trees.target)
    assert differences(trees.source, trees.target) == ""
    assert temporaries(trees.target) == []
    agent.kill()


def test_a_worker_ends_as_its_helper_was_ended(trees: Trees) -> None:
    """Whoever kills a helper (the kernel takes the largest process) is not to be mistaken for a fault of the engine."""
    fill(trees.source, 80, 50)
    agent = Agent(order(trees.source, trees.target))
    agent.until(lambda: len(list(trees.target.rglob("f*"))) > 50)
    children = Path(f"/proc/{agent.process.pid}/task/{agent.process.pid}/children").read_text().split()
    os.kill(int(children[0]), signal.SIGKILL)
    assert agent.process.wait(LIMIT_SECONDS) == -signal.SIGKILL
    assert "was killed by SIGKILL" in agent.errors()
    agent.kill()
    copied(trees.source, trees.target)
    assert differences(trees.source, trees.target) == ""


def test_a_busy_target_is_refused(trees: Trees) -> None:
    """A run into a directory holds it, all above it up to the endpoint's root, and so all below it."""
    (trees.target / "a" / "b").mkdir(parents=True)
    script = (
        "import sys\n"
        "from agentsim.engine import preflight\n"
        "preflight.LOCK_SECONDS = 0.3\n"
        "from agentsim.worker import main\n"
        "sys.exit(main(sys.argv[1:]))\n"
    )
    for held, kind, wanted in [
        ("a", fcntl.LOCK_EX, b"a"),
        ("a", fcntl.LOCK_EX, b"a/b"),
        ("a", fcntl.LOCK_SH, b"a"),
    ]:
        fd = os.open(trees.target / held, os.O_RDONLY)
        fcntl.flock(fd, kind)
        agent = run(order(trees.source, trees.target, target_subpath=wanted), script=script)
        assert agent.done is not None
        assert (agent.done["status"], agent.done["code"]) == ("Failed", "AZSM1027")
        os.close(fd)
    assert run(order(trees.source, trees.target, target_subpath=b"a"), script=script).started


def test_stale_temporaries_are_removed_and_others_kept(trees: Trees) -> None:
    (trees.source / "x").write_text("x")
    (trees.target / ".longshore-0123456789abcdef.part").write_text("stale")
    (trees.target / ".longshore-mine.part").write_text("an admin's own")
    copied(trees.source, trees.target)
    assert sorted(os.listdir(trees.target)) == [".longshore-mine.part", "x"]


def test_killed_at_any_moment_a_run_can_be_finished(trees: Trees) -> None:
    """Fifteen kills, each at another moment, while the source moves on in between."""
    chance = random.Random(20260531)
    fill(trees.source, 40, 25)
    with open(trees.source / "large", "wb") as file:
        file.write(os.urandom(1 << 20) * 80)
    fill(trees.target, 20, 30, size=10)
    files = [path for path in trees.source.rglob("f*") if path.is_file()]
    for _ in range(15):
        agent = Agent(order(trees.source, trees.target, CopyMode.MIRROR))
        time.sleep(0.06 + chance.random() * 0.25)
        agent.kill()
        for path in chance.sample(files, 30):
            path.write_bytes(os.urandom(chance.randrange(6000)))
        with open(trees.source / "large", "r+b") as file:
            file.write(os.urandom(10))
    copied(trees.source, trees.target, CopyMode.MIRROR)
    assert differences(trees.source, trees.target) == ""
    assert temporaries(trees.target) == []
