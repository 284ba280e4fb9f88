"""Sorting, moving and copying in lists."""

from __future__ import annotations

import base64
import re

import pytest
from textual.pilot import Pilot

from tests.tui.driving import app_of, seen, until
from tests.tui.sample_store import SampleStore
from tui.app import LongshoreApp
from tui.flows.copying import to_clipboard
from tui.screens.choice import Choice, ChoiceScreen
from tui.screens.definition import DefinitionScreen
from tui.screens.main import MainScreen
from tui.screens.run import RunScreen
from tui.widgets.resource_tree import ResourceTree
from tui.widgets.virtual_table import VirtualTable

pytestmark = pytest.mark.anyio

WIDE = (160, 45)


async def at_definitions(pilot: Pilot[int]) -> None:
    """The definitions of the whole mover, with the focus."""
    await until(pilot, "Runs of engineering")
    await pilot.press("g")
    await until(pilot, "payroll-blob")
    await pilot.press("3")
    await until(pilot, lambda: pilot.app.focused is not None and pilot.app.focused.id == "definitions")
    await until(pilot, "nas1-eng → nas2")


def names(app: LongshoreApp, pane: str) -> list[str]:
    """The first cells of a table's visible rows, without a mark."""
    table = app.screen.query_one(f"#{pane}", VirtualTable)
    return [row.cells[0].text for row in table._window.visible()]


# Orders


async def test_s_offers_the_orders_and_the_title_says_an_unusual_one(sample: SampleStore) -> None:
    app = app_of(sample)
    async with app.run_test(size=WIDE) as pilot:
        await at_definitions(pilot)
        by_name = names(app, "definitions")
        assert by_name == ["hr-archive", "hr-home", "drawings", "engineering", "payroll"]
        await pilot.press("s")
        text = await until(pilot, "Order of definitions")
        assert "1 by name  (as now)" in text
        await pilot.press("j", "j", "enter")
        await until(pilot, "Definitions (latest run first)")
        by_run = ["hr-archive", "hr-home", "payroll", "drawings", "engineering"]
        await until(pilot, lambda: names(app, "definitions") == by_run)
        await pilot.press("s", "1")
        await until(pilot, "Definitions (", absent=True)
        await until(pilot, lambda: names(app, "definitions") == by_name)


async def test_the_cursor_stays_on_its_item(sample: SampleStore) -> None:
    app = app_of(sample)
    async with app.run_test(size=WIDE) as pilot:
        await at_definitions(pilot)
        await pilot.press("j", "s", "4")
        await until(pilot, "Definitions (longest without a run first)")
        table = app.screen.query_one("#definitions", VirtualTable)
        await until(pilot, lambda: len(names(app, "definitions")) == 5 and table.cursor_key is not None)
        item = app.screen.panes["definitions"].selected if isinstance(app.screen, MainScreen) else None
        assert item is not None
        assert item.name == "hr-home"


async def test_esc_leaves_the_order_as_it_is(sample: SampleStore) -> None:
    app = app_of(sample)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, "Runs of engineering")
        await pilot.press("4", "s")
        await until(pilot, "Order of runs")
        await pilot.press("j", "escape")
        await until(pilot, "Order of runs", absent=True)
        assert "Runs of engineering" in seen(app)


async def test_a_tree_has_no_order(sample: SampleStore) -> None:
    app = app_of(sample)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, "Runs of engineering")
        await pilot.press("s")
        await until(pilot, "Only lists are sorted: tab goes to one.")


async def test_letters_go_to_the_option_that_begins_with_them(sample: SampleStore) -> None:
    app = app_of(sample)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, "Runs of engineering")
        answers: list[str | None] = []
        options = [Choice("a", "apple"), Choice("p", "pear"), Choice("q", "pineapple [/red]")]
        app.push_screen(ChoiceScreen("A fruit", options, app.glyphs), answers.append)
        await until(pilot, "pineapple [/red]")
        await pilot.press("p", "p", "enter")
        await until(pilot, "A fruit", absent=True)
    assert answers == ["q"]


# Moving


async def test_the_tree_moves_by_letters_pages_and_ends(sample: SampleStore) -> None:
    app = app_of(sample)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, "Runs of engineering")
        tree = app.screen.query_one(ResourceTree)
        last = tree.last_line
        steps = {"g": 0, "j": 1, "k": 0, "down": 1, "up": 0, "G": last, "home": 0, "end": last}
        for key, line in steps.items():
            await pilot.press(key)
            await until(pilot, lambda line=line: tree.cursor_line == line)  # type: ignore[misc]
        await pilot.press("pageup")
        await until(pilot, lambda: tree.cursor_line < last)
        await pilot.press("pagedown")
        await until(pilot, lambda: tree.cursor_line == last)
        await pilot.press("g", "h")
        await until(pilot, "Agents 2", absent=True)
        await pilot.press("l", "l")
        await until(pilot, lambda: tree.cursor_line == 1)
        await pilot.press("left")
        await until(pilot, "dock-1", absent=True)
        await pilot.press("right")
        await until(pilot, "dock-1")


async def test_lists_move_by_letters_pages_and_ends(sample: SampleStore) -> None:
    app = app_of(sample)
    async with app.run_test(size=WIDE) as pilot:
        await at_definitions(pilot)
        table = app.screen.query_one("#definitions", VirtualTable)
        steps = {"j": 1, "k": 0, "down": 1, "up": 0, "G": 4, "g": 0, "end": 4, "home": 0, "pagedown": 4, "pageup": 0}
        for key, line in steps.items():
            await pilot.press(key)
            await until(pilot, lambda line=line: table.position == line)  # type: ignore[misc]


# Copying


class Terminal:
    """What a driver would write."""

    def __init__(self, app: LongshoreApp, monkeypatch: pytest.MonkeyPatch) -> None:
        self.written: list[str] = []
        monkeypatch.setattr(app._driver, "write", self.written.append)

    @property
    def clipboard(self) -> str:
        """The last text that was asked to be taken."""
        asked = [found for one in self.written if (found := re.fullmatch("\x1b]52;c;([^\x1b\a]*)\x1b\\\\", one))]
        return base64.b64decode(asked[-1][1]).decode() if asked else ""


@pytest.fixture
def xterm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    for name in ("TMUX", "STY"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.usefixtures("xterm")
async def test_y_copies_the_path_that_commands_take(sample: SampleStore, monkeypatch: pytest.MonkeyPatch) -> None:
    app = app_of(sample)
    async with app.run_test(size=WIDE) as pilot:
        await until(pilot, "Runs of engineering")
        terminal = Terminal(app, monkeypatch)
        await pilot.press("y")
        await until(pilot, "Copied 26 bytes: nas1-migration/engineering")
        assert terminal.clipboard == "nas1-migration/engineering"
        await pilot.press("4", "y")
        await until(pilot, "Copied 28 bytes: nas1-migration/engineering#1")
        assert terminal.clipboard == "nas1-migration/engineering#1"


@pytest.mark.usefixtures("xterm")
async def test_y_copies_an_items_path_and_never_a_control_character(
    sample: SampleStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = app_of(sample)
    async with app.run_test(size=WIDE) as pilot:
        await until(pilot, "Runs of engineering")
        terminal = Terminal(app, monkeypatch)
        await pilot.press("g", "4")
        await until(pilot, "hr-archive #1")
        await pilot.press("j", "enter")
        await until(pilot, lambda: isinstance(app.screen, RunScreen))
        await until(pilot, "LSM1010")
        copied = []
        for _ in range(4):
            await pilot.press("y")
            await until(pilot, "Copied ")
            copied.append(terminal.clipboard)
            await pilot.press("j")
        assert any(text.endswith("contract [/red].pdf") for text in copied), copied
        assert all(text.isprintable() for text in copied)
        assert any("\\x1b" in text or "\\xe9" in text for text in copied), copied


@pytest.mark.usefixtures("xterm")
async def test_y_copies_what_happened_and_any_row_without_a_name(
    sample: SampleStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = app_of(sample)
    async with app.run_test(size=WIDE) as pilot:
        await until(pilot, "Runs of engineering")
        terminal = Terminal(app, monkeypatch)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, DefinitionScreen))
        screen = app.screen
        assert isinstance(screen, DefinitionScreen)
        for name, pane in screen.panes.items():
            screen.focus_pane(name)
            await until(pilot, lambda pane=pane: pane.table.has_focus and pane.table.cursor_key is not None)  # type: ignore[misc]
            await pilot.press("y")
            await until(pilot, "Copied ")
            shown = pane.subject.path if pane.subject is not None else pane.copied
            assert terminal.clipboard == shown
            screen.key_bar.clear_message()


@pytest.mark.usefixtures("xterm")
async def test_y_copies_a_complaint(sample: SampleStore, monkeypatch: pytest.MonkeyPatch) -> None:
    app = app_of(sample)
    async with app.run_test(size=WIDE) as pilot:
        await until(pilot, "Runs of engineering")
        terminal = Terminal(app, monkeypatch)
        assert isinstance(app.screen, MainScreen)
        app.screen.say("The run was refused: 'a\x1b' holds it.", "bad")
        await until(pilot, "The run was refused")
        await pilot.press("y")
        await until(pilot, "Copied")
        assert terminal.clipboard == "The run was refused: 'a\\x1b' holds it."


@pytest.mark.usefixtures("xterm")
async def test_too_much_for_a_clipboard_is_said(sample: SampleStore, monkeypatch: pytest.MonkeyPatch) -> None:
    app = app_of(sample)
    async with app.run_test(size=WIDE) as pilot:
        await until(pilot, "Runs of engineering")
        terminal = Terminal(app, monkeypatch)
        assert to_clipboard(app, "x" * 50_001).startswith("50,001 bytes are too much")
        assert terminal.written == []


async def test_a_terminal_without_a_clipboard_gets_the_text_on_a_line(
    sample: SampleStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "linux")
    monkeypatch.delenv("TMUX", raising=False)
    monkeypatch.delenv("STY", raising=False)
    app = app_of(sample)
    async with app.run_test(size=WIDE) as pilot:
        await until(pilot, "Runs of engineering")
        terminal = Terminal(app, monkeypatch)
        await pilot.press("y")
        await until(pilot, "This terminal has no clipboard; the 26 bytes are: nas1-migration/engineering")
        assert terminal.written == []
