"""Mounting an export for the length of one run, where it is mounted nowhere.

Each mount lives in a directory of its own below the agent's state, so that no other run ever uses it and none can
lose it. A lock beside it says that its run still lives; what a killed worker left mounted, the next one unmounts.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Final

from agentsim.child_environment import clean_environment
from agentsim.engine.errors import RunStopped, Side, describe
from agentsim.engine.mounts import read_mounts
from agentsim.places.mounting import PRIVATE, not_mounted
from store import codes

MOUNT_SECONDS: Final = 30.0
"""How long ``mount`` may take: a server that does not answer is tried for minutes otherwise."""

_UNMOUNT_SECONDS: Final = 10.0

_WORDS: Final = 300
"""Characters of what ``mount`` said that are repeated."""

_SYSTEM_PATH: Final = "/sbin:/usr/sbin:/usr/local/sbin"
_VERSIONS: Final = {"NFSv3": ("vers=3",), "NFSv4": ("vers=4",)}
_FOLDER: Final = os.fsdecode(PRIVATE)


class PrivateMounts:
    """The mounts that one run has made."""

    def __init__(self, program: str = "mount") -> None:
        """Nothing is mounted yet; ``program`` is called as mount(8) is."""
        self._program = program
        self._made: dict[tuple[str, Side], tuple[Path, int]] = {}
        self._base: Path | None = None

    def nfs(self, share: str, version: str, side: Side) -> bytes:
        """Mount an export, once for each side, and say where.

        Args:
            share: as ``host:/export``.
            version: as an endpoint's ``nfsVersion`` says.
            side: a source is mounted to be read only; words the errors.

        Raises:
            RunStopped: it cannot be mounted.
        """
        if (share, side) in self._made:
            return os.fsencode(self._made[share, side][0])
        if os.geteuid() != 0:
            raise not_mounted(side, f"{share} is not mounted, and only root may mount it")
        if self._program == "mount" and not _has_helper():
            raise not_mounted(side, f"{share} is not mounted, and mount.nfs is not installed")
        try:
            place, lock = self._new_directory()
        except OSError as error:
            raise not_mounted(side, describe(error, f"making a directory to mount {share} in")) from error
        self._made[share, side] = place, lock
        options = ("nosuid", "nodev", "ro" if side is Side.SOURCE else "rw", *_VERSIONS.get(version, ()))
        try:
            self._mount([self._program, "-t", "nfs", "-o", ",".join(options), "--", share, str(place)], share, side)
            if not any(mount.point == os.fsencode(place) for mount in read_mounts()):
                raise not_mounted(side, f"{share} was mounted without an error, and yet is not there")
        except BaseException:
            self._let_go(share, side)
            raise
        return os.fsencode(place)

    def _mount(self, arguments: list[str], share: str, side: Side) -> None:
        try:
            _run(arguments, MOUNT_SECONDS)
        except subprocess.TimeoutExpired as error:
            code = codes.SOURCE_UNREACHABLE if side is Side.SOURCE else codes.TARGET_UNREACHABLE
            words = f"{share} could not be mounted: no answer within {MOUNT_SECONDS:.0f} s"
            raise RunStopped(code, words, side.value) from error
        except subprocess.CalledProcessError as error:
            words = _last_line(error.stderr) or f"mount ended with {error.returncode}"
            raise not_mounted(side, f"{share} could not be mounted: {words}") from error
        except OSError as error:
            raise not_mounted(side, describe(error, f"mounting {share}")) from error

    def _new_directory(self) -> tuple[Path, int]:
        """A directory to mount in, and the descriptor of its lock."""
        if self._base is None:
            state = os.environ.get("LONGSHORE_STATE")
            if state:
                self._base = Path(state, _FOLDER)
                self._base.mkdir(mode=0o700, exist_ok=True)
                _clear_up(self._base)
            else:
                # A fixed name in a directory that all may write to could be another's.
                self._base = Path(tempfile.mkdtemp(prefix=f"{_FOLDER}-"))
            # As the mount table has it.
            self._base = self._base.resolve()
        place = Path(tempfile.mkdtemp(prefix="nfs-", dir=self._base))
        lock = os.open(f"{place}.lock", os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return place, lock

    def _let_go(self, share: str, side: Side) -> None:
        place, lock = self._made.pop((share, side))
        _remove(place)
        os.close(lock)

    def close(self) -> None:
        """Unmount what was mounted; may be called twice."""
        for share, side in list(self._made):
            self._let_go(share, side)
        if self._base is not None:
            # Another run may have a mount in it.
            with contextlib.suppress(OSError):
                self._base.rmdir()
            self._base = None


def _has_helper() -> bool:
    path = f"{os.environ.get('PATH', os.defpath)}:{_SYSTEM_PATH}"
    return shutil.which("mount.nfs", path=path) is not None


def _run(arguments: list[str], seconds: float) -> None:
    subprocess.run(
        arguments,
        env=clean_environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=True,
        timeout=seconds,
    )


def _last_line(said: bytes) -> str:
    lines = [line.strip() for line in said.decode(errors="replace").splitlines() if line.strip()]
    return lines[-1][:_WORDS] if lines else ""


def _remove(place: Path) -> None:
    """Unmount and remove a directory of ours; what cannot be is left for a later run to remove."""
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        if any(mount.point == os.fsencode(place) for mount in read_mounts()):
            # Lazily: the run's own descriptors live as long as its process, and a dead server must not hold it up.
            _run(["umount", "-l", "--", str(place)], _UNMOUNT_SECONDS)
    # Only an empty directory: never anything of a share that is there still.
    with contextlib.suppress(OSError):
        place.rmdir()
        os.unlink(f"{place}.lock")


def _clear_up(base: Path) -> None:
    """Remove what killed workers have left."""
    for lock in base.glob("nfs-*.lock"):
        with contextlib.suppress(OSError):
            fd = os.open(lock, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                _remove(lock.with_suffix(""))
            finally:
                os.close(fd)
