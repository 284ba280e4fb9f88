"""A plain comparison of two trees: names, types, sizes, modes, times and link targets."""

from __future__ import annotations

import os
import stat
from pathlib import Path

Entry = tuple[int, int, int, int, bytes]
"""File type, mode, size, modification time in ns, link target."""


def differences(source: Path, target: Path) -> tuple[int, list[str]]:
    """How many entries the source has, and a line for each that the target has not, or has otherwise."""
    ours, theirs = _entries(os.fsencode(source)), _entries(os.fsencode(target))
    found = []
    for path in sorted(ours.keys() | theirs.keys()):
        name = os.fsdecode(path)
        if path not in theirs:
            found.append(f"{name}: missing in the target")
        elif path not in ours:
            found.append(f"{name}: only in the target")
        elif ours[path] != theirs[path]:
            found.append(f"{name}: {ours[path]} became {theirs[path]}")
    return len(ours), found


def _entries(root: bytes) -> dict[bytes, Entry]:
    found: dict[bytes, Entry] = {}
    pending = [b""]
    while pending:
        directory = pending.pop()
        with os.scandir(os.path.join(root, directory)) as entries:
            for entry in entries:
                path = os.path.join(directory, entry.name)
                status = entry.stat(follow_symlinks=False)
                if entry.is_dir(follow_symlinks=False):
                    pending.append(path)
                found[path] = _entry(entry.path, status)
    return found


def _entry(path: bytes, status: os.stat_result) -> Entry:
    kind = stat.S_IFMT(status.st_mode)
    is_link, is_directory = kind == stat.S_IFLNK, kind == stat.S_IFDIR
    return (
        kind,
        # A link's own mode means nothing, and a directory's size is the file system's business.
        0 if is_link else stat.S_IMODE(status.st_mode),
        0 if is_directory else status.st_size,
        status.st_mtime_ns,
        os.readlink(path) if is_link else b"",
    )
