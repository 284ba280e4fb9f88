"""What the agent orders of a worker: one run, as plain values."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from store.settings import CopySettings
from store.vocabulary import CopyMode, Guard, RunKind

MAX_HELPERS = 64
"""More helper processes than this are a mistake in the order."""

UNKNOWN = -1
"""Stands for a number that nobody knows yet."""


class OrderRefused(ValueError):
    """The order is not one that a worker can carry out; the text says which part."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One run.

    Attributes:
        run: label of the run, for logs and for its trash directory.
        kind: whether to copy, to say what a copy would do, or to verify.
        mode: what to do with items that only the target has.
        source: properties of the source endpoint, as ARM names them (``store.endpoints``).
        source_root: absolute path of its directory, once the worker has found it; empty where it is none.
        source_subpath: relative path below it, or empty.
        target: properties of the target endpoint.
        target_root: as ``source_root``; it must exist.
        target_subpath: relative path below it, or empty; created when missing.
        helpers: number of copying processes.
        deadline: end of the first lease, seconds on CLOCK_BOOTTIME.
        expected_items: total of an earlier pass, or UNKNOWN: then the source is surveyed.
        expected_bytes: total of an earlier pass, or UNKNOWN.
        last_source_items: what the source held when the last pass ended, or UNKNOWN.
        source_identity: what told the source root from others at the definition's first run; empty before it.
        settings: how to copy.
        overrides: guards that are not to stop this run.
        report: send a line for every item, not only for those that need attention.
        planned: a plan follows the order, and nothing else is to be done.
        attempt: number of this attempt of the run, for its report.
        moment: the store's time at the run's start, milliseconds: what ages are counted from.
    """

    run: str
    kind: RunKind
    mode: CopyMode
    source: dict[str, Any]
    source_root: bytes
    source_subpath: bytes
    target: dict[str, Any]
    target_root: bytes
    target_subpath: bytes
    helpers: int
    deadline: float
    expected_items: int
    expected_bytes: int
    last_source_items: int
    source_identity: str
    settings: CopySettings
    overrides: frozenset[Guard]
    report: bool
    planned: bool
    attempt: int
    moment: int

    @property
    def writes(self) -> bool:
        """Whether the target may be touched at all."""
        return self.kind is RunKind.COPY

    def __post_init__(self) -> None:
        if not 1 <= self.helpers <= MAX_HELPERS:
            raise OrderRefused(f"helpers is {self.helpers}, not 1 to {MAX_HELPERS}")
        for root in (self.source_root, self.target_root):
            if (root and not root.startswith(b"/")) or b"\0" in root:
                raise OrderRefused("a root is not an absolute path")
        if min(self.expected_items, self.expected_bytes, self.last_source_items) < UNKNOWN:
            raise OrderRefused("a count is below -1")
        if self.planned and self.kind is not RunKind.COPY:
            raise OrderRefused("only a copy can have a plan")

    @classmethod
    def from_message(cls, values: object) -> Order:
        """Read the dict of an ``("order", dict)`` message.

        Raises:
            OrderRefused: a key is missing or unknown, or a value is of the wrong type or out of range.
        """
        if not isinstance(values, dict):
            raise OrderRefused("the order is not a dict")
        if set(values) != set(_TYPES):
            raise OrderRefused(f"keys missing or unknown: {sorted(set(values) ^ set(_TYPES), key=repr)}")
        for key, kind in _TYPES.items():
            if type(values[key]) is not kind:
                raise OrderRefused(f"{key} is a {type(values[key]).__name__}, not a {kind.__name__}")
        try:
            read: dict[str, Any] = {
                "mode": CopyMode(values["mode"]),
                "kind": RunKind(values["kind"]),
                "settings": CopySettings.from_message(values["settings"]),
                "overrides": frozenset(Guard(name) for name in values["overrides"]),
            }
        except ValueError as error:
            raise OrderRefused(str(error)) from None
        return cls(**{**values, **read})

    def to_message(self) -> dict[str, Any]:
        """The dict that :meth:`from_message` reads."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {
            **values,
            "mode": self.mode.value,
            "kind": self.kind.value,
            "settings": self.settings.to_message(),
            "overrides": sorted(guard.value for guard in self.overrides),
        }


_TYPES: dict[str, type] = {
    "run": str,
    "mode": str,
    "source": dict,
    "source_root": bytes,
    "source_subpath": bytes,
    "target": dict,
    "target_root": bytes,
    "target_subpath": bytes,
    "helpers": int,
    "deadline": float,
    "expected_items": int,
    "expected_bytes": int,
    "last_source_items": int,
    "kind": str,
    "source_identity": str,
    "settings": dict,
    "overrides": list,
    "report": bool,
    "planned": bool,
    "attempt": int,
    "moment": int,
}
