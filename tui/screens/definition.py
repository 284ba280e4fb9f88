"""A definition's own screen: what it copies and how, its passes, and what the next one will take."""

from __future__ import annotations

from typing import ClassVar, NamedTuple

from textual.app import ComposeResult
from textual.containers import Container

from store.queries import runs
from store.queries.details import DefinitionDetail, definition_detail
from store.queries.passes import Passes, passes
from store.queries.scope import Scope
from store.reader import Reader
from tui.actions import DEFINITION_PLACE
from tui.following import StoreChanges
from tui.keymap import key
from tui.lists.definitions import definition_subject
from tui.lists.runs import runs_list
from tui.presentation.convergence_view import (
    PLOT_CELLS,
    PLOTTED,
    SPARK_LINES,
    plot_lines,
    spark_lines,
)
from tui.presentation.definition_view import HEAD_LINES, definition_facts, head_lines
from tui.presentation.facts import FACT_COLUMNS, Fact
from tui.presentation.rows import RUN_COLUMNS
from tui.screens.acts import Creates
from tui.screens.base import bindings_of
from tui.screens.fact_panes import Facts
from tui.screens.resource import ResourceScreen
from tui.subjects import DEFINITION
from tui.widgets.key_bar import KeyBar
from tui.widgets.plot_lines import PlotLines
from tui.widgets.text_lines import TextLines
from tui.widgets.top_bar import TopBar
from tui.widgets.virtual_table import VirtualTable

HIGH = 36
"""Lines of a terminal from which on there is room for plots."""


class _Known(NamedTuple):
    """What the head and the columns are drawn of."""

    detail: DefinitionDetail
    found: Passes
    now: int


class DefinitionScreen(ResourceScreen):
    """One definition, with its iterations; the pass that is on moves the last column."""

    PLACE = DEFINITION_PLACE
    BINDINGS: ClassVar = bindings_of(DEFINITION_PLACE)
    AUTO_FOCUS = "#runs"
    FRONT = "runs"
    WIDE = 120

    DEFAULT_CSS = """
    DefinitionScreen {
        & #head, & #passes, & #tabs { margin: 0 1; width: 1fr; }
        & #lists { layout: horizontal; width: 100%; height: 1fr; }
        & #runs { width: 3fr; }
        & #settings { width: 2fr; }
    }
    """

    _known: _Known | None = None

    def compose(self) -> ComposeResult:
        glyphs = self.longshore.glyphs
        yield TopBar(glyphs=glyphs)
        yield TextLines(HEAD_LINES, glyphs=glyphs, id="head")
        yield PlotLines(SPARK_LINES, glyphs=glyphs, id="passes")
        yield TextLines(1, glyphs=glyphs, id="tabs")
        with Container(id="lists"):
            yield VirtualTable(RUN_COLUMNS, glyphs=glyphs, id="runs")
            yield VirtualTable(FACT_COLUMNS, glyphs=glyphs, id="settings")
        yield KeyBar(glyphs=glyphs)

    def begin(self) -> None:
        scope = Scope("definition", self.own.id)
        iterations = self.pane("runs", runs_list(scope, self.longshore.glyphs, title="Iterations"))
        iterations.none = f"It has not run yet: {key('run.start')} starts a run, {key('run.preview')} a preview."
        iterations.set_title()
        self.wrap_facts()
        self.show_front()

    def on_resize(self) -> None:
        super().on_resize()
        self._draw(anew=True)

    def facts(self) -> dict[str, Facts]:
        definition_id = self.own.id

        def read(reader: Reader) -> list[Fact]:
            detail = definition_detail(reader, definition_id)
            return [] if detail is None else definition_facts(detail, reader.now())

        return {"settings": Facts("Settings", read, ("job_definition", "endpoint"))}

    # Following the store

    async def follow(self, changes: StoreChanges) -> None:
        known = self._known
        if known is None or changes.touches("job_definition", "endpoint", "job_run", "project"):
            found = await self.longshore.follower.read(_read, self.own.id)
            if found is None:
                self.tell_gone()
                self.query_one(PlotLines).show([], at_once=True)
                await super().follow(changes)
                return
            self._take(found)
            self._draw(anew=True)
        elif known.found.active is not None or self.longshore.time_passed:
            self._known = await self.longshore.follower.read(_tick, known)
            self._draw()
        await super().follow(changes)

    def _take(self, found: _Known) -> None:
        self._known = found
        row = found.detail.row
        self.own = definition_subject(row)
        self.set_crumbs(row.mover, row.project, row.name)

    def _draw(self, *, anew: bool = False) -> None:
        """Draw the head and the columns; those wait a little between two ticks, unless something else is shown now."""
        if self._known is None or self.gone:
            return
        detail, found, now = self._known
        glyphs = self.longshore.glyphs
        self.set_head(head_lines(detail, found, now, glyphs))
        plot, width = self.query_one(PlotLines), self.size.width - 2
        plotted = len(found.copies) >= PLOTTED and width >= 3 * PLOT_CELLS and self.size.height >= HIGH
        lines = plot_lines(found.copies, now, width, glyphs) if plotted else spark_lines(found.copies, now, glyphs)
        plot.resize_block(len(lines))
        plot.show(lines, at_once=anew)

    # What keys act on

    @property
    def creates(self) -> Creates:
        return Creates(DEFINITION, self.own.mover, self.own.path.partition("/")[0])


def _read(reader: Reader, definition_id: int) -> _Known | None:
    detail = definition_detail(reader, definition_id)
    return None if detail is None else _Known(detail, passes(reader, definition_id), reader.now())


def _tick(reader: Reader, known: _Known) -> _Known:
    """The same at a later time, with the numbers of what runs."""
    found = known.found
    run = None if found.active is None else runs.run(reader, found.active.id)
    return known._replace(found=found if run is None else found.with_run(run), now=reader.now())
