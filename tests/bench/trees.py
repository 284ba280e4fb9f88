"""The trees that are copied, and what is done to them between two passes."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterable
from pathlib import Path

FILES_PER_DIRECTORY = 100
SMALL_BYTES = 4096
POOL_BYTES = 4 * 1024 * 1024
"""Content is cut out of so many random bytes: no two files alike, no page of zeros."""

SPREAD = 2.0
"""Standard deviation of the logarithm of the sizes of a log-normal tree: a median of a seventh of the mean."""

SEED = 3
PAST_NS = 1_700_000_000 * 10**9
"""Modification time of the first file; the others follow a millisecond apart, none of them young."""

Builder = Callable[[Path], None]


def small(files: int, size: int = SMALL_BYTES) -> Builder:
    """Files of one size, a hundred to a directory."""

    def build(root: Path) -> None:
        _write(root, (size for _ in range(files)))

    return build


def flat(files: int, size: int) -> Builder:
    """Files of one size, all in one directory below the root."""

    def build(root: Path) -> None:
        _write(root, (size for _ in range(files)), per_directory=files)

    return build


def large(files: int, size: int) -> Builder:
    """A few files beside each other."""

    def build(root: Path) -> None:
        pool = os.urandom(POOL_BYTES)
        for number in range(files):
            with open(root / f"large{number}.dat", "wb") as file:
                for at in range(0, size, POOL_BYTES):
                    file.write(pool[: min(POOL_BYTES, size - at)])

    return build


def log_normal(files: int, total: int) -> Builder:
    """Files with log-normal sizes, of so many bytes together."""

    def build(root: Path) -> None:
        chance = random.Random(SEED)
        shares = [chance.lognormvariate(0.0, SPREAD) for _ in range(files)]
        unit = total / sum(shares)
        _write(root, (int(share * unit) for share in shares))

    return build


def _write(root: Path, sizes: Iterable[int], per_directory: int = FILES_PER_DIRECTORY) -> None:
    pool = memoryview(os.urandom(POOL_BYTES))
    directory = -1
    for number, size in enumerate(sizes):
        if not number % per_directory:
            if directory >= 0:
                os.close(directory)
            path = root / f"dir{number // per_directory:05d}"
            path.mkdir()
            directory = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        fd = os.open(f"file{number:07d}.dat", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644, dir_fd=directory)
        start = number * 61 % (POOL_BYTES // 2)
        left = size
        while left > 0:
            left -= os.write(fd, pool[start : start + left])
        os.utime(fd, ns=(PAST_NS, PAST_NS + number * 10**6))
        os.close(fd)
    if directory >= 0:
        os.close(directory)


def chosen(root: Path, percent: float, turn: int) -> list[Path]:
    """Some of the files of a tree, spread evenly, at least one, others in each turn."""
    files = sorted(path for path in root.rglob("*") if path.is_file())
    step = max(1, round(100 / percent))
    return files[turn % step :: step] or files[:1]


def rewrite(root: Path, percent: float, turn: int) -> None:
    """Give some files new content of the same size, and with it a new time."""
    for path in chosen(root, percent, turn):
        path.write_bytes(os.urandom(path.stat().st_size))
        # A time that no other file has and that is not young: nobody has to wait for the clock's next tick.
        os.utime(path, ns=(PAST_NS, PAST_NS + (turn + 1) * 3600 * 10**9))


def remove(root: Path, percent: float, turn: int) -> None:
    """Remove some files."""
    for path in chosen(root, percent, turn):
        path.unlink()
