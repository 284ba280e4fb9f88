"""How a run copies: the settings of a definition as a worker sees them.

Plain values and the standard library only: workers import this. ``store.bodies`` has the same
settings as an admin writes them, with their checks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from datetime import timedelta
from typing import Any, Final

from store.vocabulary import Compare, DataIntegrityValidation, Durability

MAX_DELETE_PERCENT: Final = 25
"""Share of the target's items that a Mirror may delete without an override (DESIGN §5)."""

MAX_DELETES: Final = 10_000
"""Number of items that a Mirror may delete without an override (DESIGN §5)."""

MIN_SOURCE_PERCENT: Final = 50
"""What of the last pass's items the source must still hold for a Mirror to delete (fault F1)."""

_ENUMS = {"compare": Compare, "validation": DataIntegrityValidation, "durability": Durability}


@dataclass(frozen=True, slots=True, kw_only=True)
class CopySettings:
    """The settings of one run.

    Attributes:
        include: patterns in gitignore's syntax; when there are any, only files that match one are copied.
        exclude: patterns in gitignore's syntax; what matches is neither copied nor deleted.
        min_size: least bytes of a file, or None.
        max_size: most bytes of a file, or None.
        min_age: least seconds since a file's modification, by the start of the run, or None.
        max_age: most seconds since a file's modification, by the start of the run, or None.
        compare: how content counts as equal.
        validation: whether digests are made, and checked by reading the target again.
        preserve_permissions: whether mode, owner and ACLs travel.
        durability: when what was written is synchronised to the storage.
        trash: keep what is deleted or replaced in a directory of the run's name on the target.
        max_delete_percent: share of the target's items that may be deleted, 0 to 100.
        max_deletes: number of items that may be deleted.
        min_source_percent: what of the last pass's items the source must still hold, 0 to 100.
    """

    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    min_size: int | None = None
    max_size: int | None = None
    min_age: float | None = None
    max_age: float | None = None
    compare: Compare = Compare.SIZE_AND_TIME
    validation: DataIntegrityValidation = DataIntegrityValidation.NONE
    preserve_permissions: bool = True
    durability: Durability = Durability.END_OF_RUN
    trash: bool = False
    max_delete_percent: int = MAX_DELETE_PERCENT
    max_deletes: int = MAX_DELETES
    min_source_percent: int = MIN_SOURCE_PERCENT

    def to_message(self) -> dict[str, Any]:
        """Plain values for another process; the inverse of :meth:`from_message`."""
        values = asdict(self)
        return {**values, **{key: values[key].value for key in _ENUMS}}

    @classmethod
    def from_message(cls, values: object) -> CopySettings:
        """Read what :meth:`to_message` made.

        Raises:
            ValueError: a key is missing or unknown, or a value is not one of its enumeration.
        """
        if not isinstance(values, dict) or set(values) != {field.name for field in fields(cls)}:
            raise ValueError("the settings are not those of this version")
        found = {**values, **{key: kind(values[key]) for key, kind in _ENUMS.items()}}
        return cls(**{**found, "include": tuple(found["include"]), "exclude": tuple(found["exclude"])})

    @classmethod
    def from_properties(cls, properties: Mapping[str, Any]) -> CopySettings:
        """The settings in a definition's ARM properties, as a run's snapshot keeps them.

        Args:
            properties: checked by ``store.bodies`` when they were stored; absent ones take their defaults.
        """
        filters = properties.get("filters") or {}
        guards = properties.get("guards") or {}
        return cls(
            include=tuple(filters.get("include", ())),
            exclude=tuple(filters.get("exclude", ())),
            min_size=filters.get("minSize"),
            max_size=filters.get("maxSize"),
            min_age=_seconds(filters.get("minAge")),
            max_age=_seconds(filters.get("maxAge")),
            compare=Compare(properties.get("compare", Compare.SIZE_AND_TIME)),
            validation=DataIntegrityValidation(properties.get("dataIntegrityValidation", DataIntegrityValidation.NONE)),
            preserve_permissions=bool(properties.get("preservePermissions", True)),
            durability=Durability(properties.get("durability", Durability.END_OF_RUN)),
            trash=bool(properties.get("trash", False)),
            max_delete_percent=int(guards.get("maxDeletePercent", MAX_DELETE_PERCENT)),
            max_deletes=int(guards.get("maxDeletes", MAX_DELETES)),
            min_source_percent=int(guards.get("minSourcePercent", MIN_SOURCE_PERCENT)),
        )


_MAX_DIGITS = 8
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}


def seconds_of(age: str) -> float:
    """The length of an age as it is written in a definition: a number and one of s, m, h, d, w.

    Raises:
        ValueError: it is not written so, or longer than a file can be old.
    """
    number, unit = age[:-1], age[-1:]
    if unit not in _UNITS or not (number.isascii() and number.isdecimal()):
        raise ValueError(f"'{age}' is no age: write a number and one of s, m, h, d, w, such as 30d")
    if len(number) > _MAX_DIGITS:
        raise ValueError(f"the age '{age}' is too long: write at most {_MAX_DIGITS} digits")
    return timedelta(seconds=int(number) * _UNITS[unit]).total_seconds()


def _seconds(age: str | None) -> float | None:
    return None if age is None else seconds_of(age)
