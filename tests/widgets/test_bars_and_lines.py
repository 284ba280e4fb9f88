"""TopBar, KeyBar and TextLines: what fits, what is painted again, and that data stays data."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from rich.cells import cell_len
from textual.app import App, ComposeResult
from textual.geometry import Region
from textual.strip import Strip

from store.display import display
from tui.presentation.cells import STYLES, Cell
from tui.presentation.glyphs import ASCII, UNICODE, Glyphs
from tui.widgets.cell_widget import CellWidget, fit, inert
from tui.widgets.key_bar import KeyBar
from tui.widgets.text_lines import TextLines
from tui.widgets.top_bar import TopBar

pytestmark = pytest.mark.anyio

LEFT = [Cell("Longshore", "strong"), Cell("nas-exit"), Cell("HR shares"), Cell("hr-home")]
RIGHT = [Cell("2 agents"), Cell("● 1 offline", "warn"), Cell("3 running", "busy"), Cell("412 MB/s")]
KEYS = [
    ("r", "run", True),
    ("x", "stop", False),
    ("enter", "open", True),
    ("n", "new", True),
    ("?", "keys", True),
]
HOSTILE = ["a[/]b.txt", "[@click=app.quit]x[/]", "e\x1b[2Jsc", "bi\u202edi", "caf\udce9", "nul\x00\n\u009b"]


class OneApp(App[None]):
    """Holds the widget under test alone."""

    ENABLE_COMMAND_PALETTE = False

    def __init__(self, widget: CellWidget) -> None:
        super().__init__()
        self.widget = widget

    def compose(self) -> ComposeResult:
        yield self.widget


def line(widget: CellWidget, y: int = 0) -> str:
    strip = widget.render_line(y)
    assert strip.cell_length == cell_len(strip.text) == widget.size.width
    return strip.text


def watch(widget: CellWidget, monkeypatch: pytest.MonkeyPatch) -> tuple[list[Region], list[int]]:
    """Record the regions a widget refreshes (the empty one for all of it) and the lines it draws."""
    regions: list[Region] = []
    drawn: list[int] = []
    refresh, render_line = widget.refresh, widget.render_line

    def watched_refresh(*asked: Region, **kwargs: Any) -> Any:
        regions.extend(asked or [Region()])
        return refresh(*asked, **kwargs)

    def watched_render_line(y: int) -> Strip:
        drawn.append(y)
        return render_line(y)

    monkeypatch.setattr(widget, "refresh", watched_refresh)
    monkeypatch.setattr(widget, "render_line", watched_render_line)
    return regions, drawn


@pytest.mark.parametrize(
    ("width", "left", "right"),
    [
        (90, "Longshore  nas-exit > HR shares > hr-home", "2 agents  ● 1 offline  3 running  412 MB/s"),
        (80, "Longshore  nas-exit > HR shares > hr-home", "2 agents  ● 1 offline  3 running"),
        (70, "Longshore  nas-exit > … > hr-home", "2 agents  ● 1 offline  3 running"),
        (50, "Longshore  … > hr-home", "2 agents  ● 1 offline"),
        (26, "… > hr-home", "2 agents"),
        (20, "hr-home", "2 agents"),
        (16, "h…me", "2 agents"),
        (10, "", "2 agents"),
    ],
)
async def test_top_bar_gives_up_facts_from_the_end_and_crumbs_from_the_middle(
    width: int, left: str, right: str
) -> None:
    bar = TopBar()
    async with OneApp(bar).run_test(size=(width, 3)):
        bar.set_left(LEFT)
        bar.set_right(RIGHT)
        text = line(bar).replace(UNICODE.crumb, ">")
        assert text == f" {left}{right:>{width - 2 - len(left)}} "


async def test_top_bar_at_every_width_is_one_full_line() -> None:
    bar = TopBar(glyphs=ASCII)
    async with OneApp(bar).run_test(size=(100, 3)) as pilot:
        bar.set_left([*LEFT, Cell("日本語 very long innermost name of all")])
        bar.set_right([cell for cell in RIGHT if cell.text.isascii()])
        bar.set_stale("data 12 s old")
        for width in (100, 77, 51, 33, 20, 12, 5, 2, 1):
            await pilot.resize_terminal(width, 3)
            text = line(bar)
            assert "…" not in text
            assert width < 17 or "! data 12 s old" in text
            assert width < 27 or "2 agents" in text


async def test_top_bar_repaints_only_when_its_text_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    bar = TopBar()
    bar.set_left(LEFT)
    async with OneApp(bar).run_test(size=(80, 3)) as pilot:
        bar.set_right(RIGHT)
        await pilot.pause()
        regions, drawn = watch(bar, monkeypatch)
        bar.set_left(list(LEFT))
        bar.set_right(list(RIGHT))
        bar.set_stale("")
        await pilot.pause()
        assert (regions, drawn) == ([], [])
        bar.set_stale("data 3 s old")
        await pilot.pause()
        assert (regions, drawn) == ([Region(0, 0, 80, 1)], [0])


@pytest.mark.parametrize(
    ("width", "left", "right"),
    [
        (60, "r run  x stop  enter open  n new  ? keys", "data live"),
        (50, "r run  x stop  enter open  ? keys", "data live"),
        (30, "r run  ? keys", "data live"),
        (20, "? keys", "data live"),
        (12, "? keys", ""),
    ],
)
async def test_key_bar_drops_from_the_end_but_keeps_the_last(width: int, left: str, right: str) -> None:
    bar = KeyBar()
    bar.set_keys(KEYS)
    async with OneApp(bar).run_test(size=(width, 3)):
        bar.set_right("data live")
        assert line(bar) == f" {left}{right:>{width - 2 - len(left)}} "


async def test_key_bar_dims_a_disabled_key() -> None:
    bar = KeyBar()
    async with OneApp(bar).run_test(size=(60, 3)):
        bar.set_keys(KEYS)
        segments = {segment.text.strip(): segment.style for segment in bar.render_line(0)}
        assert segments["x stop"] == bar.cell_style("dim")
        assert segments["r"] == bar.cell_style("accent")


async def test_a_message_takes_the_place_of_the_keys_until_cleared(monkeypatch: pytest.MonkeyPatch) -> None:
    bar = KeyBar()
    async with OneApp(bar).run_test(size=(60, 3)) as pilot:
        bar.set_keys(KEYS)
        await pilot.pause()
        regions, _drawn = watch(bar, monkeypatch)
        bar.show_message([Cell("✗ ", "bad"), Cell("[/] cannot start: no agent")])
        await pilot.pause()
        assert line(bar).rstrip() == " ✗ [/] cannot start: no agent"
        bar.set_keys(KEYS[1:])
        await pilot.pause()
        assert len(regions) == 1
        bar.clear_message()
        assert line(bar).rstrip() == " x stop  enter open  n new  ? keys"
        assert len(regions) == 2


async def test_text_lines_repaint_only_lines_that_differ(monkeypatch: pytest.MonkeyPatch) -> None:
    block = TextLines(4)
    async with OneApp(block).run_test(size=(40, 10)) as pilot:
        block.set_lines([[Cell("progress")], [Cell("12%", "busy"), Cell(" done")], []])
        await pilot.pause()
        assert block.size.height == 4
        regions, drawn = watch(block, monkeypatch)
        block.set_lines([[Cell("progress")], [Cell("13%", "busy"), Cell(" done")]])
        block.set_line(1, [Cell("14%", "busy"), Cell(" done")])
        await pilot.pause()
        assert set(regions) == {Region(0, 1, 40, 1)}
        assert drawn == [1]
        assert line(block, 1).rstrip() == "14% done"
        assert line(block, 3).rstrip() == ""
        block.set_lines([[Cell(str(n))] for n in range(9)])
        assert line(block, 3).rstrip() == "3"
        block.resize_block(2)
        await pilot.pause()
        assert block.size.height == 2


async def test_text_lines_cut_with_an_ellipsis() -> None:
    block = TextLines(2)
    async with OneApp(block).run_test(size=(10, 4)):
        block.set_lines([[Cell("1234567"), Cell("89012", "ok")], [Cell("1234567"), Cell("890")]])
        assert line(block, 0) == "123456789…"
        assert line(block, 1) == "1234567890"


def fill_top(bar: TopBar, name: str) -> None:
    bar.set_left([Cell("Longshore"), Cell(name)])
    bar.set_right([Cell(name)])
    bar.set_stale(name)


def fill_keys(bar: KeyBar, name: str) -> None:
    bar.set_keys([("x", name, True), (name, "y", False)])
    bar.set_right(name)


def fill_lines(block: TextLines, name: str) -> None:
    block.set_lines([[Cell(name, "ok"), Cell(name)]])


@pytest.mark.parametrize("careless", [False, True], ids=["displayed", "raw"])
@pytest.mark.parametrize(
    ("make", "fill"),
    [
        (TopBar, fill_top),
        (KeyBar, fill_keys),
        (KeyBar, lambda bar, name: bar.show_message([Cell(name)])),
        (lambda: TextLines(1), fill_lines),
    ],
    ids=["top", "keys", "message", "lines"],
)
async def test_hostile_names_do_nothing(
    make: Callable[[], CellWidget], fill: Callable[[Any, str], None], careless: bool
) -> None:
    widget = make()
    async with OneApp(widget).run_test(size=(120, 3)) as pilot:
        for name in HOSTILE:
            fill(widget, name if careless else display(name))
            await pilot.pause()
            (text, *_rest) = [s.text for s in widget.screen._compositor.render_strips(widget.app.size)]
            assert line(widget).isprintable()
            assert text.isprintable()
            assert display(name) in line(widget)
            assert not any(segment.style and segment.style.meta for segment in widget.render_line(0))


async def test_every_style_has_a_look_and_an_unknown_word_is_none() -> None:
    block = TextLines(1)
    async with OneApp(block).run_test(size=(10, 2)):
        looks = {style: block.cell_style(style) for style in STYLES}
        assert len({str(look) for look in looks.values()}) == len(STYLES)
        assert block.cell_style("no such style") == looks[""]


@pytest.mark.parametrize("glyphs", [UNICODE, ASCII], ids=["unicode", "ascii"])
def test_fit(glyphs: Glyphs) -> None:
    mark = glyphs.ellipsis
    assert fit("abc", 5) == "abc  "
    assert fit("abc", 5, "right") == "  abc"
    assert fit("abcdef", 4, ellipsis=mark) == "abc" + mark
    assert fit("日本語", 4, ellipsis=mark) == "日 " + mark
    assert fit("abc", 1, ellipsis=mark) == mark
    assert fit("abc", 0) == ""


def test_inert_leaves_safe_text_alone() -> None:
    for safe in ("plain", "back\\\\slash", "nb\u00a0sp\u3000ace \\x1b", "日本語"):
        assert inert(safe) == safe
    assert inert("a\x1b\\") == "a\\x1b\\"
