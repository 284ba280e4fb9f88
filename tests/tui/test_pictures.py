"""Pictures of every screen: 80x24 and 160x45, in colour and in ASCII, with what a test can wait for."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from textual.pilot import Pilot

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
    await until(pilot, "Quit; agents and runs go on")


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


@pytest.mark.parametrize("steps", [main, running], ids=lambda steps: steps.__name__)
def test_screens_in_ascii(snap_compare: Any, sample: SampleStore, steps: Steps) -> None:
    assert snap_compare(app_of(sample, glyphs=ASCII), terminal_size=(80, 24), run_before=settled(steps))
