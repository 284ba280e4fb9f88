"""``longshore store``: retention and prune, check, backup, upgrade and copy, from the command line."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from store.db import open_store
from store.execution import claims
from store.execution.trust import AgentIdentity
from store.models import Agent
from store.place import locate
from store.vocabulary import JobRunStatus
from tests.cli.conftest import A_YEAR_MS, Site

HOME = "hr-shares/hr-home"
M = ("--mover", "nas-exit")
AGES_MS = 200 * 86_400_000


@pytest.fixture
def old_run(site: Site) -> Site:
    """A run with a failed item that ended two hundred days ago."""
    store = open_store(locate(str(site.store)))
    with store.read() as session:
        from sqlmodel import select

        agent = session.exec(select(Agent).where(Agent.name == "dock-1")).one()
        identity = AgentIdentity(agent.id, agent.mover_id, agent.name, agent.instance_id, A_YEAR_MS)
    assert site.call("run", "start", HOME, *M, "--agent", "dock-1", "--report").code == 0
    with store.write("agent/dock-1") as tx:
        claim = claims.claim_run(tx, identity, [])
        assert claim is not None
        claims.report_started(tx, identity, claim)
        claims.report_items(tx, identity, claim, [(b"bad", "F", "Failed", "LSM2203", "The content differs", 5)])
        claims.report_progress(tx, identity, claim, {"items_scanned": 1, "items_failed": 1})
        claims.finish_run(tx, identity, claim, JobRunStatus.FAILED, code="LSM1010", message="1 of 1", target="")
    store.close()
    run(site.store, f"UPDATE job_run SET execution_end_time = execution_end_time - {AGES_MS}")
    return site


def run(path: Path, statement: str) -> list[Any]:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        return connection.execute(statement).fetchall()


def test_the_policy_is_shown_and_changed(site: Site) -> None:
    shown = site.run("store", "retention")
    assert shown.code == 0
    assert shown.out.count("kept for 90 days") == 3
    changed = site.run("store", "retention", "--items-days", "30", "--reports-days", "0", "--json")
    assert changed.json == {"itemsDays": 30, "reportsDays": 0, "samplesDays": 90}
    assert "store prune" in changed.err
    assert site.call("store", "retention", "--json").json == changed.json
    assert "for ever" in site.call("store", "retention").out


@pytest.mark.parametrize("days", ["-1", "x", "36501", "1" * 10])
def test_days_that_are_none(site: Site, days: str) -> None:
    before = site.dump()
    answer = site.run("store", "retention", f"--items-days={days}")
    assert answer.code == 2
    assert answer.err.startswith("longshore: ")
    assert site.dump() == before


def test_read_only_shows_and_does_not_change(site: Site) -> None:
    before = site.dump()
    assert site.call("--read-only", "store", "retention").code == 0
    assert site.call("--read-only", "store", "prune", "--dry-run").code == 0
    assert site.call("--read-only", "store", "retention", "--items-days", "1").code == 2
    assert site.call("--read-only", "store", "prune").code == 2
    assert site.dump() == before


def test_prune_says_what_would_go_and_then_what_went(old_run: Site) -> None:
    """And afterwards the run's lists say why they are empty."""
    listed = old_run.call("run", "items", HOME, *M)
    assert "bad" in listed.out
    before = old_run.dump()
    dry = old_run.call("store", "prune", "--dry-run", "--json")
    assert (dry.code, dry.json["items"], dry.json["runs"]) == (0, 1, 1)
    assert old_run.dump() == before
    done = old_run.run("store", "prune", "--json")
    assert (done.code, done.json["items"]) == (0, 1)
    for verb in ("items", "report"):
        answer = old_run.call("run", verb, HOME, *M)
        assert answer.code == 0
        assert answer.out == ""
        assert "Retention removed the" in answer.err
    shown = old_run.call("run", "show", HOME, *M)
    assert "by retention on" in shown.out
    assert "See 'longshore run items" not in shown.out
