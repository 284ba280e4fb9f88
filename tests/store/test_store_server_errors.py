"""Servers that cannot hold a store, or cannot be reached: each has its code, one sentence that says what to do, and
exit code 5."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator

import pytest

from store.clock import VirtualClock
from store.db import open_store
from store.errors import StoreUnavailable
from store.place import StorePlace, locate
from store.reader import Reader
from tests.postgres import ADMIN, SUPERUSER, Cluster
from tests.store.world import NOON, World, refusal

OPENERS: dict[str, Callable[[StorePlace], object]] = {"open_store": open_store, "Reader": Reader}


@pytest.fixture(params=OPENERS)
def opener(request: pytest.FixtureRequest) -> Callable[[StorePlace], object]:
    """Both ways into a store: they refuse the same places with the same words."""
    return OPENERS[request.param]


@pytest.fixture
def served(store_url: str) -> Iterator[World]:
    clock = VirtualClock(NOON)
    store = open_store(store_url, clock=clock)
    yield World(store, clock)
    store.close()


def refused(call: Callable[[], object], code: str, *words: str) -> None:
    error = refusal(StoreUnavailable, call)
    assert (error.code, error.exit_code) == (code, 5)
    for word in words:
        assert word in error.sentence


def test_a_store_of_a_newer_program(opener: Callable[[StorePlace], object], served: World) -> None:
    served.sql("UPDATE alembic_version SET version_num = '9999'")
    refused(lambda: opener(served.store.place), "StoreTooNew", "9999", "upgrade this program")


def test_a_database_without_a_store(opener: Callable[[StorePlace], object], cluster: Cluster) -> None:
    name = cluster.database()
    try:
        refused(lambda: opener(locate(cluster.url(name, SUPERUSER))), "StoreNotPrepared", "store init")
        cluster.psql("CREATE SCHEMA longshore; CREATE TABLE longshore.moz (a int)", db=name)
        refused(lambda: opener(locate(cluster.url(name, SUPERUSER))), "StoreNotOurs", "another")
    finally:
        cluster.drop(name)


def test_a_database_that_is_not_there(opener: Callable[[StorePlace], object], served: World, cluster: Cluster) -> None:
    refused(lambda: opener(locate(cluster.url("no_such_database"))), "StoreMissing", "createdb")


def test_a_wrong_password(opener: Callable[[StorePlace], object], served: World) -> None:
    refused(lambda: opener(locate(served.store.place.url, password="wrong")), "StoreLoginRefused", "pgpass")


def test_nobody_answers(opener: Callable[[StorePlace], object]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        refused(lambda: opener(locate(f"postgresql://127.0.0.1:{port}/x")), "StoreUnreachable", "its server runs")


def test_too_many_connections(opener: Callable[[StorePlace], object], served: World, cluster: Cluster) -> None:
    cluster.psql(f"ALTER ROLE {ADMIN} CONNECTION LIMIT 0")
    try:
        refused(lambda: opener(served.store.place), "StoreBusy", "max_connections")
    finally:
        cluster.psql(f"ALTER ROLE {ADMIN} CONNECTION LIMIT -1")


def test_a_server_that_takes_no_writes(store_url: str, store_database: str, cluster: Cluster) -> None:
    """As a standby does: what is there can be read, and a write says why not."""
    cluster.psql(f"ALTER DATABASE {store_database} SET default_transaction_read_only = on")
    world = World(open_store(store_url), VirtualClock(NOON))
    refused(world.mover, "StoreReadOnly", "primary")
    with Reader(world.store.place) as reader:
        assert reader.value("SELECT count(*) FROM storage_mover") == 0
    world.store.close()


@pytest.mark.parametrize(
    ("state", "code", "words"),
    [
        ("53100", "StoreFull", "free some"),
        ("53200", "StoreFull", "memory"),
        ("40P01", "StoreBusy", "try again"),
        ("55P03", "StoreBusy", "try again"),
        ("42501", "StoreForbidden", "admin"),
        ("XX001", "StoreCorrupt", "backup"),
    ],
)
def test_what_a_server_says_while_it_writes(served: World, state: str, code: str, words: str) -> None:
    """Chosen by the code that it gives; nothing of the write is there, and afterwards it goes on."""
    served.mover()
    served.sql(
        "CREATE FUNCTION fails() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        f"RAISE EXCEPTION 'could not extend file' USING ERRCODE = '{state}'; END $$",
        "CREATE TRIGGER fails AFTER INSERT ON project FOR EACH ROW EXECUTE FUNCTION fails()",
    )
    refused(served.project, code, words, "could not extend file")
    served.sql("DROP TRIGGER fails ON project")
    assert served.sql("SELECT count(*) FROM project") == [(0,)]
    served.project()


def test_a_store_that_somebody_holds(served: World, store_database: str, cluster: Cluster) -> None:
    """Longer than a write waits: busy, by name, and nothing was written."""
    with cluster.connect(store_database, autocommit=False) as holder:
        holder.execute("LOCK TABLE longshore.storage_mover IN ACCESS EXCLUSIVE MODE")
        refused(served.mover, "StoreBusy", "try again")
    served.mover()


def test_a_connection_that_was_cut(served: World, store_database: str, cluster: Cluster) -> None:
    """Said by name; the next call has a new one."""
    served.mover()
    with served.reader() as reader:
        cluster.psql(
            f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{store_database}' "
            "AND pid <> pg_backend_pid()"
        )
        refused(lambda: reader.value("SELECT 1"), "StoreUnreachable")
        refused(served.project, "StoreUnreachable")
    served.project()
