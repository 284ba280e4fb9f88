"""Every key is told in the README, and every action can be done on the screens that have it."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tests.tui.keys.pressed import bindings_everywhere, bound_by
from tui.actions import ACTIONS, LAUNCH_PLACE, MOVEMENT, SCREENS, actions_of, shown_keys

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
TUI = ROOT / "tui"
PLACES: dict[str, type] = {place: one for one in bindings_everywhere() if (place := getattr(one, "PLACE", ""))}


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


@pytest.mark.parametrize("place", [*SCREENS, LAUNCH_PLACE])
def test_every_action_of_a_screen_can_be_done(place: str) -> None:
    screen = PLACES[place]
    for action in actions_of(place):
        assert callable(getattr(screen, "do_" + action.id.replace(".", "_"), None)), action.id


def test_every_screen_binds_all_keys_of_its_place_and_no_others() -> None:
    for place, screen in PLACES.items():
        wanted = {(key, f"act('{action.id}')") for action in actions_of(place) for key in action.keys.split(",")}
        assert {(one.key, one.action) for one in bound_by(screen) if one.action.startswith("act(")} == wanted
