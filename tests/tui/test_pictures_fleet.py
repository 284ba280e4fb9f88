"""Pictures of a mover's, an agent's and the audit's screens: as usual, in trouble, empty and with hostile text."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from textual.pilot import Pilot

from tests.tui.driving import app_of, seen, until
from tests.tui.sample_store import SampleStore
from tests.tui.test_pictures import SIZES, Steps, settled
from tui.app import LongshoreApp
from tui.presentation.glyphs import ASCII, UNICODE
from tui.screens.agent import AgentScreen
from tui.screens.base import LongshoreScreen
from tui.screens.events import EventsScreen
from tui.screens.mover import MoverScreen
from tui.subjects import AGENT, DEFINITION, MOVER, Subject

HOSTILE = "a second [/red]\x1b]0;process\x07 \u202eevil\u200b \U0001f4a9"


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
    await until(pilot, "Runs of")
    await app.push_screen(screen)
    await until(pilot, lambda: app.screen is screen and wanted in seen(app))


async def mover(pilot: Pilot[int]) -> None:
    await show(pilot, MoverScreen(Subject(MOVER, 1, "nas-exit", "nas-exit")), "10m ago")
    await until(pilot, "What to do")


async def agent(pilot: Pilot[int]) -> None:
    await show(pilot, AgentScreen(Subject(AGENT, 1, "nas-exit", "dock-1")), "10m ago")
    await until(pilot, "engineering #1")


async def agent_grants(pilot: Pilot[int]) -> None:
    await agent(pilot)
    await pilot.press("tab")
    await until(pilot, "nas1-eng")


async def empty(pilot: Pilot[int]) -> None:
    await show(pilot, MoverScreen(Subject(MOVER, 2, "spare", "spare")), "Nothing needs attention.")


async def audit(pilot: Pilot[int]) -> None:
    await show(pilot, EventsScreen(None), "agent/dock-2")


async def audit_of(pilot: Pilot[int]) -> None:
    about = Subject(DEFINITION, 3, "nas-exit", "nas1-migration/engineering")
    await show(pilot, EventsScreen(about), "queued")


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("steps", [mover, agent, agent_grants, empty, audit, audit_of], ids=lambda one: one.__name__)
def test_the_fleet(snap_compare: Any, sample: SampleStore, steps: Steps, size: tuple[int, int]) -> None:
    sample.apply("storageMovers: [{name: spare}]")
    assert snap_compare(app_of(sample, glyphs=UNICODE), terminal_size=size, run_before=settled(steps))


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("steps", [mover, agent, audit], ids=lambda one: one.__name__)
def test_the_fleet_in_trouble(snap_compare: Any, sample: SampleStore, steps: Steps, size: tuple[int, int]) -> None:
    """Lost, silent, flagged and stopped by a guard, with text that is out to harm."""
    sample.guarded(message=HOSTILE)
    with closing(sqlite3.connect(sample.place.path)) as connection:
        connection.execute(
            "UPDATE agent SET status = 'RequiresAttention', error_code = 'DuplicateIdentity', error_message = ?, "
            "host = ? WHERE id = 1",
            (HOSTILE, HOSTILE),
        )
        connection.execute("UPDATE storage_mover SET description = ?", (HOSTILE,))
        connection.commit()
    sample.clock.advance(90_000)
    assert snap_compare(app_of(sample, glyphs=UNICODE), terminal_size=size, run_before=settled(steps))


@pytest.mark.parametrize("steps", [mover, agent, audit], ids=lambda one: one.__name__)
def test_the_fleet_in_ascii(snap_compare: Any, sample: SampleStore, steps: Steps) -> None:
    assert snap_compare(app_of(sample, glyphs=ASCII), terminal_size=(80, 24), run_before=settled(steps))
