"""A run's snapshot: its definition and both endpoints as they were when it started."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from store.reader import Reader
from store.vocabulary import TriggerType


class Snapshot(NamedTuple):
    """The properties are those of ARM, as a plan file has them; an endpoint's have its ``name`` beside them."""

    definition: dict[str, Any]
    source: dict[str, Any]
    target: dict[str, Any]
    started_by: str
    trigger: TriggerType
    report: bool
    """Whether a line is kept for every item."""


def snapshot(reader: Reader, run_id: int) -> Snapshot | None:
    """What a run was started with; it never changes."""
    row = reader.row(
        """SELECT definition_properties, source_properties, target_properties, created_by, trigger_type, report
           FROM job_run WHERE id = :id""",
        {"id": run_id},
    )
    if row is None:
        return None
    definition, source, target = (json.loads(row[place]) for place in range(3))
    return Snapshot(definition, source, target, row[3], TriggerType(row[4]), bool(row[5]))
