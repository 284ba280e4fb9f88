"""The schema: one migration makes exactly the models, whoever comes first."""

from __future__ import annotations

import stat
from pathlib import Path

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlmodel import SQLModel

from store.db import open_store
from store.migrate import alembic_config
from store.place import APPLICATION_ID, HEAD
from tests.store.world import World, outputs, python, sql

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


def test_a_fresh_store_is_what_the_models_say(world: World) -> None:
    """Alembic would have nothing to do: migrations and models are one."""
    with world.store.engine.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"compare_type": True, "compare_server_default": True, "render_as_batch": True}
        )
        assert compare_metadata(context, SQLModel.metadata) == []


def test_the_program_knows_its_newest_migration(world: World) -> None:
    with world.store.engine.connect() as connection:
        assert ScriptDirectory.from_config(alembic_config(connection)).get_heads() == [HEAD]
    assert sql(world.path, "SELECT version_num FROM alembic_version") == [(HEAD,)]


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
