"""What tells a source root from every other directory, in words that outlive a remount and a reboot.

Device numbers do not: they are given out anew. A file system that names itself does, and of the
others the server does. Memory file systems are new with each mount, and say so.
"""

from __future__ import annotations

import fcntl
import os
from typing import Final

from agentsim.engine.mounts import mount_under, read_mounts

_GET_UUID: Final = 0x8011_1500
"""``FS_IOC_GETFSUUID``: a length and 16 bytes (Linux 6.9 and later)."""


def source_identity(fd: int) -> str:
    """The identity of the directory that a descriptor leads to.

    Words with a colon each: type of the file system, its UUID where the kernel tells it, its id by
    ``statvfs`` (0 where it has none), what it was mounted from if it has no id, the inode.

    Raises:
        OSError: the directory does not answer.
    """
    identifier = os.fstatvfs(fd).f_fsid
    mount = mount_under(fd, read_mounts())
    words = {"type": _printable(mount.kind) if mount else "", "uuid": _uuid(fd), "fsid": f"{identifier:x}"}
    if words["type"] == "nfs4":
        words["type"] = "nfs"  # Another version of the protocol shows the same files.
    if not identifier and mount:
        words["from"] = _printable(mount.source)
    words["inode"] = str(os.fstat(fd).st_ino)
    return " ".join(f"{key}:{value}" for key, value in words.items() if value)


def _printable(text: bytes) -> str:
    return "".join(chr(byte) if 33 <= byte <= 126 else f"%{byte:02x}" for byte in text)


def _uuid(fd: int) -> str:
    answer = bytearray(17)
    try:
        fcntl.ioctl(fd, _GET_UUID, answer)
    except OSError:
        return ""
    uuid = bytes(answer[1 : 1 + answer[0]])
    return uuid.hex() if any(uuid) else ""


def same_source(recorded: str, found: str) -> bool:
    """Whether two identities are of one directory.

    Words that only one of them has do not count: another kernel can know more. Where both have a
    UUID, the id by ``statvfs`` does not count either: on some file systems it follows the device number.
    A share, container or bucket has no inode: its ``place`` is what must be the same.

    Args:
        recorded: by an earlier run; empty if there was none.
        found: by this one.
    """
    if not recorded:
        return True
    one, other = (dict(word.split(":", 1) for word in text.split() if ":" in word) for text in (recorded, found))
    shared = one.keys() & other.keys()
    if "uuid" in shared:
        shared -= {"fsid", "from"}
    return bool(shared & {"inode", "place"}) and all(one[key] == other[key] for key in shared)
