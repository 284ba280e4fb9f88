"""Pictures of the screens of a definition and of an endpoint: 80x24 and 160x45, in colour and in ASCII."""

from __future__ import annotations

from typing import Any

import pytest
from textual.pilot import Pilot

from tests.tui import plan_store
from tests.tui.driving import app_of, until
from tests.tui.plan_store import FinanceStore
from tests.tui.sample_store import SampleStore
from tests.tui.test_pictures import SIZES, Steps, settled
from tests.tui.test_plan_screens import definition, endpoint
from tui.presentation.glyphs import ASCII, UNICODE


async def passes(pilot: Pilot[int]) -> None:
    await definition(pilot)
    await until(pilot, "finance #10")


async def settings(pilot: Pilot[int]) -> None:
    await passes(pilot)
    await pilot.press("tab")
    await until(pilot, "Description")


async def never_run(pilot: Pilot[int]) -> None:
    await definition(pilot, "drawings")
    await until(pilot, "It has not run yet")


async def source(pilot: Pilot[int]) -> None:
    await endpoint(pilot, "nas1-fin")
    await until(pilot, "Mirror")


async def properties(pilot: Pilot[int]) -> None:
    await source(pilot)
    await pilot.press("shift+tab")
    await until(pilot, "/mnt/nas1/finance")


async def blob(pilot: Pilot[int]) -> None:
    await endpoint(pilot, "payroll-blob")
    await until(pilot, "payroll")


STORIES: list[Steps] = [passes, settings, never_run, source, properties, blob]


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("steps", STORIES, ids=lambda steps: steps.__name__)
def test_plan(snap_compare: Any, finance: FinanceStore, steps: Steps, size: tuple[int, int]) -> None:
    assert snap_compare(app_of(finance, glyphs=UNICODE), terminal_size=size, run_before=settled(steps))


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("steps", [passes, source], ids=lambda steps: steps.__name__)
def test_while_a_pass_is_on(snap_compare: Any, finance: FinanceStore, steps: Steps, size: tuple[int, int]) -> None:
    plan_store.running(finance)
    assert snap_compare(app_of(finance, glyphs=UNICODE), terminal_size=size, run_before=settled(steps))


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("steps", [passes, source], ids=lambda steps: steps.__name__)
def test_in_ascii(snap_compare: Any, finance: FinanceStore, steps: Steps, size: tuple[int, int]) -> None:
    assert snap_compare(app_of(finance, glyphs=ASCII), terminal_size=size, run_before=settled(steps))


async def hostile_definition(pilot: Pilot[int]) -> None:
    await definition(pilot, "bad")
    await pilot.press("tab")
    # The end of the description: it is seen once the settings know how wide they are, and are wrapped.
    await until(pilot, "beyond it")


async def hostile_endpoint(pilot: Pilot[int]) -> None:
    await endpoint(pilot, "bad-from")
    await until(pilot, "Additive")


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("steps", [hostile_definition, hostile_endpoint], ids=lambda steps: steps.__name__)
def test_hostile_words(snap_compare: Any, sample: SampleStore, steps: Steps, size: tuple[int, int]) -> None:
    sample.apply(plan_store.HOSTILE)
    assert snap_compare(app_of(sample, glyphs=UNICODE), terminal_size=size, run_before=settled(steps))
