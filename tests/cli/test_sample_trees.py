"""The sample trees of the demo: the same every time, and as odd as promised."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from agentsim.sample import HOSTILE_NAMES, make_tree
from tui.demo.compare import differences


def test_the_same_arguments_make_the_same_tree(tmp_path: Path) -> None:
    one = make_tree(tmp_path / "one", 300, 3_000_000, seed=7)
    two = make_tree(tmp_path / "two", 300, 3_000_000, seed=7)
    assert one == two
    count, found = differences(tmp_path / "one", tmp_path / "two")
    assert found == []
    assert count == one.files + one.directories + one.links
    assert differences(tmp_path / "one", tmp_path)[1]


def test_a_tree_is_as_large_and_as_odd_as_asked(tmp_path: Path) -> None:
    made = make_tree(tmp_path, 1_000, 40_000_000, seed=1)
    assert 1_000 <= made.files <= 1_100
    assert 30_000_000 <= made.bytes <= 50_000_000
    odd = os.listdir(os.fsencode(tmp_path / "odd names"))
    assert set(HOSTILE_NAMES) <= set(odd)
    links = list((tmp_path / "links").iterdir())
    assert any(not link.exists() for link in links if link.name == "dangling")
    assert all(link.is_symlink() for link in links)
    found = [entry.lstat() for entry in tmp_path.rglob("*")]
    files = [status for status in found if stat.S_ISREG(status.st_mode)]
    assert min(status.st_size for status in files) == 0
    assert len({stat.S_IMODE(status.st_mode) for status in files}) > 3
    assert all(status.st_nlink == 1 for status in files)
    assert sum(status.st_mtime_ns % 1_000_000_000 != 0 for status in files) > 900


def test_a_directory_that_holds_something_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine").touch()
    with pytest.raises(FileExistsError):
        make_tree(tmp_path, 10, 10, seed=1)
    done = subprocess.run(
        [sys.executable, "-m", "agentsim.sample", str(tmp_path)], check=False, capture_output=True, text=True
    )
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert [entry.name for entry in tmp_path.iterdir()] == ["mine"]
