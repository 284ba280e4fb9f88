"""A fresh store with a clock that stands still, for every test that asks for one."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from store.clock import VirtualClock
from store.db import open_store

# The helpers are tests.store.*: found from the repository's root, after whatever is installed.
sys.path.append(str(Path(__file__).parents[2]))

from tests.store.world import NOON, World


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of an empty store at the newest schema: migrated once, copied for each test."""
    path = tmp_path_factory.mktemp("template") / "store.db"
    open_store(str(path)).close()
    assert sorted(p.name for p in path.parent.iterdir()) == ["store.db"]
    return path


@pytest.fixture
def store_path(empty_store: Path, tmp_path: Path) -> Path:
    """The path of an empty store of this test's own."""
    path = tmp_path / "store.db"
    shutil.copyfile(empty_store, path)
    path.chmod(0o600)
    return path


@pytest.fixture(params=["sqlite", "postgresql"])
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    """An open store with shortcuts for telling stories: each story is told on both kinds."""
    sqlite = request.param == "sqlite"
    clock = VirtualClock(NOON)
    store = open_store(str(request.getfixturevalue("store_path" if sqlite else "store_url")), clock=clock)
    yield World(store, clock)
    store.close()


@pytest.fixture
def file_world(store_path: Path) -> Iterator[World]:
    """The same on an embedded store only, for what is about its file."""
    clock = VirtualClock(NOON)
    store = open_store(str(store_path), clock=clock)
    yield World(store, clock)
    store.close()
