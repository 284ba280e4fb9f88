"""A cell widget in a border whose titles may hold data and may tick."""

from __future__ import annotations

from rich.cells import cell_len
from textual.content import Content
from textual.geometry import Region

from tui.presentation.glyphs import UNICODE, Glyphs
from tui.widgets.cell_widget import CellWidget, fit, inert

TITLE_MARGIN = 6
"""Cells of a border line that a title leaves free: corners, a line and a blank on each side."""


class FramedWidget(CellWidget):
    """Draws its border with the session's glyphs, and titles in it as plain text.

    Use ``set_title`` and ``set_subtitle``: assigning ``border_title`` parses markup, paints the
    whole widget, and cuts a long title with an ellipsis that is not of our glyph set.
    """

    DEFAULT_CSS = """
    FramedWidget {
        border: solid $foreground 25%;
        border-title-color: $foreground;
        border-subtitle-color: $foreground;
        &:focus { border: solid $border; }
        &:nocolor:focus { border-title-style: reverse; }
        &.-ascii { border: ascii $foreground 25%; }
        &.-ascii:focus { border: ascii $border; }
    }
    """

    def __init__(
        self,
        *,
        glyphs: Glyphs = UNICODE,
        name: str | None = None,
        id: str | None = None,  # noqa: A002 (Textual's own name)
        classes: str | None = None,
    ) -> None:
        # Given to the constructor: setting a class later asks for a restyle of a half-made widget.
        both = classes if glyphs.unicode else f"{classes or ''} -ascii".strip()
        super().__init__(glyphs=glyphs, name=name, id=id, classes=both)
        self._title = self._subtitle = ""

    def set_title(self, text: str) -> None:
        """Set the title in the upper border; plain text."""
        self._title = inert(text, self.glyphs)
        self._draw_titles()

    def set_subtitle(self, text: str) -> None:
        """Set the title in the lower border; plain text. Only that border is painted again."""
        self._subtitle = inert(text, self.glyphs)
        self._draw_titles()

    def on_resize(self) -> None:
        self._draw_titles()

    def _draw_titles(self) -> None:
        """Bring the titles into the border, painting only a border line that differs."""
        # The two attributes behind border_title are Textual's own: see the class docstring for why.
        height = self.outer_size.height
        if (title := self._border_content(self._title)) != self._border_title:
            self._border_title = title
            self._refresh_outer_line(0)
        if (subtitle := self._border_content(self._subtitle)) != self._border_subtitle:
            self._border_subtitle = subtitle
            self._refresh_outer_line(height - 1)

    def _border_content(self, text: str) -> Content | None:
        room = self.outer_size.width - TITLE_MARGIN
        cut = fit(text, room, ellipsis=self.glyphs.ellipsis) if cell_len(text) > room else text
        return Content(cut) if cut else None

    def _refresh_outer_line(self, y: int) -> None:
        """Refresh one line of the widget, counted with its border."""
        offset = self.content_offset
        self.refresh(Region(-offset.x, y - offset.y, self.outer_size.width, 1))
