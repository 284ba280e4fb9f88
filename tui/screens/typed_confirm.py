"""A question that is answered by typing a name: for what cannot be undone and takes much along."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.widget import Widget

from tui.presentation.cells import Cell
from tui.presentation.glyphs import Glyphs
from tui.presentation.listed import Listed
from tui.screens.asking import AskScreen
from tui.widgets.cell_widget import inert
from tui.widgets.line_input import LineInput
from tui.widgets.text_lines import TextLines


class TypedConfirmScreen(AskScreen[bool]):
    """Dismisses with True only when the word was typed in full; the list scrolls meanwhile."""

    ENDING = 4

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Leave everything as it is", show=False, id="typed.leave"),
        Binding("up", "scroll('cursor_up')", show=False, id="typed.up"),
        Binding("down", "scroll('cursor_down')", show=False, id="typed.down"),
        Binding("pageup", "scroll('page_up')", show=False, id="typed.page_up"),
        Binding("pagedown", "scroll('page_down')", show=False, id="typed.page_down"),
    ]

    DEFAULT_CSS = """
    TypedConfirmScreen {
        & Input, & Input:focus { height: 1; border: none; padding: 0; background: $boost; }
    }
    """

    def __init__(
        self, lines: Sequence[str], word: str, yes: str, glyphs: Glyphs, *, listed: Listed | None = None
    ) -> None:
        """Ask for ``word``, which is displayed-safe; ``yes`` says what enter does then: ``delete it``."""
        super().__init__(lines, glyphs, listed)
        self._word = word
        self._yes = yes

    def ending(self) -> Sequence[Widget]:
        line = LineInput(placeholder=inert(f"type {self._word}", self._glyphs), compact=True)
        line.cursor_blink = False
        return [TextLines(2, glyphs=self._glyphs, id="asked"), line, TextLines(1, glyphs=self._glyphs, id="hint")]

    def on_mount(self) -> None:
        super().on_mount()
        asked = [Cell("To confirm, type  "), Cell(self._word, "strong")]
        self.query_one("#asked", TextLines).set_lines([[], asked])
        self._hint()
        self.set_focus(self.query_one(LineInput))

    def _hint(self, wrong: bool = False) -> None:
        if wrong:
            line = [Cell(f"That is not '{self._word}': nothing was changed.", "warn")]
        else:
            line = [
                Cell("enter", "accent"),
                Cell(f" {self._yes}   "),
                Cell("esc", "accent"),
                Cell(" leave it as it is"),
            ]
        self.query_one("#hint", TextLines).set_lines([line])

    def on_input_changed(self, event: LineInput.Changed) -> None:
        event.stop()
        self._hint()

    def on_input_submitted(self, event: LineInput.Submitted) -> None:
        event.stop()
        if event.value.strip() == self._word:
            self.dismiss(True)
        else:
            self._hint(wrong=True)

    def action_scroll(self, move: str) -> None:
        if self.table is not None:
            getattr(self.table, f"action_{move}")()

    def action_leave(self) -> None:
        self.dismiss(False)
