"""A run's own screen: progress, rate and counters, what failed and why, and what happened."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.containers import Container

from store.queries import runs
from store.queries.retention import expired
from store.queries.runs import RunRow, Sample
from store.reader import Reader
from store.vocabulary import RunKind
from tui.actions import RUN_PLACE
from tui.following import StoreChanges
from tui.lists.items import items_list
from tui.lists.run_events import run_events_list
from tui.lists.runs import run_subject
from tui.presentation.cells import Cell
from tui.presentation.kinds import numbered, why_no_plan
from tui.presentation.rows import EVENT_COLUMNS, ITEM_COLUMNS
from tui.presentation.run_view import LINES, LISTED, nothing_listed, run_lines
from tui.screens.base import bindings_of
from tui.screens.panes import PanesScreen
from tui.widgets.filter_line import FilterLine
from tui.widgets.key_bar import KeyBar
from tui.widgets.text_lines import TextLines
from tui.widgets.top_bar import TopBar
from tui.widgets.virtual_table import VirtualTable


class RunScreen(PanesScreen):
    """One run, live while it is on."""

    PLACE = RUN_PLACE
    BINDINGS: ClassVar = bindings_of(RUN_PLACE)
    AUTO_FOCUS = "#items"
    FRONT = "items"
    WIDE = 120

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
        self._items = self.pane("items", items_list(self._run_id))
        self.pane("events", run_events_list(self._run_id))
        self.show_front()
        if self._notice:
            self.say(self._notice, "ok")

    def on_resize(self) -> None:
        super().on_resize()
        self._draw()

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
        self.own = run_subject(run)
        self._drawn = (samples, rate, now)
        self._draw()
        if before is None or before.label != run.label:
            # Another run has its number when the store was replaced.
            crumbs = (run.mover, run.project, f"{run.definition} {numbered(run)}")
            self.top_bar.set_left([Cell("Longshore", "strong"), *(Cell(name) for name in crumbs)])
            self._items.title = LISTED[run.kind].title
        recorded_more = before is not None and _recorded(before) != _recorded(run)
        listed_anew = before is not None and (changes.resync or recorded_more or gone != self._gone)
        if before is None or gone != self._gone:
            self._gone = gone
            self._items.none = nothing_listed(run, gone, now)
            self._items.set_title()
        if listed_anew:
            self.table("items").refresh_window()
        await super().follow(changes)
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

    # What keys act on

    def why_not(self, identity: str) -> str:
        run = self._run
        starts = identity in ("run.start", "run.preview", "run.verify")
        if run is None:
            return ""
        if identity == "run.stop" and not run.active:
            return f"This run has ended ({run.status}): there is nothing to stop."
        if identity == "run.start" and run.kind == RunKind.PREVIEW:
            return why_no_plan(run)
        if starts and run.active:
            return f"This run is {run.status}: one run of a definition at a time."
        return ""

    def launched(self, run_id: int, words: str) -> None:
        """Another run was started from here: show that one, unless somebody has gone elsewhere meanwhile."""
        if self.app.screen is self:
            self.app.switch_screen(RunScreen(run_id, words))
        else:
            self.say(words, "ok")


def _recorded(run: RunRow) -> int:
    """How many items of a run are in its list."""
    words = ("excluded", "unsupported", "failed", "changed", "deleted", "delete_withheld")
    return sum(run.counters[f"items_{word}"] for word in words)
