"""The columns that the tables are made of, so that each is told in a line."""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, Column, ForeignKey, Index, String, Text, text
from sqlmodel import Field

from store.types import BigKey, EnumText, Milliseconds

ACTIVE_RUN = text("status NOT IN ('Canceled', 'Failed', 'Succeeded')")
"""A run that has not ended, as the partial indexes say it."""

ENDED_RUN = "status IN ('Canceled', 'Failed', 'Succeeded')"


def key() -> Any:
    return Field(default=None, primary_key=True, sa_type=BigKey)


def parent(
    table: str, *, cascade: bool = False, nullable: bool = False, primary_key: bool = False, index: bool = True
) -> Any:
    """A reference; without an index of its own where another one begins with it."""
    rule = "CASCADE" if cascade else "RESTRICT"
    return Field(
        default=None,
        sa_column=Column(
            BigKey,
            ForeignKey(f"{table}.id", ondelete=rule),
            nullable=nullable,
            primary_key=primary_key,
            index=index and not primary_key,
        ),
    )


def time(**extra: Any) -> Any:
    return Field(sa_type=Milliseconds, **extra)


def number(**extra: Any) -> Any:
    return Field(sa_type=BigKey, **extra)


def enum(enumeration: Any, **extra: Any) -> Any:
    return Field(sa_column=Column(EnumText(enumeration), **_column(extra)), **extra)


def enum_key(enumeration: Any) -> Any:
    return Field(sa_column=Column(EnumText(enumeration), primary_key=True, nullable=False))


def json(**extra: Any) -> Any:
    return Field(sa_column=Column(JSON, **_column(extra)), **extra)


def _column(extra: dict[str, Any]) -> dict[str, Any]:
    """What a column is told, taken out of a field's options; ``added`` is the value of the rows that were there."""
    added = extra.pop("added", None)
    default = None if added is None else text(f"'{added}'")
    return {"nullable": extra.pop("nullable", False), "server_default": default}


def partial(name: str, condition: str, *columns: str) -> Index:
    """An index of the few runs that a condition holds for, so that finding them never costs the history."""
    where = text(condition)
    return Index(name, *(columns or ("execution_end_time", "id")), sqlite_where=where, postgresql_where=where)


def words(length: int | None = None, **extra: Any) -> Any:
    return Field(sa_column=Column(String(length) if length else Text, nullable=extra.pop("nullable", False)), **extra)
