"""Sample trees on disk: realistic in shape, hostile in names, and made at the speed of the page cache.

``python -m agentsim.sample DIR --files N --megabytes M --seed S``. The same arguments make the same
tree. Standard library only, so that it starts at once.
"""

from __future__ import annotations

import argparse
import errno
import os
import random
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

BLOCK = 1 << 20
"""One random block is written again and again, from varying offsets: random numbers are slower than a disk."""

FILES_PER_DIRECTORY = 40
SMALLEST_BIG = 4 << 20
"""A few files hold most of the bytes, as on a real share."""

BIG_SHARE = 0.6
NEWEST = 1_780_000_000_000_000_000
OLDEST = 631_152_000_000_000_000
"""Modification times lie between 1990 and 2026, to the nanosecond."""

_TOP = ("Accounting", "Projects", "Archive", "Public", "Contracts", "Scans", "Photos", "Old laptop")
_MIDDLE = ("2019", "2020", "2021", "2022", "2023", "2024", "Müller GmbH", "drafts", "final", "合同", "Отчёты", "v2")
_STEMS = ("report", "minutes", "invoice", "IMG", "budget", "Übersicht", "contract", "notes", "scan", "plan")
_ENDINGS = (".pdf", ".docx", ".xlsx", ".jpg", ".txt", ".csv", ".msg", "")

HOSTILE_NAMES: tuple[bytes, ...] = (
    b"line one\nline two.txt",
    b"\x1b[2J\x1b[31mred alert\x1b[0m",
    b"\x1b]0;owned\x07title.txt",
    b"[bold red]markup.txt",
    b"caf\xe9 latin-1.txt",
    b"\xff\xfe not text",
    "invoice\u202egnp.exe".encode(),
    "zero\u200bwidth.txt".encode(),
    "e\u0301 decomposed.txt".encode(),
    "é composed.txt".encode(),
    "📁 folder? no, a file".encode(),
    b"-rf *",
    b"--delete",
    b" leading and trailing ",
    b"back\\slash.txt",
    b"tab\there.txt",
    b"quotes \" and ' both",
    b"$(touch hacked) `id`",
    b"con",
    b"ends with a dot.",
    b"a" * 255,
    "ü".encode() * 127,
    b"\x01\x7f controls",
)
MODES = (0o600, 0o640, 0o444, 0o755, 0o666, 0o700)


@dataclass
class Made:
    """What a tree came to hold."""

    files: int = 0
    directories: int = 0
    links: int = 0
    bytes: int = 0


def make_tree(directory: str | os.PathLike[str], files: int, bytes: int, seed: int) -> Made:  # noqa: A002
    """Make a tree in an absent or empty directory.

    Args:
        directory: its root; parents are made too.
        files: how many regular files, beside links, empty directories and odd names.
        bytes: about how much they hold together.
        seed: the same one makes the same tree.

    Raises:
        FileExistsError: the directory holds something already.
    """
    root = os.fsencode(os.fspath(directory))
    os.makedirs(root, exist_ok=True)
    if os.listdir(root):
        raise FileExistsError(errno.EEXIST, "is not empty", os.fspath(directory))
    tree = _Tree(root, seed)
    tree.fill(files, bytes)
    tree.odd_names()
    tree.links()
    tree.empty_places()
    tree.date_directories()
    return tree.made


class _Tree:
    """A tree in the making."""

    def __init__(self, root: bytes, seed: int) -> None:
        self.root = root
        self.made = Made()
        self._random = random.Random(seed)
        self._block = memoryview(self._random.randbytes(BLOCK))
        self._directories: list[bytes] = [root]

    def fill(self, files: int, size: int) -> None:
        """Most files small, a few big; directories of up to ``FILES_PER_DIRECTORY``, four levels deep."""
        chance = self._random
        big = min(files // 4, int(size * BIG_SHARE) // SMALLEST_BIG)
        small = max(files - big, 1)
        mean = int(size * (1 - BIG_SHARE if big else 1)) // small
        biggest = int(size * BIG_SHARE) // max(big, 1)
        every = max(files // (big + 1), 1)
        place = self.root
        for number in range(files):
            if number % FILES_PER_DIRECTORY == 0:
                place = self._directory(self._somewhere())
            name = f"{chance.choice(_STEMS)} {number:05d}{chance.choice(_ENDINGS)}".encode()
            if big and number % every == every - 1:
                big -= 1
                length = int(biggest * chance.uniform(0.7, 1.3))
            elif number % 50 == 0:
                length = 0
            else:
                length = int(chance.expovariate(1 / mean)) if mean else 0
            self._file(place + b"/" + name, length)

    def odd_names(self) -> None:
        """One directory with every hostile name, and a directory that is one."""
        place = self._directory(self.root + b"/odd names")
        for name in HOSTILE_NAMES:
            self._file(place + b"/" + name, self._random.randrange(200))
        inside = self._directory(place + b"/dir\nwith \x1b[7mescape")
        self._file(inside + b"/file in it", 12)
        self._file(self._directory(place + b"/[") + b"/red]", 12)

    def links(self) -> None:
        """Links to a file, to a directory, to nothing, out of the tree, and to itself."""
        place = self._directory(self.root + b"/links")
        for name, target in (
            (b"to a file", b"../odd names/con"),
            (b"to a directory", b"../odd names"),
            (b"dangling", b"../no such place/at all"),
            (b"dangling, absolute", b"/no/such/place"),
            (b"out of the tree", b"../../../../../../etc/hostname"),
            (b"to itself", b"to itself"),
            (b"hostile \x1b[5m target", b"\x1b[31m[/red]\ncaf\xe9"),
        ):
            path = place + b"/" + name
            os.symlink(target, path)
            moment = self._moment()
            os.utime(path, ns=(moment, moment), follow_symlinks=False)
            self.made.links += 1

    def empty_places(self) -> None:
        """Empty directories, one deep."""
        self._directory(self.root + b"/empty")
        self._directory(self.root + b"/empty too/and/deep/down/here")

    def date_directories(self) -> None:
        """Old times and odd modes, the deepest first: filling a directory changes its time."""
        for number, path in enumerate(sorted(self._directories, key=len, reverse=True)):
            if number % 7 == 0:
                os.chmod(path, (0o750, 0o700, 0o1777)[number % 3])
            moment = self._moment()
            os.utime(path, ns=(moment, moment))

    def _somewhere(self) -> bytes:
        """A directory path below one that is there already, or a new branch."""
        chance = self._random
        parts = [chance.choice(_TOP), chance.choice(_MIDDLE), chance.choice(_MIDDLE)][: chance.choice((1, 2, 2, 3))]
        return b"/".join((self.root, *(part.encode() for part in parts), b"%03d" % len(self._directories)))

    def _directory(self, path: bytes) -> bytes:
        parts = path[len(self.root) + 1 :].split(b"/")
        for depth in range(1, len(parts) + 1):
            here = b"/".join((self.root, *parts[:depth]))
            try:
                os.mkdir(here)
            except FileExistsError:
                continue
            self._directories.append(here)
            self.made.directories += 1
        return path

    def _file(self, path: bytes, length: int) -> None:
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o644)
        try:
            left = length
            while left > 0:
                start = self._random.randrange(BLOCK // 2)
                left -= os.write(descriptor, self._block[start : min(start + left, BLOCK)])
            if self.made.files % 11 == 0:
                os.fchmod(descriptor, MODES[self.made.files // 11 % len(MODES)])
            moment = self._moment()
            os.utime(descriptor, ns=(moment, moment))
        finally:
            os.close(descriptor)
        self.made.files += 1
        self.made.bytes += length

    def _moment(self) -> int:
        return self._random.randrange(OLDEST, NEWEST)


def main(arguments: Sequence[str] | None = None) -> int:
    """Make one tree and say on stderr what it holds."""
    parser = argparse.ArgumentParser(prog="python -m agentsim.sample", description="Make a sample tree.")
    parser.add_argument("directory", metavar="DIR", type=Path, help="absent or empty")
    parser.add_argument("--files", metavar="N", type=int, default=2_000)
    parser.add_argument("--megabytes", metavar="M", type=int, default=100)
    parser.add_argument("--seed", metavar="S", type=int, default=1)
    options = parser.parse_args(arguments)
    # Whoever waits for something else, a screen that opens, goes first.
    os.nice(10)
    try:
        made = make_tree(options.directory, options.files, options.megabytes * 1_000_000, options.seed)
    except OSError as error:
        sys.stderr.write(f"sample: {str(options.directory)!a}: {error.strerror}\n")
        return 2
    sys.stderr.write(
        f"{made.files:,} files, {made.directories:,} directories, {made.links} links, {made.bytes / 1e6:,.0f} MB\n"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
