"""Every place of the screen where text from outside can stand, and the way there.

A new screen or dialog needs a ``Place`` here, or a step on the way of another one: what is seen after each step
is checked, so that a way may lead past several.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import NamedTuple

from textual import events
from textual.pilot import Pilot

from store.errors import InvalidInput
from tests.tui.driving import until
from tests.tui.hostile_store import EVIL, LONG
from tui.screens.base import LongshoreScreen

Deed = Callable[[Pilot[int]], Awaitable[None]]


class Step(NamedTuple):
    """Keys to press (or a deed), and what is seen then."""

    keys: tuple[str, ...] | Deed
    then: str


class Place(NamedTuple):
    """Screens, dialogs or messages, and the way to them from the start."""

    name: str
    way: tuple[Step, ...]


def pasting(text: str) -> Deed:
    """What a terminal does when somebody pastes."""

    async def paste(pilot: Pilot[int]) -> None:
        assert pilot.app.focused is not None
        pilot.app.focused.post_message(events.Paste(text))

    return paste


async def refusal(pilot: Pilot[int]) -> None:
    """A refusal of the store that repeats what it was given."""
    screen = pilot.app.screen
    assert isinstance(screen, LongshoreScreen)

    def refuse() -> None:
        raise InvalidInput(f"Refused '{EVIL}': {LONG}")

    await screen.command(refuse)


def going(text: str, then: str) -> tuple[Step, Step]:
    """Over the completions of ``:`` to the screen of a resource."""
    return Step(("colon", *text), text.partition(" ")[2]), Step(("enter",), then)


PASTE = Step(pasting(EVIL), "PWNED")
LEAVE = ("escape",)


async def begun(pilot: Pilot[int]) -> None:
    """The screen is there, and its panes are about the definition that ran last."""
    await until(pilot, "Runs of evil-copy")


START = Step(begun, "evil-copy #1")
AT_MIRROR = (START, Step(("slash", *"evil-mirror", "enter"), "/evil-mirror"), Step(("G",), "Runs of evil-mirror"))
AT_LONG = (START, Step(("slash", *"evil-long", "enter"), "/evil-long"), Step(("G",), "Runs of evil-long"))
AT_RUN = (START, Step(("4", "enter"), "AZSM2063"))
ALL_DEFINITIONS = (START, Step(("g", "3"), "never run"), Step(("g", "space", "space", "space"), "3 marked"))

MAIN_PLACES = [
    Place(
        "the panes",
        (
            START,
            Step(("g", "j", "j", "j", "j", "l"), "evil-smb"),
            Step(("g", "2"), "evil-smb"),
            Step(("3",), "evil-mirror"),
            Step(("4",), "evil-long #1"),
            Step(("x",), "Stop the run"),
        ),
    ),
    Place(
        "filters that were pasted",
        (
            START,
            Step(("slash",), "filter"),
            PASTE,
            Step(("enter", "escape", "4", "slash"), "Runs"),
            Step(pasting(EVIL), "Nothing contains"),
            Step(("enter",), "Runs /"),
        ),
    ),
    Place("keys", (START, Step(("question_mark",), "Keys here"), Step(pasting(EVIL), "No key does that"))),
    Place("a refusal", (START, Step(refusal, "Refused"))),
    Place("going where nothing is", (START, Step(("colon",), "Go to"), Step(pasting(f"ep {EVIL}"), "Nothing is"))),
]
RUN_PLACES = [
    Place(
        "a run that is on",
        (
            *AT_RUN,
            Step(("enter",), "goes back"),
            Step(LEAVE, "What did not simply"),
            Step(("e",), "Write the report"),
            Step(LEAVE, "What did not simply"),
            Step(("tab",), "The source item could"),
            Step(("tab",), "What happened"),
            Step(("tab", "tab"), "Started by"),
        ),
    ),
    Place("its items filtered", (*AT_RUN, Step(("slash", *"2J", "enter"), "/2J"))),
    Place("a path that is copied", (*AT_RUN, Step(("y",), "escaped: "))),
    Place("a run that failed", (*AT_LONG, Step(("4", "enter"), "AZSM2062"))),
    Place("a run that a guard stopped", (*AT_MIRROR, Step(("4", "enter"), "LSM1105"))),
    Place(
        "a report that is written",
        (*AT_RUN, Step(("e",), "Write the report"), Step(("enter",), "written to")),
    ),
]
LAUNCH_PLACES = [
    Place("launch", (*AT_LONG, Step(("r",), "Start a run of"), Step(("G",), "evil-2"))),
    Place(
        "launch under guards",
        (
            *AT_MIRROR,
            Step(("r",), "#1 was stopped"),
            Step(("o",), "type the guard"),
            PASTE,
            Step(("enter",), "is no guard"),
        ),
    ),
]
SCREEN_PLACES = [
    Place(
        "a mover",
        (
            START,
            Step(("g", "enter"), "What to do"),
            Step(("tab",), "Heartbeat"),
            Step(("tab",), "evil-copy #1"),
            Step(("e",), "Change the storage mover"),
        ),
    ),
    Place(
        "an agent",
        (
            START,
            *going("ag evil-2", "DuplicateIdentity"),
            Step(("tab",), "May touch"),
            Step(("tab",), "What happened"),
            Step(("e",), "Change the agent"),
        ),
    ),
    Place(
        "an endpoint",
        (
            START,
            *going("ep evil-src", "Used by"),
            Step(("tab",), "Granted"),
            Step(("tab", "tab"), "evil-long #1"),
            Step(("tab",), "Properties"),
            Step(("y",), "Copied"),
            Step(("c",), "Path"),
        ),
    ),
    Place("what happened", (START, *going("events", "What happened"), Step(("slash", *"2J", "enter"), "/2J"))),
    Place(
        "a definition",
        (
            START,
            *going("def evil-long", "Iterations"),
            Step(("tab",), "Description"),
            Step(("G",), "Made"),
            Step(("e",), "Change the job definition"),
            PASTE,
            Step(("ctrl+s",), "at most 1,024"),
        ),
    ),
]
DEED_PLACES = [
    Place(
        "a new endpoint",
        (
            START,
            Step(("g", "2", "n"), "which type?"),
            Step(("enter",), "A new LocalPath endpoint"),
            PASTE,
            Step(("tab",), "is not allowed"),
            PASTE,
            Step(("ctrl+s",), "correct what is marked first"),
        ),
    ),
    Place(
        "the wizard",
        (
            START,
            Step(("3", "c"), "[1 Basics]"),
            Step((*"evil-more", "pagedown"), "[2 Source]"),
            Step(("ctrl+u", *"evil"), "evil-smb"),
            Step(("ctrl+u", *"evil-src", "tab"), "That is"),
            Step(("pagedown", "pagedown", "pagedown"), "[5 Review]"),
        ),
    ),
    Place(
        "several to start and to delete",
        (
            *ALL_DEFINITIONS,
            Step(("r",), "left out"),
            Step(LEAVE, "3 marked"),
            Step(("ctrl+d",), "To confirm, type"),
            PASTE,
            Step(("enter",), "That is not"),
        ),
    ),
    Place(
        "a registration",
        (
            START,
            Step(("A",), "Waiting for the agent"),
            Step(("n",), "take this name"),
            PASTE,
            Step(("enter",), "is not"),
            Step(("escape", "s"), "its files go there"),
            PASTE,
        ),
    ),
]
SAVE_PLACES = [
    Place(
        "saved as text",
        (*AT_RUN, Step(("ctrl+s",), "Save this view"), Step(("ctrl+u", *"a.txt", "enter"), "Saved to")),
    ),
    Place(
        "saved as a picture",
        (*AT_RUN, Step(("ctrl+s",), "Save this view"), Step(("ctrl+u", *"a.svg", "enter"), "Saved to")),
    ),
    Place(
        "saved under a name that was pasted",
        (START, Step(("ctrl+s",), "Save this view"), PASTE, Step(("enter",), "Saved to")),
    ),
]
PLACES = [*MAIN_PLACES, *RUN_PLACES, *LAUNCH_PLACES, *SCREEN_PLACES, *DEED_PLACES, *SAVE_PLACES]
"""Every place where text from outside can stand; extend it with each screen."""
