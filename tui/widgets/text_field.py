"""The line in which a form's texts are typed: what is in it may come from the store, and is shown inert."""

from __future__ import annotations

import unicodedata
from typing import ClassVar

from rich.cells import cell_len
from rich.text import Text
from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.suggester import Suggester
from textual.widgets import Input

from store.display import MAX_MARKS, display
from tui.presentation.glyphs import UNICODE, Glyphs

HIDDEN, HIDDEN_ASCII = "\ufffd", "?"
"""Stands for a character that no terminal may get; the text itself keeps it."""


class TextField(Input):
    """Types one text. ``right`` at its end takes the completion that is shown, ``ctrl+n`` the next one."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+n", "next_completion", show=False, id="form.completion"),
    ]

    DEFAULT_CSS = """
    TextField {
        layer: typing;
        height: 1;
        width: 1fr;
        border: none;
        padding: 0;
        background: $boost;
        &:focus { border: none; }
    }
    """

    class NextCompletion(Message):
        """The next completion is wanted."""

    def __init__(self, suggester: Suggester, *, glyphs: Glyphs = UNICODE) -> None:
        super().__init__(compact=True, select_on_focus=False, suggester=suggester)
        self.cursor_blink = False
        self._hidden = HIDDEN if glyphs.unicode else HIDDEN_ASCII

    def begin(self, text: str) -> None:
        """Take another text, with the cursor at its end; nothing is told of it."""
        with self.prevent(Input.Changed):
            self.value = text
        self.cursor_position = len(text)

    def action_next_completion(self) -> None:
        self.post_message(self.NextCompletion())

    def on_paste(self, event: events.Paste) -> None:
        """Several lines are one text here: the line ends become blanks; by itself Textual drops all but the first."""
        lines = event.text.splitlines()
        if len(lines) > 1:
            event.prevent_default()
            event.stop()
            self.replace(" ".join(lines), *self.selection)

    # The two below are Textual's own and what it draws a text by: the test with hostile texts holds them to it.

    @property
    def _value(self) -> Text:
        return Text(inert_line(self.value, self._hidden), no_wrap=True, overflow="ignore", end="")

    def _position_to_cell(self, position: int) -> int:
        return cell_len(inert_line(self.value, self._hidden)[:position])


def inert_line(text: str, hidden: str) -> str:
    """A text with one cell in the place of each character that must not be drawn; as long as the text itself."""
    if text.isascii() and text.isprintable():
        return text
    shown, marks = [], MAX_MARKS
    for character in text:
        if unicodedata.category(character)[0] == "M":
            marks += 1
            shown.append(character if marks <= MAX_MARKS else hidden)
            continue
        marks = 0
        shown.append(character if character == "\\" or display(character) == character else hidden)
    return "".join(shown)
