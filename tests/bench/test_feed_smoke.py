"""The bench of the feed runs, on both kinds of store. What it measures in a second is not looked at."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.postgres import require

ROOT = Path(__file__).resolve().parents[2]
COMMAND = (sys.executable, "tests/bench/feed.py", "--rounds", "1", "--seconds", "0.5", "--idle", "0.5")


def test_both_stores_are_measured_beside_pollers() -> None:
    require()
    result = subprocess.run(COMMAND, cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    printed = result.stdout
    assert [line.split(":")[0] for line in printed.splitlines() if line[:1].isalpha()] == ["sqlite", "postgresql"]
    for words in ("ours", "poll 1 s", "poll 50 ms", "nothing new", "up to date"):
        assert printed.count(f"  {words}") + printed.count(f"{words}: ") == 2, words


def test_a_store_that_does_not_exist_is_refused() -> None:
    result = subprocess.run((*COMMAND, "--stores", "oracle"), cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 2
    assert "not among" in result.stderr
