"""VirtualTable in a small app: keys, messages, what is drawn, and how little is drawn again."""

from __future__ import annotations

from typing import Any

import pytest
from rich.cells import cell_len
from textual import events
from textual.app import App, ComposeResult
from textual.geometry import Region
from textual.strip import Strip

from store.display import display
from tui.presentation.cells import Cell, Column, Row
from tui.presentation.glyphs import ASCII, UNICODE, Glyphs
from tui.widgets.cell_widget import fit
from tui.widgets.virtual_table import VirtualTable

pytestmark = pytest.mark.anyio

COLUMNS = (
    Column("Name", None, min_width=10, priority=9),
    Column("Size", 8, "right", priority=1),
    Column("State", 12, priority=5),
)
HOSTILE = [
    "a[/]b.txt",
    "[@click=app.quit]x[/]",
    "[red]x[/red].txt",
    "inv\x1b]0;PWNED\x1b\\oice.pdf",
    "\x1b]52;c;aGk=\x07",
    "annual\u202efdp.exe",
    "zero\u200bwidth\ufeff",
    "two\nlines\t",
    "caf\udce9",
    "\u009b2J",
    "日本語の長い名前.txt",
    "z\u0301\u0302\u0303\u0304algo",
]


def make_rows(count: int) -> list[Row]:
    return [Row(f"k{n:05}", (Cell(f"file {n}"), Cell(f"{n} B"), Cell("● ok", "ok"))) for n in range(count)]


class CountingTable(VirtualTable):
    """Counts what is asked to be painted and what is drawn."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.regions: list[Region] = []
        self.full_refreshes = 0
        self.drawn: list[int] = []

    def forget(self) -> None:
        self.regions, self.full_refreshes, self.drawn = [], 0, []

    def refresh(self, *regions: Region, **kwargs: Any) -> Any:
        if hasattr(self, "regions"):
            self.regions += regions
            self.full_refreshes += not regions
        return super().refresh(*regions, **kwargs)

    def render_line(self, y: int) -> Strip:
        self.drawn.append(y)
        return super().render_line(y)


class TableApp(App[None]):
    """Owns a list and answers the table from it."""

    ENABLE_COMMAND_PALETTE = False

    def __init__(self, rows: list[Row], glyphs: Glyphs = UNICODE, answering: bool = True) -> None:
        super().__init__()
        self.rows = rows
        self.answering = answering
        self.table = CountingTable(COLUMNS, glyphs=glyphs, empty_text="No [files] here")
        self.log_of: list[tuple[str, str | None]] = []
        self.asked: list[tuple[str, str | None]] = []

    def compose(self) -> ComposeResult:
        yield self.table

    def on_virtual_table_window_needed(self, message: VirtualTable.WindowNeeded) -> None:
        assert message.control is self.table
        self.asked.append((message.direction, message.anchor_key))
        if self.answering:
            self.answer(message)

    def answer(self, message: VirtualTable.WindowNeeded) -> None:
        keys = [row.key for row in self.rows]
        at = keys.index(message.anchor_key) if message.anchor_key in keys else 0
        count, limit = len(keys), message.limit
        first, last = {
            "start": (0, limit),
            "end": (count - limit, count),
            "after": (at + 1, at + 1 + limit),
            "before": (at - limit, at),
            "around": (at - limit // 2, at + limit // 2),
        }[message.direction]
        first, last = max(0, first), min(last, count)
        message.table.load(
            message.direction, message.anchor_key, self.rows[first:last], first == 0, last == count, count
        )

    def on_virtual_table_row_highlighted(self, message: VirtualTable.RowHighlighted) -> None:
        self.log_of.append(("highlighted", message.key))

    def on_virtual_table_row_chosen(self, message: VirtualTable.RowChosen) -> None:
        self.log_of.append(("chosen", message.key))


def screen_lines(app: App[None]) -> list[str]:
    """Return the text of the whole screen as composited."""
    return [strip.text for strip in app.screen._compositor.render_strips(app.size)]


async def test_it_shows_rows_under_a_header() -> None:
    app = TableApp(make_rows(300))
    async with app.run_test(size=(60, 12)) as pilot:
        await pilot.pause()
        lines = screen_lines(app)
        assert lines[1] == "│" + "Name".ljust(36) + " " + "Size".rjust(8) + " " + "State".ljust(12) + "│"
        assert lines[2] == "│" + "file 0".ljust(36) + " " + "0 B".rjust(8) + " " + "● ok".ljust(12) + "│"
        assert app.table.visible_keys == [f"k{n:05}" for n in range(9)]
        assert app.asked == [("start", None)]
        assert app.log_of == [("highlighted", "k00000")]


async def test_keys() -> None:
    app = TableApp(make_rows(3000))
    async with app.run_test(size=(60, 12)) as pilot:
        app.table.focus()
        for keys, key in [
            (["down", "j"], "k00002"),
            (["k", "up"], "k00000"),
            (["up"], "k00000"),
            (["pagedown"], "k00009"),
            (["pageup"], "k00000"),
            (["G"], "k02999"),
            (["g"], "k00000"),
            (["end"], "k02999"),
            (["home", "j", "enter"], "k00001"),
        ]:
            await pilot.press(*keys)
            await pilot.pause()
            assert app.table.cursor_key == key
            assert key in app.table.visible_keys
        assert app.log_of[-1] == ("chosen", "k00001")
        await pilot.press(*["pagedown"] * 20)
        assert app.table.cursor_key == "k00181"
        assert len(app.table._window.rows) <= 512


async def test_all_bindings_can_be_remapped() -> None:
    app = TableApp(make_rows(30))
    async with app.run_test(size=(60, 12)) as pilot:
        app.set_keymap({"table.down": "ctrl+n"})
        app.table.focus()
        await pilot.press("ctrl+n", "ctrl+n")
        assert app.table.cursor_key == "k00002"


async def test_a_tick_paints_only_the_lines_that_changed() -> None:
    app = TableApp(make_rows(300))
    async with app.run_test(size=(60, 20)) as pilot:
        app.table.focus()
        await pilot.pause()
        table = app.table
        table.forget()
        table.refresh_window()
        await pilot.pause()
        assert (table.regions, table.full_refreshes, table.drawn) == ([], 0, [])

        for n in (4, 250):
            app.rows[n] = Row(f"k{n:05}", (Cell("changed"), Cell("9 B"), Cell("▶ busy", "busy")))
        table.refresh_window()
        await pilot.pause()
        assert table.regions == [Region(0, 5, 58, 1)]
        assert (table.full_refreshes, table.drawn) == (0, [5])
        assert "changed" in screen_lines(app)[6]


async def test_update_row_paints_one_line_and_only_if_it_is_visible() -> None:
    app = TableApp(make_rows(300))
    async with app.run_test(size=(60, 20)) as pilot:
        await pilot.pause()
        table = app.table
        table.forget()
        changed = (Cell("x"), Cell("1 B"), Cell("○ no"))
        assert table.update_row(Row("k00002", changed))
        assert table.update_row(Row("k00002", changed))
        assert table.update_row(Row("k00040", changed))
        assert not table.update_row(Row("k00299", changed))
        await pilot.pause()
        assert set(table.regions) == {Region(0, 3, 58, 1)}
        assert table.drawn == [3]
        assert table.full_refreshes == 0


async def test_a_cursor_move_paints_two_lines() -> None:
    app = TableApp(make_rows(300))
    async with app.run_test(size=(60, 20)) as pilot:
        app.table.focus()
        await pilot.pause()
        app.table.forget()
        await pilot.press("down")
        await pilot.pause()
        assert sorted(app.table.drawn) == [1, 2]
        assert app.table.full_refreshes == 0


async def test_a_title_that_ticks_paints_one_line() -> None:
    app = TableApp(make_rows(300))
    async with app.run_test(size=(60, 20)) as pilot:
        await pilot.pause()
        app.table.set_title("Runs [/]")
        app.table.set_subtitle("300 rows")
        app.table.set_title("Runs [/]")
        await pilot.pause()
        assert "Runs [/]" in screen_lines(app)[0]
        assert "300 rows" in screen_lines(app)[-1]
        app.table.forget()
        app.table.set_subtitle("301 rows")
        await pilot.pause()
        assert "301 rows" in screen_lines(app)[-1]
        assert (app.table.drawn, app.table.full_refreshes, len(app.table.regions)) == ([], 0, 1)


async def test_the_cursor_stays_on_its_row_over_a_refresh() -> None:
    app = TableApp(make_rows(300))
    async with app.run_test(size=(60, 12)) as pilot:
        app.table.focus()
        await pilot.press("pagedown", "pagedown", "down")
        line = app.table.visible_keys.index("k00019")
        app.rows[:0] = [Row(f"a{n}", (Cell("new"), Cell(""), Cell(""))) for n in range(5)]
        app.table.refresh_window()
        await pilot.pause()
        assert app.table.cursor_key == "k00019"
        assert app.table.visible_keys.index("k00019") == line
        app.rows = [row for row in app.rows if row.key != "k00019"]
        app.asked.clear()
        app.table.refresh_window()
        await pilot.pause()
        # This owner cannot tell where a lost row stood and answers from the start.
        assert app.table.cursor_key == "k00020"
        assert app.log_of[-1] == ("highlighted", "k00020")


async def test_empty_and_loading_are_plain_text() -> None:
    app = TableApp([], answering=False)
    async with app.run_test(size=(60, 12)) as pilot:
        await pilot.pause()
        assert screen_lines(app)[2].startswith("│loading…")
        app.table.load("start", None, [], True, True, 0)
        await pilot.pause()
        assert screen_lines(app)[2].startswith("│No [files] here")
        app.table.set_empty_text("Nothing matches '[/]'")
        await pilot.pause()
        assert screen_lines(app)[2].startswith("│Nothing matches '[/]'")
        await pilot.press("enter", "down", "G", "g")
        assert app.log_of == []
        app.table.reload()
        await pilot.pause()
        assert screen_lines(app)[2].startswith("│loading…")


async def test_narrow_widths_drop_columns_by_priority() -> None:
    app = TableApp(make_rows(30))
    async with app.run_test(size=(60, 12)) as pilot:
        await pilot.pause()
        await pilot.resize_terminal(30, 12)
        assert screen_lines(app)[1] == "│" + "Name".ljust(15) + " " + "State".ljust(12) + "│"
        await pilot.resize_terminal(20, 12)
        assert screen_lines(app)[1] == "│" + "Name".ljust(18) + "│"
        await pilot.resize_terminal(60, 5)
        assert len(app.table.visible_keys) == 2
        await pilot.resize_terminal(60, 2)
        await pilot.resize_terminal(1, 1)
        await pilot.resize_terminal(60, 12)
        assert "Size" in screen_lines(app)[1]


async def test_a_resize_keeps_the_cursor_in_view() -> None:
    app = TableApp(make_rows(300))
    async with app.run_test(size=(60, 24)) as pilot:
        app.table.focus()
        await pilot.press(*["down"] * 18)
        await pilot.resize_terminal(60, 8)
        assert app.table.cursor_key == "k00018"
        assert "k00018" in app.table.visible_keys


async def test_the_cursor_looks_different_with_and_without_focus() -> None:
    app = TableApp(make_rows(30))
    async with app.run_test(size=(60, 12)) as pilot:
        app.table.focus()
        await pilot.pause()
        focused = app.table.render_line(1)
        plain = app.table.render_line(2)
        app.set_focus(None)
        await pilot.pause()
        blurred = app.table.render_line(1)
        backgrounds = [next(s.style and s.style.bgcolor for s in strip) for strip in (focused, plain, blurred)]
        assert len(set(backgrounds)) == 3
        assert focused.text == blurred.text
        assert list(app.table.render_line(2)) == list(plain)
        assert app.table.render_line(2) is app.table.render_line(2)


@pytest.mark.parametrize("theme", ["textual-dark", "textual-light", "ansi-dark"])
async def test_a_change_of_theme_reaches_drawn_rows(theme: str) -> None:
    app = TableApp(make_rows(30))
    async with app.run_test(size=(60, 12)) as pilot:
        app.theme = "nord"
        await pilot.pause()
        before = list(app.table.render_line(2))
        app.theme = theme
        await pilot.pause()
        assert list(app.table.render_line(2)) != before


@pytest.mark.parametrize("careless", [False, True], ids=["displayed", "raw"])
async def test_hostile_names_do_nothing(careless: bool) -> None:
    rows = [
        Row(str(n), (Cell(name if careless else display(name)), Cell("1 B"), Cell("ok")))
        for n, name in enumerate(HOSTILE)
    ]
    app = TableApp(rows)
    async with app.run_test(size=(60, 20)) as pilot:
        app.table.focus()
        app.table.set_title(HOSTILE[1] + HOSTILE[3])
        app.table.set_subtitle(HOSTILE[0] + HOSTILE[5])
        await pilot.press("down", "down")
        for line in screen_lines(app):
            assert line.isprintable(), ascii(line)
            assert cell_len(line) == 60
        text = "\n".join(screen_lines(app))
        for shown in ("a[/]b.txt", "[@click=app.quit]x[/]", "inv\\x1b]0;PWNED", "annual\\u202efdp", "caf\\xe9"):
            assert shown in text
        assert all(
            not (segment.style and segment.style.meta)
            for y in range(app.table.size.height)
            for segment in app.table.render_line(y)
        )


async def test_wide_characters_do_not_shift_columns() -> None:
    names = ["日本語の長い名前.txt" * 3, "e\u0301" * 40, "x" * 80, "short", "日" * 30 + "x"]
    app = TableApp([Row(n, (Cell(n), Cell("1 B"), Cell("END"))) for n in names])
    async with app.run_test(size=(61, 12)) as pilot:
        await pilot.pause()
        for y in range(1, 1 + len(names)):
            strip = app.table.render_line(y)
            assert strip.cell_length == cell_len(strip.text) == 59
            assert cell_len(strip.text[: strip.text.index("END")]) == 59 - 12


async def test_ascii_glyphs_draw_nothing_else() -> None:
    rows = [Row(str(n), (Cell("x" * 90), Cell("1 B"), Cell("* ok", "ok"))) for n in range(3)]
    app = TableApp(rows, glyphs=ASCII, answering=False)
    async with app.run_test(size=(40, 8)) as pilot:
        app.table.set_title("a very long title " * 9)
        await pilot.pause()
        assert "".join(screen_lines(app)).isascii()
        app.table.load("start", None, rows, True, True)
        await pilot.pause()
        assert "".join(screen_lines(app)).isascii()


async def test_the_mouse_moves_opens_and_scrolls() -> None:
    app = TableApp(make_rows(300))
    async with app.run_test(size=(60, 12)) as pilot:
        await pilot.pause()
        await pilot.click(app.table, offset=(5, 5))
        assert app.table.cursor_key == "k00003"
        await pilot.click(app.table, offset=(5, 1))
        assert app.table.cursor_key == "k00003"
        await pilot.double_click(app.table, offset=(5, 6))
        assert app.log_of[-1] == ("chosen", "k00004")
        for event in (events.MouseScrollDown, events.MouseScrollDown, events.MouseScrollUp):
            app.table.post_message(event(app.table, 5, 5, 0, 1, 0, False, False, False))
        await pilot.pause()
        assert app.table.visible_keys[0] == "k00003"


async def test_going_to_a_row_far_away_and_reloading_around_one() -> None:
    app = TableApp(make_rows(3000))
    async with app.run_test(size=(60, 12)) as pilot:
        await pilot.pause()
        app.table.go_to("k02000")
        await pilot.pause()
        assert app.table.cursor_key == "k02000"
        assert "k02000" in app.table.visible_keys
        app.table.reload("k00500")
        await pilot.pause()
        assert app.table.cursor_key == "k00500"
        assert app.table.total == 3000
        app.table.set_columns([Column("Only", None)])
        await pilot.pause()
        assert "State" not in screen_lines(app)[1]


async def test_a_table_reloaded_before_it_is_mounted_asks_for_that_row() -> None:
    app = TableApp(make_rows(3000))
    app.table.reload("k00500")
    async with app.run_test(size=(60, 12)) as pilot:
        await pilot.pause()
        assert app.asked[0] == ("around", "k00500")
        assert app.table.cursor_key == "k00500"


@pytest.mark.parametrize(
    ("text", "width", "shown"),
    [
        ("hr-home #7 preview", 20, "hr-home #7 preview  "),
        ("home-directories #7 preview", 20, "home-dir… #7 preview"),
        ("home-directories #7", 20, "home-directories #7 "),
        ("home-directories #12345 plan of #12344", 20, "home-directories #1…"),
        ("home-directories", 10, "home-dire…"),
        (" #7 preview", 6, " #7 p…"),
    ],
)
def test_what_must_stay_of_a_text_that_is_cut_stays(text: str, width: int, shown: str) -> None:
    assert fit(text, width, keep=" #") == shown
    assert cell_len(fit(text, width, keep=" #")) == width
