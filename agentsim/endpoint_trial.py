"""A worker's other errand: trying an endpoint for an admin, a step at a time (``agentsim.endpoint_tests``)."""

from __future__ import annotations

import contextlib
import os
import threading
from dataclasses import asdict
from typing import Any

from agentsim.engine.channel import Channel
from agentsim.engine.errors import Canceled, RunStopped, Side
from agentsim.engine.lease import ORPHANED, Lease
from agentsim.places.opening import open_side
from agentsim.places.place import Opening
from agentsim.places.probing import Step, try_place
from agentsim.places.secrets import Secrets
from store import codes

_CREDENTIALS = frozenset({codes.CREDENTIAL_UNRESOLVED, codes.KEY_VAULT})


def try_endpoint(agent: Channel, properties: dict[str, Any], writes: bool, deadline: float) -> None:
    """Tell each step as it comes; the last one is the first that failed.

    Args:
        agent: who is told, and whose end is this process's.
        properties: the endpoint's, as ARM names them.
        writes: whether a probe is written and deleted.
        deadline: the end of the grant, seconds on CLOCK_BOOTTIME.

    Raises:
        OSError: the agent is gone.
    """
    threading.Thread(target=_end_with, args=(agent,), daemon=True).start()
    secrets = Secrets.taken_for(properties)
    opening = Opening(side=Side.TARGET if writes else Side.SOURCE, writes=writes, sub_path=b"", lease=Lease(deadline))
    try:
        place = open_side(properties, opening, secrets)
    except RunStopped as stop:
        name = "authenticate" if stop.code in _CREDENTIALS else "reach"
        _tell(agent, Step(name=name, ok=False, code=stop.code, message=stop.message, milliseconds=0))
        return
    try:
        with contextlib.suppress(Canceled):
            for step in try_place(place, writes):
                _tell(agent, step)
    finally:
        place.close()
        secrets.forget()


def _tell(agent: Channel, step: Step) -> None:
    agent.send(("step", asdict(step)))


def _end_with(agent: Channel) -> None:
    """Nothing more is said by an agent that is there: whatever is read is its end."""
    agent.recv()
    os._exit(ORPHANED)
