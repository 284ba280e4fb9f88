"""The line to type a filter in; it appears above the key bar and changes what is shown as one types."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import Input

from tui.widgets.line_input import LineInput


class FilterLine(LineInput):
    """One line of text. Enter keeps the filter, esc drops it; both give the focus back."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "drop", show=False, id="filter.drop"),
    ]

    # On a layer of its own it covers the lower frame of the lists: below them, all would be laid out and painted anew.
    DEFAULT_CSS = """
    FilterLine {
        layer: above;
        dock: bottom;
        height: 1;
        border: none;
        padding: 0 1;
        margin: 0 0 1 0;
        background: $boost;
        display: none;
        &:focus { border: none; }
    }
    """

    class Typed(Message):
        """The text changed, or was kept (``done``) or dropped (``done``, empty)."""

        def __init__(self, text: str, done: bool) -> None:
            super().__init__()
            self.text = text
            self.done = done

    def __init__(self) -> None:
        super().__init__(placeholder="filter: type a part of a name", compact=True, select_on_focus=False)
        self.cursor_blink = False

    def begin(self, text: str) -> None:
        """Appear, with the present filter to change."""
        self.value = text
        self.cursor_position = len(text)
        # At once, not by a class: what is not displayed yet cannot take the focus, and keys come fast.
        self.display = True
        self.screen.set_focus(self)

    def end(self) -> None:
        self.display = False

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        if self.display:
            self.post_message(self.Typed(event.value, False))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.post_message(self.Typed(event.value, True))

    def action_drop(self) -> None:
        self.post_message(self.Typed("", True))
