"""The lists of the screens: windows are slices of the whole list, states are derived, no statement scans history."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import event

from store.clock import VirtualClock
from store.db import open_store
from store.execution.claims import finish_run, report_progress
from store.feed import head, since
from store.lifecycle import ENDED
from store.models import JobDefinition, JobRun, RunItem
from store.queries import hierarchy, runs
from store.queries.hierarchy import Scope
from store.queries.window import Direction, Page, Window
from store.reader import Reader, Row
from store.resources.agents import unregister_agent
from store.resources.common import find_in_mover
from store.resources.runs import sweep
from store.vocabulary import AgentStatus, CopyMode, JobRunStatus, Outcome
from tests.store.world import NOON, World, sql

NAMES = ["a", "A", "b", "b1", "B-1", "b_1", "b1-", "c", "hr-home", "HR", "payroll", "x" * 64]


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Two movers with projects, endpoints, definitions, 150 runs and 200 items, in no order."""
    clock = VirtualClock(NOON)
    world = World(open_store(str(tmp_path_factory.mktemp("large") / "store.db"), clock=clock), clock)
    chance = random.Random(7)
    names = [f"{name[:50]}{n}" for n in range(4) for name in NAMES]
    for mover in ("nas", "san"):
        world.mover(mover)
        world.register(f"dock-{mover}", mover)
        for name in chance.sample(names, len(names)):
            world.endpoint(name, mover=mover, path=f"/{mover}/{name}")
        for project in chance.sample(NAMES[:6], 4):
            for name in chance.sample(names, 8):
                world.define(name, mover=mover, project=project, source=f"/f/{name}", target=f"/t/{name}")
    with world.write() as tx:
        from sqlmodel import select

        definitions = list(tx.session.exec(select(JobDefinition)))
        for _ in range(150):
            definition = chance.choice(definitions)
            definition.run_count += 1
            tx.session.add(
                JobRun(
                    mover_id=definition.mover_id,
                    project_id=definition.project_id,
                    definition_id=definition.id,
                    number=definition.run_count,
                    agent_id=definition.mover_id,
                    agent_name="dock",
                    copy_mode=CopyMode.MIRROR,
                    target_key="k",
                    status=chance.choice(sorted(ENDED)),
                    definition_properties={},
                    source_properties={},
                    target_properties={},
                )
            )
        tx.session.flush()
        for _ in range(200):
            tx.session.add(
                RunItem(
                    run_id=chance.choice((1, 1, 2)),
                    fence=chance.choice((0, 0, 1)),
                    path=bytes(chance.choices(b"ab/%_\\\xff", k=5)),
                    kind="F",
                    outcome=chance.choice(list(Outcome)),
                    code="AZSM2080",
                    message="m",
                    size=1,
                    at=1,
                )
            )
    yield world
    world.store.close()


@pytest.fixture(scope="module")
def looking(large: World) -> Iterator[Reader]:
    with Reader(large.store.place, large.clock) as reader:
        yield reader


LISTS: dict[str, tuple[Callable[[Reader, Page, str], Window[Any]], Callable[[Any], str]]] = {
    "endpoints": (lambda r, p, t: hierarchy.endpoints(r, Scope("mover", 1), p, text=t), lambda row: row.name),
    "definitions": (lambda r, p, t: hierarchy.definitions(r, Scope("mover", 1), p, text=t), hierarchy.definition_key),
    "definitions of a project": (
        lambda r, p, t: hierarchy.definitions(r, Scope("project", 2), p, text=t),
        hierarchy.definition_key,
    ),
    "runs": (lambda r, p, t: runs.runs(r, Scope("mover", 1), p, text=t), lambda row: str(row.id)),
    "runs of a project": (lambda r, p, t: runs.runs(r, Scope("project", 1), p, text=t), lambda row: str(row.id)),
    "items": (lambda r, p, t: runs.items(r, 1, p, text=t), lambda row: str(row.id)),
    "failed items": (lambda r, p, t: runs.items(r, 1, p, outcome="Failed", text=t), lambda row: str(row.id)),
}


def piece(full: list[str], direction: Direction, at: int, limit: int) -> tuple[list[str], bool, bool]:
    """The slice that a page means, and whether it touches the start and the end."""
    half = limit // 2
    low, high = {
        "start": (0, limit),
        "end": (len(full) - limit, len(full)),
        "after": (at + 1, at + 1 + limit),
        "before": (at - limit, at),
        "around": (at - half, at + limit - half),
    }[direction]
    at_start = direction == "start" or (low <= 0 and direction != "after")
    at_end = direction == "end" or (high >= len(full) and direction != "before")
    return full[max(low, 0) : high], at_start, at_end


DIRECTIONS: list[Direction] = ["start", "end", "after", "before", "around"]


@given(
    st.sampled_from(sorted(LISTS)),
    st.sampled_from(DIRECTIONS),
    st.integers(0, 10_000),
    st.integers(1, 60),
    st.sampled_from(["", "", "b", "B", "1", "_", "%", "\\", "nothing has this"]),
)
def test_a_window_is_a_slice_of_the_whole_list(
    looking: Reader, name: str, direction: Direction, at: int, limit: int, text: str
) -> None:
    """Before, after and around any row, from the start and the end, filtered or not: never a row twice or missing."""
    query, key = LISTS[name]
    full = [key(row) for row in query(looking, Page(limit=10_000), text).rows]
    assert len(set(full)) == len(full)
    at = at % len(full) if full else 0
    anchor = full[at] if full and direction not in ("start", "end") else None
    if anchor is None and direction not in ("start", "end"):
        return
    found = query(looking, Page(direction, anchor, limit), text)
    assert ([key(row) for row in found.rows], found.at_start, found.at_end) == piece(full, direction, at, limit)


def test_whole_lists_are_sorted_and_complete(large: World, looking: Reader) -> None:
    """Checked against the tables themselves: endpoints and definitions by name, runs newest first."""
    everything = Page(limit=10_000)
    names = [row[0] for row in sql(large.path, "SELECT name FROM endpoint WHERE mover_id = 1")]
    assert [row.name for row in hierarchy.endpoints(looking, Scope("mover", 1), everything).rows] == sorted(names)
    pairs = sql(
        large.path,
        "SELECT p.name, d.name FROM job_definition d JOIN project p ON p.id = d.project_id WHERE d.mover_id = 2",
    )
    found = hierarchy.definitions(looking, Scope("mover", 2), everything).rows
    assert [(row.project, row.name) for row in found] == sorted(pairs)
    ids = [row[0] for row in sql(large.path, "SELECT id FROM job_run WHERE mover_id = 1")]
    assert [row.id for row in runs.runs(looking, Scope("mover", 1), everything).rows] == sorted(ids, reverse=True)
    assert len(ids) > 40


def test_a_window_beside_a_row_that_is_gone(looking: Reader) -> None:
    """The anchor need not exist any more: the list goes on where it stood."""
    full = [row.name for row in hierarchy.endpoints(looking, Scope("mover", 1), Page(limit=10_000)).rows]
    gone = full[10] + "!"
    window = hierarchy.endpoints(looking, Scope("mover", 1), Page("around", gone, 4))
    assert [row.name for row in window.rows] == full[9:13]
    assert [row.name for row in hierarchy.endpoints(looking, Scope("mover", 1), Page("after")).rows] == full[:100]


def test_a_filter_means_its_text_and_no_pattern(large: World, looking: Reader) -> None:
    """Percent, underscore and backslash are themselves; upper and lower case do not matter in names."""
    full = hierarchy.endpoints(looking, Scope("mover", 1), Page(limit=10_000)).rows
    for text in ("_", "%", "\\", "hr", "HR", "/nas/b"):
        found = hierarchy.endpoints(looking, Scope("mover", 1), Page(limit=10_000), text=text).rows
        low = text.lower()
        assert [r.name for r in found] == [r.name for r in full if low in r.name.lower() or low in r.place.lower()]
    everything = runs.items(looking, 1, Page(limit=10_000)).rows
    for text in ("%", "_", "\\", "\udcff", "a/"):
        wanted = text.encode("utf-8", "surrogateescape")
        found_items = runs.items(looking, 1, Page(limit=10_000), text=text).rows
        assert [i.id for i in found_items] == [i.id for i in everything if wanted in i.path]
        assert found_items


def test_scopes_narrow_each_list(world: World) -> None:
    """What is selected in the tree scopes the panes: each kind of node to what belongs to it."""
    world.define("one")
    world.define("two", project="payroll")
    world.define("other", mover="san")
    identity = world.agent()
    world.start("hr/one")
    with world.store.read() as session:
        from sqlmodel import select

        ids = {d.name: d.id for d in session.exec(select(JobDefinition))}
    page = Page()
    with world.reader() as reader:

        def names(scope: Scope) -> tuple[list[str], list[str], list[str]]:
            return (
                [row.name for row in hierarchy.endpoints(reader, scope, page).rows],
                [row.name for row in hierarchy.definitions(reader, scope, page).rows],
                [row.label for row in runs.runs(reader, scope, page).rows],
            )

        one = ["one-from", "one-to"]
        assert names(Scope("mover", 1)) == ([*one, "two-from", "two-to"], ["one", "two"], ["hr/one#1"])
        assert names(Scope("project", 1)) == (one, ["one"], ["hr/one#1"])
        assert names(Scope("project", 2)) == (["two-from", "two-to"], ["two"], [])
        assert names(Scope("definition", ids["one"])) == (one, ["one"], ["hr/one#1"])
        assert names(Scope("agent", identity.agent_id)) == (one, ["one"], ["hr/one#1"])
        assert names(Scope("endpoint", 1)) == (["one-from"], ["one"], ["hr/one#1"])
        assert names(Scope("mover", 99)) == ([], [], [])


# What is derived.


def test_what_the_tree_shows(world: World) -> None:
    """Counts of children, active runs, and the latest run of a definition."""
    world.define("one")
    world.define("two")
    world.agent()
    world.cancel(world.start("hr/one"))
    world.start("hr/one")
    with world.reader() as reader:
        (mover,) = hierarchy.movers(reader)
        assert (mover.name, mover.agents, mover.endpoints, mover.projects) == ("nas", 1, 4, 1)
        (project,) = hierarchy.projects(reader, 1)
        assert (project.name, project.definitions, project.active_runs) == ("hr", 2, 1)
        (agent,) = hierarchy.agents(reader, 1)
        assert (agent.name, agent.status, agent.active_runs) == ("dock-1", "Online", 1)
        one, two = hierarchy.definitions(reader, Scope("mover", 1), Page()).rows
        assert (one.run_number, one.run_status, two.run_number, two.run_status) == (2, "Queued", 0, "")
        last = hierarchy.last_run_definition(reader)
        assert last == one
        assert hierarchy.definition(reader, one.id) == one
        assert hierarchy.definition(reader, 99) is None
        assert hierarchy.endpoint_properties(reader, 1)["path"] == "/from/nas/hr/one"
        assert hierarchy.endpoint_properties(reader, 99) == {}


def test_agents_and_projects_are_paged_by_name(world: World) -> None:
    world.mover()
    for number in (3, 1, 2, 5, 4):
        world.register(f"dock-{number}")
        world.project(f"p{number}")
    with world.reader() as reader:
        assert [a.name for a in hierarchy.agents(reader, 1, after="dock-2", limit=2)] == ["dock-3", "dock-4"]
        assert [p.name for p in hierarchy.projects(reader, 1, after="p4")] == ["p5"]
        assert [p.name for p in hierarchy.projects(reader, 1, text="P3")] == ["p3"]
        assert {a.status for a in hierarchy.agents(reader, 1)} == {AgentStatus.REGISTERING}


def test_offline_and_attention_are_counted_as_they_are_shown(world: World) -> None:
    """The header's totals agree with the rows, at every age of the heartbeats."""
    world.define()
    world.agent("dock-1")
    world.clock.advance(9_000)
    world.agent("dock-2", host_key="a")
    with pytest.raises(Exception, match="already running"):
        world.connect("dock-2", host_key="b")
    world.register("dock-3")
    world.start(agent="dock-1")
    for step in (0, 6_000, 1, 9_000):
        world.clock.advance(step)
        with world.reader() as reader:
            fleet = runs.fleet(reader)
            statuses = [agent.status for agent in hierarchy.agents(reader, 1)]
        assert fleet.agents == 3
        assert fleet.offline == statuses.count(AgentStatus.OFFLINE)
        assert fleet.attention == statuses.count(AgentStatus.REQUIRES_ATTENTION) == 1
        assert (fleet.active_runs, fleet.queued_runs) == (0, 1)
    assert fleet.offline == 1


def test_rates_are_of_the_last_ten_seconds(world: World) -> None:
    """The mean over what was sampled; old samples do not count, and a run that stands still has no rate."""
    identity, claim = world.claimed()
    for second in range(21):
        world.call(
            identity, report_progress, claim, {"items_scanned": second * 10, "bytes_transferred": second * 1_000_000}
        )
        world.clock.advance(1_000)
    with world.reader() as reader:
        assert runs.rates(reader, [claim.run_id]) == {claim.run_id: (1_000_000.0, 10.0)}
        assert runs.fleet(reader).rate == 1_000_000.0
        assert runs.rates(reader, []) == {}
        assert runs.rates(reader, [99]) == {}
    world.clock.advance(11_000)
    with world.reader() as reader:
        assert runs.rates(reader, [claim.run_id]) == {}


def test_a_restart_is_no_burst(world: World) -> None:
    """A resumed run counts from zero again: the drop is not a rate of its own."""
    identity, claim = world.claimed()
    for done in (10_000_000_000, 10_000_001_000):
        world.call(identity, report_progress, claim, {"bytes_transferred": done, "items_scanned": 1_000})
        world.clock.advance(1_000)
    for done in (0, 1_000, 2_000):
        world.call(identity, report_progress, claim, {"bytes_transferred": done, "items_scanned": 0})
        world.clock.advance(1_000)
    with world.reader() as reader:
        rate, items = runs.rates(reader, [claim.run_id])[claim.run_id]
    assert rate == 2_000 / 3
    assert items == 0


def test_a_run_shows_live_numbers_and_then_its_final_ones(world: World) -> None:
    identity, claim = world.claimed()
    world.call(
        identity,
        report_progress,
        claim,
        {"items_scanned": 5, "total_items": 9, "phase": "copy", "current": ["x"], "bytes_in_flight": 3},
    )
    with world.reader() as reader:
        row = runs.run(reader, claim.run_id)
        assert row is not None
        assert row.active
        assert (row.counters["items_scanned"], row.total_items, row.phase, row.current) == (5, 9, "copy", ["x"])
        assert (row.bytes_in_flight, row.total_bytes, row.agent_offline, row.lost_since) == (3, -1, False, None)
        assert runs.active_run_ids(reader) == [claim.run_id]
        assert runs.work_of(reader, identity.agent_id) == {claim.run_id: JobRunStatus.STARTED}
        assert runs.run(reader, 99) is None
        assert runs.runs_by_id(reader, []) == []
    world.call(identity, finish_run, claim, JobRunStatus.FAILED, code="AZSM1004", message="gone", target="/x")
    with world.reader() as reader:
        (row,) = runs.runs_by_id(reader, [claim.run_id, 99])
        assert not row.active
        assert (row.counters["items_scanned"], row.error_code, row.lost_since) == (5, "AZSM1004", None)
        assert runs.active_run_ids(reader) == []
        newest = runs.run_events(reader, claim.run_id, Page(limit=2)).rows
        assert [event.action for event in newest] == ["Failed", "Started"]


def test_a_run_whose_agent_is_gone_is_still_shown(world: World) -> None:
    identity, claim = world.claimed()
    world.call(identity, finish_run, claim, JobRunStatus.FAILED, code="", message="", target="")
    with world.mover_write() as (tx, mover):
        from store.models import Agent

        unregister_agent(tx, mover, find_in_mover(tx.session, Agent, "agent", mover, "dock-1"))
    with world.reader() as reader:
        row = runs.run(reader, claim.run_id)
    assert row is not None
    assert (row.agent_name, row.agent_beat, row.agent_offline) == ("dock-1", None, False)


# What it costs.


class Explaining(Reader):
    """A reader that keeps SQLite's plan of each statement."""

    def __init__(self, world: World) -> None:
        self.plans: dict[str, list[str]] = {}
        super().__init__(world.store.place, world.clock)

    def rows(self, sql: str, parameters: Mapping[str, Any] | None = None) -> list[Row]:
        if sql.lstrip().upper().startswith("SELECT"):
            plan = super().rows(f"EXPLAIN QUERY PLAN {sql}", parameters)
            self.plans[" ".join(sql.split())] = [row["detail"] for row in plan]
        return super().rows(sql, parameters)


PAGES: list[Page] = [
    Page(direction, anchor, 50) for direction, anchor in zip(DIRECTIONS, (None, None, "5", "5", "5"), strict=True)
]
SCREENS: dict[str, Callable[[Explaining], object]] = {
    "tree": lambda r: [hierarchy.movers(r), hierarchy.agents(r, 1), hierarchy.projects(r, 1), hierarchy.agent(r, 1)],
    "endpoints": lambda r: [
        hierarchy.endpoints(r, Scope(kind, 1), page)
        for kind in ("mover", "project", "definition", "agent", "endpoint")
        for page in PAGES
    ],
    "definitions": lambda r: [
        hierarchy.definitions(r, Scope(kind, 1), Page(p.direction, p.anchor and f"a/{p.anchor}", 50))
        for kind in ("mover", "project", "definition", "agent", "endpoint")
        for p in PAGES
    ],
    "runs": lambda r: [
        runs.runs(r, Scope(kind, 1), page)
        for kind in ("mover", "project", "definition", "agent", "endpoint")
        for page in PAGES
    ],
    "one": lambda r: [
        runs.run(r, 1),
        hierarchy.definition(r, 1),
        hierarchy.endpoint_properties(r, 1),
        hierarchy.last_run_definition(r),
    ],
    "tick": lambda r: [
        runs.runs_by_id(r, [1, 2, 3]),
        runs.active_run_ids(r),
        runs.cancel_overdue(r),
        runs.work_of(r, 1),
        runs.rates(r, [1, 2]),
        runs.fleet(r),
        since(r, head(r)),
    ],
    "run": lambda r: (
        [
            [runs.items(r, 1, page), runs.items(r, 1, page, outcome="Failed", text="a"), runs.run_events(r, 1, page)]
            for page in PAGES
        ]
        + [runs.samples(r, 1)]
    ),
}
EXCEPTIONS = {
    "USING COVERING INDEX ix_job_run_active": "the partial index of active runs: as long as what runs, not as history",
    "USING INDEX ix_job_run_active": "the same index",
    "SCAN r USING INDEX ix_job_run_active": "the same index",
}
LATEST = "SELECT definition_id FROM job_run ORDER BY id DESC LIMIT 1"
"""An exception: by its own key and with a limit of one, a scan reads one row."""
GROWING = {"job_run", "r", "run_item", "i", "event", "e2", "change", "progress_sample", "access_grant", "g"}


@pytest.mark.parametrize("screen", SCREENS)
def test_no_statement_of_a_screen_scans_history(large: World, screen: str) -> None:
    """Runs, items, events, changes, samples and grants are only ever searched by an index, with the exceptions that
    are named above; a window is never sorted."""
    with Explaining(large) as reader:
        SCREENS[screen](reader)
        assert reader.plans
        for statement, plan in reader.plans.items():
            for line in plan:
                words = line.split()
                if words[0] != "SCAN" or words[1] not in GROWING or LATEST in statement:
                    continue
                assert any(line.endswith(exception) for exception in EXCEPTIONS), (line, statement)


def test_windows_of_runs_and_items_are_not_sorted(large: World) -> None:
    """A sort would read the whole history to show fifty rows; only the union of an endpoint's definitions may."""
    with Explaining(large) as reader:
        for kind in ("mover", "project", "definition", "agent"):
            for page in PAGES:
                runs.runs(reader, Scope(kind, 1), page)
        for page in PAGES:
            runs.items(reader, 1, page)
            runs.run_events(reader, 1, page)
        for statement, plan in reader.plans.items():
            assert not any("TEMP B-TREE" in line for line in plan), (plan, statement)


def test_counts_of_active_runs_do_not_read_the_ended_ones(large: World) -> None:
    """An agent or a project with a hundred thousand ended runs shows its two active ones as fast as a new one."""
    with Explaining(large) as reader:
        hierarchy.agents(reader, 1)
        hierarchy.projects(reader, 1)
        runs.work_of(reader, 1)
        counted = [line for plan in reader.plans.values() for line in plan if " r " in line or "job_run" in line]
        assert counted
        assert all("ix_job_run_active" in line for line in counted), counted


def test_operations_do_not_read_the_history_of_runs(large: World) -> None:
    """Each heartbeat, start and sweep looks for active runs, under the write lock: never by a scan of all runs."""
    statements: list[tuple[str, Any]] = []

    def keep(_c: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, _many: bool) -> None:
        if statement.startswith("SELECT") and "job_run" in statement:
            statements.append((statement, parameters))

    event.listen(large.store.engine, "before_cursor_execute", keep)
    try:
        large.credentials.setdefault("dock-nas", "")
        identity = large.connect("dock-nas", "nas")
        large.beat(identity)
        large.claim(identity)
        sweep(large.store)
        path = sql(
            large.path, "SELECT p.name || '/' || d.name FROM job_definition d JOIN project p ON p.id = d.project_id"
        )
        large.cancel(large.start(path[0][0], "dock-nas"))
    finally:
        event.remove(large.store.engine, "before_cursor_execute", keep)
    assert len(statements) > 5
    with sqlite3.connect(large.path) as connection:
        for statement, parameters in statements:
            for row in connection.execute(f"EXPLAIN QUERY PLAN {statement}", parameters):
                scan = row[3].startswith("SCAN job_run")
                assert not scan or "_job_run_active" in row[3], (row[3], statement)
