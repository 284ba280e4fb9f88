"""A run's own screen: progress, rate and counters, what failed and why, and what happened."""

from __future__ import annotations

from functools import partial
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.containers import Container

from store.errors import StoreUnavailable
from store.queries import hierarchy, runs
from store.queries.retention import expired
from store.queries.runs import EventRow, ItemRow, RunRow, Sample
from store.queries.window import Page, Window
from store.reader import Reader
from store.vocabulary import RunKind
from tui.actions import RUN
from tui.following import StoreChanges
from tui.presentation.cells import Cell, Row
from tui.presentation.kinds import numbered, why_no_plan
from tui.presentation.rows import EVENT_COLUMNS, ITEM_COLUMNS, event_row, item_row
from tui.presentation.run_view import LINES, LISTED, nothing_listed, run_lines
from tui.screens.base import LongshoreScreen, bindings_of
from tui.screens.list_pane import ListPane
from tui.widgets.filter_line import FilterLine
from tui.widgets.key_bar import KeyBar
from tui.widgets.text_lines import TextLines
from tui.widgets.top_bar import TopBar
from tui.widgets.virtual_table import VirtualTable

WIDE = 120


class RunScreen(LongshoreScreen):
    """One run, live while it is on."""

    PLACE = RUN
    BINDINGS: ClassVar = bindings_of(RUN)
    AUTO_FOCUS = "#items"

    DEFAULT_CSS = """
    RunScreen {
        & #figures { margin: 0 1; width: 1fr; }
        & #lists { layout: horizontal; height: 1fr; }
        & #items { width: 3fr; }
        & #events { width: 2fr; }
    }
    """

    def __init__(self, run_id: int, notice: str = "") -> None:
        """Show a run, with a sentence on what has just been done."""
        super().__init__()
        self._run_id = run_id
        self._notice = notice
        self._run: RunRow | None = None

    def compose(self) -> ComposeResult:
        glyphs = self.longshore.glyphs
        yield TopBar(glyphs=glyphs)
        yield TextLines(LINES, glyphs=glyphs, id="figures")
        with Container(id="lists"):
            yield VirtualTable(ITEM_COLUMNS, glyphs=glyphs, id="items")
            yield VirtualTable(EVENT_COLUMNS, glyphs=glyphs, id="events")
        yield FilterLine()
        yield KeyBar(glyphs=glyphs)

    def begin(self) -> None:
        follower = self.longshore.follower
        self._items: ListPane[ItemRow] = ListPane(
            self._table("items"),
            follower,
            partial(_items, self._run_id),
            self._item_rows,
            LISTED[RunKind.COPY].title,
        )
        self._events: ListPane[EventRow] = ListPane(
            self._table("events"), follower, partial(_events, self._run_id), _event_rows, "What happened"
        )
        self._items.none = LISTED[RunKind.COPY].none
        for pane in (self._items, self._events):
            pane.set_title()
        if self._notice:
            self.say(self._notice, "ok")

    def _item_rows(self, reader: Reader, found: list[ItemRow]) -> list[Row]:
        run = runs.run(reader, self._run_id)
        return [item_row(item, run.kind if run is not None else RunKind.COPY) for item in found]

    def on_resize(self) -> None:
        self._show_front()
        self._draw()

    _front = "items"

    def _show_front(self) -> None:
        """On a narrow terminal one list is shown: the one that had the focus last."""
        for name in ("items", "events"):
            self._table(name).display = self.size.width >= WIDE or name == self._front

    def _table(self, name: str) -> VirtualTable:
        return self.query_one(f"#{name}", VirtualTable)

    @on(VirtualTable.WindowNeeded)
    def _window_needed(self, event: VirtualTable.WindowNeeded) -> None:
        event.stop()
        pane = self._items if event.table.id == "items" else self._events

        async def answer() -> None:
            try:
                await pane.answer(event)
            except StoreUnavailable as error:
                self.longshore.trouble(error)

        self.run_worker(answer(), group="windows", exit_on_error=True)

    # Following the store

    async def follow(self, changes: StoreChanges) -> None:
        def read(reader: Reader) -> tuple[RunRow | None, list[Sample], float | None, int, int | None]:
            found = runs.run(reader, self._run_id)
            live = runs.rates(reader, [self._run_id]).get(self._run_id)
            rate = live[0 if found is not None and found.kind == RunKind.COPY else 1] if live else None
            gone = expired(reader, self._run_id).items
            return found, runs.samples(reader, self._run_id), rate, reader.now(), gone

        run, samples, rate, now, gone = await self.longshore.follower.read(read)
        if run is None:
            self.say("This run is gone: its project or definition was deleted.", "warn")
            return
        before, self._run = self._run, run
        self._drawn = (samples, rate, now)
        self._draw()
        if before is None:
            crumbs = (run.mover, run.project, f"{run.definition} {numbered(run)}")
            self.top_bar.set_left([Cell("Longshore", "strong"), *(Cell(name) for name in crumbs)])
            self._items.title = LISTED[run.kind].title
        listed_anew = before is not None and (_recorded(before) != _recorded(run) or gone != self._gone)
        if before is None or gone != self._gone:
            self._gone = gone
            self._items.none = nothing_listed(run, gone, now)
            self._items.set_title()
        if listed_anew:
            self._table("items").refresh_window()
        if changes.touches("event", "job_run"):
            self._table("events").refresh_window()
        if before is None or before.status != run.status:
            self.refresh_keys()

    _gone: int | None = None
    """When retention removed the items."""

    _drawn: tuple[list[Sample], float | None, int] | None = None

    def _draw(self) -> None:
        if self._run is None or self._drawn is None:
            return
        samples, rate, now = self._drawn
        figures = self.query_one("#figures", TextLines)
        width = max(20, self.size.width - 2)
        figures.set_lines(run_lines(self._run, samples, rate, now, width, self.longshore.glyphs))

    # Actions

    def why_not(self, identity: str) -> str:
        run = self._run
        starts = identity in ("run.start", "run.preview", "run.verify")
        if run is None:
            return "Still reading." if starts or identity == "run.stop" else ""
        if identity == "run.stop" and not run.active:
            return f"This run has ended ({run.status}): there is nothing to stop."
        if identity == "run.start" and run.kind == RunKind.PREVIEW:
            return why_no_plan(run)
        if starts and run.active:
            return f"This run is {run.status}: one run of a definition at a time."
        if identity == "filter" and self.focused is not self._table("items"):
            return "Only the list of items can be filtered: tab goes there."
        return ""

    async def do_run_start(self) -> None:
        """A copy; of an ended preview exactly what it listed."""
        is_plan = self._run is not None and self._run.kind == RunKind.PREVIEW
        await self._launch(RunKind.COPY, self._run if is_plan else None)

    async def do_run_preview(self) -> None:
        await self._launch(RunKind.PREVIEW)

    async def do_run_verify(self) -> None:
        await self._launch(RunKind.VERIFY)

    async def _launch(self, kind: RunKind, plan: RunRow | None = None) -> None:
        if self._run is None:
            return
        definition = await self.longshore.follower.read(hierarchy.definition, self._run.definition_id)
        if definition is not None:
            self.longshore.launch(definition, kind, plan)

    def do_run_stop(self) -> None:
        if self._run is not None:
            self.longshore.stop(self._run)

    def launched(self, run_id: int, words: str) -> None:
        """Another run was started from here: show that one."""
        self.app.switch_screen(RunScreen(run_id, words))

    def do_filter(self) -> None:
        self.query_one(FilterLine).begin(self._items.text)

    @on(FilterLine.Typed)
    def _typed(self, event: FilterLine.Typed) -> None:
        if self._items.text != event.text:
            self._items.text = event.text
            self._items.show()
        if event.done:
            self.query_one(FilterLine).end()
            self.set_focus(self._table("items"))

    def do_back(self) -> None:
        if self._items.text:
            self._items.text = ""
            self._items.show()
        else:
            self.app.pop_screen()

    def do_pane_next(self) -> None:
        self._front = "events" if self.focused is self._table("items") else "items"
        self._show_front()
        self.set_focus(self._table(self._front))
        self.refresh_keys()

    def do_pane_previous(self) -> None:
        self.do_pane_next()


def _recorded(run: RunRow) -> int:
    """How many items of a run are in its list."""
    words = ("excluded", "unsupported", "failed", "changed", "deleted", "delete_withheld")
    return sum(run.counters[f"items_{word}"] for word in words)


def _items(run_id: int, reader: Reader, page: Page, text: str) -> Window[ItemRow]:
    return runs.items(reader, run_id, page, text=text)


def _events(run_id: int, reader: Reader, page: Page, text: str) -> Window[EventRow]:
    return runs.run_events(reader, run_id, page)


def _event_rows(reader: Reader, found: list[EventRow]) -> list[Row]:
    now = reader.now()
    return [event_row(event, now) for event in found]
