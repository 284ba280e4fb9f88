"""The settings of a definition, or of a run's snapshot of one, in words."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from store.display import display
from store.settings import CopySettings
from store.vocabulary import Compare, CopyMode, DataIntegrityValidation, Durability, Frequency
from tui.presentation import format as figures
from tui.presentation.facts import Fact

MODES = {
    CopyMode.ADDITIVE: "copies what is new or differs; deletes nothing",
    CopyMode.MIRROR: "copies what is new or differs, and DELETES from the target what the source has not",
}
_COMPARE = {
    Compare.SIZE_AND_TIME: "a file is alike when its size and its time are; metadata are compared as well",
    Compare.CHECKSUM: "checksum: both files are read, however alike they look",
}
_VALIDATION = {
    DataIntegrityValidation.NONE: "no digests; what the agent wrote is not read again",
    DataIntegrityValidation.SAVE_FILE_MD5: "an MD5 digest of each copied file is kept in the report",
    DataIntegrityValidation.SAVE_VERIFY_FILE_MD5: "each copied file is read back, and must have its source's digest",
}
_DURABILITY = {
    Durability.END_OF_RUN: "on disk before a run says that it has Succeeded",
    Durability.EVERY_FILE: "each file is on disk before it is put in place",
}


def settings_facts(properties: Mapping[str, Any]) -> list[Fact]:
    """How runs copy, from a definition's properties as ARM names them; source and target are told elsewhere."""
    try:
        settings = CopySettings.from_properties(properties)
    except (ValueError, TypeError, AttributeError):
        return [Fact("Settings", "were written by another version of Longshore, which shows them", "warn")]
    mode = str(properties.get("copyMode", ""))
    mirror = mode == CopyMode.MIRROR
    facts = [
        Fact("Mode", f"{display(mode)}: {MODES[CopyMode(mode)]}" if mode in set(CopyMode) else display(mode), "strong"),
        Fact("Only in source", "is copied"),
        Fact("Differs", f"is replaced; the old file {'goes to the trash' if settings.trash else 'is gone'}"),
        Fact("Only in target", _only_in_target(settings) if mirror else "is left alone", "warn" if mirror else ""),
        *_filters(settings),
        Fact("Compare", _COMPARE[settings.compare]),
        Fact("Validation", _VALIDATION[settings.validation]),
        Fact(
            "Permissions",
            "mode, owner and access control lists are copied, too"
            if settings.preserve_permissions
            else "NOT copied: mode, owner and access control lists are the agent's own on the target",
            "" if settings.preserve_permissions else "warn",
        ),
        Fact("Durability", _DURABILITY[settings.durability]),
        Fact("Trash", _trash(settings)),
        Fact("Guards", _guards(settings) if mirror else "none needed: nothing is deleted"),
        Fact("Schedule", schedule_words(properties.get("schedule"))),
    ]
    if connections := properties.get("connections"):
        facts.append(Fact("Connections", display(", ".join(map(str, connections)))))
    return facts


def _only_in_target(settings: CopySettings) -> str:
    return "is moved to the trash, if the guards agree" if settings.trash else "is DELETED, if the guards agree"


def _trash(settings: CopySettings) -> str:
    if not settings.trash:
        return "off: what is deleted or replaced is gone"
    return "on: what is deleted or replaced goes to .longshore-trash/PROJECT.DEFINITION.NUMBER/ on the target"


def _guards(settings: CopySettings) -> str:
    return (
        f"stop all deletes when more than {settings.max_delete_percent} % of the target or more than "
        f"{figures.count(settings.max_deletes)} items would go, or when the source holds less than "
        f"{settings.min_source_percent} % of what the last pass found, is empty or is another one"
    )


def _filters(settings: CopySettings) -> Iterator[Fact]:
    """One fact for each pattern: there may be many, and each is a decision."""
    label = "Filters"
    sizes = _between(figures.size, settings.min_size, settings.max_size)
    ages = _between(figures.duration, settings.min_age, settings.max_age)
    for words in (
        *_listed("copy only", settings.include),
        *_listed("leave out", settings.exclude),
        *([f"copy only files of {sizes}"] if sizes else ()),
        *([f"copy only files that were changed {ages} ago"] if ages else ()),
    ):
        yield Fact(label, words)
        label = ""
    if label:
        yield Fact(label, "none: everything is copied")


def _listed(verb: str, patterns: Sequence[str]) -> list[str]:
    return [f"{verb} {display(pattern)}" for pattern in patterns]


def _between(shown: Callable[[float | None], str], least: float | None, most: float | None) -> str:
    """Two bounds, one of them, or none."""
    if least is not None and most is not None:
        return f"{shown(least)} to {shown(most)}"
    return f"at least {shown(least)}" if least is not None else f"at most {shown(most)}" if most is not None else ""


def schedule_words(schedule: Mapping[str, Any] | None) -> str:
    """When it is to run by itself. Nothing starts it yet: a plan says when it is wanted."""
    if not schedule or schedule.get("frequency") == Frequency.NONE:
        return "none: runs are started by hand"
    words = [display(str(schedule.get("frequency", "")))]
    if days := schedule.get("daysOfWeek"):
        words.append(f"on {display(', '.join(map(str, days)))}")
    if days := schedule.get("daysOfMonth"):
        words.append(f"on day {display(', '.join(map(str, days)))} of the month")
    if at := schedule.get("executionTime"):
        words.append(f"at {int(at.get('hour', 0)):02d}:{int(at.get('minute', 0)):02d} UTC")
    if cron := schedule.get("cronExpression"):
        words.append(f"by the expression '{display(str(cron))}'")
    for word, key in (("from", "startDate"), ("until", "endDate")):
        if value := schedule.get(key):
            words.append(f"{word} {display(str(value))}")
    state = "active" if schedule.get("isActive") else "not active"
    return f"{' '.join(words)} ({state}); this version starts no run by itself"
