"""The one registry of actions: every key's id, label and description.

Bindings, the key bar, the ``?`` screen and the README's key table come from here; a test fails when
one of them differs. Whether an action can be done now, and why not, is asked of the screen.
"""

from __future__ import annotations

from typing import NamedTuple


class Action(NamedTuple):
    """One thing a key does."""

    id: str
    keys: str
    """Textual's key names, comma separated; the first is the one that is shown."""
    label: str
    """One word for the key bar; empty keeps it out of there."""
    description: str
    """One line for the ``?`` screen."""
    places: frozenset[str]
    """The screens that have it: main, run, both, or the launch sheet."""
    changes: bool = False
    """Whether it changes the store: hidden and refused with ``--read-only``."""


MAIN, RUN, LAUNCH = "main", "run", "launch"
EVERYWHERE = frozenset({MAIN, RUN})
AND_LAUNCH = EVERYWHERE | {LAUNCH}

ACTIONS = (
    Action("run.start", "r", "run", "Run the definition, or do exactly what a preview listed", AND_LAUNCH, True),
    Action("run.preview", "p", "preview", "Preview: say what a copy would do, touch nothing", AND_LAUNCH, True),
    Action("run.verify", "v", "verify", "Verify: compare both sides fully, change nothing", AND_LAUNCH, True),
    Action("run.stop", "x", "stop", "Stop the selected run; what was copied stays", EVERYWHERE, True),
    Action("open", "enter,o", "open", "Open the run, or a definition's latest run", frozenset({MAIN})),
    Action("pane.next", "tab", "pane", "Go to the next pane", EVERYWHERE),
    Action("pane.previous", "shift+tab", "", "Go to the pane before", EVERYWHERE),
    Action("filter", "slash", "filter", "Show only what contains a text in this pane", EVERYWHERE),
    Action("pane.tree", "1", "", "Go to the hierarchy", frozenset({MAIN})),
    Action("pane.endpoints", "2", "", "Go to the endpoints", frozenset({MAIN})),
    Action("pane.definitions", "3", "", "Go to the definitions", frozenset({MAIN})),
    Action("pane.runs", "4", "", "Go to the runs", frozenset({MAIN})),
    Action("back", "escape", "back", "Drop the filter, or go back; never quits", EVERYWHERE),
    Action("quit", "q,ctrl+q", "quit", "Quit; agents and runs go on", EVERYWHERE),
    Action("launch.mode", "m", "mode", "Before a start: the other mode, for this run only", frozenset({LAUNCH}), True),
    Action(
        "launch.override",
        "o",
        "override",
        "Before a start: override a guard by its name, for this run only",
        frozenset({LAUNCH}),
        True,
    ),
    Action("help", "question_mark", "keys", "Show and search the keys of this place", AND_LAUNCH),
)

MOVEMENT = (
    ("up, k / down, j", "Move by a line"),
    ("page up / page down", "Move by a page"),
    ("home, g / end, G", "Go to the first or the last"),
    ("left, h / right, l", "Close or open a branch of the tree"),
    ("space", "Open or close a branch of the tree"),
)
"""What the tree and every list do with keys; widgets bind them themselves."""

_SHOWN = {
    "question_mark": "?",
    "slash": "/",
    "escape": "esc",
    "ctrl+q": "ctrl+q",
    "shift+tab": "shift+tab",
}


def actions_of(place: str, *, read_only: bool = False) -> list[Action]:
    """The actions of a screen, in the order of the key bar."""
    return [a for a in ACTIONS if place in a.places and not (read_only and a.changes)]


def shown_keys(action: Action) -> str:
    """The keys as an admin reads them: ``q, ctrl+q``."""
    return ", ".join(_SHOWN.get(key, key) for key in action.keys.split(","))


def first_key(action: Action) -> str:
    """The key that the key bar shows."""
    return _SHOWN.get(action.keys.split(",")[0], action.keys.split(",")[0])


def action(identity: str) -> Action:
    """The action of that id."""
    return next(a for a in ACTIONS if a.id == identity)
