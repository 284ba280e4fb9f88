"""Whether an embedded store has the very tables, indexes and triggers that this version makes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from sqlalchemy import create_engine
from sqlalchemy.pool import StaticPool

from store.reader import Reader
from store.upkeep.check.invariant import Finding, Invariant

_OBJECTS = "SELECT type, name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite!_%' ESCAPE '!'"


def _schema(reader: Reader) -> Iterator[Finding]:
    expected = _expected()
    found = {(row[0], row[1]): row[2] for row in reader.rows(_OBJECTS)}
    for kind, name in sorted(expected.keys() - found.keys()):
        yield Finding(f"The {kind} '{name}' is missing: restore your last backup.")
    for kind, name in sorted(found.keys() - expected.keys()):
        yield Finding(f"The {kind} '{name}' is none of Longshore's: drop it.")
    for kind, name in sorted(expected.keys() & found.keys()):
        if expected[kind, name] != found[kind, name]:
            yield Finding(f"The {kind} '{name}' is not as this version makes it: restore your last backup.")


def _expected() -> dict[tuple[str, str], str | None]:
    """The objects of a new store: the migrations make one in memory."""
    from store.migrate import apply_schema

    engine = create_engine("sqlite://", poolclass=StaticPool)
    try:
        with engine.begin() as connection:
            apply_schema(connection)
            return {(row[0], row[1]): row[2] for row in connection.exec_driver_sql(_OBJECTS)}
    finally:
        engine.dispose()


FILE_SCHEMA: Final = (Invariant("schema", "Tables, indexes and triggers are exactly those of this version.", _schema),)
