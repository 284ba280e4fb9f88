"""Where a case works: a plain directory, a file system of its own in a loop-mounted image, or a tmpfs.

ext4 walks around inodes that were freed a moment ago: for minutes after a large deletion every
create is slower, whoever calls it. So nothing is removed before the end of the bench on a plain
directory, and a loop-mounted file system is thrown away as a whole.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from abc import abstractmethod
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

MAX_INODES = 4_000_000
"""Inodes of an ext4 image, where it is large enough for them: five rounds of five peers and more."""

BYTES_PER_INODE = 4096

MKFS = {
    # Nothing is left to be initialised in the background while others are timed.
    "ext4": ("mkfs.ext4", "-q", "-F", "-m", "0", "-E", "lazy_itable_init=0,lazy_journal_init=0"),
    "xfs": ("mkfs.xfs", "-q", "-f"),
}

READ_BYTES = 1024 * 1024


class Place:
    """A directory on one file system, for one or more cases.

    Attributes:
        kind: the file system's name, as the kernel calls it.
        removes: whether a target is removed as soon as it was judged: where that slows nobody down.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._kept = ExitStack()
        self.kind = file_system(directory)
        self.removes = self.kind == "tmpfs"

    @contextmanager
    def fresh(self) -> Iterator[Path]:
        """An empty directory to work in; what becomes of it afterwards is the place's business."""
        base = Path(tempfile.mkdtemp(prefix="longshore-bench-", dir=self._directory))
        self._kept.callback(shutil.rmtree, base, ignore_errors=True)
        yield base

    def settle(self, base: Path, source: Path) -> None:
        """Bring the machine to the state that every round begins with: all written, the source in the cache."""
        sync(base)
        warm(source)

    def close(self) -> None:
        """Remove everything."""
        self._kept.close()


class Mounted(Place):
    """A place that makes a file system for each case."""

    def __init__(self, directory: Path, kind: str) -> None:
        super().__init__(directory)
        self.kind = kind
        self.removes = kind == "tmpfs"

    @contextmanager
    def fresh(self) -> Iterator[Path]:
        with ExitStack() as stack:
            work = Path(tempfile.mkdtemp(prefix="longshore-bench-", dir=self._directory))
            stack.callback(shutil.rmtree, work)
            base = work / "mounted"
            base.mkdir()
            self._mount(work, base, stack)
            yield base

    @abstractmethod
    def _mount(self, work: Path, base: Path, stack: ExitStack) -> None:
        """Make a file system in ``work`` and mount it on ``base``; the stack undoes it."""


class Loop(Mounted):
    """A new file system in an image file for each case."""

    def __init__(self, directory: Path, kind: str, size: int) -> None:
        super().__init__(directory, kind)
        self._size = size
        self._device = ""

    def _mount(self, work: Path, base: Path, stack: ExitStack) -> None:
        image = work / "image"
        with open(image, "wb") as file:
            # All of it now: the file system below shall not look for space while others are timed.
            os.posix_fallocate(file.fileno(), 0, self._size)
        command = MKFS[self.kind]
        if self.kind == "ext4":
            command = (*command, "-N", str(min(MAX_INODES, self._size // BYTES_PER_INODE)))
        run(*command, str(image))
        self._device = _attach(image)
        stack.callback(run, "losetup", "--detach", self._device)
        run("mount", self._device, str(base))
        stack.callback(run, "umount", str(base))

    def settle(self, base: Path, source: Path) -> None:
        """As :meth:`Place.settle`; a new mount also forgets the targets of earlier rounds."""
        run("umount", str(base))
        run("mount", self._device, str(base))
        super().settle(base, source)


class Tmpfs(Mounted):
    """A tmpfs of its own."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory, "tmpfs")

    def _mount(self, work: Path, base: Path, stack: ExitStack) -> None:
        run("mount", "-t", "tmpfs", "-o", f"size=90%,nr_inodes={MAX_INODES}", "longshore-bench", str(base))
        stack.callback(run, "umount", str(base))


def _attach(image: Path) -> str:
    """A loop device on the image, past the page cache if it can be: the pages of its own file system are enough."""
    command = ("losetup", "--find", "--show", "--direct-io=on", str(image))
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    if found.returncode:
        found = subprocess.run(("losetup", "--find", "--show", str(image)), capture_output=True, text=True, check=True)
    return found.stdout.strip()


def run(*command: str) -> None:
    """Run a command to its success, silently."""
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def sync(directory: Path) -> None:
    """Have everything of the file system that holds ``directory`` on its storage."""
    run("sync", "-f", str(directory))


def file_system(directory: Path) -> str:
    """The kind of file system that holds a directory."""
    command = ("findmnt", "--noheadings", "--output", "FSTYPE", "--target", str(directory))
    # Of several that are mounted on top of each other the last one is what is seen.
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()[-1]


def warm(source: Path) -> None:
    """Read a whole tree, so that it is in the page cache."""
    buffer = bytearray(READ_BYTES)
    for _, _, names, directory in os.fwalk(source):
        for name in names:
            fd = os.open(name, os.O_RDONLY | os.O_NOFOLLOW, dir_fd=directory)
            try:
                while os.readv(fd, [buffer]):
                    pass
            finally:
                os.close(fd)
