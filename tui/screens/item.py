"""One item of a run in full, over the list that it stands in."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen

from store.queries.items import ItemRow
from store.vocabulary import RunKind
from tui.presentation.glyphs import Glyphs
from tui.presentation.item_view import item_lines
from tui.widgets.text_lines import TextLines

FRAME = 4
"""Cells and lines around the text."""

WIDEST = 120


class ItemScreen(ModalScreen[None]):
    """Shows an item until a key leaves it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,enter", "leave", "Go back", show=False, id="item.leave"),
    ]

    DEFAULT_CSS = """
    ItemScreen {
        align: center middle;
        & > Vertical {
            width: auto; height: auto; padding: 0 1;
            background: $surface; border: solid $border;
        }
        & > Vertical.-ascii { border: ascii $border; }
        & TextLines { width: auto; }
    }
    """

    def __init__(self, item: ItemRow, kind: RunKind, now: int, glyphs: Glyphs) -> None:
        """Show an item of a run of a kind, as it was at a time of the store."""
        super().__init__()
        self._item = item
        self._kind = kind
        self._now = now
        self._glyphs = glyphs

    def compose(self) -> ComposeResult:
        with Vertical(classes="" if self._glyphs.unicode else "-ascii"):
            yield TextLines(1, glyphs=self._glyphs)

    def on_resize(self) -> None:
        width = max(20, min(self.size.width - FRAME, WIDEST))
        lines = item_lines(self._item, self._kind, self._now, width, max(6, self.size.height - FRAME), self._glyphs)
        block = self.query_one(TextLines)
        block.styles.width = width
        block.resize_block(len(lines))
        block.set_lines(lines)

    def action_leave(self) -> None:
        self.dismiss()
