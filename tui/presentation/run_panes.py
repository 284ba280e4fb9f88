"""The panes of the run screen: their names, and the line that says which there are."""

from __future__ import annotations

from collections.abc import Collection

from store.queries.runs import RunRow
from tui.presentation import format as figures
from tui.presentation.cells import Cell
from tui.presentation.glyphs import Glyphs

ITEMS, CODES, EVENTS, GRANTS, SNAPSHOT = "items", "codes", "events", "grants", "snapshot"
SIDES = {"left": (ITEMS, CODES), "right": (EVENTS, GRANTS, SNAPSHOT)}
"""Which panes stand in which column of a wide terminal, in the order in which tab goes through them."""

_NAMES = {ITEMS: "Items", CODES: "By code", EVENTS: "Log", GRANTS: "Grants", SNAPSHOT: "Settings"}
_LISTED = ("excluded", "unsupported", "failed", "changed", "deleted", "delete_withheld")


def listed_items(run: RunRow) -> int:
    """How many items of a run its list has, but for those that were copied with a remark."""
    return sum(run.counters[f"items_{word}"] for word in _LISTED)


def tab_cells(shown: Collection[str], run: RunRow, remarked: int, glyphs: Glyphs) -> list[Cell]:
    """The panes, those that are shown in brackets."""
    cells = [Cell("tab", "accent"), Cell(f" {glyphs.arrow_right}", "dim")]
    for names in SIDES.values():
        for name in names:
            words = _NAMES[name]
            if name == ITEMS and (number := listed_items(run) + remarked):
                words += f" {figures.short(number)}"
            cells.append(Cell(f" [{words}]", "strong") if name in shown else Cell(f"  {words} ", "dim"))
        cells.append(Cell(" "))
    return cells[:-1]
