"""What the launch sheet shows: the store's facts about a definition and its runs. Runs on the reader thread."""

from __future__ import annotations

from typing import NamedTuple

from store.queries import hierarchy, runs
from store.queries.definitions import DefinitionRow
from store.queries.details import DefinitionDetail, definition_detail
from store.queries.hierarchy import AgentRow
from store.queries.passes import Passes, passes
from store.queries.runs import RunRow
from store.reader import Reader


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
    found: Passes
    """The definition's latest runs by their kinds: they tell what the next pass will take."""
    detail: DefinitionDetail | None
    """Its settings and both ends; None when it is gone."""
    now: int


def launch_facts(reader: Reader, definition: DefinitionRow, plan_id: int | None) -> LaunchFacts:
    """Read them all at once.

    Args:
        reader: the store.
        definition: what is to be run.
        plan_id: the preview to carry out, or None.
    """
    found = passes(reader, definition.id)
    latest = [run for run in (*found.copies[-1:], found.preview) if run is not None]
    watched = sorted(latest, key=lambda run: run.id)[-1:]
    plan = None if plan_id is None else runs.run(reader, plan_id)
    if plan is not None:
        watched = [plan, *(run for run in watched if run.id != plan.id)]
    return LaunchFacts(
        definition,
        hierarchy.agents(reader, definition.mover_id),
        found.copies[-1] if found.copies else runs.last_copy(reader, definition.id),
        plan,
        tuple(watched),
        found,
        definition_detail(reader, definition.id),
        reader.now(),
    )
