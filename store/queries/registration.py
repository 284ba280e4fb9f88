"""What became of a registration token: for whoever waits for the agent that uses it."""

from __future__ import annotations

from typing import NamedTuple

from store.queries.hierarchy import AgentRow, agent
from store.reader import Reader


class TokenState(NamedTuple):
    """A token as it is now."""

    expires_at: int
    used_by: str
    """The name of the agent that registered with it; empty before."""
    agent: AgentRow | None
    """That agent; None before, and when it has been unregistered since."""
    now: int


def token_state(reader: Reader, token_id: int) -> TokenState | None:
    """What became of a token; None when its mover was deleted."""
    row = reader.row(
        """SELECT t.expires_at, t.used_by, a.id AS agent_id FROM registration_token t
           LEFT JOIN agent a ON a.mover_id = t.mover_id AND a.name = t.used_by WHERE t.id = :id""",
        {"id": token_id},
    )
    if row is None:
        return None
    found = None if row["agent_id"] is None else agent(reader, row["agent_id"])
    return TokenState(row["expires_at"], row["used_by"], found, reader.now())
