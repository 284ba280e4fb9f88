"""The bench of the fleet runs, on both kinds of store, at next to no size. What it measures so is not looked at."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests import postgres

ROOT = Path(__file__).resolve().parents[2]


def bench(directory: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Run the bench; it must leave nothing behind."""
    command = (sys.executable, "tests/bench/fleet.py", "--dir", str(directory), *options)
    answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)
    assert os.listdir(directory) == []
    return answer


@pytest.mark.parametrize(("store", "peer"), [("sqlite", "read, then write"), ("postgresql", "connect each time")])
def test_the_load_is_played_beside_a_peer(tmp_path: Path, store: str, peer: str) -> None:
    if store == "postgresql":
        postgres.require()
    options = ("--seconds", "2", "--agents", "6", "--runs", "2", "--processes", "2", "--only", store)
    answer = bench(tmp_path, *options)
    # 1 says that it took too long: no business of a smoke test.
    assert answer.returncode in (0, 1), answer.stderr
    for word in (f"{store}: 6 agents, 2 runs", "every write", "beat", "report_progress", "errors 0", peer):
        assert word in answer.stdout


def test_a_store_that_there_is_not_is_refused(tmp_path: Path) -> None:
    answer = bench(tmp_path, "--only", "oracle")
    assert answer.returncode == 2
    assert "not among sqlite, postgresql" in answer.stderr
