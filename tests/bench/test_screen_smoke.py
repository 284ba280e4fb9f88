"""The bench of the screen runs, on a small store and for next to nothing. What it measures so is not looked at."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.bench.screen_cases import CASES

ROOT = Path(__file__).resolve().parents[2]


def test_every_case_is_measured(tmp_path: Path) -> None:
    command = (sys.executable, "-W", "ignore", "tests/bench/screen.py", "--dir", str(tmp_path))
    options = ("--scale", "0.01", "--runs", "4", "--times", "3")
    result = subprocess.run((*command, *options), cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    lines = result.stdout.splitlines()
    for name, case in CASES.items():
        assert any(line.startswith(f"{name}: {case.about}") for line in lines), name
    for what in ("process start -> tree with data", "tab", "open a run", "a run ended, 4 others live"):
        assert any(line.startswith(f"  {what} ") for line in lines), what
