"""The bench of copies to a blob container runs, on next to nothing. What it measures so is not looked at."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.bench.cloud import CASES
from tests.servers.azurite import program

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.skipif(
    program() is None or shutil.which("rclone") is None, reason="the bench needs Azurite and rclone"
)


def test_every_case_runs_and_leaves_nothing_behind(tmp_path: Path) -> None:
    command = (sys.executable, "tests/bench/cloud.py", "--dir", str(tmp_path), "--rounds", "1", "--scale", "0.002")
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert os.listdir(tmp_path) == []
    headings = [line.split(":")[0] for line in result.stdout.splitlines() if not line.startswith(" ")]
    assert headings == list(CASES)
    assert result.stdout.count("ratio") == 2


def test_a_case_that_does_not_exist_is_refused() -> None:
    command = (sys.executable, "tests/bench/cloud.py", "--dir", "/", "--only", "small,huge")
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode != 0
    assert "not among" in result.stderr
