"""The past of a simulated organisation: written in bulk, and yet as the calls of its time would have left it."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import col, select

from agentsim.simulate import history as past
from agentsim.simulate.history import History
from agentsim.simulate.history_write import write_history
from store.db import Store, open_store
from store.feed import head, since
from store.models import AccessGrant, Event, JobRun, RunProgress
from store.place import locate
from store.queries.items import items
from store.queries.runs import runs
from store.queries.scope import Scope
from store.queries.window import Page
from store.reader import Reader
from store.resources.common import find_mover
from store.resources.runs import start_run
from store.upkeep.check.content import CONTENT
from store.vocabulary import JobRunStatus
from tests.agent.simulated import broken_rules, digest
from tests.agent.test_simulate import simulate
from tests.store.conftest import empty_store, store_path
from tests.store.world import NOON

__all__ = ["empty_store", "store_path"]

YEAR = 365 * 86_400_000


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest) -> str:
    """An empty store of each kind."""
    return str(request.getfixturevalue("store_path" if request.param == "sqlite" else "store_url"))


def write(url: str, count: int = 400, generation: int = 1, years: float = 3.0) -> int:
    """A past that ends at noon; how many items it has."""
    plan = History(seed=7, runs=count, years=years, generation=generation, until=NOON)
    return write_history(locate(url), plan, lambda done: None)


def test_every_rule_holds_of_a_past_as_of_runs_made_by_calls(url: str) -> None:
    write(url)
    assert broken_rules(url) == {}
    with closing(Reader(url)) as reader:
        found = {one.name: [finding.sentence for finding in one.find(reader)] for one in CONTENT}
    assert {name: sentences for name, sentences in found.items() if sentences} == {}


def test_a_past_is_as_large_as_asked_and_spreads_over_its_years(url: str) -> None:
    count = write(url, 500)
    with closing(Reader(url)) as reader:
        row = reader.row(
            "SELECT count(*) AS runs, min(created_at) AS first, max(execution_end_time) AS last FROM job_run"
        )
        assert row is not None
        assert row["runs"] == 500
        assert NOON - 3.01 * YEAR < row["first"] < NOON - 2.9 * YEAR
        assert NOON - 0.1 * YEAR < row["last"] < NOON
        assert reader.value("SELECT count(*) FROM run_item") == count
        assert 500 * 2 < count < 500 * 10
        statuses = {row[0] for row in reader.rows("SELECT DISTINCT status FROM job_run")}
        assert statuses == {"Succeeded", "Failed", "Canceled"}
        assert reader.value("SELECT count(*) FROM progress_sample") >= 0


def test_the_database_knows_the_totals_and_what_came_of_each_definition(url: str) -> None:
    write(url)
    with closing(Reader(url)) as reader:
        totals = reader.rows(
            "SELECT mover_id, kind, status, runs, items_scanned, bytes_transferred FROM run_totals WHERE runs > 0 "
            "ORDER BY mover_id, kind, status"
        )
        summed = reader.rows(
            "SELECT mover_id, kind, status, count(*), CAST(sum(items_scanned) AS bigint), "
            "CAST(sum(bytes_transferred) AS bigint) FROM job_run "
            "GROUP BY mover_id, kind, status ORDER BY mover_id, kind, status"
        )
        assert [tuple(row) for row in totals] == [tuple(row) for row in summed]
        wrong = reader.rows(
            "SELECT d.id FROM job_definition d JOIN job_run r ON r.id = d.latest_run_id "
            "WHERE d.latest_state <> r.status OR d.latest_ended <> r.execution_end_time"
        )
        assert wrong == []


def test_the_store_goes_on_from_a_past_by_its_own_operations(url: str) -> None:
    write(url, 60)
    with closing(open_store(url)) as store:
        told = _run_of_the_past(store)
        with store.write("ann") as tx:
            mover = find_mover(tx.session, "sim1-nas-exit")
            run = start_run(tx, mover, str(told["label"]), agent_name=str(told["agent"]))
            assert run.number == int(told["number"]) + 1
            assert run.id > int(told["id"])


def test_what_a_run_of_the_past_keeps_is_what_starting_it_now_would_keep(url: str) -> None:
    """Bulk rows are written by hand: here the real operation says what they should have been."""
    write(url, 60)
    with closing(open_store(url)) as store:
        told = _run_of_the_past(store)
        with store.write("ann") as tx:
            mover = find_mover(tx.session, "sim1-nas-exit")
            run = start_run(tx, mover, str(told["label"]), agent_name=str(told["agent"]))
            before = tx.session.get_one(JobRun, told["id"])
            for name in (
                "mover_id",
                "project_id",
                "source_id",
                "target_id",
                "agent_id",
                "agent_name",
                "copy_mode",
                "target_key",
                "definition_properties",
                "source_properties",
                "target_properties",
                "overrides",
                "report",
                "trigger_type",
            ):
                assert getattr(before, name) == getattr(run, name), name
            assert json.dumps(before.definition_properties) == json.dumps(run.definition_properties)
            assert _grants(tx.session, before) == _grants(tx.session, run)
            queued = select(Event.resource, Event.detail, Event.mover_id).where(Event.action == "queued")
            old, new = (
                tx.session.exec(queued.where(Event.kind == "job_run", Event.resource_id == one.id)).one()
                for one in (before, run)
            )
            assert (old[1], old[2]) == (new[1], new[2])
            assert old[0].partition("#")[0] == new[0].partition("#")[0]


def _grants(session: Any, run: JobRun) -> list[tuple[Any, ...]]:
    query = select(AccessGrant).where(AccessGrant.run_id == run.id).order_by(col(AccessGrant.id))
    return [(g.agent_id, g.endpoint_id, g.endpoint_name, g.permission) for g in session.exec(query)]


def _run_of_the_past(store: Store) -> dict[str, Any]:
    """The latest run of a definition whose last pass was a copy."""
    with closing(Reader(store.place)) as reader:
        row = reader.row(
            "SELECT r.id, r.number, r.agent_name AS agent, p.name AS project, d.name AS definition FROM job_run r "
            "JOIN job_definition d ON d.latest_run_id = r.id JOIN project p ON p.id = d.project_id "
            "WHERE r.kind = 'Copy' ORDER BY r.id DESC LIMIT 1"
        )
    assert row is not None
    label = f"{row['project']}/{row['definition']}"
    return {"id": row["id"], "number": row["number"], "agent": row["agent"], "label": label}


def test_the_screens_show_a_past(url: str) -> None:
    write(url)
    with closing(Reader(url)) as reader:
        window = runs(reader, Scope("mover", 1), Page(limit=50)).rows
        assert len(window) == 50
        assert not any(run.active for run in window)
        failed = reader.value("SELECT max(id) FROM job_run WHERE items_failed > 0 AND status = 'Failed'")
        shown = items(reader, failed, Page(limit=500), outcome="Failed").rows
        assert shown
        assert len({item.path for item in shown}) > 0


def test_who_followed_the_store_is_told_to_look_afresh_and_follows_on(url: str) -> None:
    with closing(open_store(url)) as store, closing(Reader(url)) as reader:
        cursor = head(reader)
        write(url, 30)
        told = since(reader, cursor)
        assert told.resync
        with store.write("ann") as tx:
            mover = find_mover(tx.session, "sim1-nas-exit")
            mover.description = "after"
            tx.session.add(mover)
        assert [change.kind for change in since(reader, told.cursor).rows] == ["storage_mover"]


def test_indexes_and_triggers_are_those_of_the_schema_again(url: str) -> None:
    def objects() -> list[tuple[Any, ...]]:
        sql = (
            "SELECT name FROM sqlite_master WHERE type IN ('index', 'trigger') ORDER BY name"
            if url.startswith("/")
            else "SELECT indexname AS name FROM pg_indexes WHERE schemaname = 'longshore' UNION ALL "
            "SELECT tgname || tgenabled::text FROM pg_trigger WHERE NOT tgisinternal ORDER BY name"
        )
        with closing(Reader(url)) as reader:
            return [tuple(row) for row in reader.rows(sql)]

    before = objects()
    write(url, 30)
    assert objects() == before


def test_the_same_seed_writes_the_same_past(tmp_path: Path) -> None:
    for name in ("one.db", "two.db"):
        open_store(str(tmp_path / name)).close()
        write(str(tmp_path / name), 200)
    assert _undated(str(tmp_path / "one.db")) == _undated(str(tmp_path / "two.db"))


def _undated(path: str) -> str:
    """The policy of retention was set now, by the store's own clock: its event is left out."""
    with closing(open_store(path)) as store, store.write("test") as tx:
        for event in tx.session.exec(select(Event).where(Event.kind == "retention")):
            event.at = 0
    return digest(path)


def test_a_past_of_a_million_runs_would_have_one_with_half_a_million_items(
    store_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(past, "HUGE_FROM", 100)
    monkeypatch.setattr(past, "HUGE_ITEMS", 3_000)
    write(str(store_path), 100)
    with closing(Reader(str(store_path))) as reader:
        row = reader.row("SELECT run_id, count(*) AS items FROM run_item GROUP BY run_id ORDER BY 2 DESC LIMIT 1")
        assert row is not None
        assert row["items"] == 3_000
    assert broken_rules(str(store_path)) == {}


def test_what_retention_would_take_away_is_kept_for_ever(store_path: Path) -> None:
    from store.upkeep.retention import due, policy

    write(str(store_path), 100)
    with closing(open_store(str(store_path))) as store:
        assert due(store) == due(store)._replace(items=0, chunks=0, samples=0, runs=0)
        with store.read() as session:
            assert set(policy(session)) == {0}


def test_ended_runs_have_their_last_progress(store_path: Path) -> None:
    write(str(store_path), 50)
    with closing(open_store(str(store_path))) as store, store.read() as session:
        for run in session.exec(select(JobRun).where(JobRun.fence > 0)):
            progress = session.get_one(RunProgress, run.id)
            assert progress.total_items == run.items_scanned
            assert run.status in (JobRunStatus.SUCCEEDED, JobRunStatus.FAILED, JobRunStatus.CANCELED)


def test_the_command_fills_in_a_past_and_then_plays_a_story_in_the_same_store(tmp_path: Path) -> None:
    store = str(tmp_path / "f.db")
    answer = simulate("--store", store, "--history", 100, "--years", 1, "--json")
    assert answer.returncode == 0, answer.stderr
    figures = json.loads(answer.stdout)
    assert figures["history"]["runs"] == sum(figures["runs"].values()) == 100
    assert "calls" not in figures
    options = ("--history", 50, "--agents", 3, "--runs", 2, "--minutes", 0.2, "--virtual")
    answer = simulate("--store", store, *options)
    assert answer.returncode == 0, answer.stderr
    assert "history: 50 runs" in answer.stdout
    assert "every write" in answer.stdout
    assert broken_rules(store) == {}
    with closing(Reader(store)) as reader:
        movers = [row[0] for row in reader.rows("SELECT name FROM storage_mover ORDER BY id")]
    assert movers == ["sim1-nas-exit", "sim2-nas-exit", "sim3-nas-exit"]
