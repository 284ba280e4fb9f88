"""The main screen: the hierarchy as a tree, and the panes that follow its selection."""

from __future__ import annotations

from typing import Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.containers import Container, Horizontal
from textual.content import Content
from textual.widget import Widget

from store.errors import StoreUnavailable
from store.queries.runs import RunRow, runs_by_id
from store.queries.scope import Scope
from tui.actions import MAIN_PLACE
from tui.following import StoreChanges
from tui.keymap import key
from tui.lists.definitions import definitions_list
from tui.lists.endpoints import endpoints_list
from tui.lists.runs import runs_list
from tui.lists.spec import ListSpec
from tui.presentation.cells import Cell
from tui.presentation.rows import DEFINITION_COLUMNS, ENDPOINT_COLUMNS, RUN_COLUMNS
from tui.screens.acts import Creates
from tui.screens.base import bindings_of
from tui.screens.panes import PanesScreen
from tui.screens.tree_pane import TreePane
from tui.subjects import AGENT, DEFINITION, ENDPOINT, PROJECT, Subject
from tui.widgets.key_bar import KeyBar
from tui.widgets.resource_tree import Branch, ResourceTree
from tui.widgets.top_bar import TopBar
from tui.widgets.virtual_table import VirtualTable

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
_MADE_AT = {"agents": AGENT, AGENT: AGENT, "endpoints": ENDPOINT, ENDPOINT: ENDPOINT, "projects": PROJECT,
            PROJECT: DEFINITION, DEFINITION: DEFINITION, "run": DEFINITION}  # fmt: skip
"""What ``n`` makes at a node of the tree."""


class MainScreen(PanesScreen):
    """Selecting a node scopes the panes to it; the pane with the focus says what the keys act on."""

    PLACE = MAIN_PLACE
    BINDINGS: ClassVar = bindings_of(MAIN_PLACE)
    AUTO_FOCUS = "ResourceTree"
    FRONT = "runs"

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
        yield KeyBar(glyphs=glyphs)

    def begin(self) -> None:
        nothing = Scope("mover", 0)
        self._scope = nothing
        self._take_scope(nothing, "")
        self._tree = TreePane(self.map_tree, self.longshore.follower, self.longshore.glyphs)
        self.map_tree.border_title = Content("Hierarchy")
        self.top_bar.set_left([Cell("Longshore", "strong")])
        self.show_front()
        page = self.longshore.first_page
        if page.done() and page.exception() is None and self._tree.show_first(page.result()):
            self.call_after_refresh(self.map_tree.show_cursor)
        else:
            self._begin_to_open_tree()

    def _take_scope(self, scope: Scope, mover: str) -> None:
        glyphs = self.longshore.glyphs
        lists: dict[str, ListSpec[Any]] = {
            "endpoints": endpoints_list(scope, mover),
            "definitions": definitions_list(scope, glyphs),
            "runs": runs_list(scope, glyphs),
        }
        for name, spec in lists.items():
            if name in self.__dict__.get("panes", ()):
                self.panes[name].show(spec)
            else:
                self.pane(name, spec)

    @property
    def map_tree(self) -> ResourceTree:
        return self.query_one(ResourceTree)

    def _begin_to_open_tree(self) -> None:
        # The method and not its coroutine: a screen that is closing makes no worker, and nobody would await it.
        self.run_worker(self._open_tree, group="begin", exit_on_error=True)  # type: ignore[arg-type]

    async def _open_tree(self) -> None:
        """The first page: the tree open at the definition that ran last, and the panes for it."""
        try:
            if not await self._tree.open_first():
                nothing = f"Nothing here yet: {key('resource.new')} makes a storage mover"
                for pane in self.panes.values():
                    pane.none = f"{nothing}."
                    pane.set_title()
                self.say(f"{nothing}, 'longshore apply FILE' a whole plan.", "warn")
        except StoreUnavailable as error:
            self.longshore.trouble(error)
            self.set_timer(1.0, self._begin_to_open_tree)

    # The tree

    @on(ResourceTree.ChildrenNeeded)
    def _children_needed(self, event: ResourceTree.ChildrenNeeded) -> None:
        self.run_worker(self.guarded(self._tree.load(event.key)), group="children", exit_on_error=True)

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
        self._take_scope(scope, names[0])
        for pane in self.panes.values():
            pane.set_scope(where)

    def on_tree_node_selected(self) -> None:
        """Enter on a node: open its own screen, or open and close the branch."""
        branch = self.map_tree.branch
        if branch is not None and branch.key.kind in ("mover", "agent", "endpoint", "definition", "run"):
            self.run_worker(self.action_act("open"))
        elif self.map_tree.cursor_node is not None and self.map_tree.cursor_node.allow_expand:
            self.map_tree.cursor_node.toggle()

    def show_front(self) -> None:
        super().show_front()
        self.query_one("#plan").display = not self.narrow or self.front != "runs"

    @property
    def stops(self) -> list[str]:
        return ["tree", *self.panes]

    async def go_to(self, subject: Subject) -> bool:
        """Put the tree's cursor on a resource, its branches opened; False when it is not there."""
        self.set_focus(self.map_tree)
        return await self._tree.go_to(subject)

    # Following the store

    async def follow(self, changes: StoreChanges) -> None:
        structure = ("storage_mover", "agent", "endpoint", "project", "job_definition", "job_run")
        if changes.touches(*structure) or self.longshore.time_passed:
            await self._tree.refresh()
        await super().follow(changes)
        if changes.live:
            await self._label_live()

    async def _label_live(self) -> None:
        """The figures of the runs that are on, at the nodes of the tree."""
        definitions = self.panes["definitions"].items.values()
        shown: dict[int, RunRow] = {run.id: run for run in self.panes["runs"].visible() if run.active}
        wanted = {d.run_id for d in definitions if d.run_id and d.run_ended is None} - shown.keys()
        others = await self.longshore.follower.read(runs_by_id, sorted(wanted)) if wanted else []
        for run in (*shown.values(), *others):
            if run.active:
                self._tree.show_live(run)

    # What keys act on

    @property
    def subject(self) -> Subject | None:
        if self.focused_pane is not None:
            return super().subject
        return self._tree.subject if self.ready else None

    @property
    def creates(self) -> Creates:
        path = self._tree.path()
        mover = path[0].name if path else ""
        project = next((part.name for part in path if part.key.kind == "project"), "")
        if isinstance(self.focused, VirtualTable):
            kind = {"endpoints": ENDPOINT, "definitions": DEFINITION, "runs": DEFINITION}[self.focused.id or ""]
        else:
            kind = _MADE_AT.get(path[-1].key.kind, "") if path else ""
        return Creates(kind, mover, project)

    def filter_text(self, widget: Widget | None) -> str:
        return super().filter_text(widget) if isinstance(widget, VirtualTable) else self._tree.text

    async def filter_by(self, widget: Widget | None, text: str) -> None:
        if isinstance(widget, VirtualTable):
            await super().filter_by(widget, text)
        else:
            await self._tree.filter(text)

    def leave(self) -> None:
        """Back to the tree; there is nothing behind this screen, and esc never quits."""
        if self.focused is not self.map_tree:
            self.set_focus(self.map_tree)

    def launched(self, run_id: int, words: str) -> None:
        """A run was started from here: put the cursor on it."""
        runs = self.panes["runs"]
        runs.text = ""
        runs.order = runs.spec.orders[0].value
        runs.show(anchor=str(run_id))
        self.focus_pane("runs")
        self.say(words, "ok")

    def do_pane_tree(self) -> None:
        self.focus_pane("tree")

    def do_pane_endpoints(self) -> None:
        self.focus_pane("endpoints")

    def do_pane_definitions(self) -> None:
        self.focus_pane("definitions")

    def do_pane_runs(self) -> None:
        self.focus_pane("runs")
