"""The one registry of actions: every key's id, label and description.

Bindings, the key bar, the ``?`` screen and the README's key table come from here; a test fails when
one of them differs. Whether an action can be done now, and why not, is asked of the screen.
"""

from __future__ import annotations

from typing import NamedTuple

from tui.keys import shown_key
from tui.subjects import AGENT, DEFINITION, ENDPOINT, MOVER, PROJECT, RUN


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
    """The screens that have it."""
    changes: bool = False
    """Whether it changes the store: hidden and refused with ``--read-only``."""
    on: tuple[str, ...] = ()
    """The kinds of resources that it acts on; none where it needs nothing selected."""
    does: str = ""
    """Said when nothing of those kinds is selected: ``starts a run of it``."""
    several: bool = False
    """Whether it acts on everything that is marked."""
    label_of_run: str = ""
    """The key bar's word where it does something else to a run."""

    def label_on(self, kind: str | None) -> str:
        """The key bar's word for what it does to a resource of this kind."""
        return self.label_of_run if kind == RUN and self.label_of_run else self.label


MAIN_PLACE, RUN_PLACE, MOVER_PLACE, AGENT_PLACE = "main", "run", "mover", "agent"
ENDPOINT_PLACE, DEFINITION_PLACE, EVENTS_PLACE, LAUNCH_PLACE = "endpoint", "definition", "events", "launch"

_MAIN = frozenset({MAIN_PLACE})
_LAUNCH = frozenset({LAUNCH_PLACE})
SCREENS = (MAIN_PLACE, MOVER_PLACE, AGENT_PLACE, ENDPOINT_PLACE, DEFINITION_PLACE, RUN_PLACE, EVENTS_PLACE)
"""The full screens, each with its keys."""

EVERYWHERE = frozenset(SCREENS)
_LISTS = EVERYWHERE - {RUN_PLACE, EVENTS_PLACE}
_STARTS = (DEFINITION, RUN)
_RESOURCES = (MOVER, AGENT, ENDPOINT, PROJECT, DEFINITION)
_RUNNABLE = EVERYWHERE - {EVENTS_PLACE}
_STARTING = _RUNNABLE | _LAUNCH

ACTIONS = (
    Action(
        "run.start",
        "r",
        "run",
        "Run the definition, or do exactly what a preview listed",
        _STARTING,
        True,
        _STARTS,
        "starts a run of it",
        True,
    ),
    Action("run.stop", "x", "stop", "Stop the selected run; what was copied stays", _RUNNABLE, True, (RUN, DEFINITION),
           "stops it", True),
    Action("open", "enter", "open", "Open what is selected on a screen of its own", EVERYWHERE, False,
           (*_RESOURCES, RUN), "opens it"),
    Action("resource.new", "n", "new", "Make a new one of what this pane lists", _LISTS, True),
    Action("resource.edit", "e", "edit", "Edit it; of a run, write its report to a file", _RUNNABLE, False,
           (*_RESOURCES, RUN), "edits it", label_of_run="report"),
    Action("filter", "slash", "filter", "Show only what contains a text in this pane", EVERYWHERE),
    Action("find", "colon", "go to", "Go to anything by its kind and a part of its name", EVERYWHERE),
    Action("run.preview", "p", "preview", "Preview: say what a copy would do, touch nothing", _STARTING, True, _STARTS,
           "starts a preview of it", True),
    Action("run.verify", "v", "verify", "Verify: compare both sides fully, change nothing", _STARTING, True, _STARTS,
           "starts a verify run of it", True),
    Action("run.open_latest", "o", "", "Open the latest run of a definition", _LISTS, False, (DEFINITION, RUN),
           "opens its latest run"),
    Action("run.hand_over", "H", "", "Hand a run over to another agent", _RUNNABLE, True, (RUN,), "hands it over"),
    Action("resource.clone", "c", "clone", "Make a changed copy of it", _LISTS, True, (ENDPOINT, PROJECT, DEFINITION),
           "makes a copy of it"),
    Action("resource.delete", "ctrl+d", "delete", "Delete it, after a confirmation that names it", _LISTS, True,
           _RESOURCES, "deletes it", True),
    Action("agent.register", "A", "", "Register an agent: make a token, or start one on this machine", _LISTS, True),
    Action("endpoint.test", "t", "", "Try an endpoint from an agent: find it, be let in, list, write", _LISTS, True,
           (ENDPOINT,), "tries it from an agent"),
    Action("mark", "space", "mark", "Mark it, to start, stop or delete several at once", _LISTS),
    Action("sort", "s", "sort", "Choose the order of this pane", EVERYWHERE),
    Action("events", "a", "", "What happened: the audit of everything, or of what is selected", EVERYWHERE),
    Action("copy", "y", "copy", "Copy the name or path of what is selected to the clipboard", EVERYWHERE),
    Action("save", "ctrl+s", "", "Save this view to a file, as text or as a picture", EVERYWHERE),
    Action("pane.next", "tab", "pane", "Go to the next pane", EVERYWHERE),
    Action("pane.previous", "shift+tab", "", "Go to the pane before", EVERYWHERE),
    Action("pane.tree", "1", "", "Go to the hierarchy", _MAIN),
    Action("pane.endpoints", "2", "", "Go to the endpoints", _MAIN),
    Action("pane.definitions", "3", "", "Go to the definitions", _MAIN),
    Action("pane.runs", "4", "", "Go to the runs", _MAIN),
    Action("back", "escape", "back", "Drop the marks or the filter, or go back; never quits", EVERYWHERE),
    Action("mouse", "M", "", "Turn the mouse on or off; off, the terminal selects text as usual", EVERYWHERE),
    Action("redraw", "ctrl+l", "", "Paint the whole screen anew", EVERYWHERE),
    Action("quit", "q,ctrl+q", "quit", "Quit; agents and runs go on", EVERYWHERE),
    Action("launch.mode", "m", "mode", "Before a start: the other mode, for this run only", _LAUNCH, True),
    Action("launch.override", "o", "override", "Before a start: override a guard by its name, for this run only",
           _LAUNCH, True),
    Action("help", "question_mark,f1", "keys", "Show and search the keys of this place", EVERYWHERE | _LAUNCH),
)  # fmt: skip

MOVEMENT = (
    ("up, k / down, j", "Move by a line"),
    ("page up / page down", "Move by a page"),
    ("home, g / end, G", "Go to the first or the last"),
    ("left, h / right, l", "Close or open a branch of the tree"),
    ("space", "In the tree: open or close a branch"),
)
"""What the tree and every list do with keys; widgets bind them themselves."""

GROUPS = {
    "Runs": ("run.start", "run.stop", "run.preview", "run.verify", "run.open_latest", "run.hand_over"),
    "Before a start": ("launch.mode", "launch.override"),
    "Resources": ("open", "resource.new", "resource.edit", "resource.clone", "resource.delete", "agent.register",
                  "endpoint.test"),
    "Lists": ("filter", "sort", "mark", "copy"),
    "Getting around": ("find", "back", "events", "pane.next", "pane.previous", "pane.tree", "pane.endpoints",
                       "pane.definitions", "pane.runs"),
    "The screen": ("help", "save", "mouse", "redraw", "quit"),
}  # fmt: skip
"""What the ``?`` screen lists together, in its order; every action is in one of them."""


def actions_of(place: str, *, read_only: bool = False) -> list[Action]:
    """The actions of a screen, in the order of the key bar, with the keys that no config file changed."""
    return [a for a in ACTIONS if place in a.places and not (read_only and a.changes)]


def shown_keys(action: Action) -> str:
    """The keys as an admin reads them: ``q, ctrl+q``; empty for an action that was left without."""
    return ", ".join(shown_key(key) for key in action.keys.split(",") if key)


def first_key(action: Action) -> str:
    """The key that the key bar shows; empty for an action that was left without."""
    return shown_key(action.keys.split(",")[0])


def action(identity: str) -> Action:
    """The action of that id, with the keys that no config file changed."""
    return next(a for a in ACTIONS if a.id == identity)
