"""Going to anything by its kind and a part of its name."""

from __future__ import annotations

import asyncio

import pytest

from store.queries.find import Found
from tests.tui.driving import app_of, until
from tests.tui.sample_store import SampleStore
from tui.goto import Wanted
from tui.screens.agent import AgentScreen
from tui.screens.base import LongshoreScreen
from tui.screens.definition import DefinitionScreen
from tui.screens.endpoint import EndpointScreen
from tui.screens.events import EventsScreen
from tui.screens.find import FindScreen
from tui.screens.main import MainScreen
from tui.screens.mover import MoverScreen
from tui.screens.run import RunScreen

pytestmark = pytest.mark.anyio


async def test_a_run_is_opened_by_a_part_of_its_name(sample: SampleStore) -> None:
    app = app_of(sample)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, "Runs of engineering")
        await pilot.press("colon")
        text = await until(pilot, "Go to")
        assert "endpoints by name" in text
        await pilot.press(*"runs hr-ho")
        await until(pilot, "hr-shares/hr-home#1")
        await until(pilot, "engineering#1", absent=True)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, RunScreen))
        await until(pilot, "hr-home #1")


async def test_enter_goes_to_what_is_typed_however_fast(sample: SampleStore) -> None:
    """The keys are all there before the store has answered any of them."""
    app = app_of(sample)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, "Runs of engineering")
        await pilot.press("colon", *"runs hr-home#1", "enter")
        await until(pilot, lambda: isinstance(app.screen, RunScreen))
        await until(pilot, "hr-home #1")


async def test_esc_leaves_without_a_trace(sample: SampleStore) -> None:
    app = app_of(sample)
    async with app.run_test(size=(80, 24)) as pilot:
        before = await until(pilot, "Runs of engineering")
        focus = app.screen.focused
        await pilot.press("colon", *"payroll", "escape")
        await until(pilot, lambda: isinstance(app.screen, MainScreen))
        assert app.screen.focused is focus
        assert "Runs of engineering" in before


async def test_ctrl_t_shows_it_in_the_tree(sample: SampleStore) -> None:
    app = app_of(sample)
    async with app.run_test(size=(160, 45)) as pilot:
        await until(pilot, "Runs of engineering")
        await pilot.press("4", "enter")
        await until(pilot, "What did not simply transfer")
        await pilot.press("colon", *"def archive")
        await until(pilot, "hr-shares/hr-archive")
        await pilot.press("ctrl+t")
        await until(pilot, "Runs of hr-archive")
        assert isinstance(app.screen, MainScreen)


async def test_a_project_is_shown_in_the_tree(sample: SampleStore) -> None:
    app = app_of(sample)
    async with app.run_test(size=(160, 45)) as pilot:
        await until(pilot, "Runs of engineering")
        await pilot.press("colon", *"proj payr", "enter")
        await until(pilot, "Runs of payroll-app")


async def test_a_kind_alone_lists_it_and_tab_completes(sample: SampleStore) -> None:
    app = app_of(sample)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, "Runs of engineering")
        await pilot.press("colon", *"agen")
        await until(pilot, "agents by name")
        await pilot.press("tab")
        await until(pilot, ": agents ")
        await until(pilot, "dock-2")
        await pilot.press("down", "tab")
        await until(pilot, ": agents dock-2")
        await until(pilot, "agent          dock-1", absent=True)


async def test_the_arrows_choose_among_the_completions(sample: SampleStore) -> None:
    app = app_of(sample)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, "Runs of engineering")
        await pilot.press("colon", *"runs")
        await until(pilot, "hr-shares/hr-archive#1")
        await pilot.press("pagedown", "up", "enter")
        await until(pilot, lambda: isinstance(app.screen, RunScreen))


@pytest.mark.parametrize("word", ["quit", "q"])
async def test_quit_is_a_place_to_go_to(sample: SampleStore, word: str) -> None:
    app = app_of(sample)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, "Runs of engineering")
        await pilot.press("colon", *word, "enter")
        await until(pilot, lambda: not app.is_running)
    assert app.return_value == 0


async def test_nothing_of_that_name_goes_nowhere(sample: SampleStore) -> None:
    app = app_of(sample)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, "Runs of engineering")
        await pilot.press("colon", *"zzz[/red]", "enter")
        await until(pilot, "Nothing is called that.")
        assert isinstance(app.screen, FindScreen)


async def test_a_store_out_of_reach_is_said_and_keys_go_on(sample: SampleStore) -> None:
    app = app_of(sample)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, "Runs of engineering")
        sample.store.close()
        hidden = sample.place.path.with_suffix(".away")
        sample.place.path.rename(hidden)
        await pilot.press("colon", *"ep")
        await until(pilot, "The store is out of reach")
        hidden.rename(sample.place.path)
        await pilot.press(*" nas1")
        await until(pilot, "nas1-hr")


async def test_the_store_is_asked_only_for_what_is_typed_last(sample: SampleStore) -> None:
    """However slow it is: what was typed while it answered is asked for once, not letter by letter."""
    app = app_of(sample)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, "Runs of engineering")
        asked: list[str] = []
        slow = asyncio.Event()

        async def search(wanted: Wanted) -> list[Found]:
            asked.append(wanted.text)
            await slow.wait()
            return []

        app.push_screen(FindScreen(search, app.glyphs))
        await until(pilot, "Go to")
        await pilot.press(*"payroll")
        await until(pilot, ": payroll")
        slow.set()
        await until(pilot, "Nothing is called that.")
    assert asked == ["", "payroll"]


async def test_tab_completes_what_is_typed_however_fast(sample: SampleStore) -> None:
    """The list may show the same for less of the word, while the answer for all of it is still to come."""
    app = app_of(sample)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, "Runs of engineering")
        slow = asyncio.Event()

        async def search(wanted: Wanted) -> list[Found]:
            if wanted.text == "agen":
                await slow.wait()
            return []

        app.push_screen(FindScreen(search, app.glyphs))
        await until(pilot, "Go to")
        await pilot.press(*"age")
        await until(pilot, "endpoints by name", absent=True)
        await pilot.press("n", "tab")
        await until(pilot, ": agen")
        slow.set()
        await until(pilot, ": agents ")


GOALS = [
    ("mover", "nas-exit", MoverScreen),
    ("agents dock-2", "dock-2", AgentScreen),
    ("ep archive", "archive", EndpointScreen),
    ("jobs payroll", "payroll", DefinitionScreen),
    ("events", "What happened anywhere", EventsScreen),
]


@pytest.mark.parametrize(("typed", "text", "screen"), GOALS, ids=[typed for typed, _, _ in GOALS])
async def test_every_kind_has_a_screen_to_go_to(
    sample: SampleStore, typed: str, text: str, screen: type[LongshoreScreen]
) -> None:
    app = app_of(sample)
    async with app.run_test(size=(160, 45)) as pilot:
        await until(pilot, "Runs of engineering")
        await pilot.press("colon", *typed, "enter")
        await until(pilot, lambda: isinstance(app.screen, screen))
        await until(pilot, text)
        # From there one goes on, and comes back.
        await pilot.press("colon", *"runs hr-home#1", "enter")
        await until(pilot, lambda: isinstance(app.screen, RunScreen))
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, screen))
