"""The keys of a place: searched, with the reasons of those that do nothing now, in dialogs too."""

from __future__ import annotations

import pytest

from tests.tui.driving import app_of, seen, until
from tests.tui.sample_store import SampleStore
from tui.actions import ACTIONS, GROUPS
from tui.config import Config, parse_config
from tui.screens.forms.form import FormScreen
from tui.screens.help import HelpScreen

pytestmark = pytest.mark.anyio


def test_every_action_is_in_one_group() -> None:
    listed = [identity for group in GROUPS.values() for identity in group]
    assert sorted(listed) == sorted(action.id for action in ACTIONS)


async def test_keys_are_grouped_and_those_that_do_nothing_now_say_why(sample: SampleStore) -> None:
    app = app_of(sample)
    async with app.run_test(size=(160, 48)) as pilot:
        await until(pilot, "Runs of engineering")
        await pilot.press("2", "question_mark")
        text = await until(pilot, "Quit; agents and runs go on")
        for word in ("Runs", "Resources", "Lists", "Getting around", "The screen"):
            assert word in text
        await pilot.press(*"stop the sel")
        await until(pilot, "Quit; agents and runs go on", absent=True)
        assert " off" in seen(app)
        await until(pilot, "off now: Select a run or a job definition first: x stops it.")
        await pilot.press("escape")
        await until(pilot, "Keys here", absent=True)


async def test_the_list_moves_while_one_types(sample: SampleStore) -> None:
    app = app_of(sample)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, "Runs of engineering")
        await pilot.press("question_mark")
        await until(pilot, "Keys here")
        await pilot.press("pagedown", "pagedown", "pagedown")
        await until(pilot, "In the tree: open or close a branch")
        await pilot.press("pageup", "up", *"zzz")
        await until(pilot, "No key does that here.")
        await pilot.press(*["backspace"] * 3)
        await pilot.press("question_mark")
        await until(pilot, "Keys here", absent=True)


@pytest.mark.parametrize("key", ["question_mark", "f1"])
async def test_a_sheet_and_a_question_tell_their_keys(sample: SampleStore, key: str) -> None:
    app = app_of(sample)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, "Runs of engineering")
        await pilot.press("r")
        await until(pilot, "Start a run of")
        await pilot.press(key)
        await until(pilot, "Before a start: the other mode")
        await pilot.press("escape")
        await until(pilot, "Keys here", absent=True)
        await pilot.press("escape", "x")
        await until(pilot, "Stop the run")
        await pilot.press(key)
        text = await until(pilot, "Keys here")
        assert "This dialog" in text
        assert "No: leave it" in text


async def test_f1_helps_while_one_types(sample: SampleStore) -> None:
    """? is a character there."""
    app = app_of(sample)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, "Runs of engineering")
        await pilot.press("colon", "question_mark")
        await until(pilot, ": ?")
        await pilot.press("f1")
        await until(pilot, "Show it in the tree")
        assert isinstance(app.screen, HelpScreen)
        await pilot.press("f1")
        await until(pilot, ": ?")


async def test_f1_helps_in_a_form(sample: SampleStore) -> None:
    app = app_of(sample)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, "Runs of engineering")
        await pilot.press("3", "e")
        await until(pilot, lambda: isinstance(app.screen, FormScreen))
        await pilot.press("f1")
        await until(pilot, "Leave; asks if something was changed")
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, FormScreen))


async def test_it_shows_the_keys_of_the_config_file(sample: SampleStore) -> None:
    app = app_of(sample)
    app = type(app)(sample.place, clock=sample.clock, config=config('[keys]\n"run.stop" = ["f8", "ctrl+x"]\n'))
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, "Runs of engineering")
        await until(pilot, "f8 stop")
        await pilot.press("question_mark", *"stop the sel")
        await until(pilot, "f8, ctrl+x")


def config(text: str) -> Config:
    from pathlib import Path

    return parse_config(Path("config.toml"), text.encode())
