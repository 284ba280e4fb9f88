"""Lists in every order and with every filter, on both kinds of store: windows are slices of what the tables hold."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from store.errors import InvalidInput
from store.queries import definitions, find, hierarchy, items, runs
from store.queries import fleet as fleet_queries
from store.queries.definitions import DefinitionSort
from store.queries.hierarchy import AgentSort, EndpointSort
from store.queries.items import ItemSort
from store.queries.runs import RunSort
from store.queries.scope import Scope
from store.queries.window import Direction, Page, Window, complete, further
from store.reader import Reader
from store.vocabulary import AgentStatus, DefinitionState, EndpointType, JobRunStatus
from tests.store.large import store_of
from tests.store.world import World, refusal

EVERYTHING = Page(limit=10_000)
DIRECTIONS: list[Direction] = ["start", "end", "after", "before", "around"]
TEXTS = ["", "", "a", "b", "B", "1", "_", "%", "\\", "hr", "nothing has this"]
SCOPES = [Scope(kind, number) for kind in ("mover", "project", "definition", "agent", "endpoint") for number in (1, 2)]


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def large(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    server = request.getfixturevalue("cluster") if request.param == "postgresql" else None
    with store_of(request.param, tmp_path_factory.mktemp("lists"), server) as world:
        yield world


@pytest.fixture(scope="module")
def looking(large: World) -> Iterator[Reader]:
    with large.reader() as reader:
        yield reader


class Asked(NamedTuple):
    """A list: how a page of it is asked for, the key of a row, and what its rows must be sorted by."""

    ask: Callable[[Page, str], Window[Any]]
    key: Callable[[Any], str]
    order: Callable[[Any], Any]
    wanted: Callable[[Any], bool] = lambda row: True
    """Which rows the filter leaves."""


def down(*values: int) -> tuple[int, ...]:
    return tuple(-value for value in values)


STATES = list(DefinitionState)
AGENTS_IN_ORDER = ("RequiresAttention", "Offline", "Unregistering", "Executing", "Online", "Registering")
DEFINITION_ORDERS: dict[DefinitionSort, Callable[[Any], Any]] = {
    DefinitionSort.NAME: lambda d: (d.project, d.name),
    DefinitionSort.STATE: lambda d: (STATES.index(d.state), d.project, d.name),
    DefinitionSort.RECENT: lambda d: down(d.ended, d.id),
    DefinitionSort.STALE: lambda d: (d.ended, d.id),
}
RUN_ORDERS: dict[RunSort, Callable[[Any], Any]] = {
    RunSort.NEWEST: lambda r: -r.id,
    RunSort.OLDEST: lambda r: r.id,
    RunSort.BYTES: lambda r: down(r.counters["bytes_transferred"], r.id),
    RunSort.FAILED: lambda r: down(r.counters["items_failed"], r.id),
}
ITEM_ORDERS: dict[ItemSort, Callable[[Any], Any]] = {
    ItemSort.RECORDED: lambda i: i.id,
    ItemSort.SIZE: lambda i: down(i.size, i.id),
}
STATE_FILTERS: list[tuple[DefinitionState, ...]] = [(), ("Failed",), ("Active", "Never")]  # type: ignore[list-item]
STATUS_FILTERS: list[tuple[JobRunStatus, ...]] = [
    (),
    (JobRunStatus.FAILED,),
    (JobRunStatus.QUEUED, JobRunStatus.SUCCEEDED),
    (JobRunStatus.RUNNING,),
]


def asked(reader: Reader, draw: Callable[[Any], Any]) -> Asked:
    """Any list in any scope, order and filter."""
    scope = draw(st.sampled_from(SCOPES))
    match draw(st.sampled_from(("definitions", "runs", "items", "endpoints", "agents", "projects"))):
        case "definitions":
            sort, states = draw(st.sampled_from(list(DefinitionSort))), draw(st.sampled_from(STATE_FILTERS))
            return Asked(
                lambda p, t: definitions.definitions(reader, scope, p, text=t, sort=sort, states=states),
                lambda row: definitions.definition_key(row, sort),
                DEFINITION_ORDERS[sort],
                lambda row: not states or row.state in states,
            )
        case "runs":
            order, statuses = draw(st.sampled_from(list(RunSort))), draw(st.sampled_from(STATUS_FILTERS))
            return Asked(
                lambda p, t: runs.runs(reader, scope, p, text=t, sort=order, statuses=statuses),
                lambda row: runs.run_key(row, order),
                RUN_ORDERS[order],
                lambda row: (
                    (not statuses or row.status in statuses)
                    and (order not in (RunSort.BYTES, RunSort.FAILED) or not row.active)
                    and (order != RunSort.FAILED or row.counters["items_failed"] > 0)
                ),
            )
        case "items":
            by, outcome = draw(st.sampled_from(list(ItemSort))), draw(st.sampled_from(["", "Failed", "Deleted"]))
            run = draw(st.sampled_from((1, 2)))
            return Asked(
                lambda p, t: items.items(reader, run, p, text=t, outcome=outcome, sort=by),
                lambda row: items.item_key(row, by),
                ITEM_ORDERS[by],
                lambda row: outcome in ("", row.outcome),
            )
        case "endpoints":
            how = draw(st.sampled_from(list(EndpointSort)))
            types = draw(st.sampled_from([(), (EndpointType.NFS_MOUNT, EndpointType.SMB_MOUNT)]))
            return Asked(
                lambda p, t: hierarchy.endpoints(reader, scope, p, text=t, sort=how, types=types),
                lambda row: hierarchy.endpoint_key(row, how),
                (lambda e: e.name) if how == EndpointSort.NAME else (lambda e: (e.endpoint_type, e.name)),
                lambda row: not types or row.endpoint_type in types,
            )
        case "agents":
            arranged, kept = draw(st.sampled_from(list(AgentSort))), draw(st.sampled_from([(), ("Registering",)]))
            return Asked(
                lambda p, t: hierarchy.agent_window(reader, 1, p, text=t, sort=arranged, states=kept),
                lambda row: hierarchy.agent_key(row, arranged),
                lambda a: a.name if arranged == AgentSort.NAME else (AGENTS_IN_ORDER.index(a.status), a.name),
                lambda row: not kept or row.status in kept,
            )
        case _:
            busy = draw(st.booleans())
            return Asked(
                lambda p, t: hierarchy.project_window(reader, 1, p, text=t, active=busy),
                hierarchy.project_key,
                lambda p: p.name,
                lambda row: not busy or row.active_runs > 0,
            )


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


@settings(deadline=None)
@given(st.data(), st.sampled_from(DIRECTIONS), st.integers(0, 10_000), st.integers(1, 60), st.sampled_from(TEXTS))
def test_a_window_is_a_slice_of_the_whole_list(
    looking: Reader, data: st.DataObject, direction: Direction, at: int, limit: int, text: str
) -> None:
    """Before, after and around any row, from the start and the end, in any order: never a row twice or missing."""
    ask, key, order, wanted = asked(looking, data.draw)
    rows = ask(EVERYTHING, text).rows
    assert rows == sorted(rows, key=order)
    assert all(wanted(row) for row in rows)
    full = [key(row) for row in rows]
    assert len(set(full)) == len(full)
    if direction in ("start", "end"):
        anchor = None
    elif full:
        anchor = full[at % len(full)]
    else:
        return
    found = ask(Page(direction, anchor, limit), text)
    at = at % len(full) if full else 0
    assert ([key(row) for row in found.rows], found.at_start, found.at_end) == piece(full, direction, at, limit)
    assert (found.more_before, found.more_after) == (None, None)


@settings(deadline=None)
@given(st.data(), st.sampled_from(DIRECTIONS), st.integers(0, 10_000), st.integers(1, 9), st.sampled_from(TEXTS[2:]))
def test_a_search_that_is_broken_off_goes_on_where_it_was(
    looking: Reader, data: st.DataObject, direction: Direction, at: int, limit: int, text: str
) -> None:
    """However few rows an answer may look at: asked again from where it stopped, it finds the same."""
    ask, key, _, _ = asked(looking, data.draw)
    full = [key(row) for row in ask(EVERYTHING, text).rows]
    anchor = full[at % len(full)] if full and direction not in ("start", "end") else None
    page = Page(direction if anchor else "start", anchor, limit)
    whole = ask(page, text)
    with pytest.MonkeyPatch.context() as patched:
        budget = data.draw(st.integers(2, 7))
        for module, names in (
            (runs, ("RUNS_AT_ONCE", "DEFINITIONS_AT_ONCE")),
            (items, ("ITEMS_AT_ONCE", "SCATTERED_AT_ONCE")),
            (definitions, ("NAMES_AT_ONCE", "ROWS_AT_ONCE")),
            (hierarchy, ("NAMES_AT_ONCE", "PLACES_AT_ONCE")),
        ):
            for name in names:
                # Shared by the ranges of a list, of which there are up to ten.
                patched.setattr(module, name, budget * (10 if module is definitions else 1))
        found = complete(lambda page: ask(page, text), page)
    keys = [key(row) for row in found.rows]
    assert further(found, page) is None
    if page.direction == "around":  # with more of one side where the other was broken off
        first = full.index(keys[0])
        assert anchor in keys
        assert keys == full[first : first + len(keys)]
        assert len(keys) >= len(whole.rows)
    else:
        assert keys == [key(row) for row in whole.rows]


def test_a_key_of_another_list_is_refused(looking: Reader) -> None:
    for ask in (
        lambda: runs.runs(looking, Scope("mover", 1), Page("after", "hr/home")),
        lambda: runs.runs(looking, Scope("mover", 1), Page("after", "7"), sort=RunSort.BYTES),
        lambda: definitions.definitions(looking, Scope("mover", 1), Page("around", "a/b/c")),
    ):
        assert refusal(InvalidInput, ask).code == "InvalidKey"


# What the database keeps by itself.


def recount(world: World) -> tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]:
    """Totals and states, read from all runs."""
    ended = "status IN ('Canceled', 'Failed', 'Succeeded')"
    totals = world.sql(
        f"SELECT mover_id, kind, status, count(*), sum(items_failed), sum(bytes_transferred) FROM job_run "
        f"WHERE {ended} GROUP BY mover_id, kind, status ORDER BY mover_id, kind, status"
    )
    states = world.sql(
        f"SELECT d.id, CASE WHEN r.id IS NULL THEN 'Never' WHEN r.{ended} THEN r.status ELSE 'Active' END, "
        f"CASE WHEN r.{ended} THEN coalesce(r.execution_end_time, 0) ELSE 0 END FROM job_definition d "
        "LEFT JOIN job_run r ON r.id = d.latest_run_id ORDER BY d.id"
    )
    return [tuple(int(v) if n > 2 else v for n, v in enumerate(row)) for row in totals], states


def kept(world: World) -> tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]:
    with world.reader() as reader:
        totals = [
            (
                t.mover_id,
                str(t.kind),
                str(t.status),
                t.runs,
                t.counters["items_failed"],
                t.counters["bytes_transferred"],
            )
            for t in fleet_queries.run_totals(reader)
        ]
    return totals, world.sql("SELECT id, latest_state, latest_ended FROM job_definition ORDER BY id")


def test_totals_and_states_are_those_of_a_full_count(large: World, world: World) -> None:
    """After bulk writes; and through the life of runs, with a transaction that is taken back and a project deleted."""
    from store.execution.claims import finish_run, report_progress
    from store.resources.common import find_in_mover
    from store.resources.projects import delete_project

    assert kept(large) == recount(large)
    assert len(kept(large)[0]) > 6
    identity, claim = world.claimed("hr/home")
    world.define("arch", project="old")
    assert kept(world) == recount(world)
    world.call(identity, report_progress, claim, {"bytes_transferred": 5, "items_failed": 2})

    def taken_back() -> None:
        with world.write("agent/dock-1") as tx:
            finish_run(tx, identity, claim, JobRunStatus.SUCCEEDED, code="", message="", target="")
            tx.session.flush()
            raise RuntimeError

    with pytest.raises(RuntimeError):
        taken_back()
    assert kept(world)[0] == []
    world.call(identity, finish_run, claim, JobRunStatus.FAILED, code="AZSM1004", message="", target="")
    world.cancel(world.start("old/arch"))
    world.start("hr/home")
    assert kept(world) == recount(world)
    assert [row[:5] for row in kept(world)[0]] == [(1, "Copy", "Canceled", 1, 0), (1, "Copy", "Failed", 1, 2)]
    assert [row[1] for row in kept(world)[1]] == ["Active", "Canceled"]
    with world.mover_write() as (tx, mover):
        from store.models import Project

        delete_project(tx, mover, find_in_mover(tx.session, Project, "project", mover, "old"))
    assert kept(world) == recount(world)
    assert len(kept(world)[0]) == 1


# Going to something.


def test_what_a_name_may_mean(world: World) -> None:
    """What begins with the text first, then what contains it; kinds in their order; paths and numbers of runs."""
    world.define("home", project="hr")
    world.define("home-old", project="payroll")
    world.define("arch", project="homes", mover="san")
    world.agent("Home-dock")
    for definition in ("hr/home", "payroll/home-old"):
        world.cancel(world.start(definition, "Home-dock"))
    world.start("hr/home", "Home-dock")
    with world.reader() as reader:

        def paths(text: str, limit: int = 20) -> list[str]:
            return [f"{one.kind} {one.path}" for one in find.find(reader, text, limit)]

        assert paths("home") == [
            "endpoint home-from",
            "endpoint home-old-from",
            "endpoint home-old-to",
            "endpoint home-to",
            "project homes",
            "definition hr/home",
            "definition payroll/home-old",
            "agent Home-dock",
        ]
        assert paths("OCK") == ["agent Home-dock"]
        assert paths("hr/ho") == ["definition hr/home"]
        assert paths("/home") == ["definition hr/home", "definition payroll/home-old"]
        assert paths("hr/home#2") == ["run hr/home#2"]
        assert paths("hr/home#") == ["run hr/home#2"]
        assert paths("home#1") == ["run hr/home#1", "run payroll/home-old#1"]
        assert paths("home#9") == paths("#1") == paths("home#x") == paths("  ") == paths("%") == paths("\0\udcff") == []
        assert len(paths("home", 3)) == 3

        def of(kind: str, text: str = "", limit: int = 20) -> list[str]:
            return [one.path for one in find.find(reader, text, limit, [kind])]

        assert of("mover") == ["nas", "san"]
        assert of("project") == ["homes", "hr", "payroll"]
        assert of("endpoint", "home") == ["home-from", "home-old-from", "home-old-to", "home-to"]
        assert of("definition", limit=2) == ["homes/arch", "hr/home"]
        assert of("definition", "/old") == of("definition", "OLD") == ["payroll/home-old"]
        assert of("run") == ["hr/home#2", "payroll/home-old#1", "hr/home#1"]
        assert of("run", "old") == of("run", "home-old#") == ["payroll/home-old#1"]
        assert of("run", "home#1") == ["hr/home#1", "payroll/home-old#1"]
        assert of("agent", "a/b") == of("agent", "home#1") == of("agent", "none") == []
        (san,) = [one for one in find.find(reader, "arch") if one.kind == "definition"]
        assert (san.path, san.mover) == ("homes/arch", "san")


# How many statements.


class Counting(Reader):
    """A reader that counts its statements."""

    count = 0

    def rows(self, sql: str, parameters: Any = None) -> Any:
        self.count += 1
        return super().rows(sql, parameters)


def test_a_window_takes_as_many_statements_for_many_rows_as_for_one(large: World) -> None:
    def counts(limit: int) -> list[int]:
        page, found = Page(limit=limit), []
        asks: list[Callable[[Counting], object]] = [
            hierarchy.movers,
            lambda r: hierarchy.agent_window(r, 1, page),
            lambda r: hierarchy.project_window(r, 1, page),
            lambda r: hierarchy.endpoints(r, Scope("mover", 1), page),
            lambda r: definitions.definitions(r, Scope("mover", 1), page, sort=DefinitionSort.STATE),
            lambda r: runs.runs(r, Scope("mover", 1), page, sort=RunSort.FAILED),
            lambda r: items.items(r, 1, page, sort=ItemSort.SIZE),
            fleet_queries.fleet,
            fleet_queries.run_totals,
        ]
        for ask in asks:
            with Counting(large.store.place, large.clock) as reader:
                opening = reader.count
                ask(reader)
                found.append(reader.count - opening)
        return found

    assert counts(1) == counts(1_000)
    assert max(counts(1_000)) <= 3


def test_resources_in_arm_s_shape_take_a_constant_number_of_statements(large: World) -> None:
    """What --json lists and exports: as many statements for a mover with everything as for one with next to nothing."""
    from sqlalchemy import event
    from sqlmodel import Session, select

    from store import arm_reads
    from store.export import export_plan, export_resources
    from store.models import JobRun, Project, StorageMover

    statements: list[str] = []

    def keep(_c: Any, _cursor: Any, statement: str, _p: Any, _context: Any, _many: bool) -> None:
        if threading.current_thread() is threading.main_thread():  # another one tells readers
            statements.append(statement)

    def reads(session: Session, mover: StorageMover) -> list[Callable[[], object]]:
        project = session.exec(select(Project).where(Project.mover_id == mover.id)).first()
        all_runs = session.exec(select(JobRun.id).where(JobRun.mover_id == mover.id)).all()
        assert project is not None
        return [
            lambda: list(arm_reads.agents(session, mover, 0)),
            lambda: list(arm_reads.endpoints(session, mover)),
            lambda: list(arm_reads.projects(session, mover)),
            lambda: list(arm_reads.definitions(session, mover)),
            lambda: list(arm_reads.definitions(session, mover, project)),
            lambda: list(arm_reads.runs(session, all_runs or [0])),
            lambda: arm_reads.definition_count(session, project),
            lambda: export_plan(session, [mover]),
            lambda: export_resources(session, [mover]),
        ]

    def counts(name: str) -> list[int]:
        with large.store.read() as session:
            found = []
            for ask in reads(session, session.exec(select(StorageMover).where(StorageMover.name == name)).one()):
                statements.clear()
                ask()
                found.append(len(statements))
            return found

    large.mover("small")
    large.define("one", mover="small", project="p")
    event.listen(large.store.engine, "before_cursor_execute", keep)
    try:
        assert counts("nas") == counts("small")
        assert max(counts("nas")) <= 5
    finally:
        event.remove(large.store.engine, "before_cursor_execute", keep)


def test_states_of_agents_are_those_that_are_shown(world: World) -> None:
    """Sorted and filtered by what the rows say, at every age of the heartbeats."""
    world.mover()
    for number in range(3):
        world.agent(f"dock-{number}", host_key=f"h{number}")
        world.clock.advance(6_000)
    world.register("dock-9")
    with world.reader() as reader:
        for _ in range(4):
            shown = hierarchy.agent_window(reader, 1, EVERYTHING, sort=AgentSort.STATE).rows
            assert shown == sorted(shown, key=lambda a: (AGENTS_IN_ORDER.index(a.status), a.name))
            for state in AgentStatus:
                only = hierarchy.agent_window(reader, 1, EVERYTHING, states=[state]).rows
                assert [a.name for a in only] == [a.name for a in shown if a.status == state]
            world.clock.advance(6_000)
