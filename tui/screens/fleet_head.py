"""What a mover's and an agent's screens have in common: a head of lines, a plot of what is copied, and lists below."""

from __future__ import annotations

from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.containers import Container

from store.queries.scope import Scope
from store.reader import Reader
from tui.following import StoreChanges
from tui.presentation import format as figures
from tui.presentation.cells import Cell
from tui.presentation.plot import plot
from tui.screens.resource import ResourceScreen
from tui.subjects import MOVER, Subject
from tui.throughput import SPAN_WORDS, Throughput
from tui.widgets.key_bar import KeyBar
from tui.widgets.plot_lines import PlotLines
from tui.widgets.text_lines import TextLines
from tui.widgets.top_bar import TopBar

TALL = 36
"""Lines of a terminal from which on the plot is high."""

LOW_PLOT, HIGH_PLOT = 4, 8


class FleetHeadScreen(ResourceScreen):
    """A subclass says what its head and its tables are, and reads the head with ``head``.

    One of its lists is ``running``.
    """

    RUNS = "running"
    HEAD: ClassVar[int] = 4
    """Lines of the head."""
    WIDE = 120

    def __init__(self, subject: Subject) -> None:
        """Show the resource."""
        super().__init__(subject)
        self._throughput = Throughput(Scope(subject.kind, subject.id))
        self._values: list[float | None] = []

    def compose(self) -> ComposeResult:
        glyphs = self.longshore.glyphs
        yield TopBar(glyphs=glyphs)
        yield TextLines(self.HEAD, glyphs=glyphs, id="head")
        yield PlotLines(LOW_PLOT, glyphs=glyphs, id="plot")
        yield TextLines(1, glyphs=glyphs, id="tabs")
        with Container(id="lists"):
            yield from self.tables()
        yield KeyBar(glyphs=glyphs)

    def tables(self) -> ComposeResult:
        """The tables of the lists."""
        raise NotImplementedError

    def head(self, reader: Reader) -> Any:
        """Read what the head says, on the reader thread; None when the resource is gone."""
        raise NotImplementedError

    def head_lines(self, found: Any, now: int) -> list[list[Cell]]:
        """The head's lines."""
        raise NotImplementedError

    def begin(self) -> None:
        self.set_crumbs(self.own.mover, *(() if self.own.kind == MOVER else (self.own.path,)))
        self.show_front()

    def on_resize(self) -> None:
        super().on_resize()
        if self.ready:
            self.query_one(PlotLines).resize_block(HIGH_PLOT if self.size.height >= TALL else LOW_PLOT)
            self._plot(at_once=True)

    # Following the store

    async def follow(self, changes: StoreChanges) -> None:
        def read(reader: Reader) -> tuple[Any, int, list[float | None] | None]:
            newer = self._throughput.read(reader) if changes.live else False
            return self.head(reader), reader.now(), self._throughput.values if newer else None

        found, now, values = await self.longshore.follower.read(read)
        if found is None:
            self.tell_gone()
        else:
            self.set_head(self.head_lines(found, now))
        if values is not None:
            self._values = values
            self._plot(at_once=changes.resync)
        await super().follow(changes)

    def _plot(self, *, at_once: bool) -> None:
        lines = self.query_one(PlotLines)
        height = HIGH_PLOT if self.size.height >= TALL else LOW_PLOT
        if not self._values:
            return
        drawn = plot(
            self._values, max(0, self.size.width - 2), height, self.longshore.glyphs, unit=figures.rate, span=SPAN_WORDS
        )
        lines.show(drawn, at_once=at_once)
