"""A store, a source tree, and a registered agent: all real; on a server, the agent logs in as itself."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.agent.migration import Migration


@pytest.fixture(params=["sqlite", "postgresql"])
def migration(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Migration]:
    """Each story is told on both kinds of store."""
    server = request.getfixturevalue("store_url") if request.param == "postgresql" else None
    found = Migration(tmp_path, server=server)
    yield found
    found.close()


@pytest.fixture
def file_migration(tmp_path: Path) -> Iterator[Migration]:
    """The same on an embedded store only, for what is about its file."""
    found = Migration(tmp_path)
    yield found
    found.close()
