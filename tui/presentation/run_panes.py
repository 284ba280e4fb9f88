"""The panes of the run screen: their names and titles."""

from __future__ import annotations

from store.queries.runs import RunRow
from tui.presentation import format as figures

ITEMS, CODES, EVENTS, GRANTS, SNAPSHOT = "items", "codes", "events", "grants", "snapshot"
SIDES = {"left": (ITEMS, CODES), "right": (EVENTS, GRANTS, SNAPSHOT)}
"""Which panes stand in which column of a wide terminal, in the order in which tab goes through them."""

_NAMES = {ITEMS: "Items", CODES: "By code", EVENTS: "Log", GRANTS: "Grants", SNAPSHOT: "Settings"}
_LISTED = ("excluded", "unsupported", "failed", "changed", "deleted", "delete_withheld")


def listed_items(run: RunRow) -> int:
    """How many items of a run its list has, but for those that were copied with a remark."""
    return sum(run.counters[f"items_{word}"] for word in _LISTED)


def pane_titles(run: RunRow, remarked: int) -> list[tuple[str, str]]:
    """Each pane with its title; that of the items says how many there are."""
    number = listed_items(run) + remarked
    titles = {**_NAMES, ITEMS: f"{_NAMES[ITEMS]} {figures.short(number)}" if number else _NAMES[ITEMS]}
    return [(name, titles[name]) for names in SIDES.values() for name in names]
