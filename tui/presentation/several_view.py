"""The words for several runs at once: what is started or stopped, what is left out, and why."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from store.display import display
from store.queries.hierarchy import AgentRow
from store.queries.runs import RunRow
from store.vocabulary import AgentStatus, CopyMode, RunKind
from tui.deeds import StartToCheck
from tui.presentation.cells import Cell, Column, Row
from tui.presentation.glyphs import Glyphs
from tui.presentation.listed import Listed, counted
from tui.presentation.states import agent_state, run_state

START_COLUMNS = (
    Column("Definition", None, min_width=20, priority=9),
    Column("Agent", 12, priority=8),
    Column("State", 20, priority=7),
    Column("Mode", 8, priority=6),
)
STOP_COLUMNS = (
    Column("Run", None, min_width=20, priority=9, keep="#"),
    Column("Agent", 12, priority=8),
    Column("State", 20, priority=7),
)
_WHAT = {RunKind.COPY: "run", RunKind.PREVIEW: "preview", RunKind.VERIFY: "verify run"}


class Start(NamedTuple):
    """One of several starts."""

    start: StartToCheck
    agent: AgentRow | None
    """The chosen one as it is now; None when there is none of that name."""
    plan_number: int | None = None
    """The preview that is carried out."""
    refusal: str = ""
    """Why it cannot be started; empty when it can."""


class Stop(NamedTuple):
    """One of several runs to stop."""

    run: RunRow
    refusal: str = ""


def started_question(starts: Sequence[Start], kind: RunKind) -> list[str]:
    """What is asked before several are started."""
    going = [one for one in starts if not one.refusal]
    if not going:
        return [f"None of the {len(starts):,} can be started: the list says why."]
    lines = [f"Start {counted(len(going), _WHAT[kind])}?"]
    lines += _left_out(len(starts) - len(going), "started")
    mirrors = sum(one.start.launch.mode == CopyMode.MIRROR for one in going)
    if mirrors and kind == RunKind.COPY:
        does = "is a Mirror: it also DELETES" if mirrors == 1 else "are Mirrors: they also DELETE"
        lines.append(f"{mirrors:,} of them {does} from the target what the source has not.")
    return lines


def stopped_question(stops: Sequence[Stop]) -> list[str]:
    """What is asked before several are stopped."""
    going = sum(not one.refusal for one in stops)
    if not going:
        return [f"None of the {len(stops):,} can be stopped: the list says why."]
    return [
        f"Stop {counted(going, 'run')}?",
        "What was copied stays; new runs copy only what is missing.",
        *_left_out(len(stops) - going, "stopped"),
    ]


def starts_listed(starts: Sequence[Start], glyphs: Glyphs) -> Listed:
    """All that was marked, each with its agent, or with why it is left out."""
    return Listed(
        START_COLUMNS,
        tuple(_start_row(number, one, glyphs) for number, one in enumerate(starts)),
        {str(number): _about_start(one) for number, one in enumerate(starts)},
    )


def stops_listed(stops: Sequence[Stop], glyphs: Glyphs) -> Listed:
    """All that was marked, each with its state."""
    return Listed(
        STOP_COLUMNS,
        tuple(_stop_row(number, one, glyphs) for number, one in enumerate(stops)),
        {str(number): one.refusal for number, one in enumerate(stops)},
    )


def ended_words(run: RunRow) -> str:
    """Why a run cannot be stopped; empty when it can."""
    if run.active:
        return ""
    return f"The run {run.label} has ended ({run.status}): there is nothing to stop."


def _left_out(number: int, done: str) -> list[str]:
    if not number:
        return []
    stay = "is" if number == 1 else "are"
    return [f"{number:,} of those marked cannot be {done} and {stay} left out: the list says why."]


def _start_row(number: int, one: Start, glyphs: Glyphs) -> Row:
    launch = one.start.launch
    name = one.start.definition + (f" (plan of #{one.plan_number})" if one.plan_number is not None else "")
    if one.refusal:
        state = Cell(f"{glyphs.attention} left out", "warn")
        return Row(str(number), (Cell(name, "dim"), Cell(launch.agent, "dim"), state, Cell(launch.mode, "dim")))
    deletes = launch.mode == CopyMode.MIRROR and launch.kind == RunKind.COPY
    state = agent_state(one.agent.status, glyphs) if one.agent is not None else Cell("")
    return Row(
        str(number), (Cell(name, "strong"), Cell(launch.agent), state, Cell(launch.mode, "warn" if deletes else ""))
    )


def _about_start(one: Start) -> str:
    if one.refusal:
        return display(one.refusal)
    if one.agent is not None and one.agent.status == AgentStatus.OFFLINE:
        return f"{one.agent.name} is Offline: the run waits in Queued until it is started."
    return ""


def _stop_row(number: int, one: Stop, glyphs: Glyphs) -> Row:
    run = one.run
    look = "dim" if one.refusal else "strong"
    return Row(str(number), (Cell(run.label, look), Cell(run.agent_name), run_state(run.status, glyphs)))
