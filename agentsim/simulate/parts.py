"""The parts of a story: which agents there are, which runs, and what befalls them. Data only.

Story times are milliseconds since the story began.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from agentsim.engine.guards import Stop
from agentsim.engine.verdict import Verdict
from store.execution.trust import AgentFacts
from store.vocabulary import CopyMode, RunKind

Totals = tuple[int, ...]
"""Items by outcome and then bytes by outcome, each in the order of ``board.NAMES``."""


class Trouble(StrEnum):
    """What can befall an agent. It keeps its identity, since its state directory survives."""

    NONE = "none"
    CRASHED = "crashed"
    """Its process dies and starts again: its runs go on with a higher fence."""
    STALLED = "stalled"
    """Its host freezes and comes back; what it held may be another's by then."""
    LOST = "lost"
    """Its host is gone for good."""
    DUPLICATED = "duplicated"
    """A copy of its state directory is started on another host while it works."""
    MOVED = "moved"
    """The same while its own host is frozen: the copy takes its place, and it wakes to find so."""
    UNREGISTERED = "unregistered"
    """An admin ends its trust while its process is there."""


@dataclass(frozen=True)
class AgentPart:
    """One agent's part.

    Attributes:
        mover: the mover that it registers with.
        name: its name.
        facts: what it says of its host.
        host_key: what tells its host from others.
        heartbeat_ms: its interval.
        joins_at: when it registers.
        drift: how much faster its host's clock goes than the store's; 0.01 is 1 %.
        clock_step_ms: by how much its host's clock is set while it runs.
        trouble: what befalls it.
        trouble_at: when.
        trouble_ms: for how long, as far as it ends.
        seed: of its own chances.
    """

    mover: str
    name: str
    facts: AgentFacts
    host_key: str
    heartbeat_ms: int
    joins_at: int
    drift: float
    clock_step_ms: int
    trouble: Trouble
    trouble_at: int
    trouble_ms: int
    seed: int

    @property
    def key(self) -> str:
        """``MOVER/AGENT``."""
        return f"{self.mover}/{self.name}"


@dataclass(frozen=True)
class RunPart:
    """One run's part: how it would end if nobody interfered, and who does.

    Attributes:
        number: counts the story's runs from 0.
        mover: the mover of its definition.
        definition: ``PROJECT/DEFINITION``.
        agent: the name of the chosen agent.
        starts_at: when an admin starts it.
        kind: what it is for.
        copy_mode: its mode.
        preflight_ms: from its claim to its first progress.
        duration_ms: from there to its end.
        totals: its counters at its end.
        stops: the guards that keep it from deleting.
        failure: how it ends early, or None.
        fails_at: the share of its way at which it does; 0 is in its preflight.
        worker_dies_at: the share of its way at which its worker dies once, or None.
        cancel_at: when an admin stops it, or None.
        deaf: its worker hangs, so that a cancel runs into its deadline.
        started_twice: a second admin starts it too.
        seed: of its items.
    """

    number: int
    mover: str
    definition: str
    agent: str
    starts_at: int
    kind: RunKind
    copy_mode: CopyMode
    preflight_ms: int
    duration_ms: int
    totals: Totals
    stops: tuple[Stop, ...]
    failure: Verdict | None
    fails_at: float
    worker_dies_at: float | None
    cancel_at: int | None
    deaf: bool
    started_twice: bool
    seed: int

    @property
    def place(self) -> tuple[str, str]:
        """The mover and the path of its definition: one run at a time is active there."""
        return self.mover, self.definition


@dataclass(frozen=True)
class Scenario:
    """A whole story: what is applied before it, who is in it, and its length in milliseconds."""

    seed: int
    length_ms: int
    plan: dict[str, Any]
    agents: tuple[AgentPart, ...]
    runs: tuple[RunPart, ...]
    unmanned: tuple[tuple[str, str], ...]
    """Mover and path of definitions that no agent was chosen for: an admin tries to start them, and is refused."""
