"""The heads of a mover's and an agent's screens: who is there, what runs, what came of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from store.display import display
from store.lifecycle import OFFLINE_AFTER_INTERVALS
from store.queries.overview import AgentOverview, MoverOverview
from store.vocabulary import AgentStatus, JobRunStatus, RunKind
from tui.presentation import format as figures
from tui.presentation.cells import Cell
from tui.presentation.glyphs import Glyphs
from tui.presentation.rows import ago
from tui.presentation.states import agent_state, run_state

Line = list[Cell]

MOVER_LINES = 4
AGENT_LINES = 4
_TITLE_CELLS = 7

_AGENTS_IN_ORDER = (
    AgentStatus.REQUIRES_ATTENTION,
    AgentStatus.OFFLINE,
    AgentStatus.EXECUTING,
    AgentStatus.ONLINE,
    AgentStatus.REGISTERING,
    AgentStatus.UNREGISTERING,
)
_ENDED_IN_ORDER = (JobRunStatus.FAILED, JobRunStatus.SUCCEEDED, JobRunStatus.CANCELED)

ADVICE = {
    "DuplicateIdentity": "Stop the one that should not be, or register it under a name of its own.",
}
"""What to do about an agent's error."""


def mover_lines(mover: MoverOverview, glyphs: Glyphs) -> list[Line]:
    """``MOVER_LINES`` lines: the mover, its agents by state, its runs that have not ended, and those that have."""
    return [
        [Cell(mover.name, "strong"), Cell(f"  {display(mover.description)}" if mover.description else "", "dim")],
        _agents(mover, glyphs),
        _active(mover.active, mover.rate, glyphs),
        _ended(mover, glyphs),
    ]


def agent_lines(agent: AgentOverview, now: int, glyphs: Glyphs) -> list[Line]:
    """``AGENT_LINES`` lines: how it is and where, its heartbeat, what it does, and what to do about it."""
    dot = f"  {glyphs.separator}  "
    machine = [
        f"{agent.cores} cores" if agent.cores else "",
        f"{figures.size(agent.memory_mb * 1024 * 1024)} memory" if agent.memory_mb else "",
        f"time zone {display(agent.time_zone)}" if agent.time_zone else "",
    ]
    where = display(agent.host) or "an unknown host"
    address = f" ({display(agent.address)})" if agent.address else ""
    return [
        [
            agent_state(agent.status, glyphs),
            Cell(f"  on {where}{address}", "strong"),
            Cell(dot + f"version {display(agent.version) or figures.UNKNOWN}", "dim"),
            *(Cell(dot + fact, "dim") for fact in machine if fact),
        ],
        _beat(agent, now, dot),
        [*_active(agent.active, agent.rate, glyphs), Cell(dot + f"upload limit: {_limit(agent)}", "dim")],
        _trouble(agent, now, glyphs),
    ]


def _agents(mover: MoverOverview, glyphs: Glyphs) -> Line:
    if not mover.agents:
        return [_title("Agents"), Cell("none yet: A registers one", "warn")]
    return [_title("Agents"), *_counted((agent_state(s, glyphs), mover.agents.get(s, 0)) for s in _AGENTS_IN_ORDER)]


def _active(active: Mapping[JobRunStatus, int], rate: float, glyphs: Glyphs) -> Line:
    if not active:
        return [_title("Runs"), Cell("none now", "dim")]
    states = sorted(active, key=list(JobRunStatus).index, reverse=True)
    line = [_title("Runs"), *_counted((run_state(status, glyphs), active[status]) for status in states)]
    return [*line, Cell(f"{figures.rate(rate)} now", "strong")] if rate else line


def _ended(mover: MoverOverview, glyphs: Glyphs) -> Line:
    """What all copies came to; previews and verifies are no copies."""
    copies = {t.status: t for t in mover.ended if t.kind == RunKind.COPY}
    if not copies:
        return [_title("Copies"), Cell("none has ended yet", "dim")]
    moved = sum(total.counters["bytes_transferred"] for total in copies.values())
    counted = _counted((run_state(s, glyphs), copies[s].runs if s in copies else 0) for s in _ENDED_IN_ORDER)
    return [_title("Copies"), *counted, Cell(f"{figures.size(moved)} in all", "dim")]


def _counted(states: Iterable[tuple[Cell, int]]) -> Line:
    """Each state that there is any of: ``✗ 3 failed``."""
    return [
        Cell(f"{state.text[:1]} {figures.count(number)} {state.text[2:].lower()}   ", state.style)
        for state, number in states
        if number
    ]


def _title(word: str) -> Cell:
    return Cell(f"{word:<{_TITLE_CELLS}}", "dim")


def _beat(agent: AgentOverview, now: int, dot: str) -> Line:
    every = f"every {figures.duration(agent.heartbeat_ms / 1000)}"
    beat = "never" if agent.last_beat is None else ago(now, agent.last_beat)
    style = "warn" if agent.status == AgentStatus.OFFLINE else ""
    up = f"{dot}up {figures.duration(agent.uptime_seconds)}" if agent.uptime_seconds and style == "" else ""
    registered = f"{dot}registered {ago(now, agent.registered_at)}" if agent.registered_at else ""
    by = f" by {display(agent.registered_by)}" if agent.registered_by and registered else ""
    return [_title("Beat"), Cell(beat, style or "strong"), Cell(f", {every}{up}{registered}{by}", "dim")]


def _limit(agent: AgentOverview) -> str:
    """How many windows of time it is limited in: they are too many for a line."""
    windows = (agent.upload_limit or {}).get("weeklyRecurrences") or []
    if not isinstance(windows, list) or not windows:
        return "none"
    return f"in {len(windows)} {'window' if len(windows) == 1 else 'windows'} of the week"


def _trouble(agent: AgentOverview, now: int, glyphs: Glyphs) -> Line:
    if agent.error_code:
        advice = ADVICE.get(agent.error_code, "")
        told = f"{display(agent.error_code)}: {display(agent.error_message)}. {advice}".strip()
        return [Cell(f"{glyphs.attention} {told}", "bad")]
    if agent.last_beat is not None and now < agent.last_beat - agent.heartbeat_ms:
        return [
            Cell(
                f"{glyphs.attention} Its last heartbeat lies ahead of the store's clock: see 'longshore doctor'.",
                "warn",
            )
        ]
    if agent.status == AgentStatus.OFFLINE:
        work = sum(agent.active.values())
        does = f"; {work} {'run waits' if work == 1 else 'runs wait'} for it" if work else ""
        text = f"No heartbeat for {OFFLINE_AFTER_INTERVALS} intervals{does}: start it with 'longshore-agent run'."
        return [Cell(f"{glyphs.attention} {text}", "warn")]
    if agent.status == AgentStatus.REGISTERING:
        return [Cell(f"{glyphs.waiting} Registered, and never started: start it with 'longshore-agent run'.", "warn")]
    return [Cell(display(agent.description), "dim")] if agent.description else []
