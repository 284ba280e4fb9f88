"""Column types of the store: the same models run on SQLite and on PostgreSQL."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, Integer, LargeBinary, String
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator, TypeEngine

BigKey: TypeEngine[int] = BigInteger().with_variant(Integer(), "sqlite")
"""A primary key: 64 bits everywhere; SQLite makes it the rowid only when it is spelled INTEGER."""

Milliseconds = BigInteger
"""A time in milliseconds since the epoch, UTC, by the store's clock."""

RawPath = LargeBinary
"""A path as the bytes the file system has: names are bytes and every one of them survives."""


class EnumText(TypeDecorator[StrEnum]):
    """A StrEnum kept as its value; ARM's enums are extensible, so an unknown value reads back as text."""

    impl = String
    cache_ok = True

    def __init__(self, enumeration: type[StrEnum]) -> None:
        super().__init__(64)
        self.enumeration = enumeration

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        return None if value is None else str(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        if value is None:
            return None
        try:
            return self.enumeration(value)
        except ValueError:
            return value
