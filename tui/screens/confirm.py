"""A question before something ends or goes: it names the object, and the default answer is no."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen

from tui.presentation.cells import Cell
from tui.presentation.glyphs import Glyphs
from tui.widgets.text_lines import TextLines


class ConfirmScreen(ModalScreen[bool]):
    """Dismisses with True only for a deliberate yes."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "answer(True)", "Yes: do it", show=False, id="confirm.yes"),
        Binding("n,escape,q", "answer(False)", "No: leave it", show=False, id="confirm.no"),
        Binding("left,right,tab,shift+tab,h,l", "other", "The other answer", show=False, id="confirm.other"),
        Binding("enter", "choose", "Take the marked answer", show=False, id="confirm.choose"),
    ]

    DEFAULT_CSS = """
    ConfirmScreen {
        align: center middle;
        & > Vertical {
            width: 70; max-width: 96%; height: auto; padding: 0 1;
            background: $surface; border: solid $border;
        }
        & > Vertical.-ascii { border: ascii $border; }
    }
    """

    def __init__(self, lines: Sequence[str], yes: str, glyphs: Glyphs) -> None:
        """Ask; ``lines`` are displayed-safe, ``yes`` says what will be done."""
        super().__init__()
        self._lines = list(lines)
        self._yes = yes
        self._glyphs = glyphs
        self._on_yes = False

    def compose(self) -> ComposeResult:
        with Vertical(classes="" if self._glyphs.unicode else "-ascii"):
            yield TextLines(len(self._lines) + 2, glyphs=self._glyphs)

    def on_mount(self) -> None:
        self._draw()

    def _draw(self) -> None:
        no, yes = ("  No  ", f"[ {self._yes} ]") if self._on_yes else ("[ No ]", f"  {self._yes}  ")
        choice = [Cell(no, "" if self._on_yes else "strong"), Cell("   "), Cell(yes, "bad" if self._on_yes else "")]
        hint = Cell("    y yes, n no, enter the marked one", "dim")
        lines = [[Cell(self._lines[0], "strong")], *([Cell(line)] for line in self._lines[1:]), [], [*choice, hint]]
        self.query_one(TextLines).set_lines(lines)

    def action_answer(self, yes: bool) -> None:
        self.dismiss(yes)

    def action_other(self) -> None:
        self._on_yes = not self._on_yes
        self._draw()

    def action_choose(self) -> None:
        self.dismiss(self._on_yes)
