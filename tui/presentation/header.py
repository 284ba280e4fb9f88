"""The facts at the right of the header: agents, runs and their rate."""

from __future__ import annotations

from store.queries.fleet import Fleet
from tui.presentation import format as figures
from tui.presentation.cells import Cell
from tui.presentation.glyphs import Glyphs


def fleet_cells(fleet: Fleet, glyphs: Glyphs) -> list[Cell]:
    """One fact a cell, the most important first: what needs a person, what runs, how fast, who is there."""
    facts = []
    if fleet.attention:
        facts.append(Cell(f"{glyphs.attention} {fleet.attention} need attention", "bad"))
    if fleet.active_runs:
        facts.append(Cell(f"{fleet.active_runs} running", "busy"))
        if fleet.rate:
            facts.append(Cell(figures.rate(fleet.rate), "busy"))
    if fleet.queued_runs:
        facts.append(Cell(f"{fleet.queued_runs} queued", ""))
    agents = "no agents" if not fleet.agents else f"{fleet.agents} agent{'' if fleet.agents == 1 else 's'}"
    facts.append(Cell(f"{agents} {glyphs.online}" if fleet.agents > fleet.offline else agents, ""))
    if fleet.offline:
        facts.append(Cell(f"{fleet.offline} offline", "warn"))
    return facts
