"""A mount that hangs, as a hard NFS mount does when its server is gone: even SIGKILL waits (F26).

Here with the agent and the store: it is they who must not hang along.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import text

from store.reader import Reader
from store.resources.runs import sweep
from store.vocabulary import JobRunStatus
from tests.agent.migration import HEARTBEAT, Migration
from tests.faultfs.faults import Fault
from tests.faultfs.mount import fault_fs


def alive(pid: int) -> bool:
    """Whether a process is there and no mere exit status."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def condemned(pid: int) -> bool:
    """Whether SIGKILL waits for a process to come back from the kernel."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return True
    pending = [int(line.split()[1], 16) for line in status.splitlines() if line.startswith(("SigPnd", "ShdPnd"))]
    return any(mask & 1 << (signal.SIGKILL - 1) for mask in pending)


def until(condition: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end, what
        time.sleep(0.02)


def beats_go_on(migration: Migration) -> None:
    with Reader(str(migration.path)) as reader:
        due = reader.value("SELECT at FROM agent_beat") + 2 * HEARTBEAT * 1000
        until(lambda: reader.value("SELECT at FROM agent_beat") > due, "the heartbeats go on")


@pytest.mark.parametrize(
    ("side", "operation", "path"),
    [
        ("source", "getattr", ""),
        ("source", "getattr", "d2/f22"),
        ("source", "opendir", "d2"),
        ("source", "open", "d2/f22"),
        ("source", "read", "d2/f22"),
        ("target", "write", "d2/*"),
    ],
)
def test_a_mount_that_hangs_stops_no_heartbeat_no_cancel_and_no_end(
    tmp_path: Path, side: str, operation: str, path: str
) -> None:
    migration = Migration(tmp_path)
    real = tmp_path / "behind"
    real.mkdir()
    try:
        mountpoint = migration.source if side == "source" else migration.target
        with fault_fs(real, mountpoint) as mounted:
            source = real if side == "source" else migration.source
            for number in range(40):
                (source / f"d{number % 4}").mkdir(exist_ok=True)
                (source / f"d{number % 4}" / f"f{number:02}").write_bytes(os.urandom(2_000))
            waiting = Fault(operation=operation, path=path, hang=True)
            mounted.order(waiting)
            agent = migration.start_agent()
            migration.start_run()
            mounted.wait_for(waiting)
            workers = migration.workers()
            beats_go_on(migration)
            migration.cancel()
            migration.until(lambda run: run.status == JobRunStatus.CANCELING)
            beats_go_on(migration)
            with migration.store.write("test") as tx:
                tx.session.execute(text("UPDATE job_run SET cancel_deadline = 1 WHERE cancel_deadline IS NOT NULL"))
            # Whoever keeps the store ends it then: this test, or the agent itself.
            sweep(migration.store)
            assert migration.ended().status == JobRunStatus.CANCELED
            assert agent.poll() is None
            until(lambda: all(condemned(pid) for pid in workers if alive(pid)), "what is left is to be killed")
            assert any(alive(pid) for pid in workers), "where it hangs no signal reaches it"
            before = sorted(migration.target.rglob("*")) if side == "source" else []
            mounted.order()
            until(lambda: not any(alive(pid) for pid in workers), "it dies when the mount answers")
            if side == "source":
                assert sorted(migration.target.rglob("*")) == before, "nothing was written afterwards"
            migration.start_run()
            run = migration.until(lambda run: run.number == 2 and not run.active)
            assert run.status == JobRunStatus.SUCCEEDED, (run, migration.log())
            assert migration.differences() == ""
            assert migration.leftovers() == []
    finally:
        migration.close()
