"""The simulated fleet: the same seed is the same story, on both kinds of store, and every rule holds after it."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from agentsim.simulate.calls import Tally
from agentsim.simulate.command import VIRTUAL_BEGIN_MS
from agentsim.simulate.parts import Scenario, Trouble
from agentsim.simulate.performance import Performance, perform, perform_virtually
from agentsim.simulate.scenario import steady_scenario, write_scenario
from store import codes
from store.db import open_store
from store.place import locate
from store.queries.runs import runs
from store.queries.scope import Scope
from store.queries.window import Page
from store.reader import Reader
from store.upkeep.check.content import CONTENT
from tests.agent.simulated import RULES, broken_rules, counts, digest
from tests.store.conftest import empty_store, store_path
from tests.store.world import World

__all__ = ["empty_store", "store_path"]

ROOT = Path(__file__).parents[2]
MINUTE = 60_000


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest) -> str:
    """An empty store of each kind."""
    return str(request.getfixturevalue("store_path" if request.param == "sqlite" else "store_url"))


@dataclass(frozen=True)
class Told:
    """A story that was played, and where."""

    url: str
    found: Performance


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def told(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Told:
    """One story in which everything happens, on each kind of store, for several tests to look at."""
    if request.param == "sqlite":
        url = str(tmp_path_factory.mktemp("told") / "store.db")
    else:
        cluster = request.getfixturevalue("cluster")
        url = cluster.url(cluster.store_database())
    return Told(url, play(url, write_scenario(4, 14, 24, 150_000)))


def play(url: str, scenario: Scenario) -> Performance:
    """The story at once; nothing in it may go wrong that is not part of it."""
    found = perform_virtually(locate(url), scenario, VIRTUAL_BEGIN_MS)
    assert not found.tally.errors, found.tally.sentences
    return found


def simulate(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    """The command as somebody types it."""
    plain = {key: value for key, value in os.environ.items() if not key.startswith(("LONGSHORE", "XDG"))}
    return subprocess.run(
        (sys.executable, "-m", "agentsim", "simulate", *map(str, arguments)),
        cwd=ROOT,
        env={**plain, "LC_ALL": "C.UTF-8", **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


# The story.


def test_a_seed_always_writes_the_same_scenario_and_another_seed_another() -> None:
    assert write_scenario(7, 50, 60, 2 * MINUTE) == write_scenario(7, 50, 60, 2 * MINUTE)
    assert write_scenario(7, 50, 60, 2 * MINUTE) != write_scenario(8, 50, 60, 2 * MINUTE)


def test_every_trouble_finds_somebody_in_a_fleet_of_a_dozen() -> None:
    found = {agent.trouble for agent in write_scenario(3, 12, 20, MINUTE).agents}
    assert found == set(Trouble)


def test_agents_beat_every_five_to_ten_seconds_and_names_differ() -> None:
    agents = write_scenario(7, 1_000, 200, MINUTE).agents
    assert all(5_000 <= agent.heartbeat_ms <= 10_000 for agent in agents)
    assert len({agent.name for agent in agents}) == 1_000
    assert len({agent.mover for agent in agents}) == 2


def test_the_same_seed_on_a_virtual_clock_leaves_the_same_contents(
    url: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    again = str(tmp_path / "again.db")
    if url.startswith("postgresql"):
        cluster = request.getfixturevalue("cluster")
        again = cluster.url(cluster.store_database())
    for store in (url, again):
        play(store, write_scenario(7, 12, 8, MINUTE // 2))
    assert digest(url) == digest(again)


def test_another_seed_leaves_other_contents(tmp_path: Path) -> None:
    for seed in (7, 8):
        play(str(tmp_path / f"{seed}.db"), write_scenario(seed, 3, 3, MINUTE // 3))
    assert digest(str(tmp_path / "7.db")) != digest(str(tmp_path / "8.db"))


def test_every_rule_of_the_store_holds_after_a_story(told: Told) -> None:
    assert broken_rules(told.url) == {}
    with closing(Reader(told.url)) as reader:
        found = {one.name: [finding.sentence for finding in one.find(reader)] for one in CONTENT}
    assert {name: sentences for name, sentences in found.items() if sentences} == {}


def test_the_rules_that_are_looked_at_can_be_broken(store_path: Path) -> None:
    play(str(store_path), write_scenario(11, 12, 12, MINUTE))
    with closing(sqlite3.connect(store_path)) as connection:
        connection.execute("UPDATE job_definition SET run_count = run_count + 1, latest_run_id = 1")
        connection.execute("UPDATE job_run SET items_scanned = items_scanned + 2, number = number + 1, agent_name = ''")
        connection.execute("UPDATE job_run SET execution_start_time = 1, items_failed = items_failed + 1")
        connection.execute("UPDATE access_grant SET ended_at = NULL")
        connection.execute("INSERT INTO run_lease SELECT id, 1, fence, 0 FROM job_run WHERE agent_id IS NOT NULL")
        connection.execute("DELETE FROM run_item")
        connection.execute("DELETE FROM event WHERE kind = 'job_run'")
        connection.commit()
    assert set(broken_rules(str(store_path))) == set(RULES)


def test_all_that_can_befall_a_fleet_is_in_the_store_afterwards(told: Told) -> None:
    happened = counts(told.url)
    for what in (
        "agent requires attention",
        "agent unregistered",
        "job_run handed over",
        "job_run resumed",
        "job_run CancelRequested",
        "job_run Canceling",
        "job_run Canceled",
        "job_run Failed",
        "job_run Succeeded",
    ):
        assert happened.get(what), what
    refused = {code for _, code in told.found.tally.refused}
    assert {"DuplicateIdentity", "Superseded", "AgentUnknown", "RunActive", "NoAgent"} <= refused
    with closing(Reader(told.url)) as reader:
        assert reader.value("SELECT max(fence) FROM job_run") > 1
        # A worker that hung: the store ended its run when the deadline had passed.
        assert reader.value("SELECT count(*) FROM event WHERE actor = 'store' AND action = 'Canceled'") > 0
        recorded = {row[0] for row in reader.rows("SELECT error_code FROM job_run UNION SELECT code FROM run_item")}
    assert recorded - {""} <= set(codes.CATALOGUE)
    assert len(recorded) > 6


def test_a_host_whose_clock_is_wrong_changes_no_time_in_the_store(told: Told) -> None:
    scenario = told.found.story.scenario
    assert any(agent.clock_step_ms and agent.drift for agent in scenario.agents)
    end = VIRTUAL_BEGIN_MS + scenario.length_ms + 2 * MINUTE
    with closing(Reader(told.url)) as reader:
        for column in ("event.at", "agent_beat.at", "progress_sample.at", "job_run.execution_end_time"):
            table = column.partition(".")[0]
            row = reader.row(f"SELECT min({column}), max({column}) FROM {table}")
            assert row is not None
            assert VIRTUAL_BEGIN_MS <= row[0] <= row[1] <= end


def test_nothing_is_active_and_all_who_can_have_said_goodbye_when_a_story_is_over(told: Told) -> None:
    assert told.found.story.over
    with closing(Reader(told.url)) as reader:
        assert reader.value("SELECT count(*) FROM job_run WHERE execution_end_time IS NULL") == 0
        agents = told.found.story.scenario.agents
        away = [agent.name for agent in agents if agent.trouble in (Trouble.LOST, Trouble.STALLED, Trouble.MOVED)]
        beating = {row[0] for row in reader.rows("SELECT name FROM agent JOIN agent_beat ON agent_id = id")}
        assert {agent.name for agent in agents if agent.trouble == Trouble.LOST} <= beating <= set(away)


def test_in_real_time_several_threads_share_the_agents(url: str) -> None:
    looked: list[float] = []

    def look(seconds: float, tallies: tuple[Tally, ...]) -> None:
        looked.append(seconds)

    found = perform(locate(url), steady_scenario(7, 12, 6, 2_000), threads=3, look=look)  # type: ignore[arg-type]
    assert not found.tally.errors
    assert len(found.tally.seconds["beat"]) >= 6
    assert len(found.tally.seconds["report_progress"]) >= 6
    assert looked
    with closing(Reader(url)) as reader:
        found_runs = runs(reader, Scope("mover", 1), Page(limit=20)).rows
    assert len(found_runs) == 6
    assert all(not run.active for run in found_runs)
    assert broken_rules(url) == {}


# The command.


def test_the_command_says_what_came_of_it(tmp_path: Path) -> None:
    answer = simulate("--store", tmp_path / "f.db", "--agents", 14, "--runs", 12, "--minutes", 1, "--virtual", "--json")
    assert answer.returncode == 0, answer.stderr
    figures = json.loads(answer.stdout)
    assert figures["agents"] == 14
    assert sum(figures["runs"].values()) >= 10
    assert figures["errors"] == []
    assert figures["busy"] == 0
    assert {"beat", "claim", "finish", "register", "report_progress", "start_run"} <= set(figures["calls"])
    for call in figures["calls"].values():
        assert 0 <= call["p50"] <= call["p99"] <= call["max"]
    assert {one["code"] for one in figures["refused"]} >= {"DuplicateIdentity"}


def test_two_simulations_follow_one_another_in_one_store(tmp_path: Path) -> None:
    options = ("--store", tmp_path / "f.db", "--agents", 4, "--runs", 3, "--minutes", 0.3, "--virtual")
    assert simulate(*options).returncode == 0
    answer = simulate(*options)
    assert answer.returncode == 0, answer.stderr
    assert "P99 ms" in answer.stdout
    with closing(Reader(str(tmp_path / "f.db"))) as reader:
        names = [row[0] for row in reader.rows("SELECT name FROM storage_mover ORDER BY id")]
    assert names == ["sim1-nas-exit", "sim2-nas-exit"]


def test_a_store_with_anything_of_somebody_elses_is_refused_and_stays_as_it_was(url: str) -> None:
    with closing(open_store(url)) as store:
        World(store, store.clock).define("home")  # type: ignore[arg-type]
    before = digest(url)
    answer = simulate("--store", url, "--virtual")
    assert answer.returncode == 2
    assert "holds the storage mover 'nas'" in answer.stderr
    assert "such as --store ./fleet.db" in answer.stderr
    assert digest(url) == before


def test_a_mover_that_only_has_such_a_name_is_no_simulation(store_path: Path) -> None:
    with closing(open_store(str(store_path))) as store:
        World(store, store.clock).mover("sim1-nas-exit")  # type: ignore[arg-type]
    assert simulate("--store", store_path, "--virtual").returncode == 2


def test_a_store_whose_movers_were_deleted_is_still_somebody_elses(store_path: Path) -> None:
    from store.resources.common import find_mover
    from store.resources.movers import delete_mover

    with closing(open_store(str(store_path))) as store:
        World(store, store.clock).mover("nas")  # type: ignore[arg-type]
        with store.write("ann") as tx:
            delete_mover(tx, find_mover(tx.session, "nas"))
    answer = simulate("--store", store_path, "--virtual")
    assert answer.returncode == 2
    assert "was deleted" in answer.stderr


def test_neither_the_default_store_nor_the_environments_is_ever_filled(tmp_path: Path) -> None:
    data = tmp_path / "longshore"
    environment: dict[str, Any] = {"XDG_DATA_HOME": str(tmp_path), "LONGSHORE_STORE": str(tmp_path / "mine.db")}
    answer = simulate("--virtual", **environment)
    assert answer.returncode == 2
    assert "needs a store of its own" in answer.stderr
    data.mkdir()
    answer = simulate("--virtual", "--store", data / "longshore.db", **environment)
    assert answer.returncode == 2
    assert "is your own store" in answer.stderr
    assert list(data.iterdir()) == []
    assert not (tmp_path / "mine.db").exists()


def test_what_fails_against_the_story_is_counted_and_the_exit_code_is_1(store_path: Path) -> None:
    with closing(sqlite3.connect(store_path)) as connection:
        connection.execute("CREATE TRIGGER broken BEFORE INSERT ON run_item BEGIN SELECT RAISE(ABORT, 'broken'); END")
    options = ("--agents", 4, "--runs", 8, "--minutes", 0.5, "--virtual", "--json")
    answer = simulate("--store", store_path, *options)
    assert answer.returncode == 1, answer.stderr
    errors = json.loads(answer.stdout)["errors"]
    assert {one["call"] for one in errors} == {"report_items"}
    assert all("broken" in one["sentence"] for one in errors)


def test_a_store_that_takes_nothing_any_more_ends_the_story_with_5(store_path: Path) -> None:
    with closing(sqlite3.connect(store_path)) as connection:
        for table in ("registration_token", "job_run"):
            connection.execute(
                f"CREATE TRIGGER broken_{table} BEFORE INSERT ON {table} BEGIN SELECT RAISE(ABORT, 'broken'); END"
            )
    answer = simulate("--store", store_path, "--agents", 2, "--runs", 2, "--minutes", 3, "--virtual")
    assert answer.returncode == 5, (answer.stdout, answer.stderr)


@pytest.mark.parametrize(
    "options",
    [("--agents", "0"), ("--agents", "many"), ("--minutes", "-1"), ("--history", "1"), ("--virtual", "--speed", "2")],
)
def test_options_that_make_no_sense_are_refused(tmp_path: Path, options: tuple[str, ...]) -> None:
    answer = simulate("--store", tmp_path / "f.db", *options)
    assert answer.returncode == 2
    assert answer.stdout == ""
    assert "Traceback" not in answer.stderr
    assert not (tmp_path / "f.db").exists()
