"""The bench runs: every case, on a tree of next to nothing. What it measures so is not looked at."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HEADINGS = ("unchanged:", "changed:", "mirror:", "small:", "large:", "mixed:", "start:", "memory:", "progress:")
NEEDED = ("rsync", "findmnt")

pytestmark = pytest.mark.skipif(
    not all(map(shutil.which, NEEDED)), reason="the bench needs rsync, which judges the copies, and findmnt"
)
can_mount = pytest.mark.skipif(
    os.geteuid() != 0 or not os.path.exists("/dev/loop-control") or not shutil.which("mkfs.ext4"),
    reason="only root can mount, and only where there are loop devices and mkfs.ext4",
)


def bench(directory: Path, *options: str) -> str:
    """Run the bench; what it printed. It must leave nothing behind."""
    command = (sys.executable, "tests/bench/engine.py", "--dir", str(directory), "--rounds", "1", "--scale", "0.002")
    result = subprocess.run((*command, *options), cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert os.listdir(directory) == []
    return result.stdout


def test_every_case_runs_and_prints_a_table(tmp_path: Path) -> None:
    printed = bench(tmp_path)
    assert [line.split()[0] for line in printed.splitlines() if line[:1].isalpha()] == list(HEADINGS)
    assert printed.count("rsync -aHAX ") == 6
    assert "worker alone" in printed


def test_a_profile_shows_system_calls_and_functions(tmp_path: Path) -> None:
    printed = bench(tmp_path, "--profile")
    assert "function calls" in printed
    assert "renameat" in printed or "no strace here" in printed


@can_mount
@pytest.mark.parametrize("where", [("--loop", "ext4", "64M"), ("--tmpfs",)], ids=["ext4", "tmpfs"])
def test_a_case_makes_its_own_file_system_and_takes_it_away(tmp_path: Path, where: tuple[str, ...]) -> None:
    printed = bench(tmp_path, *where, "--only", "small", "--peers", "rsync")
    assert f"on {where[1] if len(where) > 1 else 'tmpfs'}" in printed
    assert str(tmp_path) not in Path("/proc/self/mountinfo").read_text()


def test_a_case_that_does_not_exist_is_refused() -> None:
    command = (sys.executable, "tests/bench/engine.py", "--dir", "/", "--only", "small,huge")
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 2
    assert "not among" in result.stderr
