"""Going to anything: a line to type a kind and a part of a name on, with what it may mean above it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import ClassVar, NamedTuple

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.screen import ModalScreen

from store.errors import StoreUnavailable
from store.queries.find import Found
from tui.goto import Goal, Wanted, goals, wanted
from tui.presentation.cells import Cell
from tui.presentation.glyphs import Glyphs
from tui.presentation.goto_view import GOAL_COLUMNS, goal_row
from tui.widgets.line_input import LineInput
from tui.widgets.text_lines import TextLines
from tui.widgets.virtual_table import VirtualTable

Search = Callable[[Wanted], Awaitable[list[Found]]]


class Going(NamedTuple):
    """What was chosen, and where it is to be shown."""

    goal: Goal
    in_tree: bool


class FindScreen(ModalScreen[Going | None]):
    """Dismisses with what was chosen, or with None. Keys are never waited for: they change what is searched next."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Stay here", show=False, id="find.leave"),
        Binding("up,ctrl+p", "move('up')", "The completion above", show=False, id="find.up", priority=True),
        Binding("down,ctrl+n", "move('down')", "The completion below", show=False, id="find.down", priority=True),
        Binding("pageup", "move_page('up')", "A page up", show=False, id="find.page_up", priority=True),
        Binding("pagedown", "move_page('down')", "A page down", show=False, id="find.page_down", priority=True),
        Binding("tab", "complete", "Complete what is typed", show=False, id="find.complete", priority=True),
        Binding("ctrl+t", "go(True)", "Show it in the tree", show=False, id="find.tree", priority=True),
    ]

    DEFAULT_CSS = """
    FindScreen {
        align: center bottom;
        & > Vertical {
            width: 100%; max-width: 110; height: 14; max-height: 96%;
            background: $surface; border: solid $border; padding: 0 1;
        }
        & > Vertical.-ascii { border: ascii $border; }
        & VirtualTable, & VirtualTable:focus { border: none; height: 1fr; }
        & Horizontal { height: 1; background: $boost; }
        & #prompt { width: 2; }
        & Input { width: 1fr; height: 1; border: none; padding: 0; background: $boost; }
    }
    """

    def __init__(self, search: Search, glyphs: Glyphs) -> None:
        """Ask; ``search`` answers what a text may mean, and may take as long as it takes."""
        super().__init__()
        self._search = search
        self._glyphs = glyphs
        self._text = ""
        """What is typed."""
        self._shown: str | None = None
        """What the completions answer."""
        self._goals: list[Goal] = []
        self._searching = False
        self._ahead: Callable[[Goal], None] | None = None
        """What is to be done with the first completion: its key came before the answer."""

    def compose(self) -> ComposeResult:
        box = Vertical(classes="" if self._glyphs.unicode else "-ascii")
        box.border_title = Content("Go to")
        box.border_subtitle = Content("enter opens, ctrl+t shows it in the tree, tab completes, esc leaves")
        with box:
            table = VirtualTable(GOAL_COLUMNS, glyphs=self._glyphs)
            table.can_focus = False
            yield table
            with Horizontal():
                yield TextLines(1, glyphs=self._glyphs, id="prompt")
                line = LineInput(placeholder="a kind, a part of a name, or both: ep hr", compact=True)
                line.cursor_blink = False
                yield line

    def on_mount(self) -> None:
        self.query_one("#prompt", TextLines).set_line(0, [Cell(": ", "accent")])
        self.set_focus(self.query_one(LineInput))
        self._seek()

    # What is typed

    @on(LineInput.Changed)
    def _changed(self, event: LineInput.Changed) -> None:
        event.stop()
        self._text = event.value
        self._ahead = None
        self._seek()

    @on(LineInput.Submitted)
    def _submitted(self, event: LineInput.Submitted) -> None:
        event.stop()
        self.action_go(False)

    def _seek(self) -> None:
        if not self._searching:
            self._searching = True
            self.run_worker(self._answer(), group="seek", exit_on_error=True)

    async def _answer(self) -> None:
        """Search for what is typed now, and again while that has changed meanwhile; answers in between are dropped."""
        try:
            while self._shown != self._text:
                text = self._text
                asked = wanted(text)
                nothing = "Nothing is called that."
                try:
                    found = await self._search(asked)
                except StoreUnavailable:
                    found, nothing = [], "The store is out of reach: type on, or esc leaves."
                if text == self._text:
                    self.query_one(VirtualTable).set_empty_text(nothing)
                    self._show(text, goals(asked, found))
        finally:
            self._searching = False

    def _show(self, text: str, found: list[Goal]) -> None:
        first, self._shown = self._shown is None, text
        if first or found != self._goals:
            self._goals = found
            self.query_one(VirtualTable).reload()
        ahead, self._ahead = self._ahead, None
        if ahead is not None and found:
            ahead(found[0])

    @on(VirtualTable.WindowNeeded)
    def _window_needed(self, event: VirtualTable.WindowNeeded) -> None:
        event.stop()
        rows = [goal_row(goal) for goal in self._goals]
        if self._shown is not None:
            event.table.load(event.direction, event.anchor_key, rows, True, True)

    @on(VirtualTable.RowHighlighted)
    def _row_highlighted(self, event: VirtualTable.RowHighlighted) -> None:
        event.stop()

    @on(VirtualTable.RowChosen)
    def _row_chosen(self, event: VirtualTable.RowChosen) -> None:
        event.stop()
        self.action_go(False)

    # What is chosen

    @property
    def _goal(self) -> Goal | None:
        key = self.query_one(VirtualTable).cursor_key
        here = next((goal for goal in self._goals if goal.key == key), None)
        # Its rows come a moment after the completions themselves.
        return here or (self._goals[0] if self._goals else None)

    def _with_goal(self, act: Callable[[Goal], None]) -> None:
        """Do it with what is under the cursor; with the first completion if what is typed has still to be answered."""
        if self._shown != self._text:
            self._ahead = act
        elif (goal := self._goal) is not None:
            act(goal)

    def action_go(self, in_tree: bool) -> None:
        """Go to what is chosen."""
        self._with_goal(partial(self._go, in_tree=in_tree))

    def _go(self, goal: Goal, *, in_tree: bool) -> None:
        if goal.subject is None and goal.completed.endswith(" "):
            self._type(goal.completed)
        else:
            self.dismiss(Going(goal, in_tree))

    def action_complete(self) -> None:
        """Write what is chosen on the line."""
        self._with_goal(lambda goal: self._type(goal.completed))

    def _type(self, text: str) -> None:
        line = self.query_one(LineInput)
        line.value = text
        line.cursor_position = len(text)

    def action_move(self, way: str) -> None:
        table = self.query_one(VirtualTable)
        if way == "up":
            table.action_cursor_up()
        else:
            table.action_cursor_down()

    def action_move_page(self, way: str) -> None:
        table = self.query_one(VirtualTable)
        if way == "up":
            table.action_page_up()
        else:
            table.action_page_down()

    def action_leave(self) -> None:
        self.dismiss(None)
