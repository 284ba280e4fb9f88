"""The words of giving a run to another agent."""

from __future__ import annotations

from collections.abc import Sequence

from store.display import display
from store.queries.hierarchy import AgentRow
from store.vocabulary import AgentStatus
from tui.deeds import RunToGive
from tui.presentation.glyphs import Glyphs
from tui.presentation.listed import Listed
from tui.presentation.rows import AGENT_COLUMNS, agent_row


def choice_lines(run: RunToGive) -> list[str]:
    """What is asked first: which agent."""
    return [f"Hand the run {run.label} over to which agent?", f"Now it is given to '{run.agent}'."]


def agents_listed(agents: Sequence[AgentRow], now: int, glyphs: Glyphs) -> Listed:
    """The agents that it could be given to, with what is to be known of each."""
    return Listed(
        AGENT_COLUMNS,
        tuple(agent_row(agent, now, glyphs) for agent in agents),
        {agent.name: _warning(agent) for agent in agents},
    )


def question(run: RunToGive, agent: str) -> list[str]:
    """What is asked before it is done."""
    return [
        f"Hand the run {run.label} from '{run.agent}' to '{agent}'?",
        f"'{agent}' must find the same at '{display(run.source)}' and '{display(run.target)}', and goes on "
        "where the run stands.",
        f"What '{run.agent}' still reports of this run is refused from then on.",
    ]


def done_words(run: RunToGive, agent: AgentRow | None, name: str) -> str:
    """What is said after."""
    words = f"Handed {run.label} over to '{name}'"
    if agent is not None and agent.status == AgentStatus.OFFLINE:
        return f"{words}, which is Offline: the run waits until it is started."
    return f"{words}."


def _warning(agent: AgentRow) -> str:
    match agent.status:
        case AgentStatus.OFFLINE:
            return f"{agent.name} is Offline: the run waits until it is started."
        case AgentStatus.REQUIRES_ATTENTION:
            return f"{agent.name} requires attention: {display(agent.error_message)}"
        case _:
            return ""
