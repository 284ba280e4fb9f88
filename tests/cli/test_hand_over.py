"""``run hand-over``: what it asks, what it refuses, and where an admin is told of it."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path

import pytest

from tests.cli.conftest import Site

M = ("--mover", "nas-exit")
HOME = "hr-shares/hr-home"


@pytest.fixture
def queued(site: Site) -> Site:
    """A run that waits for dock-1; ``fresh`` is another agent of the mover, ``dock-9`` one of another mover."""
    assert site.call("run", "start", HOME, "--agent", "dock-1", *M).code == 0
    return site


def make_lost(store: Path, lease_from_now_ms: int) -> None:
    """As if dock-1 had taken the run, and been silent since long ago."""
    with contextlib.closing(sqlite3.connect(store)) as connection:
        connection.execute("UPDATE job_run SET status = 'Running', fence = 1")
        connection.execute("UPDATE agent_beat SET at = 1")
        connection.execute(
            "INSERT INTO run_lease (run_id, agent_id, fence, lease_until) "
            "SELECT id, agent_id, 1, CAST(strftime('%s', 'now') AS INTEGER) * 1000 + ? FROM job_run",
            (lease_from_now_ms,),
        )
        connection.execute("UPDATE agent SET heartbeat_ms = 5000")
        connection.commit()


def test_a_lost_run_goes_to_another_agent(queued: Site) -> None:
    make_lost(queued.store, -1_000)
    shown = queued.call("run", "show", HOME, *M).out
    assert f"longshore run hand-over {HOME}#1 --agent" in shown
    answer = queued.call("run", "hand-over", HOME, "--agent", "fresh", "--yes", *M)
    assert (answer.code, answer.out) == (0, f"{HOME}#1 Running fresh\n")
    assert "'fresh' is not running" in answer.err, "nobody is to wait in vain"
    shown = queued.call("run", "show", HOME, *M).out
    assert "handed over: from dock-1 to fresh" in shown


def test_a_place_of_any_type_is_named(site: Site) -> None:
    assert site.call("run", "start", "hr-shares/hr-nfs", "--agent", "dock-1", *M).code == 0
    answer = site.call("run", "hand-over", "hr-shares/hr-nfs", "--agent", "fresh", *M)
    assert answer.code == 2
    assert "the same at 'nas1:/export/hr' and" in answer.err


def test_it_asks_first_and_says_what_must_be_so(queued: Site) -> None:
    """The directories are named: on the other host they must be the same."""
    before = queued.dump()
    answer = queued.call("run", "hand-over", HOME, "--agent", "fresh", *M)
    assert answer.code == 2
    for word in ("'fresh'", "'dock-1'", f"'{queued.root}/old'", f"'{queued.root}/new'", "--yes"):
        assert word in answer.err
    assert "for good" not in answer.err
    assert queued.dump() == before


@pytest.mark.parametrize(
    ("agent", "code", "words"),
    [
        ("fresh", 2, "held by 'dock-1' for another"),
        ("dock-1", 2, "is given to 'dock-1' already"),
        ("dock-9", 4, "belongs to the storage mover 'other'"),
        ("nobody", 4, "There is no agent 'nobody'"),
    ],
)
def test_what_it_refuses_changes_nothing(queued: Site, agent: str, code: int, words: str) -> None:
    make_lost(queued.store, 20_000)
    before = queued.dump()
    answer = queued.call("run", "hand-over", HOME, "--agent", agent, "--yes", *M)
    assert (answer.code, answer.out) == (code, "")
    assert words in answer.err
    assert queued.dump() == before


def test_read_only_hands_nothing_over(queued: Site) -> None:
    before = queued.dump()
    assert queued.call("--read-only", "run", "hand-over", HOME, "--agent", "fresh", "--yes", *M).code == 2
    assert queued.dump() == before
