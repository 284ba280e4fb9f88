"""Mounting the file system for the length of a test."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faultfs.faults import Fault, Orders

_REPOSITORY = Path(__file__).resolve().parents[2]
_LIMIT_SECONDS = 60.0


class FaultFs:
    """A mounted file system and the orders it obeys.

    Attributes:
        source: the real directory.
        path: where it is mounted.
    """

    def __init__(self, source: Path, path: Path, control: Path) -> None:
        self.source = source
        self.path = path
        self._control = control

    def order(self, *faults: Fault, fold: str = "", time_step: int = 0, max_name: int = 0) -> None:
        """Replace all orders; a fault that is no longer among them lets go of what hangs in it."""
        Orders(faults=faults, fold=fold, time_step=time_step, max_name=max_name).write(self._control)

    def hits(self, fault: Fault) -> list[tuple[str, ...]]:
        """Operation and paths of every time that a fault struck."""
        with open(f"{self._control}.hits") as lines:
            found = [json.loads(line) for line in lines if line.endswith("\n")]
        return [tuple(words) for identity, *words in found if identity == fault.identity]

    def wait_for(self, fault: Fault, count: int = 1) -> None:
        """Wait until a fault has struck so often."""
        end = time.monotonic() + _LIMIT_SECONDS
        while len(self.hits(fault)) < count:
            assert time.monotonic() < end, f"{fault} did not strike"
            time.sleep(0.005)


@contextlib.contextmanager
def fault_fs(source: Path, path: Path, name: str = "faultfs") -> Iterator[FaultFs]:
    """Mount ``source`` on ``path``; skips the test where FUSE cannot be had.

    Args:
        source: the real directory.
        path: where to mount it.
        name: what it is mounted from, as the mount table has it: ``host:/export`` makes it stand in for NFS.
    """
    if not importlib.util.find_spec("mfusepy"):
        pytest.skip("needs the package mfusepy")
    if not os.access("/dev/fuse", os.R_OK | os.W_OK) or not shutil.which("fusermount3"):
        pytest.skip("needs /dev/fuse and fusermount3")
    with tempfile.TemporaryDirectory(prefix="longshore-faultfs-") as place:
        control = Path(place) / "control"
        Orders().write(control)
        outside = path.stat().st_dev
        process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "tests.faultfs",
                str(source),
                str(path),
                "--control",
                str(control),
                "--name",
                name,
            ],
            cwd=_REPOSITORY,
            stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        mounted = FaultFs(source, path, control)
        try:
            end = time.monotonic() + _LIMIT_SECONDS
            while path.stat().st_dev == outside:
                if process.poll() is not None:
                    assert process.stderr is not None
                    said = process.stderr.read().decode(errors="replace")
                    assert "not permitted" in said or "find libfuse" in said, said
                    pytest.skip(f"FUSE cannot mount here: {said[-300:]}")
                assert time.monotonic() < end, "the mount did not come"
                time.sleep(0.01)
            yield mounted
        finally:
            # Whoever hangs in it gets an answer first; then nothing can keep the mount.
            with contextlib.suppress(OSError):
                mounted.order()
            subprocess.run(["fusermount3", "-u", "-z", str(path)], capture_output=True, check=False)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(5)
            process.kill()
            process.wait()
            assert process.stderr is not None
            process.stderr.close()
