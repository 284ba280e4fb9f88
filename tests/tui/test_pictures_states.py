"""Pictures of full screens in states that the others' do not have: nothing there, the widest numbers, gone, away."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from textual.pilot import Pilot

from store.clock import VirtualClock
from store.db import open_store
from store.resources.common import find_definition, find_mover
from store.resources.definitions import delete_definition
from store.sqlite.place import SqlitePlace
from store.vocabulary import JobRunStatus
from tests.tui.driving import app_of, seen, until
from tests.tui.sample_store import HOUR, NOON, SampleStore
from tests.tui.test_pictures import SIZES, Steps, settled
from tui.app import LongshoreApp
from tui.presentation.glyphs import ASCII, UNICODE
from tui.screens.agent import AgentScreen
from tui.screens.base import LongshoreScreen
from tui.screens.definition import DefinitionScreen
from tui.screens.endpoint import EndpointScreen
from tui.screens.events import EventsScreen
from tui.screens.mover import MoverScreen
from tui.screens.run import RunScreen
from tui.subjects import AGENT, DEFINITION, ENDPOINT, MOVER, Subject

SMALL = (80, 24)
MOST_ITEMS, MOST_BYTES = 999_999_999, 9_200_000_000_000_000_000
LONG_NAME = "finance-and-controlling-of-the-northern-region-2019-to-2026-fin1"
BUSY_DAYS = 400


@pytest.fixture(autouse=True)
def utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Times of events are shown in the terminal's zone."""
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


async def show(pilot: Pilot[int], screen: LongshoreScreen, wanted: str) -> None:
    app = pilot.app
    assert isinstance(app, LongshoreApp)
    await until(pilot, "Runs")
    await app.push_screen(screen)
    await until(pilot, lambda: app.screen is screen and wanted in seen(app))


# Nothing is there


@pytest.fixture
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SampleStore]:
    """A store that was just made."""
    place = SqlitePlace((tmp_path_factory.mktemp("fresh") / "longshore.db").resolve())
    clock = VirtualClock(NOON)
    found = SampleStore(place, open_store(place, clock=clock), clock, {})
    yield found
    found.store.close()


async def nothing(pilot: Pilot[int]) -> None:
    await until(pilot, "Runs")


async def nothing_happened(pilot: Pilot[int]) -> None:
    # Else the sentence that the first screen says may come when this one is there.
    await until(pilot, "apply FILE' a whole plan")
    await show(pilot, EventsScreen(None), "What happened")


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("steps", [nothing, nothing_happened], ids=lambda one: one.__name__)
def test_empty(snap_compare: Any, fresh: SampleStore, steps: Steps, size: tuple[int, int]) -> None:
    assert snap_compare(app_of(fresh, glyphs=UNICODE), terminal_size=size, run_before=settled(steps))


# Everything at its widest


@pytest.fixture
def huge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SampleStore]:
    """Names of 64 characters, twelve agents, 500 definitions, and a run of 400 days over 9.2 EB."""
    place = SqlitePlace((tmp_path_factory.mktemp("huge") / "longshore.db").resolve())
    clock = VirtualClock(NOON - BUSY_DAYS * 24 * HOUR)
    found = SampleStore(place, open_store(place, clock=clock), clock, {})
    found.apply(_plan())
    for number in range(12):
        found.connect(f"{LONG_NAME[:-2]}{number:02}")
    agent = f"{LONG_NAME[:-2]}00"
    whole = found.claim(f"{LONG_NAME}/{LONG_NAME[:-3]}000", f"{LONG_NAME[:-2]}01")
    found.started(whole)
    live = found.claim(f"{LONG_NAME}/{LONG_NAME[:-3]}001", agent)
    found.started(live)
    found.clock.time = NOON - 60_000
    for step in range(1, 8):
        found.clock.advance(8_000)
        share = 0.9 + step / 100
        found.progress(
            live, int(MOST_ITEMS * share), int(MOST_BYTES * share), MOST_ITEMS, MOST_BYTES, failed=int(MOST_ITEMS * 0.4)
        )
    found.end(
        whole,
        JobRunStatus.FAILED,
        {"items_scanned": MOST_ITEMS, "items_transferred": MOST_ITEMS, "bytes_transferred": MOST_BYTES,
         "bytes_scanned": MOST_BYTES, "items_failed": MOST_ITEMS, "items_deleted": MOST_ITEMS},
        items=[(f"{LONG_NAME}/{n}".encode() * 3, "F", "Failed", "AZSM2062", "Permission denied (EACCES)", MOST_BYTES)
               for n in range(30)],
        code="LSM1010",
        message=f"{MOST_ITEMS} of {MOST_ITEMS} items failed",
    )  # fmt: skip
    found.clock.time = NOON
    found.beat(agent, [live])
    yield found
    found.store.close()


def _plan() -> str:
    name, agents = LONG_NAME[:-3], LONG_NAME[:-2]
    endpoints = "\n".join(
        f"      - {{name: {name}{side}00, properties: {{endpointType: LocalPath, path: /{LONG_NAME}/{side}}}}}"
        for side in ("0", "1")
    )
    definitions = "\n".join(
        f"          - {{name: {name}{n:03}, properties: {{copyMode: Mirror, sourceName: {name}000, "
        f"targetName: {name}100, targetSubpath: '{n:03}', agentName: {agents}{n % 12:02}}}}}"
        for n in range(500)
    )
    return (
        f"storageMovers:\n  - name: {LONG_NAME}\n    endpoints:\n{endpoints}\n    projects:\n"
        f"      - name: {LONG_NAME}\n        jobDefinitions:\n{definitions}\n"
    )


async def widest_mover(pilot: Pilot[int]) -> None:
    await show(pilot, MoverScreen(Subject(MOVER, 1, LONG_NAME, LONG_NAME)), "What to do")


async def widest_agent(pilot: Pilot[int]) -> None:
    await show(pilot, AgentScreen(Subject(AGENT, 1, LONG_NAME, f"{LONG_NAME[:-2]}00")), "97%")


async def widest_definition(pilot: Pilot[int]) -> None:
    await show(pilot, DefinitionScreen(Subject(DEFINITION, 1, LONG_NAME, "x/y")), "Iterations")


async def widest_endpoint(pilot: Pilot[int]) -> None:
    await show(pilot, EndpointScreen(Subject(ENDPOINT, 1, LONG_NAME, "x")), "Used by")


async def widest_run(pilot: Pilot[int]) -> None:
    await show(pilot, RunScreen(2), "ETA")


async def widest_ended(pilot: Pilot[int]) -> None:
    await show(pilot, RunScreen(1), "AZSM2062")


WIDEST = [widest_mover, widest_agent, widest_definition, widest_endpoint, widest_run, widest_ended]


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("steps", WIDEST, ids=lambda one: one.__name__)
def test_huge(snap_compare: Any, huge: SampleStore, steps: Steps, size: tuple[int, int]) -> None:
    assert snap_compare(app_of(huge, glyphs=UNICODE), terminal_size=size, run_before=settled(steps))


@pytest.mark.parametrize("steps", [widest_run, widest_ended], ids=lambda one: one.__name__)
def test_huge_in_ascii(snap_compare: Any, huge: SampleStore, steps: Steps) -> None:
    assert snap_compare(app_of(huge, glyphs=ASCII), terminal_size=SMALL, run_before=settled(steps))


# Gone while it is open


def _delete_definition(sample: SampleStore) -> None:
    with sample.store.write("user/ana") as tx:
        mover = find_mover(tx.session, None)
        project, found = find_definition(tx.session, mover, "hr-shares/hr-home")
        delete_definition(tx, mover, project, found)


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_gone(snap_compare: Any, sample: SampleStore, size: tuple[int, int]) -> None:
    """A definition that somebody else deletes."""

    async def gone(pilot: Pilot[int]) -> None:
        with closing(sqlite3.connect(sample.place.path)) as connection:
            ((number,),) = connection.execute("SELECT id FROM job_definition WHERE name = 'hr-home'").fetchall()
        await show(pilot, DefinitionScreen(Subject(DEFINITION, number, "nas-exit", "hr-shares/hr-home")), "Next pass")
        _delete_definition(sample)
        await until(pilot, "is gone: it was deleted meanwhile")

    assert snap_compare(app_of(sample, glyphs=UNICODE), terminal_size=size, run_before=settled(gone))
