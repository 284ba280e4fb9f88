"""What the launch sheet shows: the store's facts about a definition and its runs. Runs on the reader thread."""

from __future__ import annotations

from typing import NamedTuple

from store.queries import hierarchy, runs
from store.queries.hierarchy import AgentRow, DefinitionRow, Scope
from store.queries.runs import RunRow
from store.queries.window import Page
from store.reader import Reader
from store.vocabulary import RunKind

LATEST_RUNS = 20
"""Runs among which the last one with guards is looked for: verify runs have none."""


class LaunchFacts(NamedTuple):
    """What is known when the sheet opens."""

    definition: DefinitionRow
    agents: list[AgentRow]
    last: RunRow | None
    """The definition's latest copy."""
    plan: RunRow | None
    """The preview to carry out, as it is now."""
    watched: tuple[RunRow, ...]
    """The runs whose guards matter: the preview, and the latest copy or preview."""
    now: int


def launch_facts(reader: Reader, definition: DefinitionRow, plan_id: int | None) -> LaunchFacts:
    """Read them all at once.

    Args:
        reader: the store.
        definition: what is to be run.
        plan_id: the preview to carry out, or None.
    """
    latest = runs.runs(reader, Scope("definition", definition.id), Page(limit=LATEST_RUNS)).rows
    watched = [run for run in latest if run.kind != RunKind.VERIFY][:1]
    plan = None if plan_id is None else runs.run(reader, plan_id)
    if plan is not None:
        watched = [plan, *(run for run in watched if run.id != plan.id)]
    return LaunchFacts(
        definition,
        hierarchy.agents(reader, definition.mover_id),
        runs.last_copy(reader, definition.id),
        plan,
        tuple(watched),
        reader.now(),
    )
