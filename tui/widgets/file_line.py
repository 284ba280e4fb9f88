"""The line to type a file's name in."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding, BindingType

from tui.widgets.line_input import LineInput


class FileLine(LineInput):
    """One line of text that keeps the focus: tab belongs to the sheet that it is on."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("tab,shift+tab", "screen.other", show=False, id="file.other"),
    ]

    DEFAULT_CSS = """
    FileLine {
        height: 1;
        border: none;
        padding: 0;
        background: $boost;
        &:focus { border: none; }
    }
    """

    def __init__(self, name: str) -> None:
        """Offer a name."""
        super().__init__(name, compact=True, select_on_focus=False)
        self.cursor_blink = False
