"""The words of the launch sheet: what will be copied, in which mode, and what the last pass did."""

from __future__ import annotations

from store.display import display
from store.queries.hierarchy import AgentRow, DefinitionRow
from store.queries.runs import RunRow
from store.vocabulary import AgentStatus, CopyMode
from tui.presentation import format as figures
from tui.presentation.cells import Cell
from tui.presentation.glyphs import Glyphs
from tui.presentation.rows import ago
from tui.presentation.states import run_state

Line = list[Cell]
HEAD_LINES = 6
TAIL_LINES = 5

_MODES = {
    CopyMode.ADDITIVE: "copies what is new or differs; deletes nothing",
    CopyMode.MIRROR: "also DELETES from the target what the source has not",
}


def head_lines(definition: DefinitionRow, mode: CopyMode, glyphs: Glyphs) -> list[Line]:
    """What will run."""
    source = _place(definition.source, definition.source_subpath)
    target = _place(definition.target, definition.target_subpath)
    other = " (for this run only)" if mode != definition.copy_mode else ""
    return [
        [Cell("Start a run of ", "dim"), Cell(f"{definition.project}/{definition.name}", "strong")],
        [],
        [Cell("From  ", "dim"), Cell(source), Cell(f"  {glyphs.arrow_right}  ", "dim"), Cell(target)],
        [
            Cell("Mode  ", "dim"),
            Cell(mode + other, "warn" if mode == CopyMode.MIRROR else "strong"),
            Cell(f"  {_MODES[mode]}", "dim"),
        ],
        [],
        [Cell("The agent may read the source and write the target until the run ends", "dim")],
    ]


def tail_lines(last: RunRow | None, agent: AgentRow | None, now: int, glyphs: Glyphs) -> list[Line]:
    """What the last pass did, what is to be known of the chosen agent, and the keys."""
    return [
        [],
        _last_pass(last, now, glyphs),
        _warning(agent, glyphs),
        [],
        [
            Cell("enter", "accent"),
            Cell(" start   "),
            Cell("m", "accent"),
            Cell(" other mode   "),
            Cell("esc", "accent"),
            Cell(" leave"),
        ],
    ]


def _last_pass(last: RunRow | None, now: int, glyphs: Glyphs) -> Line:
    if last is None:
        return [Cell("Last pass  ", "dim"), Cell("none yet: this is the first")]
    state = run_state(last.status, glyphs)
    counters = last.counters
    told = f"  {figures.compact(counters['items_transferred'])} copied, {figures.size(counters['bytes_transferred'])}"
    if counters["items_failed"]:
        told += f", {figures.compact(counters['items_failed'])} failed"
    return [Cell(f"Last pass  #{last.number} ", "dim"), state, Cell(told), Cell(f"  {ago(now, last.ended)}", "dim")]


def _warning(agent: AgentRow | None, glyphs: Glyphs) -> Line:
    if agent is None:
        return []
    if agent.status == AgentStatus.OFFLINE:
        return [
            Cell(f"{glyphs.attention} {agent.name} is Offline: the run waits in Queued until it is started", "warn")
        ]
    if agent.status == AgentStatus.REQUIRES_ATTENTION:
        return [Cell(f"{glyphs.attention} {agent.name} requires attention: {display(agent.error_message)}", "bad")]
    return []


def _place(name: str, sub_path: str) -> str:
    return f"{name}/{display(sub_path)}" if sub_path else name
