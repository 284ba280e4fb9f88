"""What an object store keeps of an item besides its bytes: AzCopy's metadata keys, and our words for them. No I/O.

Keys and values are text; keys are written in lower case and read in any. Numbers are decimal: ``modtime`` and
``posix_atime`` in nanoseconds since the epoch, ``permissions`` as ``st_mode`` with the bits of the type. Read are also
what AzCopy writes for Lustre (``permissions`` in octal, ``modtime`` as a date) and rclone's ``mtime``.
"""

from __future__ import annotations

import re
import stat
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

from agentsim.places.place import Dress
from store.vocabulary import ItemKind

FOLDER: Final = "hdi_isfolder"
"""Says "true" where an object stands for a directory."""

SYMLINK: Final = "is_symlink"
"""Says "true" where an object's content is the text of a symbolic link."""

_MTIME: Final = "modtime"
_ATIME: Final = "posix_atime"
_MODE: Final = "permissions"
_OWNER: Final = "posix_owner"
_GROUP: Final = "posix_group"
_LUSTRE_OWNER: Final = "owner"
_LUSTRE_GROUP: Final = "group"
_RCLONE_MTIME: Final = "mtime"

_SPECIAL: Final = ("is_fifo", "is_socket", "is_block_dev", "is_char_dev")
"""One of these says "true" where AzCopy left a placeholder for what it cannot copy."""

_FIRST: Final = (FOLDER, SYMLINK, _MTIME, _MODE, _OWNER, _GROUP, _ATIME)
"""What is kept first where not everything fits."""

_TYPES: Final = {ItemKind.FILE: stat.S_IFREG, ItemKind.DIRECTORY: stat.S_IFDIR, ItemKind.SYMLINK: stat.S_IFLNK}
_LARGEST_NS: Final = 1 << 63
_LARGEST_ID: Final = 1 << 32
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_DATE = re.compile(
    r"(?P<day>\d{4}-\d\d-\d\d)[T ](?P<time>\d\d:\d\d:\d\d)"
    r"(?:\.(?P<part>\d{1,9}))?\s?(?P<zone>Z|[+-]\d\d:?\d\d)",
    re.ASCII,
)
_SECONDS = re.compile(r"(?P<sign>-?)(?P<whole>\d{1,12})(?:\.(?P<part>\d{1,9}))?", re.ASCII)


def metadata_of(kind: ItemKind, dress: Dress) -> dict[str, str]:
    """The metadata that says what an item is and wears; what the dress leaves open is left out.

    Args:
        kind: a file, a directory or a symbolic link.
        dress: its metadata.
    """
    found: dict[str, str] = {}
    if kind is ItemKind.DIRECTORY:
        found[FOLDER] = "true"
    if kind is ItemKind.SYMLINK:
        found[SYMLINK] = "true"
    if dress.mtime_ns is not None:
        found[_MTIME] = str(dress.mtime_ns)
    if dress.atime_ns is not None:
        found[_ATIME] = str(dress.atime_ns)
    if dress.mode is not None:
        found[_MODE] = str(_TYPES.get(kind, 0) | dress.mode)
    if dress.uid is not None:
        found[_OWNER] = str(dress.uid)
    if dress.gid is not None:
        found[_GROUP] = str(dress.gid)
    return found


def kind_of(metadata: Mapping[str, str]) -> ItemKind:
    """What an object stands for."""
    lower = _lower(metadata)
    if _says_yes(lower, FOLDER):
        return ItemKind.DIRECTORY
    if _says_yes(lower, SYMLINK):
        return ItemKind.SYMLINK
    return ItemKind.SPECIAL if any(_says_yes(lower, key) for key in _SPECIAL) else ItemKind.FILE


def dress_of(metadata: Mapping[str, str]) -> Dress:
    """What an object wears; what is not there, or not in a form that is known, is None."""
    lower = _lower(metadata)
    mtime = _time_ns(lower.get(_MTIME, ""))
    return Dress(
        mtime_ns=_rclone_ns(lower.get(_RCLONE_MTIME, "")) if mtime is None else mtime,
        atime_ns=_time_ns(lower.get(_ATIME, "")),
        mode=_mode(lower),
        uid=_number(lower.get(_LUSTRE_OWNER, lower.get(_OWNER, "")), _LARGEST_ID),
        gid=_number(lower.get(_LUSTRE_GROUP, lower.get(_GROUP, "")), _LARGEST_ID),
    )


def redressed(metadata: Mapping[str, str], kind: ItemKind, dress: Dress) -> dict[str, str]:
    """An object's metadata with another dress: keys that are not ours stay as they are.

    What another tool said about the same things (rclone's time, owners as Lustre has them) goes, or there
    would be two answers. What the dress leaves open stays.
    """
    replaced = metadata_of(kind, dress)
    if _LUSTRE_OWNER in _lower(metadata) or _LUSTRE_GROUP in _lower(metadata):
        # With one of these, AzCopy takes the permissions for octal: say all of it in the one way.
        replaced = metadata_of(kind, _over(dress_of(metadata), dress))
    drop = {*replaced, FOLDER, SYMLINK}
    if _MTIME in replaced:
        drop.add(_RCLONE_MTIME)
    if _OWNER in replaced or _GROUP in replaced:
        drop |= {_LUSTRE_OWNER, _LUSTRE_GROUP}
    return {key: value for key, value in metadata.items() if key.lower() not in drop} | replaced


def fitted(metadata: Mapping[str, str], limit: int) -> tuple[dict[str, str], str]:
    """What of the metadata a store takes, and a remark about the rest, empty where all of it fits.

    Args:
        metadata: keys and values.
        limit: most bytes of all keys and values together.
    """
    kept: dict[str, str] = {}
    lost: list[str] = []
    used = 0
    for key in sorted(metadata, key=_rank):
        value = metadata[key]
        size = len(key) + len(value)
        if not (key.isascii() and value.isascii() and value.isprintable()) or used + size > limit:
            lost.append(key)
        else:
            kept[key] = value
            used += size
    return kept, _remark(lost, limit)


def _remark(lost: Iterable[str], limit: int) -> str:
    names = sorted(lost)
    if not names:
        return ""
    told = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
    return f"metadata that does not fit in {limit} bytes of ASCII: {told}"


def _rank(key: str) -> tuple[int, str]:
    return (_FIRST.index(key) if key in _FIRST else len(_FIRST), key)


def _lower(metadata: Mapping[str, str]) -> dict[str, str]:
    return {key.lower(): value for key, value in metadata.items()}


def _says_yes(lower: Mapping[str, str], key: str) -> bool:
    return lower.get(key, "").lower() == "true"


def _over(old: Dress, new: Dress) -> Dress:
    return Dress(
        mtime_ns=old.mtime_ns if new.mtime_ns is None else new.mtime_ns,
        atime_ns=old.atime_ns if new.atime_ns is None else new.atime_ns,
        mode=old.mode if new.mode is None else new.mode,
        uid=old.uid if new.uid is None else new.uid,
        gid=old.gid if new.gid is None else new.gid,
    )


def _number(text: str, limit: int, base: int = 10) -> int | None:
    try:
        number = int(text, base) if text.isascii() and text.isdigit() else -1
    except ValueError:
        return None
    return number if 0 <= number < limit else None


def _mode(lower: Mapping[str, str]) -> int | None:
    text = lower.get(_MODE, "")
    octal = text.startswith("0") or _LUSTRE_OWNER in lower or _LUSTRE_GROUP in lower
    number = _number(text[:12], _LARGEST_ID, 8 if octal else 10)
    return None if number is None else number & 0o7777


def _time_ns(text: str) -> int | None:
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdigit() and len(digits) < 20):
        return _date_ns(text)
    number = int(text)
    return number if -_LARGEST_NS <= number < _LARGEST_NS else None


def _rclone_ns(text: str) -> int | None:
    """Rclone writes seconds with a fraction to S3, and a date to Azure."""
    seconds = _SECONDS.fullmatch(text)
    if seconds is None:
        return _date_ns(text)
    number = int(seconds["whole"]) * 10**9 + int((seconds["part"] or "").ljust(9, "0"))
    return -number if seconds["sign"] else number


def _date_ns(text: str) -> int | None:
    found = _DATE.fullmatch(text[:64])
    if found is None:
        return None
    try:
        moment = datetime.fromisoformat(f"{found['day']}T{found['time']}{found['zone']}")
    except ValueError:
        return None
    return (moment - _EPOCH) // timedelta(seconds=1) * 10**9 + int((found["part"] or "").ljust(9, "0"))
