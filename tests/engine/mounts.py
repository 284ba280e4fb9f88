"""Real file systems for the length of a test; each skips with a reason where the machine cannot have it."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

_SIZES = {"ext4": 32, "xfs": 320, "btrfs": 128}
"""MiB of an image; a little more than the least that each kind can be made in."""

_MAKE_OPTIONS = {"ext4": ("-q", "-F"), "xfs": ("-q", "-f"), "btrfs": ("-q", "-f")}
_UMOUNT_TRIES = 20


@contextlib.contextmanager
def tmpfs(path: Path, *, size: str = "16m", inodes: int = 0) -> Iterator[Path]:
    """A file system in memory that holds ``size`` bytes (as ``mount`` writes it) and so many inodes."""
    options = f"size={size}" + (f",nr_inodes={inodes}" if inodes else "")
    with _mounted(path, "-t", "tmpfs", "-o", options, "tmpfs"):
        yield path


@contextlib.contextmanager
def bind(source: Path, path: Path) -> Iterator[Path]:
    """A directory under a second path."""
    with _mounted(path, "--bind", str(source)):
        yield path


@contextlib.contextmanager
def loop(
    path: Path, kind: str = "ext4", *, image: Path | None = None, options: str = "", make: tuple[str, ...] = ()
) -> Iterator[Path]:
    """A file system of its own on a loop device.

    Args:
        path: where to mount it; its root gets the mode that ``path`` has.
        kind: ext4, xfs or btrfs.
        image: the file that holds it, made here; None for one in the temporary directory.
        options: further options of ``mount``.
        make: further options of ``mkfs``.
    """
    program = shutil.which(f"mkfs.{kind}")
    if program is None:
        pytest.skip(f"needs mkfs.{kind}")
    mode = path.stat().st_mode
    with tempfile.TemporaryDirectory(prefix="longshore-image-") as place:
        image = image or Path(place) / "image"
        with open(image, "wb") as file:
            file.truncate(_SIZES[kind] << 20)
        made = subprocess.run([program, *_MAKE_OPTIONS[kind], *make, str(image)], capture_output=True, check=False)
        if made.returncode:
            pytest.skip(f"mkfs.{kind} {' '.join(make)}: {_last_line(made.stderr)}")
        with _mounted(path, "-t", kind, "-o", "loop" + (f",{options}" if options else ""), str(image)):
            path.chmod(mode & 0o7777)
            with contextlib.suppress(OSError):
                (path / "lost+found").rmdir()
            yield path


@contextlib.contextmanager
def _mounted(path: Path, *arguments: str) -> Iterator[None]:
    if os.geteuid() != 0:
        pytest.skip("needs root to mount")
    result = subprocess.run(["mount", *arguments, str(path)], capture_output=True, check=False)
    if result.returncode:
        pytest.skip(f"cannot mount here: {_last_line(result.stderr)}")
    try:
        yield
    finally:
        _unmount(path)


def _unmount(path: Path) -> None:
    """Let go of a mount; what still runs in it a moment longer is waited for, but not for ever."""
    for _ in range(_UMOUNT_TRIES):
        if not subprocess.run(["umount", str(path)], capture_output=True, check=False).returncode:
            return
        time.sleep(0.1)
    subprocess.run(["umount", "-l", str(path)], check=True)


def _last_line(text: bytes) -> str:
    return (text.decode(errors="replace").strip().splitlines() or ["no reason given"])[-1]
