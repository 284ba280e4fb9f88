"""Our own worker as a competitor: started, given its order, and waited for, as its agent would do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from agentsim.engine.lease import now
from store.vocabulary import CopyMode
from tests.bench.turn import Pass, Turn, timed
from tests.engine.driver import Agent, order

LIMIT_SECONDS = 3600.0
"""A run that is longer than this has hung. The lease lasts as long: nobody renews it here."""


def finished(
    source: Path,
    target: Path,
    mode: CopyMode = CopyMode.ADDITIVE,
    *,
    wrapper: tuple[str, ...] = (),
    script: str = "",
    **changes: Any,
) -> Agent:
    """One run to its end, which must be a good one.

    Args:
        source: the source's root.
        target: the target's root.
        mode: the run's copy mode.
        wrapper: a command to run the worker under.
        script: Python to run in the worker's place.
        changes: other values of the order.

    Raises:
        RuntimeError: the run did not succeed.
    """
    task = order(source, target, mode, **{"deadline": now() + LIMIT_SECONDS, **changes})
    agent = Agent(task, wrapper, script=script)
    try:
        agent.finish(LIMIT_SECONDS)
    except BaseException:
        agent.kill()
        raise
    if agent.done is None or agent.done["status"] != "Succeeded":
        raise RuntimeError(f"the run did not succeed: {agent.done} {agent.rows[:5]}")
    return agent


class Longshore:
    """The worker with its helpers."""

    name = "longshore"

    def __init__(self, helpers: int) -> None:
        self._helpers = helpers

    def can(self, what: Pass) -> bool:
        return True

    def run(self, what: Pass, source: Path, target: Path) -> Turn:
        """One pass from the worker's start to its end; the last thing in it is ``syncfs``."""
        mode = CopyMode.MIRROR if what is Pass.MIRROR else CopyMode.ADDITIVE
        ended: list[Agent] = []
        seconds, cpu = timed(lambda: ended.append(finished(source, target, mode, helpers=self._helpers)))
        return Turn(placed=seconds - ended[0].finish_seconds, seconds=seconds, synced=seconds, cpu=cpu)
