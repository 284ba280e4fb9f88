"""Two empty trees for every test that copies, on ordinary or on faulty file systems."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.faultfs.mount import FaultFs, fault_fs


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


@pytest.fixture
def faulty_source(trees: Trees) -> Iterator[FaultFs]:
    """``trees.source`` is such a file system; ``.source`` is the real directory behind it."""
    real = trees.base / "behind the source"
    real.mkdir()
    with fault_fs(real, trees.source) as mounted:
        yield mounted


@pytest.fixture
def faulty_target(trees: Trees) -> Iterator[FaultFs]:
    """``trees.target`` is such a file system; ``.source`` is the real directory behind it."""
    real = trees.base / "behind the target"
    real.mkdir()
    with fault_fs(real, trees.target) as mounted:
        yield mounted
