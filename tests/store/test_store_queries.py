"""The lists of the screens: they are complete, states are derived, no statement scans history.

Their orders and filters are in ``test_store_lists``.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
from sqlalchemy import event

from store.execution.claims import finish_run, report_progress
from store.feed import head, since
from store.models import JobDefinition
from store.queries import attention, events, find, grants, hierarchy, overview, reports, runs, throughput
from store.queries import definitions as definition_queries
from store.queries import fleet as fleet_queries
from store.queries import items as item_queries
from store.queries.definitions import DefinitionSort
from store.queries.details import definition_detail, endpoint_detail
from store.queries.hierarchy import AgentSort, EndpointSort
from store.queries.items import ItemSort
from store.queries.passes import passes
from store.queries.runs import RunSort
from store.queries.scope import Scope
from store.queries.window import Direction, Page
from store.reader import Reader, Row
from store.resources.agents import unregister_agent
from store.resources.common import find_in_mover
from store.resources.runs import sweep
from store.vocabulary import AgentStatus, DefinitionState, EndpointType, JobRunStatus
from tests.store.large import store_of
from tests.store.world import World, sql


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def large(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A store with some of everything, of both kinds."""
    server = request.getfixturevalue("cluster") if request.param == "postgresql" else None
    with store_of(request.param, tmp_path_factory.mktemp("large"), server) as world:
        yield world


@pytest.fixture(scope="module")
def file_large(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The same in a file, for asking SQLite for its plans."""
    with store_of("sqlite", tmp_path_factory.mktemp("plans"), None) as world:
        yield world


@pytest.fixture(scope="module")
def looking(large: World) -> Iterator[Reader]:
    with Reader(large.store.place, large.clock) as reader:
        yield reader


def test_whole_lists_are_sorted_and_complete(large: World, looking: Reader) -> None:
    """Checked against the tables themselves: endpoints and definitions by name, runs newest first."""
    everything = Page(limit=10_000)
    names = [row[0] for row in large.sql("SELECT name FROM endpoint WHERE mover_id = 1")]
    assert [row.name for row in hierarchy.endpoints(looking, Scope("mover", 1), everything).rows] == sorted(names)
    pairs = large.sql(
        "SELECT p.name, d.name FROM job_definition d JOIN project p ON p.id = d.project_id WHERE d.mover_id = 2",
    )
    found = definition_queries.definitions(looking, Scope("mover", 2), everything).rows
    assert [(row.project, row.name) for row in found] == sorted(pairs)
    ids = [row[0] for row in large.sql("SELECT id FROM job_run WHERE mover_id = 1")]
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
    everything = item_queries.items(looking, 1, Page(limit=10_000)).rows
    for text in ("%", "_", "\\", "\udcff", "a/"):
        wanted = text.encode("utf-8", "surrogateescape")
        found_items = item_queries.items(looking, 1, Page(limit=10_000), text=text).rows
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
                [row.name for row in definition_queries.definitions(reader, scope, page).rows],
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
        one, two = definition_queries.definitions(reader, Scope("mover", 1), Page()).rows
        assert (one.run_number, one.run_status, two.run_number, two.run_status) == (2, "Queued", 0, "")
        last = definition_queries.last_run_definition(reader)
        assert last == one
        assert definition_queries.definition(reader, one.id) == one
        assert definition_queries.definition(reader, 99) is None
        assert hierarchy.endpoint_properties(reader, 1)["path"] == "/from/nas/hr/one"
        assert hierarchy.endpoint_properties(reader, 99) == {}


def test_a_definition_tells_what_its_latest_run_left_undone(world: World) -> None:
    """Whatever its status is: a success does not say that there is nothing."""
    from store.execution.claims import finish_run, report_progress

    identity, claim = world.claimed("hr/home")
    numbers = {"items_scanned": 9, "items_failed": 1, "items_changed": 1, "items_delete_withheld": 1}
    world.call(identity, report_progress, claim, {**numbers, "items_unsupported": 2, "items_excluded": 4})
    world.call(identity, finish_run, claim, JobRunStatus.SUCCEEDED, code="AZSM0000", message="", target="")
    world.define("other")
    with world.reader() as reader:
        rows = definition_queries.definitions(reader, Scope("mover", 1), Page()).rows
    assert [(row.name, row.run_status, row.to_look_at) for row in rows] == [("home", "Succeeded", 5), ("other", "", 0)]


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
            fleet = fleet_queries.fleet(reader)
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
        assert fleet_queries.rates(reader, [claim.run_id]) == {claim.run_id: (1_000_000.0, 10.0)}
        assert fleet_queries.fleet(reader).rate == 1_000_000.0
        assert fleet_queries.rates(reader, []) == {}
        assert fleet_queries.rates(reader, [99]) == {}
    world.clock.advance(11_000)
    with world.reader() as reader:
        assert fleet_queries.rates(reader, [claim.run_id]) == {}


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
        rate, items = fleet_queries.rates(reader, [claim.run_id])[claim.run_id]
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
    """A reader that keeps the plan of each statement: lines of text, with SQLite's in the order of its tree."""

    def __init__(self, world: World) -> None:
        self.plans: dict[str, list[str]] = {}
        super().__init__(world.store.place, world.clock)
        if self.dialect == "postgresql":
            # In a small store everything is best read whole; what counts is that it need not be.
            for way in ("seqscan", "sort", "incremental_sort", "hashjoin", "mergejoin", "material", "memoize"):
                super().rows(f"SET enable_{way} TO off")

    def rows(self, sql: str, parameters: Mapping[str, Any] | None = None) -> list[Row]:
        if sql.lstrip().upper().startswith(("SELECT", "WITH")):
            explain = "EXPLAIN QUERY PLAN" if self.dialect == "sqlite" else "EXPLAIN"
            plan = super().rows(f"{explain} {sql}", parameters)
            self.plans[" ".join(sql.split())] = [row[3] if self.dialect == "sqlite" else row[0] for row in plan]
        return super().rows(sql, parameters)


DIRECTIONS: list[Direction] = ["start", "end", "after", "before", "around"]
KINDS = ("mover", "project", "definition", "agent", "endpoint")


def pages(key: str) -> list[Page]:
    return [Page(direction, None if direction in ("start", "end") else key, 50) for direction in DIRECTIONS]


RUN_KEYS = {RunSort.NEWEST: "5", RunSort.OLDEST: "5", RunSort.BYTES: "7/5", RunSort.FAILED: "1/5"}
DEFINITION_KEYS = {
    DefinitionSort.NAME: "a/5",
    DefinitionSort.STATE: "1/a/5",
    DefinitionSort.RECENT: "9/5",
    DefinitionSort.STALE: "9/5",
}
SCREENS: dict[str, Callable[[Explaining], object]] = {
    "tree": lambda r: [
        hierarchy.movers(r),
        hierarchy.agents(r, 1),
        hierarchy.projects(r, 1),
        hierarchy.agent(r, 1),
        hierarchy.projects_with(r, [1, 2], "a"),
        [hierarchy.agent_window(r, 1, page, sort=AgentSort.STATE) for page in pages("1/a")],
        [hierarchy.project_window(r, 1, page, active=True, text="a") for page in pages("a")],
    ],
    "endpoints": lambda r: [
        hierarchy.endpoints(r, Scope(kind, 1), page, sort=sort, types=types, text=text)
        for kind in KINDS
        for sort, key in ((EndpointSort.NAME, "5"), (EndpointSort.TYPE, "5/5"))
        for types in ((), (EndpointType.NFS_MOUNT, EndpointType.SMB_MOUNT))
        for text in ("", "a")
        for page in pages(key)
    ],
    "definitions": lambda r: [
        definition_queries.definitions(r, Scope(kind, 1), page, sort=sort, states=states, text=text)
        for kind in KINDS
        for sort, key in DEFINITION_KEYS.items()
        for states in ((), (DefinitionState.FAILED,))
        for text in ("", "a")
        for page in pages(key)
    ],
    "runs": lambda r: [
        runs.runs(r, Scope(kind, 1), page, sort=sort, statuses=statuses, text=text)
        for kind in KINDS
        for sort, key in RUN_KEYS.items()
        for statuses in ((), (JobRunStatus.FAILED,), (JobRunStatus.RUNNING, JobRunStatus.SUCCEEDED))
        for text in ("", "a1", "1")
        for page in pages(key)
    ],
    "one": lambda r: [
        runs.run(r, 1),
        runs.last_copy(r, 1),
        definition_queries.definition(r, 1),
        hierarchy.endpoint_properties(r, 1),
        [definition_detail(r, 1), endpoint_detail(r, 1), passes(r, 1)],
        definition_queries.last_run_definition(r),
        [find.find(r, text) for text in ("a", "hr-home", "a/b", "a#1", "a#")],
        [find.find(r, text, kinds=[kind]) for kind in find.KINDS for text in ("", "a", "a#1")],
    ],
    "tick": lambda r: [
        runs.runs_by_id(r, [1, 2, 3]),
        runs.active_run_ids(r),
        runs.cancel_overdue(r),
        runs.work_of(r, 1),
        fleet_queries.rates(r, [1, 2]),
        fleet_queries.fleet(r),
        fleet_queries.run_totals(r, 1),
        since(r, head(r)),
    ],
    "fleet": lambda r: [
        [attention.attention(r, 1, page) for page in pages("3/5/5")],
        [overview.mover_overview(r, 1), overview.agent_overview(r, 1)],
        [throughput.copying(r, Scope(kind, 1), 5) for kind in ("mover", "agent")],
        throughput.copied(r, [1, 2], 0, 50, 10),
    ],
    "audit": lambda r: [
        events.events(r, scope, page, text=text)
        for scope in (None, *(Scope(kind, 1) for kind in events.KINDS if kind != "definition"))
        for text in ("", "a")
        for page in pages("5")
    ],
    # Sorts the events of as many runs as a page has lines.
    "a definition's audit": lambda r: [
        events.events(r, Scope("definition", 1), page, text=text) for text in ("", "a") for page in pages("5")
    ],
    "run": lambda r: [
        [
            item_queries.items(r, run, page, sort=sort, outcome=outcome, text=text)
            for run in (1, 2, 3)
            for sort, key in ((ItemSort.RECORDED, "5"), (ItemSort.SIZE, "5/5"))
            for outcome in ("", "Failed")
            for text in ("", "a")
            for page in pages(key)
        ],
        [runs.run_events(r, 1, page) for page in pages("5")],
        [grants.grants(r, Scope(kind, 1), page) for kind in ("agent", "endpoint") for page in pages("1/5")],
        [grants.grants(r, Scope("run", 1), page) for page in pages("5")],
        runs.samples(r, 1),
        [reports.report_chunks(r, 1, 0, 5), reports.plan_chunks(r, 1, 0, 5), reports.reported_items(r, 1)],
    ],
}
GROWING = {"job_run", "run_item", "run_report", "event", "change", "progress_sample", "access_grant"}
"""Tables that grow with history."""
ALIASES = {
    "c": "run_report",
    "r": "job_run",
    "i": "run_item",
    "e": "event",
    "g": "run_progress",
    "gr": "access_grant",
    "o": "event",
}
LATEST = "ORDER BY id DESC LIMIT 1"
"""An exception: by its own key and with a limit of one, a scan reads one row."""


@pytest.mark.parametrize("screen", SCREENS)
def test_no_statement_of_a_screen_scans_history(large: World, screen: str) -> None:
    """Runs, items, events, changes, samples and grants are only ever searched by an index, whichever the order and the
    filter; what runs is read from its own, which is as long as it is."""
    with Explaining(large) as reader:
        SCREENS[screen](reader)
        assert reader.plans
        for statement, plan in reader.plans.items():
            for line in plan:
                if LATEST not in statement and "FROM change" not in statement:
                    assert not scanned(line) & GROWING, (line, statement)


def scanned(line: str) -> set[str]:
    """The table that a line of a plan reads whole, if it does."""
    words = line.split()
    if words[0] == "SCAN":
        return set() if "_job_run_active" in line else {ALIASES.get(words[1], words[1])}
    if "Seq Scan on" in line:
        return {words[words.index("on") + 1]}
    return set()


@pytest.mark.parametrize("screen", ["runs", "run", "audit"])
def test_windows_are_not_sorted(large: World, screen: str) -> None:
    """A sort would read a whole range to show fifty rows. Only what was found in several ranges is sorted, each of
    them limited, and the window itself."""
    with Explaining(large) as reader:
        SCREENS[screen](reader)
        for statement, plan in reader.plans.items():
            if "run_item" in statement or "FROM job_run r WHERE" in statement or "FROM event" in statement:
                assert not sorts_a_table(plan), (sorts_a_table(plan), statement)


def sorts_a_table(plan: list[str]) -> str:
    """The line of a sort whose rows come from a table of history, if there is one."""
    reading = ""
    for place, line in enumerate(plan):
        words = line.split()
        if words[0] in ("SEARCH", "SCAN"):
            # Rows of a branch that were read last before a sort of them is named; what is joined comes behind a SCAN.
            reading = ALIASES.get(words[1], words[1]) if not reading or words[1] not in "rmpdgablsteoi" else reading
        elif words[0] in ("CO-ROUTINE", "LEFT", "RIGHT", "MERGE"):
            reading = ""
        if "TEMP B-TREE" in line and reading in GROWING:
            return line
        if ("Sort " in line or line.endswith("Sort")) and "Sort Key" not in line and "Method" not in line:
            below = next((one for one in plan[place + 1 :] if "->" in one), "")
            if any(f"on {table}" in below for table in GROWING):
                return below
    return ""


def test_counts_of_active_runs_do_not_read_the_ended_ones(large: World) -> None:
    """An agent or a project with a hundred thousand ended runs shows its two active ones as fast as a new one."""
    with Explaining(large) as reader:
        hierarchy.agents(reader, 1)
        hierarchy.projects(reader, 1)
        runs.work_of(reader, 1)
        fleet_queries.fleet(reader)
        counted = [line for plan in reader.plans.values() for line in plan if " r " in line or "on job_run" in line]
        assert counted
        assert all("ix_job_run_active" in line for line in counted), counted


def test_operations_do_not_read_the_history_of_runs(file_large: World) -> None:
    """Each heartbeat, start and sweep looks for active runs, under the write lock: never by a scan of all runs."""
    statements: list[tuple[str, Any]] = []
    large = file_large

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
