"""A target that is full, read-only or loses what was written: the run stops at once and says so (F18, F25)."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from store import codes
from store.settings import CopySettings
from store.vocabulary import CopyMode, Durability, Guard
from tests.faultfs.faults import Fault
from tests.faultfs.mount import FaultFs, fault_fs

from .conftest import Trees
from .driver import Agent, copied, differences, order, run, temporaries
from .mounts import loop, tmpfs

FILES = 60
OLD = b"the old one"


def fill(trees: Trees, target: Path | None = None) -> None:
    """Sixty files in six directories; every third has an old target."""
    for number in range(FILES):
        name = f"d{number % 6}/f{number:02}"
        for root in (trees.source, target or trees.target):
            (root / name).parent.mkdir(exist_ok=True)
        (trees.source / name).write_bytes(os.urandom(30_000))
        if not number % 3:
            ((target or trees.target) / name).write_bytes(OLD)


def all_old_or_new(source: Path, target: Path) -> bool:
    """Whether every file of the target is the complete old or the complete new one, and no old one is missing."""
    for number in range(FILES):
        name = f"d{number % 6}/f{number:02}"
        if not (target / name).exists():
            if not number % 3:
                return False
        elif (target / name).read_bytes() not in (OLD, (source / name).read_bytes()):
            return False
    return True


@pytest.mark.parametrize("scarce", ["size=800k,nr_inodes=500", "size=16m,nr_inodes=40"])
def test_a_full_target_stops_the_run_and_it_goes_on_when_there_is_room(trees: Trees, scarce: str) -> None:
    """Both kinds of full: no space, and space but no inodes."""
    with tmpfs(trees.target):
        fill(trees)
        subprocess.run(["mount", "-o", f"remount,{scarce}", str(trees.target)], check=True)
        agent = run(order(trees.source, trees.target, CopyMode.MIRROR))
        assert agent.done is not None
        assert (agent.done["status"], agent.done["code"]) == ("Failed", codes.TARGET_FULL)
        assert "ENOSPC" in agent.done["message"]
        assert temporaries(trees.target) == []
        assert all_old_or_new(trees.source, trees.target)
        subprocess.run(["mount", "-o", "remount,size=16m,nr_inodes=500", str(trees.target)], check=True)
        copied(trees.source, trees.target, CopyMode.MIRROR)
        assert differences(trees.source, trees.target) == ""


@pytest.mark.parametrize("operation", ["create", "write", "flush", "rename", "mkdir"])
@pytest.mark.parametrize(
    ("error", "code"),
    [("ENOSPC", codes.TARGET_FULL), ("EDQUOT", codes.TARGET_QUOTA), ("EROFS", codes.TARGET_READ_ONLY)],
)
def test_what_every_further_write_would_meet_stops_the_run_at_once(
    trees: Trees, faulty_target: FaultFs, operation: str, error: str, code: str
) -> None:
    """On NFS the server's answer comes with any of these calls, with ``close`` too."""
    fill(trees, faulty_target.source)
    (trees.source / "new").mkdir()
    fault = Fault(operation=operation, skip=0 if operation == "mkdir" else 9, error=error)
    faulty_target.order(fault)
    agent = run(order(trees.source, trees.target, CopyMode.MIRROR))
    assert agent.done is not None
    assert (agent.done["status"], agent.done["code"]) == ("Failed", code)
    assert f"({error})" in agent.done["message"]
    assert 1 <= len(faulty_target.hits(fault)) <= 2, "each helper learns it once"
    assert temporaries(faulty_target.source) == []
    assert all_old_or_new(trees.source, faulty_target.source)
    faulty_target.order()
    copied(trees.source, trees.target, CopyMode.MIRROR)
    assert differences(trees.source, faulty_target.source) == ""


def test_a_helper_that_stopped_before_it_was_heard_is_no_crash(trees: Trees) -> None:
    """The coordinator still hands it work; what counts is what the helper said before it left."""
    for number in range(14):
        (trees.source / f"d{number:02}").mkdir()
        (trees.source / f"d{number:02}" / "file").write_bytes(os.urandom(30_000))
    slow = (
        "import sys, time\n"
        "from agentsim.engine.coordinator import Coordinator\n"
        "original = Coordinator._pump\n"
        "def pump(self, seconds):\n"
        "    time.sleep(0.05)\n"
        "    original(self, seconds)\n"
        "Coordinator._pump = pump\n"
        "from agentsim.worker import main\n"
        "sys.exit(main(sys.argv[1:]))\n"
    )
    with tmpfs(trees.target, size="200k"):
        agent = run(order(trees.source, trees.target), script=slow)
        assert agent.done is not None
        assert agent.done["code"] == codes.TARGET_FULL


@pytest.mark.parametrize("extra", [110, 3_000])
def test_an_agent_without_space_for_its_notes_deletes_nothing(
    trees: Trees, monkeypatch: pytest.MonkeyPatch, extra: int
) -> None:
    """What is to be deleted is noted in a file on the agent's host; half a note must never be followed."""
    notes = trees.base / "notes"
    notes.mkdir()
    fill(trees)
    for number in range(extra):
        (trees.target / f"only here, a name of some length {number:05}").touch()
    with tmpfs(notes, size="4k"):
        monkeypatch.setenv("TMPDIR", str(notes))
        agent = run(order(trees.source, trees.target, CopyMode.MIRROR, overrides=frozenset(Guard)))
        assert agent.done is not None
        assert (agent.done["status"], agent.done["code"]) == ("Failed", codes.AGENT_FULL)
        assert "ENOSPC" in agent.done["message"]
        assert agent.counters["items_deleted"] == 0
    copied(trees.source, trees.target, CopyMode.MIRROR, overrides=frozenset(Guard))
    assert differences(trees.source, trees.target) == ""


def test_a_target_that_turns_read_only_in_mid_run_keeps_what_it_has(trees: Trees, faulty_source: FaultFs) -> None:
    """As ext4 does by itself when it meets an error."""
    with loop(trees.target, "ext4", options="errors=remount-ro"):
        device = trees.target.stat().st_dev
        name = Path(f"/sys/dev/block/{os.major(device)}:{os.minor(device)}").resolve().name
        trigger = Path(f"/sys/fs/ext4/{name}/trigger_fs_error")
        if not trigger.exists():
            pytest.skip("this kernel's ext4 cannot be told to fail")
        fill(trees)
        waiting = Fault(operation="open", path="d?/f*", skip=FILES // 2, hang=True)
        faulty_source.order(waiting)
        agent = Agent(order(trees.source, trees.target, CopyMode.MIRROR, helpers=1))
        faulty_source.wait_for(waiting)
        trigger.write_text("ordered by a test")
        faulty_source.order()
        done = agent.finish()
        assert (done["status"], done["code"]) == ("Failed", codes.TARGET_READ_ONLY)
        assert agent.counters["items_transferred"] >= FILES // 2
        assert temporaries(trees.target) == []
        assert all_old_or_new(faulty_source.source, trees.target)


def test_what_did_not_reach_the_disk_is_no_success(trees: Trees) -> None:
    """A disk that fails when the caches are written out: only the run's last ``syncfs`` hears of it."""
    place, real = trees.base / "disk", trees.base / "behind the disk"
    for directory in (place, real):
        directory.mkdir()
    with fault_fs(real, place) as disk, loop(trees.target, "ext4", image=place / "image"):
        fill(trees)
        os.sync()
        broken = Fault(operation="write,fsync", path="image", error="EIO")
        disk.order(broken)
        agent = run(order(trees.source, trees.target))
        assert disk.hits(broken)
        assert agent.done is not None
        assert (agent.done["status"], agent.done["code"]) == ("Failed", codes.TARGET_NOT_DURABLE)
        disk.order()


def test_a_file_that_cannot_be_made_durable_is_not_put_in_place(trees: Trees, faulty_target: FaultFs) -> None:
    fill(trees, faulty_target.source)
    fault = Fault(operation="fsync", path="d3/.longshore-*", error="EIO")
    faulty_target.order(fault)
    agent = run(order(trees.source, trees.target, settings=CopySettings(durability=Durability.EVERY_FILE)))
    assert faulty_target.hits(fault)
    assert agent.done is not None
    assert agent.done["status"] == "Failed"
    assert {row[0].partition(b"/")[0] for row in agent.rows if row[2] == "Failed"} == {b"d3"}
    assert all((faulty_target.source / f"d3/f{number:02}").read_bytes() == OLD for number in range(3, FILES, 6)), (
        "none of that directory was put in place"
    )
    assert temporaries(faulty_target.source) == []


def test_a_directory_that_cannot_be_made_durable_is_told(trees: Trees, faulty_target: FaultFs) -> None:
    fill(trees, faulty_target.source)
    fault = Fault(operation="fsyncdir", path="d3", error="EIO")
    faulty_target.order(fault)
    agent = run(order(trees.source, trees.target, settings=CopySettings(durability=Durability.EVERY_FILE)))
    assert faulty_target.hits(fault)
    assert agent.done is not None
    assert agent.done["status"] == "Failed"
