"""The launch sheet: which agent, which mode, what the last pass did; enter starts the run."""

from __future__ import annotations

from typing import ClassVar, NamedTuple

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen

from store.queries.hierarchy import AgentRow, DefinitionRow
from store.queries.runs import RunRow
from store.vocabulary import CopyMode
from tui.presentation.glyphs import Glyphs
from tui.presentation.launch_view import HEAD_LINES, TAIL_LINES, head_lines, tail_lines
from tui.presentation.rows import AGENT_COLUMNS, agent_row
from tui.widgets.text_lines import TextLines
from tui.widgets.virtual_table import VirtualTable


class Launch(NamedTuple):
    """What the admin chose."""

    agent: str
    mode: CopyMode


class LaunchScreen(ModalScreen[Launch | None]):
    """Dismisses with a choice, or with None."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "cancel", show=False, id="launch.cancel"),
        Binding("m", "mode", show=False, id="launch.mode"),
    ]

    DEFAULT_CSS = """
    LaunchScreen {
        align: center middle;
        & > Vertical {
            width: 76; max-width: 96%; height: auto; max-height: 96%;
            background: $surface; border: solid $border; padding: 0 1;
            border-title-color: $text-accent;
        }
        & > Vertical.-ascii { border: ascii $border; }
        & VirtualTable, & VirtualTable:focus { height: 6; border: none; }
    }
    """

    def __init__(
        self, definition: DefinitionRow, agents: list[AgentRow], last: RunRow | None, now: int, glyphs: Glyphs
    ) -> None:
        super().__init__()
        self._definition = definition
        self._agents = agents
        self._last = last
        self._now = now
        self._glyphs = glyphs
        self._mode = CopyMode(definition.copy_mode)

    def compose(self) -> ComposeResult:
        with Vertical(classes="" if self._glyphs.unicode else "-ascii"):
            yield TextLines(HEAD_LINES, glyphs=self._glyphs, id="head")
            yield VirtualTable(
                AGENT_COLUMNS,
                glyphs=self._glyphs,
                empty_text="No agent yet: 'longshore agent token' makes a token to register one with.",
                id="agents",
            )
            yield TextLines(TAIL_LINES, glyphs=self._glyphs, id="tail")

    def on_mount(self) -> None:
        self._draw()
        table = self.query_one(VirtualTable)
        self.set_focus(table)
        names = [agent.name for agent in self._agents]
        if self._definition.agent_name in names:
            table.reload(self._definition.agent_name)

    @on(VirtualTable.WindowNeeded)
    def _window_needed(self, event: VirtualTable.WindowNeeded) -> None:
        event.stop()
        rows = [agent_row(agent, self._now, self._glyphs) for agent in self._agents]
        event.table.load(event.direction, event.anchor_key, rows, True, True)

    @on(VirtualTable.RowHighlighted)
    def _row_highlighted(self, event: VirtualTable.RowHighlighted) -> None:
        event.stop()
        self._draw()

    @on(VirtualTable.RowChosen)
    def _row_chosen(self, event: VirtualTable.RowChosen) -> None:
        event.stop()
        self.dismiss(Launch(event.key, self._mode))

    def _draw(self) -> None:
        chosen = self._chosen()
        self.query_one("#head", TextLines).set_lines(head_lines(self._definition, self._mode, self._glyphs))
        tail = tail_lines(self._last, chosen, self._now, self._glyphs)
        self.query_one("#tail", TextLines).set_lines(tail)

    def _chosen(self) -> AgentRow | None:
        key = self.query_one(VirtualTable).cursor_key
        return next((agent for agent in self._agents if agent.name == key), None)

    def action_mode(self) -> None:
        """The other mode, for this run only."""
        self._mode = CopyMode.MIRROR if self._mode == CopyMode.ADDITIVE else CopyMode.ADDITIVE
        self._draw()

    def action_cancel(self) -> None:
        self.dismiss(None)
