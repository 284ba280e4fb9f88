"""Which places may be the source and the target of one job definition: pure, no I/O and no ORM.

Forms ask the same question while an admin types as the store asks when a definition is made.
"""

from __future__ import annotations

from typing import Protocol

from store.errors import InvalidInput
from store.rules import location_overlaps
from store.vocabulary import EndpointKind

_FOLDING = ("smb:", "share:")
"""How the keys of places begin that may take names for one that differ in case only."""


class Located(Protocol):
    """What of an endpoint its use in a pair depends on."""

    @property
    def name(self) -> str: ...

    @property
    def place(self) -> str: ...

    @property
    def location_key(self) -> str: ...

    @property
    def endpoint_kind(self) -> EndpointKind | None: ...


def location(endpoint: Located, sub_path: str) -> str:
    """The location key of an endpoint with a sub-path below it."""
    key = endpoint.location_key
    if key.startswith(_FOLDING):
        sub_path = sub_path.lower()
    return f"{key}/{sub_path}" if sub_path else key


def check_source(source: Located) -> None:
    """Refuse what was made to be written only."""
    if source.endpoint_kind == EndpointKind.TARGET:
        raise InvalidInput(f"The endpoint '{source.name}' is of kind Target: choose another source.")


def check_target(target: Located) -> None:
    """Refuse what was made to be read only."""
    if target.endpoint_kind == EndpointKind.SOURCE:
        raise InvalidInput(f"The endpoint '{target.name}' is of kind Source: choose another target.")


def check_pair(source: Located, source_subpath: str, target: Located, target_subpath: str) -> None:
    """Refuse a pair that no definition may have.

    Raises:
        InvalidInput: an endpoint is of the wrong kind, or source and target overlap.
    """
    check_source(source)
    check_target(target)
    if location_overlaps(location(source, source_subpath), location(target, target_subpath)):
        raise InvalidInput(
            f"The source '{source.place}/{source_subpath}' and the target '{target.place}/{target_subpath}' "
            "overlap: choose places that are not inside one another.",
            code="SourceTargetOverlap",
        )
