"""Pictures of the forms: 80x24 and 160x45, in colour and in ASCII; empty, filled, wrong, hostile."""

from __future__ import annotations

from typing import Any

import pytest
from textual.pilot import Pilot

from store.bodies import ProjectProperties
from store.resources.common import find_mover
from store.resources.projects import put_project
from tests.tui.driving import app_of, until
from tests.tui.sample_store import SampleStore
from tests.tui.test_forms import at_endpoints, in_tree
from tests.tui.test_forms_definition import at_definitions
from tests.tui.test_pictures import SIZES, Steps, settled
from tui.presentation.glyphs import ASCII, UNICODE


async def types(pilot: Pilot[int]) -> None:
    await at_endpoints(pilot)
    await pilot.press("n")
    await until(pilot, "which type?")


async def empty(pilot: Pilot[int]) -> None:
    await types(pilot)
    await pilot.press("down", "down", "enter")
    await until(pilot, "A new SmbMount endpoint")


async def wrong(pilot: Pilot[int]) -> None:
    await empty(pilot)
    await pilot.press(*"-x", "tab", *"nas 1", "ctrl+s")
    await until(pilot, "correct what is marked first")


async def source(pilot: Pilot[int]) -> None:
    await at_definitions(pilot)
    await pilot.press("n")
    await until(pilot, "[1 Basics]")
    await pilot.press(*"hr-new", "pagedown", *"nas1")
    await until(pilot, "nas1-eng  nas1-hr")


async def settings(pilot: Pilot[int]) -> None:
    await source(pilot)
    await pilot.press("ctrl+u", *"nas1-hr", "pagedown", *"nas2-hr", "pagedown", "m")
    await until(pilot, "[Mirror]")


async def review(pilot: Pilot[int]) -> None:
    await settings(pilot)
    await pilot.press("pagedown")
    await until(pilot, "writes there, too")


async def edited(pilot: Pilot[int]) -> None:
    await at_definitions(pilot)
    await pilot.press("e")
    await until(pilot, "Change the job definition")


STORIES: list[Steps] = [types, empty, wrong, source, settings, review, edited]


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("steps", STORIES, ids=lambda steps: steps.__name__)
def test_forms(snap_compare: Any, sample: SampleStore, steps: Steps, size: tuple[int, int]) -> None:
    assert snap_compare(app_of(sample, glyphs=UNICODE), terminal_size=size, run_before=settled(steps))


@pytest.mark.parametrize("steps", [wrong, settings, review], ids=lambda steps: steps.__name__)
def test_forms_in_ascii(snap_compare: Any, sample: SampleStore, steps: Steps) -> None:
    assert snap_compare(app_of(sample, glyphs=ASCII), terminal_size=(80, 24), run_before=settled(steps))


def test_a_hostile_description(snap_compare: Any, sample: SampleStore) -> None:
    hostile = "[/red]\x1b]0;owned\x07\u202eabc\u200b \u4e16\u754c " + "x" * 200
    with sample.store.write("user/ana") as tx:
        put_project(tx, find_mover(tx.session, None), "hr-shares", ProjectProperties(description=hostile))

    async def opened(pilot: Pilot[int]) -> None:
        await in_tree(pilot, "hr-shares")
        await pilot.press("e")
        await until(pilot, "Change the project")
        await pilot.press("home")

    assert snap_compare(app_of(sample), terminal_size=(80, 24), run_before=settled(opened))
