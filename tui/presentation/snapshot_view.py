"""What a run was started with, in words: from where to where, and each setting that says how it copies."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from store.display import display
from store.queries.runs import RunRow
from store.queries.snapshots import Snapshot
from store.settings import CopySettings
from store.vocabulary import Compare, CopyMode, DataIntegrityValidation, Durability, RunKind
from tui.presentation import format as figures
from tui.presentation.cells import Cell, Column, Row
from tui.presentation.kinds import what_it_does

SETTING_COLUMNS = (
    Column("Setting", 12, priority=8),
    Column("As the run was started", None, min_width=24, priority=9),
)
_COMPARES = {
    Compare.SIZE_AND_TIME: "equal in size and time of modification is equal",
    Compare.CHECKSUM: "both files are read, whatever their size and time",
}
_VALIDATIONS = {
    DataIntegrityValidation.SAVE_VERIFY_FILE_MD5: "digests are kept, and what was written is read again",
    DataIntegrityValidation.SAVE_FILE_MD5: "digests are kept; what was written is not read again",
    DataIntegrityValidation.NONE: "what was written is not read again",
}
_DURABILITIES = {
    Durability.END_OF_RUN: "once, before the run succeeds",
    Durability.EVERY_FILE: "every file, before it is put in place",
}


class Setting(NamedTuple):
    """One line of the list; both are displayed text."""

    name: str
    value: str


def settings_of(run: RunRow, taken: Snapshot) -> list[Setting]:
    """The snapshot of a run, line by line."""
    return [Setting(name, display(value)) for name, value in _lines(run, taken) if value]


def setting_row(place: int, setting: Setting) -> Row:
    return Row(str(place), (Cell(setting.name, "dim"), Cell(setting.value)))


def _lines(run: RunRow, taken: Snapshot) -> Iterator[tuple[str, str]]:
    properties = taken.definition
    yield "Started by", f"{taken.started_by} ({str(taken.trigger).lower()})"
    yield "What", what_it_does(run)
    yield "Overridden", ", ".join(run.overrides)
    for side, place in (("source", taken.source), ("target", taken.target)):
        yield _side(side, place, str(properties.get(f"{side}Subpath", "")))
    settings = _settings(properties)
    if settings is None:
        yield "Settings", "They were written by another version of Longshore, which shows them."
        return
    yield "Include", ", ".join(settings.include) or "everything"
    yield "Exclude", ", ".join(settings.exclude)
    yield "Size", _range(settings.min_size, settings.max_size, figures.size)
    yield "Age", _range(settings.min_age, settings.max_age, figures.duration)
    yield "Compare", _COMPARES[settings.compare]
    if run.kind == RunKind.VERIFY:
        return
    yield "Validation", _VALIDATIONS[settings.validation]
    yield "Permissions", "modes, owners and ACLs travel" if settings.preserve_permissions else "do not travel"
    yield "Durability", _DURABILITIES[settings.durability]
    yield "Trash", "deleted and replaced files are kept on the target" if settings.trash else "none"
    if run.copy_mode == CopyMode.MIRROR:
        share, number = settings.max_delete_percent, figures.count(settings.max_deletes)
        yield "Deletes", f"at most {share} % of the target's items, and {number}"
        yield "Least left", f"{settings.min_source_percent} % of the last pass's items, for deletes"
    yield "Full report", "a line for every item" if taken.report else "of what did not simply transfer"


def _side(side: str, properties: Mapping[str, Any], sub_path: str) -> tuple[str, str]:
    known = ("name", "description", "endpointType", "endpointKind")
    place = " ".join(str(value) for key, value in properties.items() if key not in known and isinstance(value, str))
    within = f", sub-path {sub_path}" if sub_path else ""
    return side.capitalize(), f"{properties.get('name', '')} ({properties.get('endpointType', '')}) {place}{within}"


def _settings(properties: Mapping[str, Any]) -> CopySettings | None:
    try:
        return CopySettings.from_properties(properties)
    except (ValueError, TypeError, AttributeError):
        return None


def _range(least: float | None, most: float | None, words: Any) -> str:
    parts = [f"from {words(least)}" if least is not None else "", f"up to {words(most)}" if most is not None else ""]
    return " ".join(filter(None, parts))
