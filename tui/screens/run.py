"""A run's own screen: how far it is or what came of it, what failed and what to do, and what it was started with."""

from __future__ import annotations

from typing import ClassVar, NamedTuple

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical

from store.queries import fleet as fleet_queries
from store.queries import runs
from store.queries.codes import codes
from store.queries.items import ItemRow
from store.queries.retention import expired
from store.queries.runs import RunRow, Sample
from store.queries.scope import Scope
from store.queries.snapshots import snapshot
from store.reader import Reader
from store.vocabulary import Outcome, RunKind
from tui.actions import RUN_PLACE
from tui.following import StoreChanges
from tui.lists.codes import codes_list
from tui.lists.grants import grants_list
from tui.lists.items import ALL, Only, items_list
from tui.lists.run_events import run_events_list
from tui.lists.runs import run_subject
from tui.presentation.cells import Cell
from tui.presentation.codes_view import CODE_COLUMNS, CodeLine
from tui.presentation.facts import FACT_COLUMNS, Fact
from tui.presentation.grant_rows import GRANT_COLUMNS
from tui.presentation.kinds import numbered, why_no_plan
from tui.presentation.pane_line import pane_line
from tui.presentation.rows import EVENT_COLUMNS, ITEM_COLUMNS
from tui.presentation.run_panes import CODES, EVENTS, GRANTS, ITEMS, SIDES, SNAPSHOT, listed_items, pane_titles
from tui.presentation.run_view import LISTED, gone_lines, nothing_listed, plot_lines, run_lines, worker_lines
from tui.presentation.snapshot_view import snapshot_facts
from tui.screens.base import bindings_of
from tui.screens.fact_panes import FactPanesScreen, Facts
from tui.screens.item import ItemScreen
from tui.subjects import RUN, Subject
from tui.widgets.key_bar import KeyBar
from tui.widgets.plot_lines import PlotLines
from tui.widgets.text_lines import TextLines
from tui.widgets.top_bar import TopBar
from tui.widgets.virtual_table import VirtualTable

TALL = 40
"""Lines from which on a wide terminal shows all panes."""

FIGURES = 80
"""Cells of the figures where the plot stands beside them."""

SAMPLES = 600
"""Newest samples of the throughput that are kept for the plot."""

WORKERS = 8
"""Helpers that a wide terminal shows at most."""

MOST_REMARKED = 1_000
"""Items copied with a remark that are counted at the end: whether there are any is what matters."""


class _Facts(NamedTuple):
    """What one tick reads of a run."""

    run: RunRow | None
    samples: list[Sample]
    """Those since the last tick."""
    rate: float | None
    now: int
    gone: int | None
    """When retention removed the items."""
    remarked: int


class RunScreen(FactPanesScreen):
    """One run, live while it is on."""

    PLACE = RUN_PLACE
    BINDINGS: ClassVar = bindings_of(RUN_PLACE)
    AUTO_FOCUS = "#items"
    FRONT = ITEMS
    WIDE = 120

    DEFAULT_CSS = """
    RunScreen {
        & #head { height: auto; padding: 0 1; }
        & #figures { width: 81; }
        & #plot { width: 1fr; }
        &.-narrow #figures { width: 1fr; }
        &.-narrow #plot { display: none; }
        & #workers, & #tabs { padding: 0 1; }
        & #lists { height: 1fr; }
        & #left { width: 3fr; }
        & #right { width: 2fr; }
        & #items { height: 3fr; }
        & #codes { height: 2fr; }
        & #events { height: 3fr; }
        & #grants { height: 5; }
        & #snapshot { height: 3fr; }
        &.-narrow #grants { height: 1fr; }
        &.-nothing #codes { height: 4; }
        &.-narrow.-nothing #codes { height: 2fr; }
    }
    """

    def __init__(self, run_id: int, notice: str = "") -> None:
        """Show a run, with a sentence on what has just been done."""
        super().__init__()
        self._run_id = run_id
        self._notice = notice
        self._run: RunRow | None = None
        self._is_gone = False
        self._facts: _Facts | None = None
        self._samples: list[Sample] = []
        self._only = ALL
        self._recount = False
        self._fronts = {side: names[0] for side, names in SIDES.items()}

    def compose(self) -> ComposeResult:
        glyphs = self.longshore.glyphs
        yield TopBar(glyphs=glyphs)
        with Horizontal(id="head"):
            yield TextLines(1, glyphs=glyphs, id="figures")
            yield PlotLines(1, glyphs=glyphs, id="plot")
        yield TextLines(0, glyphs=glyphs, id="workers")
        yield TextLines(1, glyphs=glyphs, id="tabs")
        with Horizontal(id="lists"):
            with Vertical(id="left"):
                yield VirtualTable(CODE_COLUMNS, glyphs=glyphs, id=CODES)
                yield VirtualTable(ITEM_COLUMNS, glyphs=glyphs, id=ITEMS)
            with Vertical(id="right"):
                yield VirtualTable(EVENT_COLUMNS, glyphs=glyphs, id=EVENTS)
                yield VirtualTable(GRANT_COLUMNS[RUN], glyphs=glyphs, id=GRANTS)
                yield VirtualTable(FACT_COLUMNS, glyphs=glyphs, id=SNAPSHOT)
        yield KeyBar(glyphs=glyphs)

    def begin(self) -> None:
        glyphs = self.longshore.glyphs
        self.pane(ITEMS, items_list(self._run_id))
        self.pane(CODES, codes_list(self._run_id))
        self.pane(EVENTS, run_events_list(self._run_id))
        self.pane(GRANTS, grants_list(Scope(RUN, self._run_id), glyphs))
        self.wrap_facts()
        self.show_front()
        if self._notice:
            self.say(self._notice, "ok")

    def facts(self) -> dict[str, Facts]:
        run_id = self._run_id

        def read(reader: Reader) -> list[Fact]:
            run, taken = runs.run(reader, run_id), snapshot(reader, run_id)
            return [] if run is None or taken is None else list(snapshot_facts(run, taken))

        return {SNAPSHOT: Facts("As it was started", read)}

    # What is shown where

    @property
    def everything(self) -> bool:
        """Whether there is room for all panes at once."""
        return not self.narrow and self.size.height >= TALL

    def on_resize(self) -> None:
        super().on_resize()
        self._draw()

    def show_front(self) -> None:
        """One pane on a narrow terminal, one of each column on a wide one, all on one that is tall, too."""
        shown = self._shown()
        for side, names in SIDES.items():
            for name in names:
                self.table(name).display = name in shown
            self.query_one(f"#{side}").display = any(name in shown for name in names)
        self.query_one("#tabs").display = not self.everything
        self._draw_tabs()

    def _shown(self) -> set[str]:
        for side, names in SIDES.items():
            if self.front in names:
                self._fronts[side] = self.front
        if self.everything:
            return {name for names in SIDES.values() for name in names}
        return {self.front} if self.narrow else set(self._fronts.values())

    # Following the store

    async def follow(self, changes: StoreChanges) -> None:
        if self._facts is None or changes.live or changes.touches("job_run"):
            await self._read_run(changes)
        if not self._is_gone:
            await super().follow(changes)

    async def _read_run(self, changes: StoreChanges) -> None:
        if changes.resync:
            self._samples = []
        since = self._samples[-1].at if self._samples else 0
        remarked = self._facts.remarked if self._facts is not None and self._run and not self._run.active else None
        facts = await self.longshore.follower.read(_read, self._run_id, since, remarked)
        if facts.run is None:
            self._lose()
            return
        before, self._run, self._facts = self._run, facts.run, facts
        # Two readings may overlap, and both bring what came after the same moment.
        self._samples = [*(sample for sample in self._samples if sample.at <= since), *facts.samples][-SAMPLES:]
        self.own = run_subject(facts.run)
        self._draw()
        self._list_anew(before, facts.run)
        if before is None or before.status != facts.run.status:
            self.refresh_keys()

    def _lose(self) -> None:
        """The run was deleted while it was looked at: what is shown stays, with a word on that."""
        if not self._is_gone:
            self._is_gone = True
            figures = self.query_one("#figures", TextLines)
            figures.resize_block(1)
            figures.set_lines(gone_lines(self.longshore.glyphs))
            self.query_one("#workers", TextLines).resize_block(0)
            self.query_one("#plot", PlotLines).display = False
            self.refresh_keys()

    def _list_anew(self, before: RunRow | None, run: RunRow) -> None:
        """Ask again for the lists that this tick has changed."""
        assert self._facts is not None
        items = self.panes[ITEMS]
        if before is None or before.label != run.label:
            # Another run has its number when the store was replaced.
            crumbs = (run.mover, run.project, f"{run.definition} {numbered(run)}")
            self.top_bar.set_left([Cell("Longshore", "strong"), *(Cell(name) for name in crumbs)])
        if before is None or self._facts.gone != self._gone:
            changed = before is not None
            self._gone = self._facts.gone
            self._name_items()
            if changed:
                self.table(ITEMS).refresh_window()
                self.table(CODES).refresh_window()
        if before is None:
            return
        if listed_items(before) != listed_items(run):
            items.table.refresh_window()
            self._recount = True
        self._recount = self._recount or before.status != run.status
        # Counting looks at thousands of items: while they come by the second, every few of them will do.
        if self._recount and (not run.active or self.longshore.time_passed):
            self._recount = False
            self.table(CODES).refresh_window()

    _gone: int | None = None
    """When retention removed the items."""

    def _name_items(self) -> None:
        """What the list of the items is of, and what is said when it is empty."""
        if self._run is None or self._facts is None:
            return
        items = self.panes[ITEMS]
        items.title = LISTED[self._run.kind].title
        items.none = nothing_listed(self._run, self._gone, self._facts.now)
        if self._only != ALL and self._gone is None:
            items.none = "None of these; esc shows all."
        items.set_scope(self._only.words)

    def _draw(self) -> None:
        if self._run is None or self._facts is None or self._is_gone:
            return
        glyphs, run = self.longshore.glyphs, self._run
        figures = self.query_one("#figures", TextLines)
        lines = run_lines(
            run,
            self._samples,
            self._facts.rate,
            self._facts.now,
            max(20, self.size.width - 2 if self.narrow else FIGURES),
            glyphs,
            remarked=self._facts.remarked,
            workers=2 if self.narrow else 0,
            spark=self.narrow,
        )
        figures.resize_block(len(lines))
        figures.set_lines(lines)
        self.set_class(not (listed_items(run) or self._facts.remarked), "-nothing")
        self._draw_plot(run, len(lines))
        self._draw_workers(run)
        self._draw_tabs()

    def _draw_plot(self, run: RunRow, height: int) -> None:
        assert self._facts is not None
        if self.narrow:
            return
        size = (self.size.width - FIGURES - 3, height)
        anew, self._plotted = size != self._plotted, size
        block = self.query_one("#plot", PlotLines)
        block.resize_block(height)
        block.show(plot_lines(run, self._samples, self._facts.now, *size, self.longshore.glyphs), at_once=anew)

    _plotted = (0, 0)
    """Cells and lines of the plot."""

    def _draw_workers(self, run: RunRow) -> None:
        workers = self.query_one("#workers", TextLines)
        helpers = 0 if self.narrow or not run.active else min(len(run.current), WORKERS)
        self._worker_lines = max(self._worker_lines if helpers else 0, (helpers + 1) // 2)
        workers.resize_block(self._worker_lines)
        workers.set_lines(worker_lines(run, self.size.width - 2, self._worker_lines, self.longshore.glyphs))

    _worker_lines = 0
    """As many as were needed at once: a helper that rests for a moment does not move the whole screen."""

    def _draw_tabs(self) -> None:
        if self._run is not None and self._facts is not None and not self.everything:
            titles = pane_titles(self._run, self._facts.remarked)
            cells = pane_line(titles, self._shown(), self.longshore.glyphs)
            self.query_one("#tabs", TextLines).set_line(0, cells)

    # What keys act on

    def subject_of(self, identity: str) -> Subject | None:
        """``e`` writes the run's report, whichever pane has the focus."""
        return self.own if identity == "resource.edit" else super().subject_of(identity)

    def reason(self, identity: str) -> str:
        pane = self.focused_pane
        if identity == "open" and pane is not None and pane.spec.subject is None:
            opens = isinstance(pane.selected, (CodeLine, ItemRow))
            return "" if opens else "There is nothing to open here."
        return super().reason(identity)

    def why_not(self, identity: str) -> str:
        run = self._run
        starts = identity in ("run.start", "run.preview", "run.verify")
        if self._is_gone and (starts or identity in ("run.stop", "run.hand_over", "resource.edit")):
            return "This run is gone: its project or its definition was deleted."
        if run is None:
            return ""
        if identity == "run.stop" and not run.active:
            return f"This run has ended ({run.status}): there is nothing to stop."
        if identity == "run.start" and run.kind == RunKind.PREVIEW:
            return why_no_plan(run)
        if starts and run.active:
            return f"This run is {run.status}: one run of a definition at a time."
        return ""

    def do_open(self) -> None:
        """On a code, list its items only; show an item in full; else open what the row stands for."""
        selected = self.focused_pane.selected if self.focused_pane is not None else None
        if isinstance(selected, CodeLine):
            self._narrow_to(Only(selected.outcome, selected.code))
            self.focus_pane(ITEMS)
        elif isinstance(selected, ItemRow) and self._run is not None and self._facts is not None:
            self.app.push_screen(ItemScreen(selected, self._run.kind, self._facts.now, self.longshore.glyphs))
        else:
            super().do_open()

    async def do_back(self) -> None:
        """Drop the filter, then show all items again; then go back."""
        pane = self.focused_pane
        if pane is self.panes[ITEMS] and self._only != ALL and not pane.text:
            self._narrow_to(ALL)
        else:
            await super().do_back()

    def _narrow_to(self, only: Only) -> None:
        """List only some of the items."""
        self._only = only
        items = self.panes[ITEMS]
        items.text = ""
        items.show(items_list(self._run_id, only))
        self._name_items()

    def launched(self, run_id: int, words: str) -> None:
        """Another run was started from here: show that one, unless somebody has gone elsewhere meanwhile."""
        if self.app.screen is self:
            self.app.switch_screen(RunScreen(run_id, words))
        else:
            self.say(words, "ok")


def _read(reader: Reader, run_id: int, since: int, remarked: int | None) -> _Facts:
    """What a tick needs; ``remarked`` is what an earlier one has counted of an ended run."""
    run = runs.run(reader, run_id)
    if run is None:
        return _Facts(None, [], None, reader.now(), None, 0)
    live = fleet_queries.rates(reader, [run_id]).get(run_id)
    rate = live[0 if run.kind == RunKind.COPY else 1] if live else None
    if remarked is None and not run.active:
        outcomes = [Outcome.TRANSFERRED, Outcome.NO_TRANSFER_NEEDED]
        remarked = sum(row.items for row in codes(reader, run_id, outcomes, most=MOST_REMARKED))
    samples = runs.samples(reader, run_id, since, SAMPLES)
    return _Facts(run, samples, rate, reader.now(), expired(reader, run_id).items, remarked or 0)
