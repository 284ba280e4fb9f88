"""What a mover's and an agent's screens have in common: a head of lines, a plot of what is copied, and lists below."""

from __future__ import annotations

from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.containers import Container

from store.queries.runs import RunRow
from store.queries.scope import Scope
from store.reader import Reader
from store.vocabulary import RunKind
from tui.actions import Action, action
from tui.following import StoreChanges
from tui.presentation import format as figures
from tui.presentation.cells import Cell
from tui.presentation.kinds import why_no_plan
from tui.presentation.plot import plot
from tui.screens.panes import PanesScreen
from tui.subjects import RUN, WORDS, Subject
from tui.throughput import SPAN_WORDS, Throughput
from tui.widgets.filter_line import FilterLine
from tui.widgets.key_bar import KeyBar
from tui.widgets.plot_lines import PlotLines
from tui.widgets.text_lines import TextLines
from tui.widgets.top_bar import TopBar

TALL = 36
"""Lines of a terminal from which on the plot is high."""

LOW_PLOT, HIGH_PLOT = 4, 8


class FleetHeadScreen(PanesScreen):
    """A subclass says what its head and its tables are, and reads the head with ``head``.

    It stays when its resource is deleted: what it shows is marked, and keys say why they do nothing.
    """

    HEAD: ClassVar[int] = 4
    """Lines of the head."""
    WIDE = 120

    own: Subject

    def __init__(self, subject: Subject) -> None:
        """Show the resource."""
        super().__init__()
        self.own = subject
        self._gone = False
        self._throughput = Throughput(Scope(subject.kind, subject.id))
        self._values: list[float | None] = []

    def compose(self) -> ComposeResult:
        glyphs = self.longshore.glyphs
        yield TopBar(glyphs=glyphs)
        yield TextLines(self.HEAD, glyphs=glyphs, id="head")
        yield PlotLines(LOW_PLOT, glyphs=glyphs, id="plot")
        with Container(id="lists"):
            yield from self.tables()
        yield FilterLine()
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

    def crumbs(self) -> tuple[str, ...]:
        """The names from the mover down to what is shown."""
        return (self.own.mover,) if self.own.mover == self.own.path else (self.own.mover, self.own.path)

    def begin(self) -> None:
        self.top_bar.set_left([Cell("Longshore", "strong"), *(Cell(name) for name in self.crumbs())])
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
        self._show_gone(found is None)
        if found is not None:
            self.query_one("#head", TextLines).set_lines(self.head_lines(found, now))
        if values is not None:
            self._values = values
            self._plot(at_once=changes.resync)
        await super().follow(changes)

    def _show_gone(self, gone: bool) -> None:
        if gone and not self._gone:
            self.query_one("#head", TextLines).set_lines([[Cell(self._why_gone, "warn")]])
            self.say(self._why_gone, "warn")
        if gone != self._gone:
            self._gone = gone
            self.refresh_keys()

    @property
    def _why_gone(self) -> str:
        return f"This {WORDS[self.own.kind]} is gone: '{self.own.path}' was deleted, and esc goes back."

    def _plot(self, *, at_once: bool) -> None:
        lines = self.query_one(PlotLines)
        height = HIGH_PLOT if self.size.height >= TALL else LOW_PLOT
        if not self._values:
            return
        drawn = plot(
            self._values, max(0, self.size.width - 2), height, self.longshore.glyphs, unit=figures.rate, span=SPAN_WORDS
        )
        lines.show(drawn, at_once=at_once)

    # What keys act on

    def reason(self, identity: str) -> str:
        found: Action = action(identity)
        if self._gone and (found.changes or (found.on and identity != "open")):
            subject = self.subject_of(identity)
            if subject is None or subject.key == self.own.key or identity == "resource.new":
                return self._why_gone
        return super().reason(identity)

    def why_not(self, identity: str) -> str:
        subject = self.subject_of(identity)
        run = subject.item if subject is not None and subject.kind == RUN else None
        if isinstance(run, RunRow):
            if identity == "run.start" and run.kind == RunKind.PREVIEW and not self.marked:
                return why_no_plan(run)
            if identity == "run.stop" and not run.active and not self.marked:
                return f"The run {run.definition} #{run.number} has ended: there is nothing to stop."
        return ""
