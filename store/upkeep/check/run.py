"""Looking at every invariant that a store of its kind has."""

from __future__ import annotations

from collections.abc import Iterator

from store.errors import StoreUnavailable
from store.reader import Reader
from store.upkeep.check.content import CONTENT
from store.upkeep.check.invariant import Checked, Finding, Invariant

_FOUND = frozenset({"StoreCorrupt", "StoreIoError", "StoreForbidden", "StoreNotOurs"})
"""Errors that are themselves what a check is after."""


def check(reader: Reader) -> Iterator[Checked]:
    """Look at one invariant after another; nothing is changed, and nothing large is held.

    Raises:
        StoreUnavailable: the store cannot be reached any more, or this login sees only a part of it.
    """
    for invariant in _of(reader):
        yield Checked(invariant.name, invariant.sentence, _findings(invariant, reader))


def _of(reader: Reader) -> tuple[Invariant, ...]:
    if reader.dialect == "sqlite":
        from store.upkeep.check.file import FILE
        from store.upkeep.check.file_schema import FILE_SCHEMA

        return (*FILE, *FILE_SCHEMA, *CONTENT)
    from store.upkeep.check.server import SERVER, refuse_others

    refuse_others(reader)
    return (*SERVER, *CONTENT)


def _findings(invariant: Invariant, reader: Reader) -> list[Finding]:
    try:
        return list(invariant.find(reader))
    except StoreUnavailable as error:
        if error.code not in _FOUND:
            raise
        return [Finding(error.sentence)]
