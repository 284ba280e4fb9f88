"""The base of widgets that draw lines of cells: what each style looks like, and cells as strips."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar, Literal

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip
from textual.widget import Widget

from store.display import ELLIPSIS, displayed, in_ascii
from tui.presentation.cells import STYLES, Cell
from tui.presentation.glyphs import UNICODE, Glyphs


def inert(text: str, glyphs: Glyphs = UNICODE) -> str:
    """Return the text of a cell, with whatever its maker should have given to ``display`` escaped.

    Displayed text comes back unchanged, so this second look never escapes twice. Where only ASCII may be drawn,
    names in other scripts are escaped, too.
    """
    if text.isascii() and text.isprintable():
        return text
    safe = displayed(text)
    return safe if glyphs.unicode else in_ascii(safe.replace(ELLIPSIS, glyphs.ellipsis))


def fit(text: str, width: int, align: Literal["left", "right"] = "left", ellipsis: str = "…", keep: str = "") -> str:
    """Return ``text`` in exactly ``width`` terminal cells: padded, or cut with an ellipsis.

    What comes after the ellipsis is the part of the text that begins with ``keep``, when it has one
    and leaves room for a cell before it.
    """
    if width <= 0:
        return ""
    cells = cell_len(text)
    if cells > width:
        start = text.find(keep) if keep else -1
        tail = text[start:] if start > 0 else ""
        if cell_len(tail) > width - 2:
            tail = ""
        return set_cell_size(text, width - 1 - cell_len(tail)) + ellipsis + tail
    padding = " " * (width - cells)
    return padding + text if align == "right" else text + padding


def over(base: Style, cell: Style) -> Style:
    """Return a cell's colour and weight on the background of its line.

    Asking Textual for several component classes at once takes the background of the last of them.
    """
    return base + Style(
        color=cell.color, bold=cell.bold or None, dim=cell.dim or None, underline=cell.underline or None
    )


class CellWidget(Widget):
    """Draws through the line API, from cells. A subclass says what stands on each line."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "cell--dim",
        "cell--ok",
        "cell--busy",
        "cell--warn",
        "cell--bad",
        "cell--strong",
        "cell--accent",
    }
    """
    | Class | Description |
    | :- | :- |
    | `cell--dim` | Of little interest now. |
    | `cell--ok` | As it should be. |
    | `cell--busy` | At work. |
    | `cell--warn` | Worth a look. |
    | `cell--bad` | Failed, or needs a person. |
    | `cell--strong` | The name of the thing. |
    | `cell--accent` | A key, or something to act on. |
    """

    DEFAULT_CSS = """
    CellWidget {
        & > .cell--dim { color: $text-muted; }
        & > .cell--ok { color: $text-success; }
        & > .cell--busy { color: $text-primary; }
        & > .cell--warn { color: $text-warning; }
        & > .cell--bad { color: $text-error; text-style: bold; }
        & > .cell--strong { text-style: bold; }
        & > .cell--accent { color: $text-accent; text-style: bold; }
        &:ansi > .cell--dim { text-style: dim; }
    }
    """

    ALLOW_SELECT = False

    def __init__(
        self,
        *,
        glyphs: Glyphs = UNICODE,
        name: str | None = None,
        id: str | None = None,  # noqa: A002 (Textual's own name)
        classes: str | None = None,
        disabled: bool = False,
    ) -> None:
        super().__init__(name=name, id=id, classes=classes, disabled=disabled)
        self.glyphs = glyphs
        self._cell_styles: dict[tuple[bool, str, tuple[str, ...]], Style] = {}

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._cell_styles.clear()

    def cell_style(self, style: str, *line_classes: str) -> Style:
        """Return the look of a cell style, over component classes that hold for the whole line.

        An unknown style looks like none: a screen must not fall over a word.
        """
        # Textual forgets with each painting what it has worked out.
        key = (self.has_focus, style, line_classes)
        found = self._cell_styles.get(key)
        if found is None:
            found = self._cell_styles[key] = self._cell_style(style, line_classes)
        return found

    def _cell_style(self, style: str, line_classes: tuple[str, ...]) -> Style:
        if style in STYLES[1:]:
            return over(self.cell_style("", *line_classes), self.get_component_rich_style(f"cell--{style}"))
        return self.get_component_rich_style(*line_classes) if line_classes else self.rich_style

    def cells_strip(self, cells: Iterable[Cell], width: int, *line_classes: str) -> Strip:
        """Return cells set side by side as one line of exactly ``width`` cells.

        The cell that meets the right edge is cut with an ellipsis. Neighbours of one look share a
        segment: each change of look costs bytes on the wire.
        """
        pieces: list[tuple[str, Style]] = []
        left = width
        for text, style in cells:
            safe = inert(text, self.glyphs)
            taken = cell_len(safe)
            if taken > left:
                safe, taken = fit(safe, left, ellipsis=self.glyphs.ellipsis), left
            pieces.append((safe, self.cell_style(style, *line_classes)))
            left -= taken
            if left <= 0:
                break
        if left > 0:
            pieces.append((" " * left, self.cell_style("", *line_classes)))
        return Strip(join_pieces(pieces), width)


def join_pieces(pieces: Sequence[tuple[str, Style]]) -> list[Segment]:
    """Return pieces as segments, those without text left out and equal neighbours joined."""
    segments: list[Segment] = []
    for text, style in pieces:
        if not text:
            continue
        if segments and segments[-1].style == style:
            segments[-1] = Segment(segments[-1].text + text, style)
        else:
            segments.append(Segment(text, style))
    return segments
