"""Hostile text in every place of the screen: nothing raw is written, nothing crashes, columns stay aligned.

A new screen needs a line in ``PLACES``: a name, and the keys that lead there with what is seen then.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from textual import events
from textual.pilot import Pilot

from store.display import display
from store.errors import InvalidInput
from store.sqlite.place import SqlitePlace
from tests.tui.driving import app_of, seen, still, until
from tests.tui.hostile_store import DESCRIPTION, EVIL, LONG, HostileStore
from tests.tui.wire import Wire
from tui.__main__ import main
from tui.app import LongshoreApp
from tui.presentation.glyphs import ASCII, UNICODE, Glyphs
from tui.screens.base import LongshoreScreen
from tui.widgets.line_input import LineInput

pytestmark = pytest.mark.anyio

SIZES = [(80, 24), (160, 45)]
Deed = Callable[[Pilot[int]], Awaitable[None]]


class Step(NamedTuple):
    """Keys to press (or a deed), and what is seen then."""

    keys: tuple[str, ...] | Deed
    then: str


class Place(NamedTuple):
    """One screen, dialog or message, and the way to it from the start."""

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


START = Step((), "Runs of evil-copy")
AT_MIRROR = (START, Step(("slash", *"evil-mirror", "enter"), "/evil-mirror"), Step(("G",), "Runs of evil-mirror"))
AT_LONG = (START, Step(("slash", *"evil-long", "enter"), "/evil-long"), Step(("G",), "Runs of evil-long"))

PLACES = [
    Place("tree", (START,)),
    Place("endpoints in the tree", (START, Step(("g", "j", "j", "j", "j", "l"), "evil-smb"))),
    Place("endpoints", (START, Step(("g", "2"), "evil-smb"))),
    Place("definitions", (START, Step(("g", "3"), "evil-mirror"))),
    Place("runs", (START, Step(("g", "4"), "evil-long #1"))),
    Place("a run that is on", (START, Step(("4", "enter"), "What did not simply"))),
    Place("its events", (START, Step(("4", "enter"), "What did not simply"), Step(("tab", "tab"), "What happened"))),
    Place("its items by code", (START, Step(("4", "enter"), "AZSM2063"), Step(("tab",), "The source item could"))),
    Place("one of its items", (START, Step(("4", "enter"), "AZSM2063"), Step(("enter",), "goes back"))),
    Place("how it was started", (START, Step(("4", "enter"), "What did not"), Step(("shift+tab",), "Started by"))),
    Place("its export", (START, Step(("4", "enter"), "AZSM2063"), Step(("e",), "Write the report"))),
    Place("its items filtered", (START, Step(("4", "enter"), "AZSM2063"), Step(("slash", *"2J", "enter"), "/2J"))),
    Place("a run that failed", (*AT_LONG, Step(("4", "enter"), "AZSM2062"))),
    Place("a run that a guard stopped", (*AT_MIRROR, Step(("4", "enter"), "LSM1105"))),
    Place("launch", (*AT_LONG, Step(("r",), "Start a run of"))),
    Place("launch on an agent that needs a person", (*AT_LONG, Step(("r",), "Start a run of"), Step(("G",), "evil-2"))),
    Place("launch under guards", (*AT_MIRROR, Step(("r",), "#1 was stopped"))),
    Place(
        "a guard's name that was pasted",
        (*AT_MIRROR, Step(("r", "o"), "type the guard"), Step(pasting(EVIL), "PWNED"), Step(("enter",), "is no guard")),
    ),
    Place("confirmation", (START, Step(("x",), "Stop the run"))),
    Place("keys", (START, Step(("question_mark",), "Keys here"), Step(pasting(EVIL), "No key does that"))),
    Place("a filter of the tree that was pasted", (START, Step(("slash",), "filter"), Step(pasting(EVIL), "PWNED"))),
    Place(
        "a filter of a pane that was pasted",
        (START, Step(("4", "slash"), "Runs"), Step(pasting(EVIL), "Nothing contains"), Step(("enter",), "Runs of")),
    ),
    Place("a refusal", (START, Step(refusal, "Refused"))),
]
"""Every place where text from outside can stand; extend it with each screen."""


@pytest.fixture
def hostile(tmp_path: Path) -> Iterator[HostileStore]:
    """The hostile store, in a directory whose name is one more attack."""
    directory = tmp_path / "\x1b]0;PWNED\x07\u202e[/red]日\udcff"
    directory.mkdir(parents=True)
    found = HostileStore.make(SqlitePlace((directory / "longshore.db").resolve()))
    yield found
    found.store.close()


@pytest.fixture
def wire(monkeypatch: pytest.MonkeyPatch) -> Wire:
    return Wire(monkeypatch)


async def go(pilot: Pilot[int], place: Place) -> None:
    for step in place.way:
        if callable(step.keys):
            await step.keys(pilot)
        else:
            await pilot.press(*step.keys)
        await until(pilot, step.then)


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.name)
async def test_hostile_text(hostile: HostileStore, wire: Wire, place: Place, size: tuple[int, int]) -> None:
    app = app_of(hostile)
    async with app.run_test(size=size) as pilot:
        await go(pilot, place)
        await still(pilot, 0.6)
        wire.assert_inert()
        wire.assert_as_meant(app)


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.name)
async def test_hostile_text_in_ascii(hostile: HostileStore, wire: Wire, place: Place) -> None:
    """On a terminal that knows ASCII alone, a byte of another character may be a control sequence by itself."""
    app = app_of(hostile, glyphs=ASCII)
    async with app.run_test(size=(80, 24)) as pilot:
        await go(pilot, place)
        await still(pilot, 0.6)
        assert wire.text.isascii(), sorted({character for character in wire.text if not character.isascii()})
        wire.assert_inert()
        wire.assert_as_meant(app)


async def test_the_store_lost_is_told_without_what_its_path_holds(hostile: HostileStore, wire: Wire) -> None:
    app = app_of(hostile)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, "Runs of evil-copy")
        hostile.store.close()
        hostile.place.path.rename(hostile.place.path.with_name("away.db"))
        await until(pilot, "There is no store at")
        wire.assert_inert()
        wire.assert_as_meant(app)


@pytest.mark.parametrize("glyphs", [UNICODE, ASCII], ids=["unicode", "ascii"])
@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
async def test_a_line_to_type_in_shows_what_it_holds_and_keeps_it(
    hostile: HostileStore, wire: Wire, size: tuple[int, int], glyphs: Glyphs
) -> None:
    """As a form has it that edits a hostile description: the value is untouched, the cursor is where it seems."""
    app = LongshoreApp(hostile.place, clock=hostile.clock, glyphs=glyphs)
    async with app.run_test(size=size) as pilot:
        await until(pilot, "Runs of evil-copy")
        await pilot.press("slash")
        line = app.focused
        assert isinstance(line, LineInput)
        line.value = DESCRIPTION
        for key in ("home", "end", "left", "left", "home", *["right"] * 12):
            await pilot.press(key)
            await pilot.pause()
            assert 0 <= line.cursor_screen_offset.x <= size[0], key  # at the end Textual counts one more
        assert line.value == DESCRIPTION
        assert line.cursor_screen_offset.x == line.region.x + line.gutter.left + len(_drawn(app, line, 12))
        wire.assert_inert()
        wire.assert_as_meant(app)


def _drawn(app: LongshoreApp, line: LineInput, characters: int) -> list[str]:
    """The cells that the first characters of a line take on the screen."""
    from tests.tui.wire import cells

    return cells(seen(app).split("\n")[line.region.y].lstrip()[:characters])


COMMANDS = [
    ("mover", "list"),
    ("mover", "show", "evil"),
    ("endpoint", "list"),
    ("endpoint", "show", "evil-src"),
    ("project", "list"),
    ("project", "show", "evil-project"),
    ("definition", "list"),
    ("definition", "show", "evil-project/evil-copy"),
    ("agent", "list"),
    ("agent", "show", "evil-2"),
    ("run", "list"),
    ("run", "show", "evil-project/evil-long#1"),
    ("run", "show", "evil-project/evil-copy#1"),
    ("run", "items", "evil-project/evil-long#1"),
    ("run", "report", "evil-project/evil-long#1"),
    ("run", "report", "evil-project/evil-long#1", "--format", "csv"),
    ("export",),
    ("export", "--format", "json"),
    ("export", "--format", "arm"),
]
"""What the command line writes of hostile text: lists, one thing, reports and exports."""


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_reports_and_exports(hostile: HostileStore, words: tuple[str, ...], capfd: pytest.CaptureFixture[str]) -> None:
    hostile.store.close()
    code = main([*words, "--store", str(hostile.place.path)])
    told = capfd.readouterr()
    assert code == 0, told.err
    for character in set(told.out + told.err) - set("\n\r\t\\"):
        assert display(f"a{character}") == f"a{character}", ascii(character)
    assert "\r" not in told.out or "csv" in words, "lines end so in CSV alone"
    assert "\t" not in told.out or "items" in words, "what stands between two columns for other programs"


async def test_an_outcome_that_this_version_does_not_know_is_shown(hostile: HostileStore) -> None:
    """An agent says what it likes: a word of its own must not take the screen down."""
    app = app_of(hostile)
    async with app.run_test(size=(160, 45)) as pilot:
        await go(pilot, next(place for place in PLACES if place.name == "a run that failed"))
        text = await until(pilot, "Excluded")
        assert any(line.startswith("│日本語") for line in text.split("\n"))
