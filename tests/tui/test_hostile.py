"""Hostile text in every place of the screen: nothing raw is written, nothing crashes, columns stay aligned.

A new screen needs a line in ``hostile_places.PLACES``: a name, and the keys that lead there with what is seen then.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest
from textual.pilot import Pilot

from store.display import display
from store.sqlite.place import SqlitePlace
from tests.tui.driving import app_of, seen, still, until
from tests.tui.hostile_places import PLACES, Place
from tests.tui.hostile_store import DESCRIPTION, HostileStore
from tests.tui.wire import Wire
from tui.__main__ import main
from tui.app import LongshoreApp
from tui.presentation.glyphs import ASCII, UNICODE, Glyphs
from tui.widgets.line_input import LineInput

pytestmark = pytest.mark.anyio

SIZES = [(80, 24), (160, 45)]


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


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory, for what is saved; and nothing of this machine in what is offered."""
    place = tmp_path / "here"
    place.mkdir()
    monkeypatch.chdir(place)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("TMUX", raising=False)
    monkeypatch.delenv("STY", raising=False)
    return place


async def painted(pilot: Pilot[int], app: LongshoreApp, wire: Wire) -> None:
    """Wait until the terminal shows what the application means."""
    try:
        await until(pilot, lambda: not wire.differences(app))
    except AssertionError:
        wire.assert_as_meant(app)
        raise


async def go(pilot: Pilot[int], app: LongshoreApp, wire: Wire, place: Place) -> None:
    """Go there; everything on the way is as it is meant."""
    for step in place.way:
        if callable(step.keys):
            await step.keys(pilot)
        else:
            await pilot.press(*step.keys)
        await until(pilot, step.then)
        await painted(pilot, app, wire)
    await still(pilot)
    wire.assert_inert()
    wire.assert_as_meant(app)


def assert_files_inert(here: Path) -> None:
    """What was saved can be looked at with ``cat``, and a picture in a browser."""
    for path in here.iterdir():
        text = path.read_bytes().decode()
        for character in set(text) - {"\n", "\\"}:
            assert display(f"a{character}") == f"a{character}", f"{path.name}: {character!a}"
        if path.suffix == ".svg":
            kinds = {element.tag.rpartition("}")[2] for element in ElementTree.fromstring(text).iter()}
            assert kinds <= {"svg", "style", "defs", "clipPath", "rect", "g", "text", "circle"}, kinds
            assert set(re.findall(r"https?://([a-z0-9.]*)", text)) <= {"www.w3.org", "www.textualize.io"}


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.name)
async def test_hostile_text(hostile: HostileStore, wire: Wire, here: Path, place: Place, size: tuple[int, int]) -> None:
    app = app_of(hostile)
    async with app.run_test(size=size) as pilot:
        await go(pilot, app, wire, place)
    assert_files_inert(here)


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.name)
async def test_hostile_text_in_ascii(hostile: HostileStore, wire: Wire, here: Path, place: Place) -> None:
    """On a terminal that knows ASCII alone, a byte of another character may be a control sequence by itself."""
    app = app_of(hostile, glyphs=ASCII)
    async with app.run_test(size=(80, 24)) as pilot:
        await go(pilot, app, wire, place)
        assert wire.text.isascii(), sorted({character for character in wire.text if not character.isascii()})
    assert_files_inert(here)
    assert all(path.read_bytes().isascii() for path in here.iterdir())


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


async def test_an_outcome_that_this_version_does_not_know_is_shown(hostile: HostileStore, wire: Wire) -> None:
    """An agent says what it likes: a word of its own must not take the screen down."""
    app = app_of(hostile)
    async with app.run_test(size=(160, 45)) as pilot:
        await go(pilot, app, wire, next(place for place in PLACES if place.name == "a run that failed"))
        text = await until(pilot, "Excluded")
        assert any(line.startswith("│日本語") for line in text.split("\n"))
