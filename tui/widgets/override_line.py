"""The line to type the names of guards in: they are typed in full, so that nobody overrides one by habit."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import Input

from tui.widgets.line_input import LineInput


class OverrideLine(LineInput):
    """One line of text, empty whenever it appears. Enter hands it over, esc leaves it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", show=False, id="override.leave"),
    ]

    DEFAULT_CSS = """
    OverrideLine {
        height: 1;
        border: none;
        padding: 0;
        background: $boost;
        display: none;
        &:focus { border: none; }
    }
    """

    class Typed(Message):
        """Enter was pressed."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    class Left(Message):
        """Esc was pressed: nothing was typed."""

    def __init__(self) -> None:
        super().__init__(placeholder="type the guard's name to override it for this run", compact=True)
        self.cursor_blink = False

    def begin(self) -> None:
        """Appear, with nothing in it."""
        self.value = ""
        # At once, not by a class: what is not displayed yet cannot take the focus, and keys come fast.
        self.display = True
        self.screen.set_focus(self)

    def end(self) -> None:
        self.display = False

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.post_message(self.Typed(event.value))

    def action_leave(self) -> None:
        self.post_message(self.Left())
