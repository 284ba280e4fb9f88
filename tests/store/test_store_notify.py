"""Waking on a server: who looks is told of commits, an agent only of its own, and what is lost on the way is found."""

from __future__ import annotations

import logging
import queue
import time
from collections.abc import Callable, Iterator

import psycopg
import pytest

from store.clock import VirtualClock
from store.db import open_store
from store.errors import StoreUnavailable
from store.execution.claims import claim_run, report_progress, report_started
from store.place import locate
from store.postgres.notify import Notifier
from store.postgres.place import PostgresPlace
from store.postgres.waking import agent_channel
from store.watch import Watch
from tests.postgres import Cluster
from tests.store.world import LIMIT, NOON, World, eventually

Watching = Callable[..., "Told"]


class Told:
    """What a watch has called back."""

    def __init__(self, url: str, agent_id: int | None = None) -> None:
        self.changes: queue.Queue[None] = queue.Queue()
        self.troubles: queue.Queue[StoreUnavailable] = queue.Queue()
        self.watch = Watch(locate(url), lambda: self.changes.put(None), self.troubles.put, agent_id=agent_id)
        self.watch.start()
        self.changes.get(timeout=LIMIT)

    def rest(self) -> None:
        """Wait until nothing more is told about what was done before."""
        while True:
            try:
                self.changes.get(timeout=0.5)
            except queue.Empty:
                return


@pytest.fixture
def watching(store_url: str) -> Iterator[Watching]:
    """Makes watches of the store, which end with the test."""
    made: list[Told] = []

    def watch(agent_id: int | None = None) -> Told:
        made.append(Told(store_url, agent_id))
        return made[-1]

    yield watch
    for told in made:
        told.watch.stop(wait=True)


@pytest.fixture
def server(store_url: str) -> Iterator[World]:
    store = open_store(store_url)
    yield World(store, VirtualClock(NOON))
    store.close()


@pytest.fixture
def ear(cluster: Cluster, store_database: str) -> Iterator[psycopg.Connection[object]]:
    """A connection that hears what is sent to the readers, and to the agents 1 and 2."""
    with cluster.connect(store_database) as connection:
        for channel in ("longshore", agent_channel(1), agent_channel(2)):
            connection.execute(f"LISTEN {channel}".encode())
        yield connection


def heard(ear: psycopg.Connection[object], seconds: float = 0.5) -> list[str]:
    return [note.channel for note in ear.notifies(timeout=seconds)]


@pytest.fixture(autouse=True)
def logged(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.INFO, "longshore.watch")
    return caplog


def found_by_looking(logged: pytest.LogCaptureFixture) -> int:
    return sum("looking found it" in record.getMessage() for record in logged.records)


def test_a_commit_is_told_and_a_rollback_and_silence_are_not(
    server: World, watching: Watching, logged: pytest.LogCaptureFixture
) -> None:
    """Each by its notification: the slow look found nothing that was not told, also half way between two looks."""
    told = watching()
    told.rest()
    for number in range(5):
        server.mover(f"m{number}")
        told.changes.get(timeout=LIMIT)
        time.sleep(0.7)
    with server.write() as tx:
        tx.session.connection().exec_driver_sql("UPDATE storage_mover SET description = 'lost'")
        tx.session.rollback()
    told.rest()
    time.sleep(2.5)
    assert told.changes.empty()
    assert told.troubles.empty()
    assert found_by_looking(logged) == 0


def test_a_change_without_a_notification_is_found_and_logged(
    server: World, watching: Watching, logged: pytest.LogCaptureFixture
) -> None:
    """Its writer died after the commit, or was not one of ours. Also when its revision is lower than what was told."""
    server.mover()
    told = watching()
    told.rest()
    with server.store.engine.connect() as other:
        other.exec_driver_sql("UPDATE storage_mover SET description = 'x'")
        server.agent()
        told.changes.get(timeout=LIMIT)
        told.rest()
        assert found_by_looking(logged) == 0
        other.commit()
    told.changes.get(timeout=LIMIT)
    eventually(lambda: found_by_looking(logged) == 1)
    time.sleep(2.5)
    assert told.changes.empty()
    assert found_by_looking(logged) == 1


def test_a_fleet_is_not_woken_by_the_work_of_others(server: World, watching: Watching) -> None:
    one, two, reader = watching(1), watching(2), watching()
    reader.rest()
    for number in range(5):
        server.mover(f"m{number}")
    reader.changes.get(timeout=LIMIT)
    with server.write() as tx:
        tx.tell_agent(2)
    two.changes.get(timeout=LIMIT)
    for told in (one, two):
        told.rest()
        assert told.changes.empty()
    reader.rest()


def test_an_agent_is_woken_at_its_own_login_and_wakes_who_reads(
    server: World, watching: Watching, logged: pytest.LogCaptureFixture
) -> None:
    """By the start of a run; and its claim shows on screens, although it may not touch the feed."""
    server.define()
    identity = server.agent()
    reader = watching()
    assert isinstance(server.store.place, PostgresPlace)
    login = server.store.place.for_user(server.found_agent().db_role, server.credentials["dock-1"])
    changes: queue.Queue[None] = queue.Queue()
    watch = Watch(login, lambda: changes.put(None), agent_id=identity.agent_id)
    watch.start()
    changes.get(timeout=LIMIT)
    server.start()
    changes.get(timeout=LIMIT)
    reader.rest()
    store = open_store(login)
    with store.write("agent/dock-1", serial=False) as tx:
        assert claim_run(tx, identity, []) is not None
    reader.changes.get(timeout=LIMIT)
    store.close()
    assert found_by_looking(logged) == 0
    watch.stop(wait=True)


def test_what_no_one_can_see_is_not_notified(server: World, ear: psycopg.Connection[object]) -> None:
    """Neither a heartbeat nor live numbers nor a look for work: a fleet does little else. Anything else is."""
    identity, claim = server.claimed()
    server.call(identity, report_started, claim)
    server.call(identity, report_progress, claim, {"items_scanned": 1, "scan_status": "Scanning"})
    assert "longshore" in heard(ear)
    for number in range(3):
        server.beat(identity, claim)
        server.claim(identity, claim)
        server.call(identity, report_progress, claim, {"items_scanned": number})
    assert heard(ear) == []
    server.cancel(claim.run_id)
    assert "longshore" in heard(ear)


def test_live_numbers_are_told_while_a_run_is_active(
    server: World, watching: Watching, logged: pytest.LogCaptureFixture
) -> None:
    """They are in no feed and in no notification: the look finds them, and that is no loss to be logged."""
    identity, claim = server.claimed()
    told = watching()
    told.rest()
    for number in range(3):
        server.clock.advance(500)
        server.call(identity, report_progress, claim, {"items_scanned": number})
        told.changes.get(timeout=LIMIT)
    assert found_by_looking(logged) == 0


def test_a_burst_is_told_by_few_notifications_and_its_last_one_is_sent(
    server: World, ear: psycopg.Connection[object]
) -> None:
    """At most one in twenty milliseconds, the last one after the last commit: also when the store is closed at once."""
    began = time.monotonic()
    for number in range(60):
        server.mover(f"m{number}")
    server.store.close()
    possible = (time.monotonic() - began) / 0.02 + 2
    counted = len(heard(ear))
    assert 1 <= counted <= possible
    last = Notifier(server.store.engine)
    for number in range(1_000):
        last.committed({"project"}, {1 + number % 2})
    last.close()
    assert sorted(set(heard(ear))) == ["longshore", "longshore_agent_1", "longshore_agent_2"]
    last.committed({"run_lease"}, ())
    assert heard(ear) == []


def test_a_notification_survives_dead_connections_in_the_pool(
    server: World, cluster: Cluster, store_database: str, ear: psycopg.Connection[object]
) -> None:
    """A server that was restarted: the first connection that is taken is of no use; a server that is away is no end."""
    server.mover()
    heard(ear)
    cut = (
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        f" WHERE datname = '{store_database}' AND pid NOT IN (pg_backend_pid(), {ear.info.backend_pid})"
    )
    teller = Notifier(server.store.engine)
    cluster.psql(cut)
    teller.committed({"project"}, ())
    assert heard(ear) == ["longshore"]
    cluster.psql(f"ALTER DATABASE {store_database} ALLOW_CONNECTIONS false; {cut}")
    teller.committed({"project"}, ())
    assert heard(ear) == []
    cluster.psql(f"ALTER DATABASE {store_database} ALLOW_CONNECTIONS true")
    teller.committed({"project"}, ())
    teller.close()
    assert heard(ear) == ["longshore"]


def test_a_listener_that_is_cut_off_listens_again(
    server: World, watching: Watching, cluster: Cluster, store_database: str
) -> None:
    """Trouble is told once, then a change, for what came meanwhile: a reader's and an agent's."""
    reader, agent = watching(), watching(1)
    for told in (reader, agent):
        told.rest()
    server.store.close()
    cluster.psql(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        f" WHERE datname = '{store_database}' AND pid <> pg_backend_pid()"
    )
    for told in (reader, agent):
        assert told.troubles.get(timeout=LIMIT).exit_code == 5
        told.changes.get(timeout=LIMIT)
        told.rest()
    server.mover()
    with server.write() as tx:
        tx.tell_agent(1)
    for told in (reader, agent):
        told.changes.get(timeout=LIMIT)
        assert told.troubles.empty()


def test_a_server_that_stays_away_is_one_trouble_and_its_return_a_change(
    watching: Watching, cluster: Cluster, store_database: str
) -> None:
    told = watching()
    told.rest()
    cluster.psql(
        f"ALTER DATABASE {store_database} ALLOW_CONNECTIONS false;"
        f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{store_database}'"
    )
    told.troubles.get(timeout=LIMIT)
    time.sleep(1.0)
    assert told.troubles.empty()
    assert told.changes.empty()
    cluster.psql(f"ALTER DATABASE {store_database} ALLOW_CONNECTIONS true")
    told.changes.get(timeout=LIMIT)
