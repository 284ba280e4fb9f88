"""A server that cuts its connections: what a process does next says so by name, and goes on when it is there again."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from store.db import Store, open_store
from store.errors import StoreUnavailable
from store.maintenance import maintain
from store.models import StorageMover
from store.postgres.clock import ServerClock
from store.resources.runs import sweep
from tests.postgres import ADMIN, Cluster
from tests.store.world import refusal


def _write(store: Store) -> None:
    with store.write("user/ann") as tx:
        tx.session.get(StorageMover, 1)


def _read(store: Store) -> None:
    with store.read() as session:
        session.get(StorageMover, 1)


def _clock(store: Store) -> None:
    assert isinstance(store.clock, ServerClock)
    store.clock.ask_again()
    store.clock.now()


@pytest.mark.parametrize("act", [_write, _read, maintain, sweep, _clock])
def test_a_connection_that_was_cut(act: Callable[[Store], object], cluster: Cluster, store_database: str) -> None:
    store = open_store(cluster.url(store_database))
    act(store)
    cluster.psql(
        f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{store_database}' "
        f"AND usename = '{ADMIN}'"
    )
    error = refusal(StoreUnavailable, lambda: act(store))
    assert error.code == "StoreUnreachable"
    act(store)
    store.close()
