"""The lines of a form's page, scrolled so that the field with the focus is seen; its choices are made here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message

from tui.presentation.cells import Cell
from tui.presentation.glyphs import UNICODE, Glyphs
from tui.widgets.text_lines import TextLines


class FormLines(TextLines):
    """Draws a window of lines. With the focus, left and right choose, and a letter goes to the choice it begins."""

    can_focus = True

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "choose(-1)", "The choice before", show=False, id="form.choose_previous"),
        Binding("right,space", "choose(1)", "The next choice", show=False, id="form.choose_next"),
    ]

    DEFAULT_CSS = """
    FormLines { height: 1fr; }
    """

    class Chosen(Message):
        """Another choice is wanted: a step further, or the one that begins with a letter."""

        def __init__(self, step: int, letter: str = "") -> None:
            super().__init__()
            self.step = step
            self.letter = letter

    class Resized(Message):
        """There is room for another number of lines, or of cells."""

    def __init__(self, *, glyphs: Glyphs = UNICODE) -> None:
        super().__init__(0, glyphs=glyphs)
        self.styles.height = "1fr"
        self.top = 0
        """The first line that is shown, counted from 0."""

    def show(self, lines: Sequence[Sequence[Cell]], first: int, last: int) -> None:
        """Show lines, with those from ``first`` to ``last`` among them as far as there is room."""
        height = self.size.height
        top = min(self.top, max(0, len(lines) - height))
        if last >= top + height:
            top = last - height + 1
        self.top = max(0, min(top, first))
        self._lines = (self._lines + [()] * height)[:height]
        self.set_lines(lines[self.top : self.top + height])

    def action_choose(self, step: int) -> None:
        self.post_message(self.Chosen(step))

    def on_key(self, event: events.Key) -> None:
        if event.character is not None and event.character.isalnum():
            event.stop()
            self.post_message(self.Chosen(0, event.character))

    def on_resize(self) -> None:
        self.post_message(self.Resized())
