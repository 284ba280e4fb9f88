"""The line in which a form's texts are typed, with completions."""

from __future__ import annotations

from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.suggester import Suggester

from tui.widgets.line_input import LineInput


class TextField(LineInput):
    """Types one text. ``right`` at its end takes the completion that is shown, ``ctrl+n`` the next one."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+n", "next_completion", "Take the next completion", show=False, id="form.completion"),
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

    def __init__(self, suggester: Suggester) -> None:
        super().__init__(compact=True, select_on_focus=False, suggester=suggester)
        self.cursor_blink = False

    def begin(self, text: str) -> None:
        """Take another text, with the cursor at its end; nothing is told of it."""
        with self.prevent(LineInput.Changed):
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
