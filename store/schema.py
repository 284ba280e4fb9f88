"""Which schema an open database has, on either kind of store."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from store.place import StorePlace


def schema_version(place: StorePlace, execute: Callable[[str], Any]) -> str | None:
    """The schema version of an open database, None when it holds no tables of ours yet.

    Args:
        place: the store.
        execute: runs a statement and returns its first value, or None.

    Raises:
        StoreUnavailable: StoreNotOurs, StoreNotPrepared or StoreTooNew.
    """
    if place.dialect == "sqlite":
        return place.check_ours(execute)
    from store.postgres.connecting import schema_version as of_server

    return of_server(place, execute)
