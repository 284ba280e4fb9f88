"""Pictures of every screen: 80x24 and 160x45, in colour and in ASCII, with what a test can wait for."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from textual.pilot import Pilot

from store.vocabulary import RunKind
from tests.tui.driving import app_of, still, until
from tests.tui.sample_store import SampleStore
from tui.presentation.glyphs import ASCII, UNICODE

Steps = Callable[[Pilot[int]], Awaitable[None]]
SIZES = [(80, 24), (160, 45)]


async def main(pilot: Pilot[int]) -> None:
    await until(pilot, "Runs of engineering")
    await until(pilot, "75%")
    await until(pilot, "1 running")


async def mover(pilot: Pilot[int]) -> None:
    await main(pilot)
    await pilot.press("g")
    await until(pilot, "hr-home #1")


async def launch(pilot: Pilot[int]) -> None:
    await main(pilot)
    await pilot.press("slash", *"hr-home", "enter")
    await until(pilot, "/hr-home")
    await pilot.press("G")
    await until(pilot, "Runs of hr-home")
    await pilot.press("r")
    await until(pilot, "Last pass  #1")


async def running(pilot: Pilot[int]) -> None:
    await main(pilot)
    await pilot.press("4", "enter")
    await until(pilot, "18,000")


async def failed(pilot: Pilot[int]) -> None:
    await mover(pilot)
    await pilot.press("4", "j", "enter")
    await until(pilot, "caf")
    await until(pilot, "LSM1010")


async def keys(pilot: Pilot[int]) -> None:
    await main(pilot)
    await pilot.press("question_mark")
    await until(pilot, "Make a new one of what this pane lists")


async def stop(pilot: Pilot[int]) -> None:
    await main(pilot)
    await pilot.press("x")
    await until(pilot, "Stop the run")


def settled(steps: Steps) -> Steps:
    """The same steps, and then a wait until nothing moves."""

    async def run(pilot: Pilot[int]) -> None:
        await steps(pilot)
        await still(pilot)

    return run


STORIES: list[Steps] = [main, mover, launch, running, failed, keys, stop]


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("steps", STORIES, ids=lambda steps: steps.__name__)
def test_screens(snap_compare: Any, sample: SampleStore, steps: Steps, size: tuple[int, int]) -> None:
    assert snap_compare(app_of(sample, glyphs=UNICODE), terminal_size=size, run_before=settled(steps))


async def at_hr_home(pilot: Pilot[int]) -> None:
    await main_of_kinds(pilot)
    await pilot.press("1", "slash", *"hr-home", "enter")
    await until(pilot, "/hr-home")
    await pilot.press("G")
    await until(pilot, "Runs of hr-home")
    await until(pilot, "hr-home #1")


async def main_of_kinds(pilot: Pilot[int]) -> None:
    await until(pilot, "Runs of hr-archive")
    await until(pilot, "2 running")


async def kinds(pilot: Pilot[int]) -> None:
    await at_hr_home(pilot)
    await pilot.press("l")
    await until(pilot, "#2 preview")


async def preview(pilot: Pilot[int]) -> None:
    await at_hr_home(pilot)
    await pilot.press("4", "j", "j", "enter")
    await until(pilot, "Would delete")


async def previewing(pilot: Pilot[int]) -> None:
    await main_of_kinds(pilot)
    await pilot.press("4", "enter")
    await until(pilot, "12,000")


async def verify(pilot: Pilot[int]) -> None:
    await at_hr_home(pilot)
    await pilot.press("4", "j", "enter")
    await until(pilot, "Only in target")


async def plan(pilot: Pilot[int]) -> None:
    await preview(pilot)
    await pilot.press("r")
    await until(pilot, "Exactly what preview #2 listed")


async def guard(pilot: Pilot[int]) -> None:
    await at_hr_home(pilot)
    await pilot.press("r")
    await until(pilot, "#4 was stopped")


async def override(pilot: Pilot[int]) -> None:
    await guard(pilot)
    await pilot.press("o", *"DeletePer", "enter")
    await until(pilot, "is no guard here")


async def overridden(pilot: Pilot[int]) -> None:
    await guard(pilot)
    await pilot.press("o", *"DeletePercent DeleteCount", "enter")
    await until(pilot, "OVERRIDDEN")


KINDS: list[Steps] = [kinds, preview, previewing, verify, plan, guard, override, overridden]


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("steps", KINDS, ids=lambda steps: steps.__name__)
def test_kinds_of_run(snap_compare: Any, sample: SampleStore, steps: Steps, size: tuple[int, int]) -> None:
    sample.preview()
    sample.verify()
    sample.guarded(plan="hr-shares/hr-home#2")
    live = sample.claim("hr-shares/hr-archive", "dock-2", kind=RunKind.PREVIEW)
    sample.started(live)
    sample.progress(live, 12_000, 1_100_000_000, 24_000, 2_000_000_000)
    assert snap_compare(app_of(sample, glyphs=UNICODE), terminal_size=size, run_before=settled(steps))


@pytest.mark.parametrize("steps", [main, running], ids=lambda steps: steps.__name__)
def test_screens_in_ascii(snap_compare: Any, sample: SampleStore, steps: Steps) -> None:
    assert snap_compare(app_of(sample, glyphs=ASCII), terminal_size=(80, 24), run_before=settled(steps))
