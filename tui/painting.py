"""The last step before the terminal: of what Textual paints, only what is not on the screen yet is written.

Textual writes a region that it has painted again as a whole, though often a few cells of it differ (reference
terminal §5): a change of focus is a screen full of bytes, and a slow link is late by as much. The painter knows what
each cell of the terminal shows. It is also the gate that no byte passes which the terminal cannot show: colours where
none are wanted, characters beyond ASCII where there are none.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from rich.cells import get_character_cell_size
from rich.color import Color, ColorSystem
from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from textual._compositor import ChopsUpdate, CompositorUpdate, LayoutUpdate
from textual.strip import Strip

GAP = 4
"""Cells between two changes that are written again rather than skipped: to skip costs as many bytes."""

STANDS_OUT = 45
"""How far, of 255, a background lies from the screen's to be drawn reversed where there are no colours."""

_ATTRIBUTES = (
    ("bold", "1"),
    ("dim", "2"),
    ("italic", "3"),
    ("underline", "4"),
    ("blink", "5"),
    ("reverse", "7"),
    ("conceal", "8"),
    ("strike", "9"),
)

PLAIN_CHARACTERS = str.maketrans(
    {
        **dict.fromkeys("─━╌╍┄┅═▁▔", "-"),
        **dict.fromkeys("│┃║▏▎▕┊┋", "|"),
        **dict.fromkeys("┌┐└┘├┤┬┴┼╭╮╯╰╔╗╚╝", "+"),
        **dict.fromkeys("▂▃▄▅▆▇█▉▊▋▌▍", "#"),
        **dict.fromkeys("░▒▓", "-"),
        **dict.fromkeys("●•▪■◆", "*"),
        **dict.fromkeys("○◌", "o"),
        **dict.fromkeys("…‥", "~"),
        **dict.fromkeys("▶▸›→", ">"),  # noqa: RUF001 (characters that are drawn)
        **dict.fromkeys("◀◂‹←", "<"),  # noqa: RUF001
        "↑": "^",
        "▾": "v",
        "▼": "v",
        "↓": "v",
        "·": ".",
        "✓": "+",
        "✗": "x",
        "▲": "!",
        "\xa0": " ",
    }
)


class Look(NamedTuple):
    """The parts of a style as a terminal is told them; each empty for the terminal's own."""

    attributes: str
    foreground: str
    background: str


PLAIN = Look("", "", "")
Shown = tuple[str, Look]
"""A cell: its character (empty for the second half of a wide one) and its look."""

_UNKNOWN: Shown = ("\0", PLAIN)

KEPT_SEGMENTS = 8_192
"""Pieces of text whose cells are kept: most of what is painted was painted before."""


class _Segment(NamedTuple):
    """A piece of text of one style, as cells."""

    cells: list[Shown]
    joins: str
    """What belongs to the cell before it: it has no width of its own."""
    together: bool
    """Whether terminals may differ about where its cells are."""


class Painted(CompositorUpdate):
    """An update that is ready to be written."""

    def __init__(self, text: str) -> None:
        self.text = text

    def render_segments(self, console: Console) -> str:
        return self.text


class Painter:
    """Knows what the terminal shows, and writes what differs.

    Args:
        color: whether colours may be written; without, what stands out by its background is reversed.
        unicode: whether anything but ASCII may be written.
    """

    def __init__(self, *, color: bool = True, unicode: bool = True) -> None:
        self._color = color
        self._unicode = unicode
        self._looks: dict[Style | None, Look] = {None: PLAIN}
        self._segments: dict[Segment, _Segment] = {}
        self._rows: list[list[Shown]] = []
        self._width = 0

    def forget(self) -> None:
        """The terminal may show anything now (another size, another program): all is written anew."""
        self._rows = []

    def lean(self, update: CompositorUpdate, console: Console, width: int, height: int) -> CompositorUpdate | None:
        """What there is to write of an update; None when the terminal shows all of it already."""
        pieces = _pieces(update)
        if pieces is None:
            # Of a kind that is not known here: after it, neither is the screen.
            self.forget()
            return update
        if (width, height) != (self._width, len(self._rows)):
            self._width = width
            self._rows = [[_UNKNOWN] * width for _ in range(height)]
        pen = _Pen(width)
        system = console._color_system or ColorSystem.TRUECOLOR
        for x, y, strip in pieces:
            if 0 <= y < height and 0 <= x < width:
                self._piece(pen, x, y, strip, system)
        text = pen.finish()
        return Painted(text) if text else None

    def _piece(self, pen: _Pen, x: int, y: int, strip: Strip, system: ColorSystem) -> None:
        cells, together = self._cells(strip, system)
        del cells[self._width - x :]
        row, end = self._rows[y], x + len(cells)
        shown = row[x:end]
        if shown == cells:
            return
        row[x:end] = cells
        # A terminal may give some characters another width: a line with such is written as one.
        spans = [(0, len(cells))] if together else _spans(shown, cells)
        for first, last in spans:
            pen.write(x + first, y, cells[first:last])
            if together:
                pen.lose()

    def _cells(self, strip: Strip, system: ColorSystem) -> tuple[list[Shown], bool]:
        """The cells of a strip, and whether there are such among them that must be written together."""
        cells: list[Shown] = []
        together = False
        for segment in strip:
            known = self._segments.get(segment)
            if known is None:
                if len(self._segments) >= KEPT_SEGMENTS:
                    self._segments.clear()
                known = self._segments[segment] = self._segment(segment, system)
            if known.joins and cells:
                cells[-1] = (cells[-1][0] + known.joins, cells[-1][1])
            cells += known.cells
            together = together or known.together
        return cells, together

    def _segment(self, segment: Segment, system: ColorSystem) -> _Segment:
        text, style, control = segment
        if control:
            return _Segment([], "", False)
        look = self._looks.get(style)
        if look is None and style is not None:
            look = self._looks[style] = self._look(style, system)
        assert look is not None
        if text.isascii() and text.isprintable():
            return _Segment([(character, look) for character in text], "", False)
        cells: list[Shown] = []
        joins, together = "", False
        for character in text:
            shown, width = self._character(character)
            if width == len(shown):
                cells += [(one, look) for one in shown]
                continue
            together = True
            if width == 2:
                cells += [(shown, look), ("", look)]
            elif cells:
                cells[-1] = (cells[-1][0] + shown, look)
            else:
                joins += shown
        return _Segment(cells, joins, together)

    def _character(self, character: str) -> tuple[str, int]:
        """What stands for a character on this terminal, and the cells that it takes."""
        width = get_character_cell_size(character)
        if not character.isprintable():
            # What no widget has escaped: nothing raw reaches the terminal.
            return "?" * width, width
        if self._unicode or character.isascii():
            return character, width
        plain = character.translate(PLAIN_CHARACTERS)
        return plain if plain.isascii() else "?" * width, width

    def _look(self, style: Style, system: ColorSystem) -> Look:
        attributes = [code for name, code in _ATTRIBUTES if getattr(style, name)]
        if not self._color:
            if style.bgcolor is not None and _stands_out(style.bgcolor) and "7" not in attributes:
                attributes.append("7")
            return Look(";".join(attributes), "", "")
        return Look(";".join(attributes), _code(style.color, system, True), _code(style.bgcolor, system, False))


class _Pen:
    """Writes cells at places, with as few bytes as it takes to get there and to look so."""

    def __init__(self, width: int) -> None:
        self._width = width
        self._out: list[str] = []
        self._at: tuple[int, int] | None = None
        self._look = PLAIN

    def write(self, x: int, y: int, cells: Sequence[Shown]) -> None:
        self._go(x, y)
        for character, look in cells:
            if look is not self._look and look != self._look:
                self._out.append(_change(self._look, look))
                self._look = look
            self._out.append(character)
        end = x + len(cells)
        # In the last column terminals differ in where they are.
        self._at = (end, y) if end < self._width else None

    def lose(self) -> None:
        """Where the pen is now is for the terminal to know."""
        self._at = None

    def finish(self) -> str:
        if self._look != PLAIN:
            self._out.append("\x1b[m")
        return "".join(self._out)

    def _go(self, x: int, y: int) -> None:
        if self._at == (x, y):
            return
        if self._at is not None and self._at[1] == y and x > self._at[0]:
            self._out.append(f"\x1b[{x - self._at[0]}C")
        else:
            self._out.append(f"\x1b[{y + 1};{x + 1}H")


def _pieces(update: CompositorUpdate) -> Iterator[tuple[int, int, Strip]] | None:
    """The strips of an update with their places; None for an update of a kind that is not known."""
    if isinstance(update, LayoutUpdate):
        return _of_layout(update)
    if isinstance(update, ChopsUpdate):
        return _of_chops(update)
    return None


def _of_layout(update: LayoutUpdate) -> Iterator[tuple[int, int, Strip]]:
    for y, line in enumerate(update.strips, update.region.y):
        x = update.region.x
        for strip in line:
            yield x, y, strip
            x += strip.cell_length


def _of_chops(update: ChopsUpdate) -> Iterator[tuple[int, int, Strip]]:
    for y, first, last in update.spans:
        for end, (x, strip) in zip(update.chop_ends[y], update.chops[y].items(), strict=False):
            if strip is not None and x <= last and end > first:
                yield x, y, strip if x >= first and end <= last else strip.crop(0, min(end, last) - x)


def _spans(before: Sequence[Shown], after: Sequence[Shown]) -> list[tuple[int, int]]:
    """Where two lines differ, as first and last + 1; places that are close are one."""
    spans: list[tuple[int, int]] = []
    for place, (old, new) in enumerate(zip(before, after, strict=True)):
        if old is new or old == new:
            continue
        if spans and place - spans[-1][1] <= GAP:
            spans[-1] = (spans[-1][0], place + 1)
        else:
            spans.append((place, place + 1))
    return spans


def _change(now: Look, then: Look) -> str:
    """The sequence from one look to another."""
    if now.attributes != then.attributes:
        return f"\x1b[{';'.join(part for part in ('0', *then) if part)}m"
    codes = []
    if now.foreground != then.foreground:
        codes.append(then.foreground or "39")
    if now.background != then.background:
        codes.append(then.background or "49")
    return f"\x1b[{';'.join(codes)}m"


def _code(color: Color | None, system: ColorSystem, foreground: bool) -> str:
    if color is None or color.is_default:
        return ""
    return ";".join(color.downgrade(system).get_ansi_codes(foreground))


def _stands_out(color: Color) -> bool:
    """Whether a background is far from a screen's own, which is nearly black or the terminal's."""
    if color.is_default:
        return False
    red, green, blue = color.get_truecolor(foreground=False)
    return (red * 299 + green * 587 + blue * 114) / 1000 > 30 + STANDS_OUT
