"""A store, a source tree, and a registered agent: all real."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.agent.migration import Migration


@pytest.fixture
def migration(tmp_path: Path) -> Iterator[Migration]:
    found = Migration(tmp_path)
    yield found
    found.close()
