"""Every key is told in the README, and every action can be done on the screens that have it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tui.actions import ACTIONS, LAUNCH_PLACE, MOVEMENT, SCREENS, actions_of, shown_keys
from tui.screens.main import MainScreen
from tui.screens.run import RunScreen

README = (Path(__file__).parents[2] / "README.md").read_text()


def test_the_readme_has_the_key_table_of_the_registry() -> None:
    rows = [f"| `{shown_keys(action)}` | {action.description} |" for action in ACTIONS]
    rows += [f"| `{keys}` | {text} |" for keys, text in MOVEMENT]
    assert "\n".join(rows) in README


def test_no_two_actions_of_a_place_share_a_key() -> None:
    for place in (*SCREENS, LAUNCH_PLACE):
        keys = [key for action in actions_of(place) for key in action.keys.split(",")]
        assert len(keys) == len(set(keys))


@pytest.mark.parametrize("screen", [MainScreen, RunScreen])
def test_every_action_of_a_screen_can_be_done(screen: type[MainScreen] | type[RunScreen]) -> None:
    for action in actions_of(screen.PLACE):
        assert callable(getattr(screen, "do_" + action.id.replace(".", "_"))), action.id
