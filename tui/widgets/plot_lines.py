"""Where a plot stands: lines that are painted at most once in two seconds."""

from __future__ import annotations

from collections.abc import Sequence
from time import monotonic

from textual.timer import Timer

from tui.presentation.cells import Cell
from tui.presentation.glyphs import UNICODE, Glyphs
from tui.widgets.text_lines import TextLines

REPAINT_SECONDS = 2.0
"""The shortest time between two paintings: a plot that moves changes most of its lines."""


class PlotLines(TextLines):
    """Shows the lines of ``tui.presentation.plot``; of those that come too early only the last are painted, later."""

    def __init__(
        self,
        height: int,
        *,
        glyphs: Glyphs = UNICODE,
        name: str | None = None,
        id: str | None = None,  # noqa: A002 (Textual's own name)
        classes: str | None = None,
    ) -> None:
        """Create a plot of ``height`` lines."""
        super().__init__(height, glyphs=glyphs, name=name, id=id, classes=classes)
        self._waiting: Sequence[Sequence[Cell]] | None = None
        self._painted_at = -REPAINT_SECONDS
        self._timer: Timer | None = None

    def show(self, lines: Sequence[Sequence[Cell]], *, at_once: bool = False) -> None:
        """Show these lines, when it is time to paint again.

        Args:
            lines: the whole plot.
            at_once: paint now: the screen has another size, or another thing is plotted.
        """
        self._waiting = lines
        left = REPAINT_SECONDS - (monotonic() - self._painted_at)
        if at_once or left <= 0:
            self._paint()
        elif self._timer is None:
            self._timer = self.set_timer(left, self._paint)

    def _paint(self) -> None:
        if self._timer is not None:
            self._timer.stop()
            self._timer = None
        if self._waiting is not None:
            self._painted_at = monotonic()
            self.set_lines(self._waiting)
            self._waiting = None
