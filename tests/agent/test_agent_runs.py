"""An agent as a real process: it copies, is stopped, killed, frozen and cut off, and nothing untrue is told."""

from __future__ import annotations

import errno
import os
import signal
import stat
import subprocess
import time
from pathlib import Path

import pytest

from agentsim.identity import Identity, StateDirectory
from store.errors import InvalidInput
from store.queries import hierarchy
from store.vocabulary import AgentStatus, JobRunStatus
from tests.agent.migration import HEARTBEAT, LIMIT, Migration, freeze, wake


def test_a_run_copies_everything_and_ends_its_grants(migration: Migration) -> None:
    migration.fill(500)
    (migration.source / "empty").mkdir()
    (migration.source / "link").symlink_to("d000")
    migration.start_run()
    migration.start_agent()
    run = migration.ended()
    assert run.status == JobRunStatus.SUCCEEDED, run
    assert run.counters["items_scanned"] == run.counters["items_transferred"] == 500 + 20 + 1 + 1
    assert migration.differences() == ""
    with migration.reader() as reader:
        assert reader.value("SELECT count(*) FROM access_grant WHERE ended_at IS NULL") == 0
        assert reader.value("SELECT count(*) FROM run_lease") == 0


def test_once_ends_when_no_run_waits(migration: Migration) -> None:
    migration.fill(10)
    migration.start_run()
    assert migration.start_agent("--once").wait(LIMIT) == 0
    assert migration.latest().status == JobRunStatus.SUCCEEDED


def test_a_second_pass_copies_only_what_is_missing(migration: Migration) -> None:
    migration.fill(300)
    migration.start_agent()
    migration.start_run()
    migration.ended()
    (migration.target / "d001" / "f00001").unlink()
    os.utime(migration.source / "d002" / "f00002", ns=(1, 2))
    migration.start_run()
    run = migration.until(lambda r: r.number == 2 and not r.active)
    assert run.counters["items_transferred"] - 2 <= 2, "two files, and the directories they lie in"
    assert run.counters["items_no_transfer_needed"] >= 316
    assert migration.differences() == ""


def test_a_stopped_run_leaves_no_halves_and_the_next_finishes(migration: Migration) -> None:
    migration.fill(800, size=3_000)
    migration.start_agent(slow=True)
    migration.start_run()
    migration.until(lambda run: run.counters["items_transferred"] > 0)
    # Held until the cancel has been heard: on a busy machine the rest would be copied meanwhile.
    workers = migration.workers()
    freeze(workers)
    migration.cancel()
    migration.until(lambda run: run.status == JobRunStatus.CANCELING)
    wake(workers)
    run = migration.ended()
    assert run.status == JobRunStatus.CANCELED
    assert migration.leftovers() == []
    migration.start_run()
    again = migration.until(lambda r: r.number == 2 and not r.active)
    assert again.status == JobRunStatus.SUCCEEDED
    assert again.counters["items_no_transfer_needed"] > 0
    assert migration.differences() == ""


def test_an_agent_killed_in_mid_run_goes_on_at_its_next_start(migration: Migration) -> None:
    migration.fill(800, size=3_000)
    agent = migration.start_agent(slow=True)
    migration.start_run()
    migration.until(lambda run: run.counters["items_transferred"] > 0)
    agent.kill()
    agent.wait()
    assert migration.latest().active, "nobody has said that it ended"
    migration.start_agent(slow=True)
    run = migration.ended()
    assert run.status == JobRunStatus.SUCCEEDED
    assert run.fence == 2
    assert migration.differences() == ""
    assert migration.leftovers() == []


def test_sigterm_stops_the_agent_and_leaves_the_run_to_go_on(migration: Migration) -> None:
    migration.fill(800, size=3_000)
    agent = migration.start_agent(slow=True)
    migration.start_run()
    migration.until(lambda run: run.counters["items_transferred"] > 0)
    agent.send_signal(signal.SIGTERM)
    assert agent.wait(LIMIT) == 0
    assert migration.workers() == []
    with migration.reader() as reader:
        assert hierarchy.agents(reader, 1)[0].status == AgentStatus.OFFLINE, "at once, not after three intervals"
    migration.start_agent(slow=True)
    assert migration.ended().status == JobRunStatus.SUCCEEDED
    assert migration.differences() == ""


def test_a_failed_item_fails_the_run_with_its_real_error(migration: Migration) -> None:
    """The target has a directory where the source has a file, and the mode deletes nothing."""
    migration.fill(50)
    with migration.store.write("user/test") as tx:
        from sqlmodel import select

        from store.models import JobDefinition
        from store.vocabulary import CopyMode

        definition = tx.session.exec(select(JobDefinition)).one()
        definition.copy_mode = CopyMode.ADDITIVE
        tx.session.add(definition)
    (migration.target / "d003").mkdir()
    (migration.target / "d003" / "f00003").mkdir()
    (migration.target / "d003" / "f00003" / "precious").write_text("keep me")
    migration.start_agent()
    migration.start_run()
    run = migration.ended()
    assert run.status == JobRunStatus.FAILED
    assert run.counters["items_failed"] == 1
    assert (migration.target / "d003" / "f00003" / "precious").read_text() == "keep me"
    with migration.reader() as reader:
        row = reader.row("SELECT path, outcome, message FROM run_item")
    assert row is not None
    assert (row["path"], row["outcome"]) == (b"d003/f00003", "Failed")
    assert row["message"]


def test_a_mirror_of_an_empty_source_deletes_nothing(migration: Migration) -> None:
    """An unmounted share looks like an empty directory (fault F1)."""
    (migration.target / "only copy").write_text("years of work")
    migration.start_agent()
    migration.start_run()
    run = migration.ended()
    assert run.status == JobRunStatus.FAILED
    assert run.error_code == "LSM1102"
    assert (migration.target / "only copy").read_text() == "years of work"


def test_a_missing_source_fails_with_its_code(migration: Migration) -> None:
    (migration.target / "only copy").write_text("years of work")
    migration.source.rmdir()
    migration.start_agent()
    migration.start_run()
    run = migration.ended()
    assert (run.status, run.error_code) == (JobRunStatus.FAILED, "AZSM1004")
    assert (migration.target / "only copy").exists()


def test_a_frozen_agent_whose_run_was_ended_writes_nothing_more(migration: Migration) -> None:
    """SIGSTOP past the lease, while the store ends the run; then it wakes (fault F9)."""
    migration.fill(800, size=3_000)
    agent = migration.start_agent(slow=True)
    migration.start_run()
    migration.until(lambda run: run.counters["items_transferred"] > 0)
    frozen = [*migration.workers(), agent.pid]
    freeze(frozen)
    migration.cancel()
    with migration.store.write("test") as tx:
        from sqlalchemy import text

        tx.session.execute(text("UPDATE job_run SET cancel_deadline = 1"))
    from store.resources.runs import sweep

    assert sweep(migration.store) == 1
    assert migration.latest().status == JobRunStatus.CANCELED
    time.sleep(HEARTBEAT * 7)
    before = sorted(path.name for path in migration.target.rglob("*"))
    wake(frozen)
    end = time.monotonic() + LIMIT
    while migration.workers() and time.monotonic() < end:
        time.sleep(0.05)
    assert migration.workers() == []
    after = sorted(path.name for path in migration.target.rglob("*") if not path.name.startswith(".longshore-"))
    assert set(after) <= set(before)
    run = migration.latest()
    assert run.status == JobRunStatus.CANCELED, "the late agent could not change the run"


def test_a_store_that_was_moved_away_and_back_is_waited_for(file_migration: Migration) -> None:
    migration = file_migration
    migration.fill(800, size=3_000)
    migration.start_agent(slow=True)
    migration.start_run()
    migration.until(lambda run: run.counters["items_transferred"] > 0)
    migration.store.close()
    away = migration.path.with_name("away")
    away.mkdir()
    for suffix in ("", "-wal", "-shm"):
        file = migration.path.with_name(migration.path.name + suffix)
        if file.exists():
            file.rename(away / file.name)
    time.sleep(1)
    for file in away.iterdir():
        file.rename(migration.path.with_name(file.name))
    run = migration.ended()
    assert run.status == JobRunStatus.SUCCEEDED, migration.log()
    assert migration.differences() == ""


def test_a_second_process_of_one_identity_is_refused(migration: Migration, tmp_path: Path) -> None:
    """On this host by the lock; from a copy of the state directory by the store, which flags the agent."""
    migration.start_agent()
    end = time.monotonic() + LIMIT
    with migration.reader() as reader:
        while hierarchy.agents(reader, 1)[0].status != AgentStatus.ONLINE:
            assert time.monotonic() < end
            time.sleep(0.05)
    assert migration.start_agent().wait(LIMIT) == 2
    assert "already running on this host" in migration.log()
    clone = tmp_path / "clone"
    clone.mkdir(mode=0o700)
    copy = clone / "identity.json"
    copy.touch(mode=0o600)
    copy.write_bytes((migration.state / "identity.json").read_bytes())
    assert migration.start_agent(state=clone).wait(LIMIT) == 2
    assert "already running on" in migration.log()
    with migration.reader() as reader:
        assert hierarchy.agents(reader, 1)[0].status == AgentStatus.REQUIRES_ATTENTION


def test_the_credential_is_private_and_nowhere_else(file_migration: Migration) -> None:
    migration = file_migration
    identity = migration.state / "identity.json"
    assert stat.S_IMODE(identity.stat().st_mode) == 0o600
    import json

    credential = json.loads(identity.read_text())["credential"].encode()
    for file in migration.path.parent.glob("longshore.db*"):
        assert credential not in file.read_bytes()
    identity.chmod(0o644)
    assert migration.start_agent().wait(LIMIT) == 2
    assert "chmod 600" in migration.log()


def test_registering_says_what_is_wrong_and_uses_nothing_up(migration: Migration, tmp_path: Path) -> None:
    taken = migration.register("dock-1", tmp_path / "other")
    assert (taken.returncode, taken.stdout) == (2, "")
    assert "has an agent 'dock-1' already" in taken.stderr
    assert not (tmp_path / "other" / "identity.json").exists()
    in_use = migration.register("dock-2", migration.state)
    assert in_use.returncode == 2
    assert "holds an agent's identity already" in in_use.stderr
    with migration.reader() as reader:
        assert reader.value("SELECT count(*) FROM agent") == 1


def test_an_identity_that_cannot_be_kept_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk while registering: half an identity would block the next try."""
    state = StateDirectory(tmp_path / "state")
    state.prepare()

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(InvalidInput, match="No space left"):
        state.save(Identity("store", "m", "dock-1", "secret"))
    assert list(state.path.iterdir()) == []


def test_a_worker_that_hangs_stops_no_heartbeat(migration: Migration) -> None:
    """A mount that hangs stops a worker, never a heartbeat and never a cancel (fault F26)."""
    migration.fill(800, size=3_000)
    migration.start_agent(slow=True)
    migration.start_run()
    migration.until(lambda run: run.counters["items_transferred"] > 0)
    freeze(migration.workers())
    with migration.reader() as reader:
        first = reader.value("SELECT at FROM agent_beat")
        end = time.monotonic() + LIMIT
        while reader.value("SELECT at FROM agent_beat") <= first + 3 * HEARTBEAT * 1000:
            assert time.monotonic() < end
            time.sleep(0.05)
    migration.cancel()
    migration.until(lambda run: run.status == JobRunStatus.CANCELING)
    wake(migration.workers())
    # What was left of it may have been finished before the worker heard of the cancel: that is no lie either.
    assert migration.ended().status in (JobRunStatus.CANCELED, JobRunStatus.SUCCEEDED)


def test_starting_takes_no_token_from_the_arguments() -> None:
    """An argument would show in ps: there is no option for one."""
    done = subprocess.run(
        ["python3", "-m", "agentsim", "register", "--help"], capture_output=True, text=True, check=False
    )
    assert "--token " not in done.stdout
