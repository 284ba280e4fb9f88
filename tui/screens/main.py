"""The main screen: the hierarchy as a tree, and the panes that follow its selection."""

from __future__ import annotations

from collections.abc import Awaitable
from functools import partial
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.containers import Container, Horizontal
from textual.content import Content
from textual.widget import Widget

from store.errors import StoreUnavailable
from store.queries import hierarchy, runs
from store.queries.hierarchy import DefinitionRow, EndpointRow, Scope
from store.queries.runs import RunRow
from store.queries.window import Page, Window
from store.reader import Reader
from store.vocabulary import RunKind
from tui.actions import MAIN
from tui.following import StoreChanges
from tui.presentation.cells import Cell, Row
from tui.presentation.kinds import why_no_plan
from tui.presentation.rows import (
    DEFINITION_COLUMNS,
    ENDPOINT_COLUMNS,
    RUN_COLUMNS,
    definition_row,
    endpoint_row,
    run_row,
)
from tui.screens.base import LongshoreScreen, bindings_of
from tui.screens.list_pane import ListPane
from tui.screens.tree_pane import TreePane
from tui.widgets.filter_line import FilterLine
from tui.widgets.key_bar import KeyBar
from tui.widgets.resource_tree import Branch, ResourceTree
from tui.widgets.top_bar import TopBar
from tui.widgets.virtual_table import VirtualTable

WIDE = 100
"""Cells from which on the tree and all three panes are shown together."""

_STARTS = {"run.start": ("r", "run"), "run.preview": ("p", "preview"), "run.verify": ("v", "verify")}

_SCOPES = {
    "mover": "mover",
    "agents": "mover",
    "endpoints": "mover",
    "projects": "mover",
    "agent": "agent",
    "endpoint": "endpoint",
    "project": "project",
    "definition": "definition",
}


class MainScreen(LongshoreScreen):
    """Selecting a node scopes the panes to it; the pane with the focus says what the keys act on."""

    PLACE = MAIN
    BINDINGS: ClassVar = bindings_of(MAIN)
    AUTO_FOCUS = "ResourceTree"

    DEFAULT_CSS = """
    MainScreen {
        & > #body { height: 1fr; }
        & #tree { width: 30%; min-width: 30; max-width: 52; }
        & #panes { width: 1fr; }
        & #plan { height: 2fr; min-height: 6; }
        & #runs { height: 3fr; min-height: 6; }
        & #endpoints { width: 2fr; }
        & #definitions { width: 3fr; }
        &.-narrow #plan { height: 1fr; }
        &.-narrow #runs { height: 1fr; }
    }
    """

    _front = "runs"

    def compose(self) -> ComposeResult:
        glyphs = self.longshore.glyphs
        yield TopBar(glyphs=glyphs)
        with Horizontal(id="body"):
            yield ResourceTree(glyphs=glyphs, id="tree")
            with Container(id="panes"):
                with Horizontal(id="plan"):
                    yield VirtualTable(ENDPOINT_COLUMNS, glyphs=glyphs, id="endpoints")
                    yield VirtualTable(DEFINITION_COLUMNS, glyphs=glyphs, id="definitions")
                yield VirtualTable(RUN_COLUMNS, glyphs=glyphs, id="runs")
        yield FilterLine()
        yield KeyBar(glyphs=glyphs)

    def begin(self) -> None:
        follower, table = self.longshore.follower, self._table
        nothing = Scope("mover", 0)
        self._scope = nothing
        self._filtering: Widget | None = None
        self._endpoints: ListPane[EndpointRow] = ListPane(
            table("endpoints"),
            follower,
            partial(_endpoints, nothing),
            _endpoint_rows,
            "Endpoints",
        )
        self._definitions: ListPane[DefinitionRow] = ListPane(
            table("definitions"), follower, partial(_definitions, nothing), self._definition_rows, "Definitions"
        )
        self._runs: ListPane[RunRow] = ListPane(
            table("runs"), follower, partial(_runs, nothing), self._run_rows, "Runs"
        )
        self._panes: dict[str, ListPane[EndpointRow] | ListPane[DefinitionRow] | ListPane[RunRow]] = {
            "endpoints": self._endpoints,
            "definitions": self._definitions,
            "runs": self._runs,
        }
        for pane in self._panes.values():
            pane.set_title()
        self._tree = TreePane(self.map_tree, follower, self.longshore.glyphs)
        self.map_tree.border_title = Content("Hierarchy")
        self.top_bar.set_left([Cell("Longshore", "strong")])
        self._show_front()
        self.run_worker(self._open_tree(), group="begin", exit_on_error=True)

    @property
    def map_tree(self) -> ResourceTree:
        return self.query_one(ResourceTree)

    def _table(self, name: str) -> VirtualTable:
        return self.query_one(f"#{name}", VirtualTable)

    async def _open_tree(self) -> None:
        """The first page: the tree open at the definition that ran last, and the panes for it."""
        try:
            if not await self._tree.open_first():
                for pane in self._panes.values():
                    pane.table.set_empty_text("Nothing here yet: 'longshore apply FILE'")
                self.say("Nothing here yet: make it from a plan file with 'longshore apply FILE'.", "warn")
        except StoreUnavailable as error:
            self.longshore.trouble(error)
            self.set_timer(1.0, lambda: self.run_worker(self._open_tree(), group="begin", exit_on_error=True))

    # The tree

    @on(ResourceTree.ChildrenNeeded)
    def _children_needed(self, event: ResourceTree.ChildrenNeeded) -> None:
        self.run_worker(self._guarded(self._tree.load(event.key)), group="children", exit_on_error=True)

    @on(ResourceTree.NodeAt)
    def _node_at(self, event: ResourceTree.NodeAt) -> None:
        if event.branch is not None:
            self._scope_to(event.branch)
        self.refresh_keys()

    def _scope_to(self, branch: Branch) -> None:
        """Make the panes follow the selected node."""
        path = self.map_tree.path(branch.key)
        names = [part.name for part in path if part.key.kind not in ("agents", "endpoints", "projects", "more")]
        self.top_bar.set_left([Cell("Longshore", "strong"), *(Cell(name) for name in names)])
        above = next((p for p in reversed(path) if p.key.kind in _SCOPES), None)
        if above is None:
            return
        scope = Scope(_SCOPES[above.key.kind], above.key.id)
        if scope == self._scope:
            return
        self._scope = scope
        where = f"of {names[-1]}" if scope.kind != "mover" and names else ""
        if branch.key.kind == "run":
            where = f"of {names[-2]}"
        self._endpoints.set_scope(where)
        self._definitions.set_scope(where)
        self._runs.set_scope(where)
        self._endpoints.show(partial(_endpoints, scope))
        self._definitions.show(partial(_definitions, scope))
        self._runs.show(partial(_runs, scope))

    # The panes

    @on(VirtualTable.WindowNeeded)
    def _window_needed(self, event: VirtualTable.WindowNeeded) -> None:
        event.stop()
        pane = self._panes[event.table.id or ""]
        self.run_worker(self._guarded(pane.answer(event)), group="windows", exit_on_error=True)

    @on(VirtualTable.RowHighlighted)
    def _row_highlighted(self, event: VirtualTable.RowHighlighted) -> None:
        event.stop()
        self.refresh_keys()

    @on(VirtualTable.RowChosen)
    async def _row_chosen(self, event: VirtualTable.RowChosen) -> None:
        event.stop()
        await self.action_act("open")

    def on_tree_node_selected(self) -> None:
        """Enter on a node: open its run, or open and close the branch."""
        branch = self.map_tree.branch
        if branch is not None and branch.key.kind in ("definition", "run"):
            self.run_worker(self.action_act("open"))
        elif self.map_tree.cursor_node is not None and self.map_tree.cursor_node.allow_expand:
            self.map_tree.cursor_node.toggle()

    def on_descendant_focus(self) -> None:
        focused = self.focused
        if isinstance(focused, VirtualTable) and focused.id:
            self._front = focused.id
            self._show_front()
        self.refresh_keys()

    def on_resize(self) -> None:
        self.set_class(self._narrow, "-narrow")
        self._show_front()

    @property
    def _narrow(self) -> bool:
        return self.size.width < WIDE

    def _show_front(self) -> None:
        """On a narrow terminal one pane is shown: the one that had the focus last."""
        for name in ("endpoints", "definitions", "runs"):
            self._table(name).display = not self._narrow or name == self._front
        self.query_one("#plan").display = not self._narrow or self._front != "runs"

    def _definition_rows(self, reader: Reader, found: list[DefinitionRow]) -> list[Row]:
        now = reader.now()
        return [definition_row(row, now, self.longshore.glyphs) for row in found]

    def _run_rows(self, reader: Reader, found: list[RunRow]) -> list[Row]:
        now, live = reader.now(), runs.rates(reader, [run.id for run in found if run.active])
        return [run_row(run, now, self.longshore.glyphs, live.get(run.id, (0.0, 0.0))[0]) for run in found]

    async def _guarded(self, work: Awaitable[None]) -> None:
        try:
            await work
        except StoreUnavailable as error:
            self.longshore.trouble(error)

    # Following the store

    async def follow(self, changes: StoreChanges) -> None:
        structure = ("storage_mover", "agent", "endpoint", "project", "job_definition", "job_run")
        if changes.touches(*structure) or self.longshore.time_passed:
            await self._tree.refresh()
        if changes.touches("endpoint", "job_definition", "access_grant"):
            self._table("endpoints").refresh_window()
        if changes.touches("job_definition", "project", "job_run"):
            self._table("definitions").refresh_window()
        if changes.touches("job_run", "agent") or self.longshore.time_passed:
            self._table("runs").refresh_window()
        await self._refresh_live()
        if changes.rows or changes.resync:
            self.refresh_keys()

    async def _refresh_live(self) -> None:
        """The numbers of the runs that are on and visible: only their lines are painted again."""
        shown = {run.id for run in self._runs.visible() if run.active}
        in_tree = {d.run_id: d.id for d in self._definitions.items.values() if d.run_id and d.run_ended is None}
        wanted = shown | set(in_tree)
        if not wanted:
            return

        def read(reader: Reader) -> list[tuple[RunRow, Row]]:
            found = runs.runs_by_id(reader, sorted(wanted))
            return list(zip(found, self._run_rows(reader, found), strict=True))

        for run, row in await self.longshore.follower.read(read):
            if run.id in shown and self._runs.table.update_row(row):
                self._runs.items[row.key] = run
            if run.active:
                self._tree.show_live(run)

    # Actions

    async def _selected_definition(self) -> DefinitionRow | None:
        """What ``r`` acts on: the definition under the cursor, or the one of the run under it."""
        focused = self.focused
        if focused is self._table("definitions"):
            return self._definitions.selected
        definition_id: int | None = None
        if focused is self._table("runs"):
            run = self._runs.selected
            definition_id = run.definition_id if run else None
        else:
            definition_id = self._tree.definition_at(self.map_tree.branch)
        if definition_id is None:
            return None
        return await self.longshore.follower.read(hierarchy.definition, definition_id)

    async def _selected_run(self) -> RunRow | None:
        """What ``x`` and enter act on: the run under the cursor, or the latest of the definition under it."""
        focused = self.focused
        if focused is self._table("runs"):
            return self._runs.selected
        branch = self.map_tree.branch
        run_id: int | None = None
        if focused is self.map_tree and branch is not None and branch.key.kind == "run":
            run_id = branch.key.id
        else:
            definition = await self._selected_definition()
            run_id = definition.run_id if definition else None
        return None if run_id is None else await self.longshore.follower.read(runs.run, run_id)

    def why_not(self, identity: str) -> str:
        kind = self._selected_kind()
        if identity in _STARTS and kind not in ("definition", "run"):
            key, what = _STARTS[identity]
            return f"Select a job definition first: {key} starts a {what} of it."
        run = self._runs.selected if self.focused is self._table("runs") else None
        if identity == "run.start" and run is not None and run.kind == RunKind.PREVIEW:
            return why_no_plan(run)
        if identity == "run.stop":
            if kind not in ("definition", "run"):
                return "Select a run first: x stops it."
            if run is not None and not run.active:
                return f"The run {run.definition} #{run.number} has ended: there is nothing to stop."
        if identity == "open" and kind not in ("definition", "run"):
            return "Select a run or a definition: enter opens it."
        return ""

    def _selected_kind(self) -> str:
        """The kind of what the cursor of the focused pane is on."""
        focused = self.focused
        if focused is self._table("runs"):
            return "run" if self._runs.selected else ""
        if focused is self._table("definitions"):
            return "definition" if self._definitions.selected else ""
        if focused is self._table("endpoints"):
            return "endpoint"
        return self.map_tree.branch.key.kind if self.map_tree.branch is not None else ""

    async def do_run_start(self) -> None:
        """A copy of the definition; on an ended preview exactly what it listed."""
        run = await self._selected_run() if self._selected_kind() == "run" else None
        if run is None or run.kind != RunKind.PREVIEW:
            await self._launch(RunKind.COPY)
        elif reason := why_no_plan(run):
            self.say(reason, "warn")
        else:
            await self._launch(RunKind.COPY, run)

    async def do_run_preview(self) -> None:
        await self._launch(RunKind.PREVIEW)

    async def do_run_verify(self) -> None:
        await self._launch(RunKind.VERIFY)

    async def _launch(self, kind: RunKind, plan: RunRow | None = None) -> None:
        definition = await self._selected_definition()
        if definition is not None:
            self.longshore.launch(definition, kind, plan)

    async def do_run_stop(self) -> None:
        run = await self._selected_run()
        if run is None:
            self.say("This definition has not run yet: r starts a run.", "warn")
        elif not run.active:
            self.say(f"The run {run.definition} #{run.number} has ended ({run.status}): nothing to stop.", "warn")
        else:
            self.longshore.stop(run)

    async def do_open(self) -> None:
        run = await self._selected_run()
        if run is None:
            self.say("This definition has not run yet: r starts a run.", "warn")
        else:
            self.longshore.open_run(run.id)

    def launched(self, run_id: int, words: str) -> None:
        """A run was started from here: put the cursor on it."""
        self._front = "runs"
        self._show_front()
        self._runs.text = ""
        self._runs.show(anchor=str(run_id))
        self.set_focus(self._table("runs"))
        self.say(words, "ok")

    def do_filter(self) -> None:
        self._filtering = self.focused
        pane = self._panes.get(self._filtering.id or "") if isinstance(self._filtering, VirtualTable) else None
        self.query_one(FilterLine).begin(pane.text if pane is not None else self._tree.text)

    @on(FilterLine.Typed)
    async def _typed(self, event: FilterLine.Typed) -> None:
        await self._filter(self._filtering, event.text)
        if event.done:
            self.query_one(FilterLine).end()
            self.set_focus(self._filtering or self.map_tree)

    async def _filter(self, widget: Widget | None, text: str) -> None:
        """Filter what ``widget`` shows."""
        if isinstance(widget, VirtualTable):
            pane = self._panes[widget.id or ""]
            if pane.text != text:
                pane.text = text
                pane.show()
            return
        await self._tree.filter(text)

    async def do_back(self) -> None:
        """Drop the filter of the focused pane, or go back to the tree; never quits."""
        focused = self.focused
        pane = self._panes.get(focused.id or "") if isinstance(focused, VirtualTable) else None
        if (pane is not None and pane.text) or (pane is None and self._tree.text):
            await self._filter(focused, "")
        elif focused is not self.map_tree:
            self.set_focus(self.map_tree)

    def do_pane_next(self) -> None:
        self._focus_by(1)

    def do_pane_previous(self) -> None:
        self._focus_by(-1)

    def _focus_by(self, step: int) -> None:
        order = ["tree", "endpoints", "definitions", "runs"]
        current = self.focused.id if self.focused is not None and self.focused.id in order else "tree"
        self._focus_pane(order[(order.index(current or "tree") + step) % len(order)])

    def _focus_pane(self, name: str) -> None:
        if name != "tree":
            # On a narrow terminal the pane must be there before it can have the focus.
            self._front = name
            self._show_front()
        self.set_focus(self.query_one(f"#{name}"))

    def do_pane_tree(self) -> None:
        self._focus_pane("tree")

    def do_pane_endpoints(self) -> None:
        self._focus_pane("endpoints")

    def do_pane_definitions(self) -> None:
        self._focus_pane("definitions")

    def do_pane_runs(self) -> None:
        self._focus_pane("runs")


def _endpoint_rows(reader: Reader, found: list[EndpointRow]) -> list[Row]:
    return [endpoint_row(endpoint) for endpoint in found]


def _endpoints(scope: Scope, reader: Reader, page: Page, text: str) -> Window[EndpointRow]:
    return hierarchy.endpoints(reader, scope, page, text=text)


def _definitions(scope: Scope, reader: Reader, page: Page, text: str) -> Window[DefinitionRow]:
    return hierarchy.definitions(reader, scope, page, text=text)


def _runs(scope: Scope, reader: Reader, page: Page, text: str) -> Window[RunRow]:
    return runs.runs(reader, scope, page, text=text)
