"""Two empty trees for every test that copies."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest


class Trees(NamedTuple):
    """Directories of one test: everything lies in ``base``."""

    base: Path
    source: Path
    target: Path


@pytest.fixture
def trees() -> Iterator[Trees]:
    """Source and target, reachable for an unprivileged worker too (pytest's own are private)."""
    base = Path(tempfile.mkdtemp(prefix="longshore-test-"))
    base.chmod(0o755)
    found = Trees(base, base / "source", base / "target")
    found.source.mkdir()
    found.target.mkdir()
    yield found
    shutil.rmtree(base)
