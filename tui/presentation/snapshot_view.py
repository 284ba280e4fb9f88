"""What a run was started with, in words: from where to where, and how it copies, in the words of a definition."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from store.display import display
from store.queries.runs import RunRow
from store.queries.snapshots import Snapshot
from store.vocabulary import RunKind
from tui.presentation.facts import Fact
from tui.presentation.kinds import what_it_does
from tui.presentation.settings_view import settings_facts

_NOT_OF_A_RUN = ("Mode", "Schedule")
"""The run itself says what it does, and when it was started."""

_OF_A_VERIFY = ("", "Filters", "Compare", "Settings")
"""A verify run writes nothing: only what it looks at, and how, matters."""


def snapshot_facts(run: RunRow, taken: Snapshot) -> Iterator[Fact]:
    """The snapshot of a run."""
    properties = taken.definition
    yield Fact("Started by", display(f"{taken.started_by} ({str(taken.trigger).lower()})"))
    yield Fact("What", display(what_it_does(run)), "strong")
    if run.overrides:
        yield Fact("Overridden", display(", ".join(run.overrides)), "warn")
    for side, place in (("source", taken.source), ("target", taken.target)):
        yield _side(side, place, str(properties.get(f"{side}Subpath", "")))
    for fact in settings_facts(properties):
        if fact.label not in _NOT_OF_A_RUN and (run.kind != RunKind.VERIFY or fact.label in _OF_A_VERIFY):
            yield fact
    if run.kind != RunKind.VERIFY:
        yield Fact("Full report", "a line for every item" if taken.report else "of what did not simply transfer")


def _side(side: str, properties: Mapping[str, Any], sub_path: str) -> Fact:
    known = ("name", "description", "endpointType", "endpointKind")
    place = " ".join(str(value) for key, value in properties.items() if key not in known and isinstance(value, str))
    within = f", sub-path {sub_path}" if sub_path else ""
    told = f"{properties.get('name', '')} ({properties.get('endpointType', '')}) {place}{within}"
    return Fact(side.capitalize(), display(told))
