"""The bench of the queries runs, on stores of next to nothing. What it measures so is not looked at."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests import postgres
from tests.bench.query_cases import CASES, PEERS

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("store", ["sqlite", "postgresql"])
def test_every_query_is_measured_twice_on_a_kept_store(store: str) -> None:
    if store == "postgresql":
        postgres.require()
    with tempfile.TemporaryDirectory(dir="/tmp") as directory:
        os.chmod(directory, 0o755)  # the server may run as another user
        command = (sys.executable, "-W", "ignore", "tests/bench/queries.py", "--dir", directory, "--store", store)
        for times in ("2", "1"):
            options = ("--scale", "0.0002", "--times", times)
            result = subprocess.run((*command, *options), cwd=ROOT, capture_output=True, text=True, check=False)
            assert result.returncode == 0, result.stderr
            lines = [line[2:] for line in result.stdout.splitlines() if line.startswith("  ")]
            for name in (*CASES, *PEERS):
                assert any(line.startswith(f"{name} ") for line in lines), name
