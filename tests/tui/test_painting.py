"""The painter: whatever it leaves out, the terminal shows what Textual painted."""

from __future__ import annotations

import pyte
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.color import ColorSystem
from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from textual._compositor import ChopsUpdate, CompositorUpdate, InlineUpdate, LayoutUpdate
from textual.geometry import Region
from textual.strip import Strip

from tui.painting import Painted, Painter

WIDTH, HEIGHT = 24, 6
STYLES = [
    Style(),
    Style(bold=True),
    Style(color="#ff0000", bgcolor="#000020"),
    Style(color="#ff0000", bgcolor="#0178d4", bold=True),
    Style(reverse=True),
]
CONSOLE = Console(color_system="truecolor", force_terminal=True)


class Judge:
    """A terminal that gets what the painter writes, and one that gets what Textual would."""

    def __init__(self, painter: Painter) -> None:
        self.painter = painter
        self.lean, self.full = pyte.Screen(WIDTH, HEIGHT), pyte.Screen(WIDTH, HEIGHT)
        self.written = ""

    def show(self, update: CompositorUpdate) -> None:
        found = self.painter.lean(update, CONSOLE, WIDTH, HEIGHT)
        self.written = found.render_segments(CONSOLE) if found is not None else ""
        pyte.Stream(self.lean).feed(self.written)
        pyte.Stream(self.full).feed(update.render_segments(CONSOLE))

    def alike(self) -> bool:
        return all(self.lean.buffer[y][x] == self.full.buffer[y][x] for y in range(HEIGHT) for x in range(WIDTH))


def line(*parts: tuple[str, Style]) -> Strip:
    return Strip([Segment(text, style) for text, style in parts])


def layout(*lines: str, style: Style = STYLES[0]) -> LayoutUpdate:
    return LayoutUpdate([[line((text, style))] for text in lines], Region(0, 0, WIDTH, len(lines)))


@st.composite
def strips(draw: st.DrawFn, width: int) -> Strip:
    parts: list[tuple[str, Style]] = []
    while width > 0:
        text = draw(st.text("ab é─│", min_size=1, max_size=width))
        if width >= 2 and draw(st.booleans()):
            text = "漢" if draw(st.booleans()) else text
        cells = sum(2 if character == "漢" else 1 for character in text)
        if cells > width:
            continue
        parts.append((text, draw(st.sampled_from(STYLES))))
        width -= cells
    return line(*parts)


@st.composite
def updates(draw: st.DrawFn) -> CompositorUpdate:
    if draw(st.booleans()):
        return LayoutUpdate([[draw(strips(WIDTH))] for _ in range(HEIGHT)], Region(0, 0, WIDTH, HEIGHT))
    middle = draw(st.integers(1, WIDTH - 1))
    y = draw(st.integers(0, HEIGHT - 1))
    left = draw(st.none() | strips(middle))
    chops = [{0: left, middle: draw(strips(WIDTH - middle))} if row == y else {} for row in range(HEIGHT)]
    return ChopsUpdate(chops, [(y, 0, WIDTH)], [[middle, WIDTH]] * HEIGHT)


@settings(max_examples=150, deadline=None)
@given(st.lists(updates(), min_size=1, max_size=6))
def test_the_terminal_shows_what_was_painted(pictures: list[CompositorUpdate]) -> None:
    judge = Judge(Painter())
    judge.show(layout(*[" " * WIDTH] * HEIGHT))
    for picture in pictures:
        judge.show(picture)
        assert judge.alike()


def test_what_is_there_already_is_not_written_again() -> None:
    judge = Judge(Painter())
    picture = layout(*["a" * WIDTH] * HEIGHT, style=STYLES[2])
    judge.show(picture)
    judge.show(picture)
    assert judge.written == ""
    judge.show(layout("a" * 10 + "b" + "a" * (WIDTH - 11), style=STYLES[2]))
    assert judge.written.count("b") == 1
    assert "a" not in judge.written
    assert judge.alike()


def test_after_another_size_or_another_program_all_is_written() -> None:
    judge = Judge(Painter())
    picture = layout(*["a" * WIDTH] * HEIGHT)
    judge.show(picture)
    judge.painter.forget()
    judge.show(picture)
    assert judge.written.count("a") == WIDTH * HEIGHT
    assert isinstance(judge.painter.lean(picture, CONSOLE, WIDTH + 1, HEIGHT), Painted)


def test_an_update_of_a_kind_that_is_not_known_goes_out_as_it_is() -> None:
    painter, unknown = Painter(), InlineUpdate([line(("a", STYLES[0]))])
    assert painter.lean(unknown, CONSOLE, WIDTH, HEIGHT) is unknown


@pytest.mark.parametrize(
    ("text", "written"),
    [("┌─ naïve ─┐", "+- na?ve -+"), ("漢字", "????"), ("▾ ● 12 …", "v * 12 ~")],
)
def test_without_unicode_each_cell_has_an_ascii_character(text: str, written: str) -> None:
    painter = Painter(unicode=False)
    found = painter.lean(layout(text), CONSOLE, WIDTH, HEIGHT)
    assert found is not None
    assert written in found.render_segments(CONSOLE)


def test_what_no_widget_has_escaped_does_not_reach_the_terminal() -> None:
    found = Painter().lean(layout("a\x1b]0;owned\x07b\x9b\u202ec"), CONSOLE, WIDTH, HEIGHT)
    assert found is not None
    text = found.render_segments(CONSOLE).removeprefix("\x1b[1;1H")
    assert text.isprintable()


def test_without_colours_what_stands_out_by_its_background_is_reversed() -> None:
    painter = Painter(color=False)
    found = painter.lean(layout("cursor", style=Style(color="#dddddd", bgcolor="#646464")), CONSOLE, WIDTH, HEIGHT)
    assert found is not None
    assert found.render_segments(CONSOLE) == "\x1b[1;1H\x1b[0;7mcursor\x1b[m"
    found = painter.lean(layout("people", style=Style(color="#dddddd", bgcolor="#1e1e1e")), CONSOLE, WIDTH, HEIGHT)
    assert found is not None
    assert found.render_segments(CONSOLE) == "\x1b[1;1Hpeople"


def test_the_console_says_how_many_colours_there_are() -> None:
    few = Console(color_system="standard", force_terminal=True)
    assert few._color_system is ColorSystem.STANDARD
    found = Painter().lean(layout("a", style=Style(color="#ff0000")), few, WIDTH, HEIGHT)
    assert found is not None
    assert found.render_segments(few) == "\x1b[1;1H\x1b[31ma\x1b[m"
