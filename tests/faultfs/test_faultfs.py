"""The instrument itself: it is a file system like any other until it is told not to be."""

from __future__ import annotations

import errno
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faultfs.faults import Fault
from tests.faultfs.mount import FaultFs, fault_fs


@pytest.fixture
def mounted(tmp_path: Path) -> Iterator[FaultFs]:
    for name in ("real", "mount"):
        (tmp_path / name).mkdir()
    with fault_fs(tmp_path / "real", tmp_path / "mount") as found:
        yield found


def test_without_orders_it_holds_what_a_file_system_holds(mounted: FaultFs, tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    (tree / "d" / "e").mkdir(parents=True)
    (tree / "d" / "file").write_bytes(os.urandom(300_000))
    os.link(tree / "d" / "file", tree / "d" / "e" / "second name")
    os.symlink("nowhere", tree / "link")
    os.setxattr(tree / "d" / "file", "user.x", b"\x00\xff")
    (tree / "d" / "file").chmod(0o4751)
    os.utime(tree / "d", ns=(1, 1_500_000_000_123_456_789))
    subprocess.run(["rsync", "-aHXS", f"{tree}/", f"{mounted.path}/"], check=True)
    check = ["rsync", "-aHXnic", "--delete", f"{tree}/", f"{mounted.path}/"]
    assert subprocess.run(check, capture_output=True, check=True).stdout == b""


def test_faults_strike_where_and_as_often_as_ordered(mounted: FaultFs) -> None:
    for name in ("a", "b"):
        (mounted.path / name).write_text(name)
    fault = Fault(operation="open", path="a", error="EIO", skip=1, times=2)
    mounted.order(fault)
    found = []
    for name in "aaabaa":
        try:
            found.append((mounted.path / name).read_text())
        except OSError as error:
            found.append(errno.errorcode[error.errno or 0])
    assert found == ["a", "EIO", "EIO", "b", "a", "a"]
    assert mounted.hits(fault) == [("open", "a")] * 2


def test_a_listing_can_fail_half_way(mounted: FaultFs) -> None:
    for number in range(9):
        (mounted.source / str(number)).touch()
    mounted.order(Fault(operation="readdir", path="", entries=5, error="EIO"))
    seen: list[str] = []

    def walk() -> None:
        with os.scandir(mounted.path) as entries:
            seen.extend(entry.name for entry in iter(lambda: next(entries), None))

    with pytest.raises(OSError, match="Input/output"):
        walk()
    assert seen == ["0", "1", "2", "3", "4"]


def test_names_and_times_can_be_another_systems(mounted: FaultFs) -> None:
    mounted.order(fold="both", time_step=2_000_000_000, max_name=20)
    (mounted.path / "Caf\u00e9").write_text("one")
    assert (mounted.path / "CAFE\u0301").read_text() == "one"
    assert os.listdir(mounted.path) == ["Caf\u00e9"]
    os.utime(mounted.path / "Caf\u00e9", ns=(3_999_999_999, 3_999_999_999))
    assert (mounted.path / "Caf\u00e9").stat().st_mtime_ns == 2_000_000_000
    with pytest.raises(OSError, match="too long"):
        (mounted.path / ("n" * 21)).touch()
