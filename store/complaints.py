"""What is wrong with a resource's properties, in words: pydantic's findings as an admin would say them."""

from __future__ import annotations

from typing import NamedTuple

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from store.vocabulary import EndpointType


class Complaint(NamedTuple):
    """One thing that is wrong."""

    path: tuple[str | int, ...]
    """Where, as pydantic locates it: it also names the members of unions, which stand in no file."""
    words: str
    """What to do about it; a sentence without its full stop."""


def complaints(error: ValidationError) -> list[Complaint]:
    """All that is wrong, the first thing first; the values themselves are not repeated by pydantic."""
    return [Complaint(tuple(one["loc"]), _words(one)) for one in error.errors(include_url=False)]


def _words(found: ErrorDetails) -> str:
    kind, path = found["type"], found["loc"]
    if kind == "missing":
        return f"'{path[-1]}' is missing: add it"
    if kind == "extra_forbidden":
        return f"'{path[-1]}' is not a property here: remove it or correct its spelling"
    if kind.startswith("union_tag"):
        return f"'endpointType' must be one of {', '.join(EndpointType)}"
    return found["msg"].removeprefix("Value error, ").rstrip(".")
