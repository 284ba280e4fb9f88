"""Saving a view: a file's name is asked for; its ending says whether it is to be text or a picture."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen

from tui.presentation.cells import Cell
from tui.presentation.glyphs import Glyphs
from tui.saved_view import PICTURE, TEXT
from tui.widgets.line_input import LineInput
from tui.widgets.text_lines import TextLines


class SaveScreen(ModalScreen[str | None]):
    """Dismisses with the name of a file, or with None."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Save nothing", show=False, id="save.leave"),
        Binding("tab,shift+tab,ctrl+t", "other", "Text or picture", show=False, id="save.other", priority=True),
    ]

    DEFAULT_CSS = """
    SaveScreen {
        align: center middle;
        & > Vertical {
            width: 76; max-width: 96%; height: auto;
            background: $surface; border: solid $border; padding: 0 1;
        }
        & > Vertical.-ascii { border: ascii $border; }
        & Input { height: 1; border: none; padding: 0; background: $boost; margin: 1 0; }
    }
    """

    def __init__(self, suggested: Path, glyphs: Glyphs) -> None:
        super().__init__()
        self._typed = str(suggested)
        self._glyphs = glyphs

    def compose(self) -> ComposeResult:
        box = Vertical(classes="" if self._glyphs.unicode else "-ascii")
        box.border_title = Content("Save this view")
        box.border_subtitle = Content("enter saves, tab: text or picture, esc leaves")
        with box:
            yield TextLines(1, glyphs=self._glyphs)
            line = LineInput(self._typed, compact=True, select_on_focus=False)
            line.cursor_blink = False
            yield line

    def on_mount(self) -> None:
        self.set_focus(self.query_one(LineInput))
        self._draw()

    def _draw(self) -> None:
        picture = self._typed.lower().endswith(PICTURE)
        text, svg = ("  text  ", "[ picture (SVG) ]") if picture else ("[ text ]", "  picture (SVG)  ")
        cells = [
            Cell("as "),
            Cell(text, "" if picture else "strong"),
            Cell(" "),
            Cell(svg, "strong" if picture else ""),
            Cell("  into the file, for you alone:", "dim"),
        ]
        self.query_one(TextLines).set_lines([cells])

    @on(LineInput.Changed)
    def _changed(self, event: LineInput.Changed) -> None:
        event.stop()
        self._typed = event.value
        self._draw()

    @on(LineInput.Submitted)
    def _submitted(self, event: LineInput.Submitted) -> None:
        event.stop()
        if self._typed.strip():
            self.dismiss(self._typed.strip())

    def action_other(self) -> None:
        """The other kind of file: the ending of the name says which."""
        stem = self._typed
        for ending in (TEXT, PICTURE):
            stem = stem.removesuffix(ending)
        line = self.query_one(LineInput)
        line.value = f"{stem}{TEXT if self._typed.lower().endswith(PICTURE) else PICTURE}"
        line.cursor_position = len(line.value)

    def action_leave(self) -> None:
        self.dismiss(None)
