"""The last line of the screen: the keys that work here, or a message in their place."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len
from textual.geometry import Region
from textual.strip import Strip

from tui.presentation.cells import Cell
from tui.presentation.glyphs import UNICODE, Glyphs
from tui.widgets.cell_widget import CellWidget, inert

KEY_GAP = 2
"""Blank cells between two pairs of key and label, and before the right side's text."""


class KeyBar(CellWidget):
    """One line of ``key label`` pairs with a text on the right.

    Pairs that do not fit vanish from the end, except the last: it leads to all the others.
    """

    DEFAULT_CSS = """
    KeyBar {
        dock: bottom;
        width: 1fr;
        height: 1;
        background: $panel;
        color: $foreground;
    }
    """

    def __init__(
        self,
        *,
        glyphs: Glyphs = UNICODE,
        name: str | None = None,
        id: str | None = None,  # noqa: A002 (Textual's own name)
        classes: str | None = None,
    ) -> None:
        super().__init__(glyphs=glyphs, name=name, id=id, classes=classes)
        self._keys: tuple[tuple[str, str, bool], ...] = ()
        self._right = ""
        self._message: tuple[Cell, ...] | None = None
        self._painted: list[Cell] = []

    def set_keys(self, keys: Sequence[tuple[str, str, bool]]) -> None:
        """Set the pairs, most useful first: key, label, and whether it does something now."""
        self._keys = tuple(
            (inert(key, self.glyphs), inert(label, self.glyphs), enabled) for key, label, enabled in keys
        )
        self._refresh_if_changed()

    def set_right(self, text: str) -> None:
        """Set the text at the right edge, such as ``data live``."""
        self._right = inert(text, self.glyphs)
        self._refresh_if_changed()

    @property
    def has_message(self) -> bool:
        """Whether a message stands in place of the keys."""
        return self._message is not None

    def show_message(self, cells: Sequence[Cell]) -> None:
        """Show a message in place of the keys until it is cleared."""
        self._message = tuple(cells)
        self._refresh_if_changed()

    @property
    def message(self) -> str:
        """The message that stands in place of the keys; empty without one."""
        return "".join(cell.text for cell in self._message or ())

    @property
    def complaint(self) -> str:
        """The message that is shown, if it tells of something that went wrong."""
        return self.message if any(cell.style == "bad" for cell in self._message or ()) else ""

    def clear_message(self) -> None:
        """Show the keys again."""
        self._message = None
        self._refresh_if_changed()

    def render_line(self, y: int) -> Strip:
        self._painted = self._line_cells(self.size.width)
        return self.cells_strip(self._painted, self.size.width)

    def _refresh_if_changed(self) -> None:
        if self._line_cells(self.size.width) != self._painted:
            self.refresh(Region(0, 0, self.size.width, 1))

    def _line_cells(self, width: int) -> list[Cell]:
        if self._message is not None:
            return [Cell(" "), *self._message]
        room = width - 2
        right = self._right
        last = [_pair_width(pair) for pair in self._keys[-1:]]
        if right and sum(last) + KEY_GAP + cell_len(right) > room:
            right = ""
        pairs = self._fitting(room - (cell_len(right) + KEY_GAP if right else 0))
        cells = [Cell(" ")]
        for key, label, enabled in pairs:
            if len(cells) > 1:
                cells.append(Cell(" " * KEY_GAP))
            cells += [Cell(key, "accent" if enabled else "dim"), Cell(f" {label}", "" if enabled else "dim")]
        used = sum(cell_len(cell.text) for cell in cells)
        if right:
            cells += [Cell(" " * (width - 1 - used - cell_len(right))), Cell(right, "dim"), Cell(" ")]
        return cells

    def _fitting(self, room: int) -> list[tuple[str, str, bool]]:
        """Return the first pairs and the last one, as many as ``room`` cells hold."""
        if not self._keys:
            return []
        *first, last = self._keys
        left = room - _pair_width(last)
        shown = []
        for pair in first:
            left -= _pair_width(pair) + KEY_GAP
            if left < 0:
                break
            shown.append(pair)
        return [*shown, last]


def _pair_width(pair: tuple[str, str, bool]) -> int:
    return cell_len(pair[0]) + 1 + cell_len(pair[1])
