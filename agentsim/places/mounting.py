"""Where a share is mounted on this machine, by the mount table."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from agentsim.engine.errors import RunStopped, Side, describe
from agentsim.engine.mounts import Mount, mount_number, read_mounts
from store import codes

if TYPE_CHECKING:
    from agentsim.places.private_mounts import PrivateMounts

PRIVATE: Final = b"longshore-mounts"
"""How the directory is called, or begins, in which a run mounts for itself; no other may use what is there."""

_NFS: Final = (b"nfs", b"nfs4")
_CIFS: Final = (b"cifs", b"smb3")


@dataclass(frozen=True, slots=True, kw_only=True)
class NfsShare:
    """What an NFS server exports.

    Attributes:
        hosts: the server's name as the endpoint has it, then others that mean the same.
        export: absolute path on the server.
        version: as the endpoint's ``nfsVersion`` says.
    """

    hosts: tuple[str, ...]
    export: str
    version: str = "NFSauto"

    def __str__(self) -> str:
        return f"{self.hosts[0]}:{self.export}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SmbShare:
    """A share of an SMB server, whole."""

    host: str
    name: str

    def __str__(self) -> str:
        return f"//{self.host}/{self.name}"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A path under which a share ought to be, if its mount is not covered by another."""

    mount: Mount
    path: bytes


def mounted_nfs(share: NfsShare, mounts: Sequence[Mount]) -> list[Candidate]:
    """Where an export, or a directory above it that is exported too, is mounted; the latest mount first. No I/O.

    Args:
        share: what to look for.
        mounts: the mount table, in its order.
    """
    wanted = _plain(os.fsencode(share.export))
    hosts = {_host(host) for host in share.hosts}
    found = []
    for mount in reversed(mounts):
        host, colon, export = mount.source.rpartition(b":/")
        if not colon or _host(os.fsdecode(host)) not in hosts or _is_private(mount.point):
            continue
        at = _plain(b"/" + export) + mount.root.rstrip(b"/")
        # A file system of another kind that is called so (an agent's own FUSE client) is trusted with its name only.
        if wanted == at or (mount.kind in _NFS and wanted.startswith(at + b"/")):
            found.append(Candidate(mount, mount.point.rstrip(b"/") + wanted[len(at) :] or b"/"))
    return found


def mounted_smb(share: SmbShare, mounts: Sequence[Mount]) -> list[Candidate]:
    """Where a whole share is mounted; the latest mount first. No I/O."""
    wanted = (_host(share.host), share.name.casefold())
    found = []
    for mount in reversed(mounts):
        if mount.kind not in _CIFS or mount.root.rstrip(b"/"):
            continue
        host, slash, name = os.fsdecode(mount.source).replace("\\", "/").strip("/").partition("/")
        if slash and (_host(host), name.casefold()) == wanted:
            found.append(Candidate(mount, mount.point))
    return found


def _is_private(point: bytes) -> bool:
    return any(part.startswith(PRIVATE) for part in point.split(b"/"))


def _plain(path: bytes) -> bytes:
    """Without doubled slashes and the last one; the root is empty."""
    return b"".join(b"/" + part for part in path.split(b"/") if part)


def _host(name: str) -> str:
    return name.lower().rstrip(".").strip("[]")


def visible(candidates: Sequence[Candidate]) -> bytes | None:
    """The first path that leads into its mount; None when others are mounted over all of them.

    Raises:
        OSError: a path does not answer.
    """
    for candidate in candidates:
        fd = os.open(candidate.path, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            if mount_number(fd) == candidate.mount.number:
                return candidate.path
        finally:
            os.close(fd)
    return None


class Mounts:
    """Finds shares, and mounts those that are not, until it is closed."""

    def __init__(self, *, program: str = "mount", read: Callable[[], list[Mount]] = read_mounts) -> None:
        """Nothing is mounted yet.

        Args:
            program: called as ``mount -t nfs -o … -- host:/export directory``.
            read: gives the mount table.
        """
        self._program = program
        self._read = read
        self._made: PrivateMounts | None = None

    def nfs(self, share: NfsShare, side: Side) -> bytes:
        """The directory where an export is mounted, mounted now if need be and possible.

        Raises:
            RunStopped: it is not mounted, is covered by another mount, or cannot be mounted.
        """
        candidates = mounted_nfs(share, self._read())
        if candidates:
            return _reached(candidates, str(share), side)
        if self._made is None:
            # Most agents find everything mounted.
            from agentsim.places.private_mounts import PrivateMounts

            self._made = PrivateMounts(self._program)
        return self._made.nfs(str(share), share.version, side)

    def smb(self, share: SmbShare, side: Side) -> bytes | None:
        """The directory where a share is mounted; None where it is not.

        Raises:
            RunStopped: it is, but is covered by another mount.
        """
        candidates = mounted_smb(share, self._read())
        return _reached(candidates, str(share), side) if candidates else None

    def close(self) -> None:
        """Unmount what was mounted here; may be called twice."""
        if self._made is not None:
            self._made.close()


OF_THIS_PROCESS: Final = Mounts()
"""The mounts of a worker, which has one run; closed when it ends."""


def _reached(candidates: Sequence[Candidate], share: str, side: Side) -> bytes:
    first = candidates[0]
    try:
        path = visible(candidates)
    except OSError as error:
        raise not_mounted(side, describe(error, f"looking at {share} in {os.fsdecode(first.path)}")) from error
    if path is None:
        raise not_mounted(
            side, f"{share} is mounted on {os.fsdecode(first.mount.point)}, but something else is mounted over it"
        )
    return path


def not_mounted(side: Side, words: str) -> RunStopped:
    """The end of a run whose share is not where it can be used."""
    return RunStopped(codes.SOURCE_MOUNT if side is Side.SOURCE else codes.TARGET_MOUNT, words, side.value)
