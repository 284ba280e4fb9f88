"""Every key is told in the README, and every action can be done on the screens that have it."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tui.actions import ACTIONS, LAUNCH_PLACE, MOVEMENT, SCREENS, actions_of, shown_keys
from tui.screens.main import MainScreen
from tui.screens.run import RunScreen

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
TUI = ROOT / "tui"


def test_the_readme_has_the_key_table_of_the_registry() -> None:
    rows = [f"| `{shown_keys(action)}` | {action.description} |" for action in ACTIONS]
    rows += [f"| `{keys}` | {text} |" for keys, text in MOVEMENT]
    assert "\n".join(rows) in README


def test_no_two_actions_of_a_place_share_a_key() -> None:
    for place in (*SCREENS, LAUNCH_PLACE):
        keys = [key for action in actions_of(place) for key in action.keys.split(",")]
        assert len(keys) == len(set(keys))


KEY_IN_WORDS = re.compile(
    r"(?:^|[ '(])[A-Za-z/:](?: or [A-Za-z])? (?:(?:start|make|stop|clone|open|preview|register|edit|delete|"
    r"mark|sort|filter|clear|lead|show|ask|change|override|write)s|hands|copies|goes|verifies)\b"
)


def test_no_sentence_names_a_key_that_may_be_another_one() -> None:
    """``r starts a run`` is wrong once a config file gave another key: ``tui.keymap.key`` knows it."""
    found = []
    for path in sorted(TUI.rglob("*.py")):
        tree = ast.parse(path.read_text())
        told = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in told:
                found += [f"{path}:{node.lineno}: {node.value}"] if KEY_IN_WORDS.search(node.value) else []
    assert found == []


@pytest.mark.parametrize("screen", [MainScreen, RunScreen])
def test_every_action_of_a_screen_can_be_done(screen: type[MainScreen] | type[RunScreen]) -> None:
    for action in actions_of(screen.PLACE):
        assert callable(getattr(screen, "do_" + action.id.replace(".", "_"))), action.id
