"""Moving house: everything that a store holds, carried into another one and compared there row by row."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from store.errors import Conflict, InvalidInput, StoreUnavailable
from store.lifecycle import ENDED
from store.place import StorePlace
from store.sqlite.bulk import SqliteSource, SqliteTarget
from store.sqlite.place import SqlitePlace
from store.upkeep.carried import Counted, Digest, Table, tables
from store.upkeep.newfile import new_file

if TYPE_CHECKING:
    from store.postgres.bulk import PostgresSource, PostgresTarget

Source: TypeAlias = "SqliteSource | PostgresSource"
Target: TypeAlias = "SqliteTarget | PostgresTarget"

_ENDED: Final = ", ".join(f"'{status}'" for status in sorted(ENDED))


class Copied(NamedTuple):
    """A table that was carried over: what was read, and what is there now. They are equal."""

    table: str
    source: Counted
    target: Counted


def copy_store(
    origin: StorePlace, destination: StorePlace, *, told: Callable[[str], None] = lambda table: None
) -> list[Copied]:
    """Carry one moment of a store into another place, which holds no storage mover yet; made if it is a new file.

    Logins of a server do not travel: agents register again.

    Args:
        origin: the store; it stays as it is.
        destination: where to.
        told: is called with the name of each table before it is carried.

    Raises:
        Conflict: RunsActive when runs of the origin have not ended, or StoreNotEmpty; nothing was changed.
        InvalidInput: both are one place, or a row holds what the other kind of store cannot keep.
        StoreUnavailable: either cannot be used, or what arrived differs; nothing is left of it.
    """
    _refuse_same(origin, destination)
    with _source(origin) as source:
        active = source.value(f"SELECT count(*) FROM job_run WHERE status NOT IN ({_ENDED})")
        if active:
            runs = "1 run has" if active == 1 else f"{active} runs have"
            raise Conflict(
                f"{runs} not ended in '{origin.url}', and would go on in two stores: wait for them, or stop them "
                "first ('longshore run list --active').",
                code="RunsActive",
            )
        if destination.dialect == "sqlite" and not destination.exists:
            return _into_new_file(source, destination, told, replace=destination.path.exists())
        # Made, or brought up to date, if need be.
        _make(destination)
        return _carry(source, destination, told)


def copy_into_file(origin: StorePlace, destination: SqlitePlace, *, replace: bool) -> None:
    """Carry one moment of a store, with runs that go on, into a new file: a backup.

    Raises:
        InvalidInput: the file exists, or cannot be written. StoreUnavailable: the store cannot be used.
    """
    with _source(origin) as source:
        _into_new_file(source, destination, lambda table: None, replace=replace)


def _into_new_file(
    source: Source, destination: SqlitePlace, told: Callable[[str], None], *, replace: bool
) -> list[Copied]:
    destination.check()
    with new_file(destination.path, replace=replace) as part:
        place = SqlitePlace(part)
        _make(place)
        return _carry(source, place, told)


def _make(place: StorePlace) -> None:
    from store.db import open_store

    open_store(place).close()


def _carry(source: Source, destination: StorePlace, told: Callable[[str], None]) -> list[Copied]:
    with _target(destination) as target:
        if target.value("SELECT count(*) FROM storage_mover"):
            raise Conflict(
                f"The store '{destination.url}' holds a storage mover already: name an empty one.", code="StoreNotEmpty"
            )
        for table in reversed(tables()):
            target.clear(table)
        done = []
        for table in tables():
            told(table.name)
            done.append(_carry_table(source, target, table))
        target.commit(secrets.token_hex(8))
    return done


def _carry_table(source: Source, target: Target, table: Table) -> Copied:
    read, found = Digest(table), Digest(table)
    target.load(table, read.over(table.travelling(source.rows(table))))
    for _ in found.over(target.rows(table)):
        pass
    if read.result != found.result:
        raise StoreUnavailable(
            f"The table '{table.name}' did not arrive in '{target.place.url}' as it was ({read.result.rows:,} rows "
            f"sent, {found.result.rows:,} there): nothing was kept; report it as a fault.",
            code="CopyDiffers",
        )
    return Copied(table.name, read.result, found.result)


def _source(place: StorePlace) -> Source:
    if place.dialect == "sqlite":
        return SqliteSource(place)
    place.check()
    from store.postgres.bulk import PostgresSource

    return PostgresSource(place)


def _target(place: StorePlace) -> Target:
    if place.dialect == "sqlite":
        return SqliteTarget(place)
    place.check()
    from store.postgres.bulk import PostgresTarget

    return PostgresTarget(place)


def _refuse_same(origin: StorePlace, destination: StorePlace) -> None:
    if origin.url == destination.url or (origin.exists and origin.identity == destination.identity):
        raise InvalidInput(f"'{origin.url}' cannot be copied into itself: name another place.", code="SamePlace")
