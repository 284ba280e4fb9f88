"""The launch sheet: what for, which agent, which mode, what the last pass did; enter starts the run."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, cast

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen

from store.queries.hierarchy import AgentRow
from store.vocabulary import CopyMode, Guard, RunKind
from tui.actions import LAUNCH_PLACE
from tui.commands import Launch
from tui.keymap import DEFAULT, Keymap
from tui.launch_source import LaunchFacts
from tui.presentation.glyphs import Glyphs
from tui.presentation.guard_view import GUARD_LINES, guard_lines, overridable, typed_guards, why_none
from tui.presentation.launch_view import HEAD_LINES, TAIL_LINES, Choice, head_lines, tail_lines, why_fixed
from tui.presentation.rows import AGENT_COLUMNS, agent_row
from tui.screens.base import bindings_of, rebind
from tui.widgets.override_line import OverrideLine
from tui.widgets.text_lines import TextLines
from tui.widgets.virtual_table import VirtualTable

if TYPE_CHECKING:
    from tui.app import LongshoreApp


def _bindings(keymap: Keymap) -> list[BindingType]:
    """The sheet's keys; what quits elsewhere leaves it."""
    leaving = f"escape,{keymap.action('quit').keys}"
    return [
        Binding(leaving, "cancel", "Leave without a start", show=False, id="launch.cancel"),
        *bindings_of(LAUNCH_PLACE, keymap),
    ]


class LaunchScreen(ModalScreen[Launch | None]):
    """Dismisses with a choice, or with None."""

    PLACE = LAUNCH_PLACE
    BINDINGS: ClassVar[list[BindingType]] = _bindings(DEFAULT)

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
        & .-guarded VirtualTable, & .-guarded VirtualTable:focus { height: 4; }
    }
    """

    def __init__(self, facts: LaunchFacts, kind: RunKind, glyphs: Glyphs) -> None:
        """Offer a run of ``kind``; with a plan in the facts it is a copy, in the plan's mode."""
        super().__init__()
        self._facts = facts
        self._glyphs = glyphs
        self._offered = overridable(facts.watched)
        self._kind = kind
        self._mode = CopyMode(facts.plan.copy_mode if facts.plan else facts.definition.copy_mode)
        self._overrides: tuple[Guard, ...] = ()
        self._refusal = ""

    def compose(self) -> ComposeResult:
        names = ["" if self._glyphs.unicode else "-ascii", "-guarded" if self._offered else ""]
        with Vertical(classes=" ".join(names).strip()):
            yield TextLines(HEAD_LINES, glyphs=self._glyphs, id="head")
            yield VirtualTable(
                AGENT_COLUMNS,
                glyphs=self._glyphs,
                empty_text="No agent yet: 'longshore agent token' makes a token to register one with.",
                id="agents",
            )
            if self._offered:
                yield TextLines(GUARD_LINES, glyphs=self._glyphs, id="guards")
            yield OverrideLine()
            yield TextLines(TAIL_LINES, glyphs=self._glyphs, id="tail")

    def on_mount(self) -> None:
        keymap = cast("LongshoreApp", self.app).keymap
        rebind(self, _bindings(keymap), keymap)
        self._draw()
        table = self.query_one(VirtualTable)
        self.set_focus(table)
        names = [agent.name for agent in self._facts.agents]
        if self._facts.definition.agent_name in names:
            table.reload(self._facts.definition.agent_name)

    @on(VirtualTable.WindowNeeded)
    def _window_needed(self, event: VirtualTable.WindowNeeded) -> None:
        event.stop()
        rows = [agent_row(agent, self._facts.now, self._glyphs) for agent in self._facts.agents]
        event.table.load(event.direction, event.anchor_key, rows, True, True)

    @on(VirtualTable.RowHighlighted)
    def _row_highlighted(self, event: VirtualTable.RowHighlighted) -> None:
        event.stop()
        self._draw()

    @on(VirtualTable.RowChosen)
    def _row_chosen(self, event: VirtualTable.RowChosen) -> None:
        event.stop()
        choice = self._choice
        self.dismiss(
            Launch(
                event.key,
                choice.kind,
                choice.mode,
                choice.plan.id if choice.plan is not None else None,
                choice.overrides,
            )
        )

    @property
    def _choice(self) -> Choice:
        """What enter would start; a verify run has no guards, whatever was typed before."""
        overrides = () if self._kind == RunKind.VERIFY else self._overrides
        return Choice(self._kind, self._mode, self._facts.plan, overrides)

    def _draw(self) -> None:
        choice, facts = self._choice, self._facts
        self.query_one("#head", TextLines).set_lines(head_lines(facts.definition, facts.detail, choice, self._glyphs))
        if self._offered:
            lines = guard_lines(facts.watched, self._offered, choice.overrides, choice.kind, self._glyphs)
            self.query_one("#guards", TextLines).set_lines(lines)
        tail = tail_lines(
            facts.last,
            facts.found,
            facts.detail,
            self._chosen(),
            choice,
            facts.now,
            self._glyphs,
            guarded=bool(self._offered),
            typing=self.query_one(OverrideLine).display,
            refusal=self._refusal,
        )
        self.query_one("#tail", TextLines).set_lines(tail)

    def _chosen(self) -> AgentRow | None:
        key = self.query_one(VirtualTable).cursor_key
        return next((agent for agent in self._facts.agents if agent.name == key), None)

    # Actions

    def action_act(self, identity: str) -> None:
        """Do an action of the registry, or say why it cannot be done."""
        self._refusal = self.why_not(identity)
        if not self._refusal:
            getattr(self, "do_" + identity.replace(".", "_"))()
        self._draw()

    def why_not(self, identity: str) -> str:
        """Why an action is disabled now; empty when it is not."""
        if identity in ("run.start", "run.preview", "run.verify", "launch.mode"):
            return why_fixed(self._choice)
        return why_none(self._kind, self._offered) if identity == "launch.override" else ""

    def do_run_start(self) -> None:
        self._kind = RunKind.COPY

    def do_run_preview(self) -> None:
        self._kind = RunKind.PREVIEW

    def do_run_verify(self) -> None:
        self._kind = RunKind.VERIFY

    def do_launch_mode(self) -> None:
        """The other mode, for this run only."""
        self._mode = CopyMode.MIRROR if self._mode == CopyMode.ADDITIVE else CopyMode.ADDITIVE

    def do_launch_override(self) -> None:
        """Ask for names; until they are typed, every guard is on."""
        self._overrides = ()
        self.query_one(OverrideLine).begin()

    def do_help(self) -> None:
        from tui.flows.helping import show_help

        show_help(self)

    def action_cancel(self) -> None:
        self.dismiss(None)

    # Guards

    @on(OverrideLine.Typed)
    def _typed(self, event: OverrideLine.Typed) -> None:
        try:
            self._overrides = typed_guards(event.text, self._offered)
        except ValueError as error:
            self._refusal = str(error)
            self._draw()
        else:
            self._leave_line()

    @on(OverrideLine.Left)
    def _leave_line(self) -> None:
        """Back to the agents: enter starts, with what is overridden said beside it."""
        self._refusal = ""
        self.query_one(OverrideLine).end()
        self.set_focus(self.query_one(VirtualTable))
        self._draw()
