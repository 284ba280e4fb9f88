"""``longshore store``: retention and prune, check, backup, upgrade and copy, from the command line."""

from __future__ import annotations

import gzip
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


# Check, backup, upgrade, copy.


def test_a_sound_store_is_told_so(old_run: Site) -> None:
    answer = old_run.run("store", "check")
    assert answer.code == 0
    assert "problem" not in answer.out
    assert "All that must hold" in answer.err
    found = old_run.call("store", "check", "--json").json["value"]
    assert {each["name"] for each in found} >= {"integrity", "schema", "counters", "feed"}
    assert all(each["holds"] for each in found)


def test_a_store_with_a_problem_says_what_to_do_and_exits_5(old_run: Site) -> None:
    run(old_run.store, "UPDATE job_definition SET run_count = 7 WHERE name = 'hr-home'")
    before = old_run.dump()
    answer = old_run.run("store", "check")
    assert answer.code == 5
    assert "problem  run-numbers: The runs of hr-shares/hr-home" in answer.out
    assert "1 problem" in answer.err
    found = old_run.call("store", "check", "--json")
    assert found.code == 5
    assert [each["name"] for each in found.json["value"] if not each["holds"]] == ["run-numbers"]
    assert old_run.dump() == before


def test_a_backup_is_a_store(old_run: Site, tmp_path: Path) -> None:
    file = tmp_path / "backup.db"
    answer = old_run.run("store", "backup", "backup.db")
    assert (answer.code, answer.out) == (0, "")
    assert "backup.db" in answer.err
    again = old_run.call("store", "backup", str(file))
    assert again.code == 2
    assert "--force" in again.err
    assert old_run.call("store", "backup", str(file), "--force").code == 0
    assert old_run.call("--store", str(file), "store", "check").code == 0
    assert old_run.call("store", "backup", str(old_run.store), "--force").code == 2


def test_upgrade_says_when_there_is_nothing_to_do(site: Site) -> None:
    for options in ((), ("--dry-run",)):
        answer = site.call("store", "upgrade", *options)
        assert (answer.code, answer.out) == (0, "")
        assert "nothing to do" in answer.err


def test_upgrade_names_the_backup(tmp_path: Path) -> None:
    """What it would do, first; and no command that only looks does it by the way."""
    packed = Path(__file__).parents[1] / "store" / "fixtures" / "store-0002.db.gz"
    old = tmp_path / "old.db"
    old.touch(0o600)
    old.write_bytes(gzip.decompress(packed.read_bytes()))
    before = old.read_bytes()
    site = Site(tmp_path, old)
    dry = site.run("store", "upgrade", "--dry-run")
    assert dry.code == 0
    assert "would" in dry.err
    check = site.call("store", "check")
    assert (check.code, "store upgrade" in check.err) == (5, True)
    assert site.call("--read-only", "store", "upgrade").code == 2
    assert old.read_bytes() == before
    done = site.run("store", "upgrade")
    assert done.code == 0
    assert f"{old}.schema-0002" in done.err
    assert Path(f"{old}.schema-0002").exists()
    assert site.call("store", "check").code == 0


def test_a_store_is_copied_and_the_tables_are_listed(old_run: Site, tmp_path: Path) -> None:
    answer = old_run.run("store", "copy", str(old_run.store), "new.db", "--json")
    assert answer.code == 0
    assert "agent token" in answer.err
    tables = {each["table"]: each for each in answer.json["value"]}
    assert tables["run_item"]["rows"] == 1
    assert all(each["source"] == each["target"] for each in tables.values())
    listed = old_run.call("--store", str(tmp_path / "new.db"), "run", "list", *M)
    assert listed.out == old_run.call("run", "list", *M).out
    shown = old_run.call("store", "copy", str(old_run.store), "other.db")
    assert "run_item" in shown.out


def test_a_store_that_is_in_the_way_is_refused(old_run: Site, tmp_path: Path) -> None:
    before = old_run.dump()
    assert old_run.call("store", "copy", str(old_run.store), str(old_run.store)).code == 2
    assert old_run.call("--read-only", "store", "copy", str(old_run.store), "new.db").code == 2
    (tmp_path / "text").write_text("not a store")
    assert old_run.call("store", "copy", str(old_run.store), str(tmp_path / "text")).code == 5
    assert (tmp_path / "text").read_text() == "not a store"
    assert not (tmp_path / "new.db").exists()
    assert old_run.dump() == before
