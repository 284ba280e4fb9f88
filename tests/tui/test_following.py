"""Following a store from the screen's event loop: each change is told, on both kinds of store."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from store.bodies import MoverProperties
from store.db import Store, open_store
from store.errors import StoreUnavailable
from store.resources.movers import put_mover
from tests.postgres import Cluster
from tui.following import NOTHING, StoreChanges, StoreFollower

pytestmark = pytest.mark.anyio


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    url = str(tmp_path / "longshore.db") if request.param == "sqlite" else request.getfixturevalue("store_url")
    found = open_store(url)
    yield found
    found.close()


class Following:
    """A follower at work, with what it has told."""

    def __init__(self, store: Store) -> None:
        self.changes: asyncio.Queue[StoreChanges] = asyncio.Queue()
        self.troubles: asyncio.Queue[StoreUnavailable] = asyncio.Queue()
        self.follower = StoreFollower(store.place, self.changes.put, self.troubles.put_nowait)

    async def __aenter__(self) -> Following:
        self.task = asyncio.create_task(self.follower.run())
        assert (await self.next()).resync
        return self

    async def __aexit__(self, *_: object) -> None:
        self.follower.stop()
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)

    async def next(self) -> StoreChanges:
        return await asyncio.wait_for(self.changes.get(), 60)


def make(store: Store, name: str) -> None:
    with store.write("ann") as tx:
        put_mover(tx, name, MoverProperties())


async def test_what_changed_is_told_and_what_was_told_is_not_told_again(store: Store) -> None:
    async with Following(store) as told:
        for number in (1, 2, 3):
            await asyncio.to_thread(make, store, f"m{number}")
            while not (found := await told.next()).rows:
                pass
            assert ("storage_mover", number) in found.rows
            assert found.touches("event")
            assert len(found.rows) == 2
            assert not found.resync
            assert told.follower.revision == 2 * number
        assert told.troubles.empty()


async def test_a_connection_that_is_cut_is_a_trouble_and_then_everything_may_have_changed(
    cluster: Cluster, store_database: str
) -> None:
    store = open_store(cluster.url(store_database))
    async with Following(store) as told:
        store.close()
        cluster.psql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            f" WHERE datname = '{store_database}' AND pid <> pg_backend_pid()"
        )
        assert (await asyncio.wait_for(told.troubles.get(), 60)).exit_code == 5
        while not (await told.next()).resync:
            pass
        await asyncio.to_thread(make, store, "m")
        while not (await told.next()).touches("storage_mover"):
            pass
    store.close()


async def test_what_is_new_is_told_between_two_ticks_and_numbers_are_not(store: Store) -> None:
    async with Following(store) as told:
        # Numbers tick so rarely here that what comes in between can only have been told for itself.
        told.follower.tick_seconds = 3.0
        told.follower.wake()
        while not (await told.next()).live:
            pass
        await asyncio.to_thread(make, store, "m1")
        found = await told.next()
        assert found.touches("storage_mover")
        assert not found.live
        told.follower.wake()
        found = await told.next()
        assert found.live
        assert not found.rows


def test_a_telling_that_was_put_off_is_live_when_one_of_its_parts_was() -> None:
    new, number = StoreChanges(frozenset({("job_run", 1)}), live=False), StoreChanges()
    assert new.merged(number) == StoreChanges(frozenset({("job_run", 1)}), live=True)
    assert NOTHING.merged(new) == new
