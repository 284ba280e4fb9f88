"""A question before something ends, goes or starts: it names the object, and the default answer is no."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.widget import Widget

from tui.presentation.cells import Cell
from tui.presentation.glyphs import Glyphs
from tui.presentation.listed import Listed
from tui.screens.asking import AskScreen
from tui.widgets.text_lines import TextLines
from tui.widgets.virtual_table import VirtualTable


class ConfirmScreen(AskScreen[bool]):
    """Dismisses with True only for a deliberate yes."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "answer(True)", "Yes: do it", show=False, id="confirm.yes"),
        Binding("n,escape,q", "answer(False)", "No: leave it", show=False, id="confirm.no"),
        Binding("left,right,tab,shift+tab,h,l", "other", "The other answer", show=False, id="confirm.other"),
        Binding("enter", "choose", "Take the marked answer", show=False, id="confirm.choose"),
    ]

    def __init__(
        self, lines: Sequence[str], yes: str, glyphs: Glyphs, *, listed: Listed | None = None, default: bool = False
    ) -> None:
        """Ask; ``lines`` are displayed-safe, ``yes`` says what will be done.

        Args:
            lines: the question, and what is to be known for the answer.
            yes: what will be done; empty when nothing can be, and there is only something to read.
            glyphs: the set to draw with.
            listed: what it is about, when that is several things.
            default: which answer enter gives at first; True only for what harms nobody.
        """
        super().__init__(lines, glyphs, listed)
        self._yes = yes
        self._on_yes = default and bool(yes)

    def ending(self) -> Sequence[Widget]:
        return [TextLines(2, glyphs=self._glyphs, id="answers")]

    def on_mount(self) -> None:
        super().on_mount()
        self._draw()

    def _draw(self) -> None:
        self.query_one("#answers", TextLines).set_lines([[], self._answers()])

    def _answers(self) -> list[Cell]:
        if not self._yes:
            return [Cell("[ Back ]", "strong"), Cell("    enter or esc leaves", "dim")]
        no, yes = ("  No  ", f"[ {self._yes} ]") if self._on_yes else ("[ No ]", f"  {self._yes}  ")
        choice = [Cell(no, "" if self._on_yes else "strong"), Cell("   "), Cell(yes, "bad" if self._on_yes else "")]
        return [*choice, Cell("    y yes, n no, enter the marked one", "dim")]

    @on(VirtualTable.RowChosen)
    def _row_chosen(self, event: VirtualTable.RowChosen) -> None:
        """Enter on the list is enter on the question."""
        event.stop()
        self.action_choose()

    def action_answer(self, yes: bool) -> None:
        self.dismiss(yes and bool(self._yes))

    def action_other(self) -> None:
        self._on_yes = not self._on_yes and bool(self._yes)
        self._draw()

    def action_choose(self) -> None:
        self.dismiss(self._on_yes)
