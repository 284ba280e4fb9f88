"""The schema: one migration makes exactly the models, whoever comes first."""

from __future__ import annotations

import gzip
import sqlite3
import stat
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlmodel import SQLModel

from store import report_lines
from store.clock import VirtualClock
from store.db import open_store
from store.errors import StoreUnavailable
from store.execution.trust import AgentIdentity
from store.head import HEAD
from store.migrate import alembic_config
from store.place import locate
from store.postgres.engine import make_engine
from store.postgres.place import PostgresPlace
from store.postgres.roles import prepare_database
from store.queries.reports import plan_chunks
from store.queries.retention import Expired, expired
from store.reader import Reader
from store.settings import CopySettings
from store.sqlite.place import APPLICATION_ID, SqlitePlace
from store.upkeep.check.run import check
from store.upkeep.upgrading import planned, upgrade_now
from store.vocabulary import RunKind
from tests.postgres import SUPERUSER, Cluster
from tests.store.world import NOON, World, dump, outputs, python, refusal, sql

INLINE = {("job_run", "plan_run_id"): "SET NULL", ("registration_token", "agent_id"): "CASCADE"}
"""References that stand in their column's definition, and what deleting the parent does."""

STARTER = """
import sys
from store.db import open_store
import store.migrate
print("ready", flush=True)
sys.stdin.readline()
store = open_store(sys.argv[1])
with store.read() as session:
    from sqlalchemy import text
    print(session.execute(text("SELECT epoch FROM feed_state")).scalar_one())
store.close()
"""


@pytest.mark.filterwarnings("ignore:Did not recognize type 'xid8'")
def test_a_fresh_store_is_what_the_models_say(world: World) -> None:
    """Alembic would have nothing to do: migrations and models are one."""
    # PostgreSQL would have to compare JSON, which it cannot.
    defaults = world.store.dialect == "sqlite"
    with world.store.engine.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"compare_type": True, "compare_server_default": defaults, "render_as_batch": True}
        )
        differences = compare_metadata(context, SQLModel.metadata)
    if world.store.dialect == "postgresql":
        assert [d for d in differences if not _of_a_server_alone(d)] == []
        return
    assert [d for d in differences if not _about_an_inline_reference(d)] == []
    # SQLAlchemy does not read ON DELETE of a reference that stands in its column's definition.
    for (table, column), rule in INLINE.items():
        rules = {row[3]: row[6] for row in world.sql(f"PRAGMA foreign_key_list({table})")}
        assert rules[column] == rule


def _of_a_server_alone(difference: Any) -> bool:
    """Which transaction wrote a change: on SQLite revisions are in the order of commits by themselves."""
    what, *details = difference
    return (what == "remove_column" and (details[1], details[2].name) == ("change", "xid")) or (
        what == "remove_index" and details[0].name == "ix_change_xid"
    )


def _about_an_inline_reference(difference: Any) -> bool:
    return difference[0] in ("add_fk", "remove_fk") and (
        (difference[1].table.name, *difference[1].column_keys) in INLINE
    )


def test_the_program_knows_its_newest_migration(world: World) -> None:
    with world.store.engine.connect() as connection:
        assert ScriptDirectory.from_config(alembic_config(connection)).get_heads() == [HEAD]
    assert world.sql("SELECT version_num FROM alembic_version") == [(HEAD,)]


def test_a_store_is_marked_and_private(tmp_path: Path) -> None:
    """Its application id says whose it is; its mode says who may read it; its log is a log."""
    path = tmp_path / "new.db"
    open_store(str(path)).close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert sql(path, "PRAGMA application_id") == [(APPLICATION_ID,)]
    assert sql(path, "PRAGMA journal_mode") == [("wal",)]
    assert sql(path, "PRAGMA auto_vacuum") == [(2,)]


def test_an_empty_file_becomes_a_store(tmp_path: Path) -> None:
    path = tmp_path / "empty.db"
    path.touch(0o600)
    open_store(str(path)).close()
    assert sql(path, "PRAGMA application_id") == [(APPLICATION_ID,)]


def test_a_file_that_another_process_is_just_making_is_waited_for(tmp_path: Path) -> None:
    """SQLite itself refuses the change of the journal mode at once while another writes the first page."""
    path = tmp_path / "store.db"
    path.touch(0o600)
    with closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as other:
        other.execute(f"PRAGMA application_id={APPLICATION_ID}")
        other.execute("BEGIN IMMEDIATE")
        done = threading.Timer(0.3, other.execute, ["COMMIT"])
        done.start()
        try:
            open_store(str(path)).close()
        finally:
            done.join()
    assert sql(path, "PRAGMA journal_mode") == [("wal",)]


def test_six_that_start_at_once_make_one_store(tmp_path: Path) -> None:
    """All succeed, one has migrated, and all see the same epoch."""
    path = tmp_path / "store.db"
    starters = [python(STARTER, path) for _ in range(6)]
    for starter in starters:
        assert starter.stdout is not None
        assert starter.stdout.readline() == "ready\n", starter.communicate()
    for starter in starters:
        assert starter.stdin is not None
        starter.stdin.write("go\n")
        starter.stdin.flush()
    assert len(set(outputs(starters))) == 1
    assert sql(path, "PRAGMA application_id") == [(APPLICATION_ID,)]
    assert sql(path, "SELECT count(*) FROM alembic_version") == [(1,)]
    assert sql(path, "PRAGMA integrity_check") == [("ok",)]


def test_opening_a_current_store_writes_nothing(store_path: Path) -> None:
    before = store_path.read_bytes()
    open_store(str(store_path)).close()
    assert store_path.read_bytes() == before


# A store that the program before this one wrote.


FIXTURES = Path(__file__).parent / "fixtures"
RELEASED = ("0001", "0002")
"""The schemas that stores out there have."""


def unpacked(version: str, directory: Path) -> Path:
    """A store as a program of that schema wrote it."""
    path = directory / "old.db"
    path.touch(0o600)
    path.write_bytes(gzip.decompress((FIXTURES / f"store-{version}.db.gz").read_bytes()))
    return path


@pytest.fixture
def old_store(tmp_path: Path) -> Path:
    """A store of schema 0001: three runs of a definition, one failed, one succeeded, one waiting."""
    return unpacked("0001", tmp_path)


@pytest.fixture(params=RELEASED)
def released(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A store of each released schema."""
    return unpacked(request.param, tmp_path)


def test_an_older_store_is_upgraded_when_it_is_opened(released: Path) -> None:
    """Nothing that it held is lost, and it is as sound as a new one."""
    before = dump(released)
    open_store(str(released)).close()
    after = dump(released)
    for table in set(before) - {"alembic_version", "sqlite_sequence"}:
        kept = [row[: len(old)] for row, old in zip(after[table], before[table], strict=True)]
        assert kept == before[table], table
    with Reader(str(released)) as reader:
        # The counters of the oldest one were made up.
        assert {each.name for each in check(reader) if not each.holds} <= {"counters"}


def test_what_is_new_in_an_older_store_means_what_it_meant_before(old_store: Path) -> None:
    open_store(str(old_store)).close()
    assert sql(old_store, "SELECT DISTINCT kind, plan_run_id, plan_number, overrides, report FROM job_run") == [
        ("Copy", None, None, "[]", 0)
    ]
    assert sql(old_store, "SELECT settings, source_identity FROM job_definition") == [("{}", "")]


def test_an_upgraded_store_is_the_same_as_a_new_one(released: Path, store_path: Path) -> None:
    """The same tables, columns, indexes and triggers, each in the very words."""
    open_store(str(released)).close()
    statement = "SELECT type, name, tbl_name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite_%' ORDER BY type, name"
    assert sql(released, statement) == sql(store_path, statement)


def test_a_run_that_waited_through_the_upgrade_is_carried_out(old_store: Path) -> None:
    """Its claim is that of a plain copy, and the last pass is the one that had succeeded."""
    world = World(open_store(str(old_store), clock=VirtualClock(NOON)), VirtualClock(NOON))
    sql(old_store, "UPDATE agent SET instance_id = 'now'")
    agent = world.found_agent()
    identity = AgentIdentity(agent.id, agent.mover_id, agent.name, "now", 5_000)
    claim = world.claim(identity)
    assert claim is not None
    assert (claim.label, claim.kind, claim.settings) == ("hr/home#3", RunKind.COPY, CopySettings())
    assert (claim.overrides, claim.report, claim.planned, claim.source_identity) == (frozenset(), False, False, "")
    assert (claim.last_items, claim.last_bytes) == (13, 5_000)
    world.store.close()


def test_a_run_that_went_on_through_the_upgrade_is_resumed(tmp_path: Path) -> None:
    """With its plan, its report and its settings; the preview is a plan as before."""
    path = unpacked("0002", tmp_path)
    world = World(open_store(str(path), clock=VirtualClock(NOON)), VirtualClock(NOON))
    sql(path, "UPDATE agent SET instance_id = 'now'")
    agent = world.found_agent()
    claim = world.claim(AgentIdentity(agent.id, agent.mover_id, agent.name, "now", 5_000))
    assert claim is not None
    assert (claim.label, claim.resumed, claim.planned, claim.plan_run_id, claim.report) == (
        "hr/home#4",
        True,
        True,
        4,
        True,
    )
    assert (claim.settings.trash, claim.settings.max_deletes, claim.settings.exclude) == (True, 50, ("*.tmp",))
    with world.reader() as reader:
        (chunk,) = plan_chunks(reader, 4, 0, 10)
        assert len(list(report_lines.read(chunk[1]))) == 7
        assert expired(reader, 4) == Expired()
    world.store.close()


def test_the_older_store_is_kept_beside_the_upgraded_one(old_store: Path) -> None:
    """A backup that can be put back: private, whole, and nothing else is left lying there."""
    before = dump(old_store)
    open_store(str(old_store)).close()
    backup = old_store.with_name("old.db.schema-0001")
    assert stat.S_IMODE(backup.stat().st_mode) == 0o600
    after = dump(backup)
    # Under an epoch of its own, so that those who read the store notice when it is put back.
    assert after.pop("feed_state") != before.pop("feed_state")
    assert after == before
    assert sql(backup, "PRAGMA integrity_check") == [("ok",)]
    assert not list(old_store.parent.glob(".*.part*"))
    backup.replace(old_store)
    open_store(str(old_store)).close()
    assert sql(old_store, "SELECT count(*) FROM job_run") == [(3,)]


def test_without_room_for_a_backup_nothing_is_upgraded(old_store: Path) -> None:
    """The backup's place is taken by a directory: the store stays of its schema."""
    before = old_store.read_bytes()
    (old_store.with_name("old.db.schema-0001") / "taken").mkdir(parents=True)
    error = refusal(StoreUnavailable, lambda: open_store(str(old_store)))
    assert error.code == "StoreCannotBackUp"
    assert sql(old_store, "SELECT version_num FROM alembic_version") == [("0001",)]
    assert old_store.read_bytes()[100:] == before[100:]
    assert not list(old_store.parent.glob(".*.part*"))


def test_a_new_store_is_not_backed_up(tmp_path: Path) -> None:
    open_store(str(tmp_path / "new.db")).close()
    assert not list(tmp_path.glob("*schema*"))


def test_reading_alone_upgrades_nothing(old_store: Path) -> None:
    error = refusal(StoreUnavailable, lambda: Reader(str(old_store)))
    assert error.code == "StoreOutdated"
    assert sql(old_store, "SELECT version_num FROM alembic_version") == [("0001",)]


# On a server.


@pytest.fixture
def prepared(cluster: Cluster) -> Iterator[PostgresPlace]:
    """A database that ``store init`` has prepared, and nothing more."""
    name = cluster.database()
    place = locate(cluster.url(name, SUPERUSER))
    assert isinstance(place, PostgresPlace)
    prepare_database(place, "longshore")
    yield place
    cluster.drop(name)


@pytest.mark.parametrize("version", [None, "0002", "0003"])
def test_six_that_start_at_once_on_a_server_make_one_store(prepared: PostgresPlace, version: str | None) -> None:
    """All succeed, one has migrated, from nothing or from an older schema, and all see the same epoch."""
    if version is not None:
        _make_older(prepared, version)
    starters = [python(STARTER, prepared.url) for _ in range(6)]
    for starter in starters:
        assert starter.stdout is not None
        assert starter.stdout.readline() == "ready\n", starter.communicate()
    for starter in starters:
        assert starter.stdin is not None
        starter.stdin.write("go\n")
        starter.stdin.flush()
    assert len(set(outputs(starters))) == 1
    with Reader(prepared) as reader:
        assert reader.value("SELECT count(*) FROM alembic_version") == 1
        assert [each for each in check(reader) if not each.holds] == []


def _make_older(place: PostgresPlace, version: str) -> None:
    engine = make_engine(place)
    with engine.begin() as connection:
        connection.exec_driver_sql("SET LOCAL ROLE longshore_admin")
        command.upgrade(alembic_config(connection), version)
    engine.dispose()


def test_what_an_upgrade_would_do_is_told(released: Path, prepared: PostgresPlace) -> None:
    """Without doing it; and where there is nothing to do, that."""
    before = dump(released)
    found = planned(SqlitePlace(released))
    assert found == (before["alembic_version"][0][0], HEAD, f"{released}.schema-{found.before}")
    assert dump(released) == before
    assert upgrade_now(SqlitePlace(released)) == found
    assert not upgrade_now(SqlitePlace(released)).needed
    assert refusal(StoreUnavailable, lambda: planned(prepared)).code == "StoreMissing"
    _make_older(prepared, "0003")
    assert planned(prepared) == ("0003", HEAD, None)
    assert refusal(StoreUnavailable, lambda: Reader(prepared)).code == "StoreOutdated"
    upgrade_now(prepared)
    assert not planned(prepared).needed
