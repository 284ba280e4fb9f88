"""The heads of a mover's and an agent's screens: who is there, what runs, what came of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from store.display import display
from store.lifecycle import OFFLINE_AFTER_INTERVALS
from store.queries.overview import AgentOverview, MoverOverview
from store.vocabulary import AgentStatus, JobRunStatus, RunKind
from tui.keymap import key
from tui.presentation import format as figures
from tui.presentation.cells import Cell
from tui.presentation.glyphs import Glyphs
from tui.presentation.rows import ago
from tui.presentation.states import agent_state, run_state

Line = list[Cell]

MOVER_LINES = 4
AGENT_LINES = 4
_TITLE_CELLS = 7
_GAP = "   "
"""Between two facts."""

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
    agents = _counted((agent_state(state, glyphs), mover.agents.get(state, 0)) for state in _AGENTS_IN_ORDER)
    return [
        [Cell(mover.name, "strong"), Cell(f"  {display(mover.description)}" if mover.description else "", "dim")],
        _facts("Agents", agents or [Cell(f"none yet: {key('agent.register')} registers one", "warn")]),
        _facts("Runs", _active(mover.active, mover.rate, glyphs)),
        _facts("Copies", _ended(mover, glyphs)),
    ]


def agent_lines(agent: AgentOverview, now: int, glyphs: Glyphs) -> list[Line]:
    """``AGENT_LINES`` lines: how it is and where, its heartbeat, what it does, and what to do about it."""
    address = f" ({display(agent.address)})" if agent.address else ""
    machine = [
        f"version {display(agent.version) or figures.UNKNOWN}",
        f"{agent.cores} cores" if agent.cores else "",
        f"{figures.size(agent.memory_mb * 1024 * 1024)} RAM" if agent.memory_mb else "",
        f"time zone {display(agent.time_zone)}" if agent.time_zone else "",
    ]
    return [
        [
            agent_state(agent.status, glyphs),
            Cell(f"  on {display(agent.host) or 'an unknown host'}{address}", "strong"),
            *(Cell(_GAP + fact, "dim") for fact in machine if fact),
        ],
        _facts("Beat", _beat(agent, now)),
        _facts("Runs", [*_active(agent.active, agent.rate, glyphs), Cell(f"upload limit: {_limit(agent)}", "dim")]),
        _trouble(agent, glyphs),
    ]


def _facts(title: str, facts: Line) -> Line:
    """A line of facts behind its title."""
    apart = [part for fact in facts for part in (Cell(_GAP), fact)]
    return [Cell(f"{title:<{_TITLE_CELLS}}", "dim"), *apart[1:]]


def _active(active: Mapping[JobRunStatus, int], rate: float, glyphs: Glyphs) -> Line:
    if not active:
        return [Cell("none now", "dim")]
    states = sorted(active, key=list(JobRunStatus).index, reverse=True)
    line = _counted((run_state(status, glyphs), active[status]) for status in states)
    return [*line, Cell(f"{figures.rate(rate)} now", "strong")] if rate else line


def _ended(mover: MoverOverview, glyphs: Glyphs) -> Line:
    """What all copies came to; previews and verifies are no copies."""
    copies = {t.status: t for t in mover.ended if t.kind == RunKind.COPY}
    if not copies:
        return [Cell("none has ended yet", "dim")]
    moved = sum(total.counters["bytes_transferred"] for total in copies.values())
    counted = _counted((run_state(s, glyphs), copies[s].runs if s in copies else 0) for s in _ENDED_IN_ORDER)
    return [*counted, Cell(f"{figures.size(moved)} in all", "dim")]


def _counted(states: Iterable[tuple[Cell, int]]) -> Line:
    """Each state that there is any of: ``✗ 3 failed``."""
    return [
        Cell(f"{state.text[:1]} {figures.count(number)} {state.text[2:].lower()}", state.style)
        for state, number in states
        if number
    ]


def _beat(agent: AgentOverview, now: int) -> Line:
    beat = "never" if agent.last_beat is None else ago(now, agent.last_beat)
    alive = agent.status not in (AgentStatus.OFFLINE, AgentStatus.REGISTERING)
    facts = [f"every {figures.duration(agent.heartbeat_ms / 1000)}"]
    if agent.uptime_seconds and alive:
        facts.append(f"up {figures.duration(agent.uptime_seconds)}")
    if agent.registered_at:
        facts.append(f"registered {ago(now, agent.registered_at)}")
    return [Cell(beat, "strong" if alive else "warn"), *(Cell(fact, "dim") for fact in facts)]


def _limit(agent: AgentOverview) -> str:
    """In how many windows of time it is to be limited: they are too many for a line. No agent is held to it yet."""
    windows = (agent.upload_limit or {}).get("weeklyRecurrences")
    if not isinstance(windows, list) or not windows:
        return "none"
    return f"in {len(windows)} {'window' if len(windows) == 1 else 'windows'} of the week, not enforced yet"


def _trouble(agent: AgentOverview, glyphs: Glyphs) -> Line:
    if agent.error_code:
        advice = ADVICE.get(agent.error_code, "")
        told = f"{display(agent.error_code)}: {display(agent.error_message)}. {advice}".strip()
        return [Cell(f"{glyphs.attention} {told}", "bad")]
    if agent.status == AgentStatus.OFFLINE:
        work = sum(agent.active.values())
        does = f"; {work} {'run waits' if work == 1 else 'runs wait'} for it" if work else ""
        text = f"No heartbeat for {OFFLINE_AFTER_INTERVALS} intervals{does}: start it with 'longshore-agent run'."
        return [Cell(f"{glyphs.attention} {text}", "warn")]
    if agent.status == AgentStatus.REGISTERING:
        return [Cell(f"{glyphs.waiting} Registered, and never started: start it with 'longshore-agent run'.", "warn")]
    return [Cell(display(agent.description), "dim")] if agent.description else []
