"""Which names an SMB server can hold, and how a path is said to it. No I/O."""

from __future__ import annotations

import re
from typing import Final

MAX_PART: Final = 255
"""UTF-16 units of one name."""

MAX_PATH: Final = 32_760
"""UTF-16 units of a path, as Windows has it."""

_DEVICE: Final = re.compile(r"(?:con|prn|aux|nul|conin\$|conout\$|(?:com|lpt)[0-9\u00b9\u00b2\u00b3])", re.IGNORECASE)
_ILLEGAL: Final = frozenset('\\:*?"<>|') | {chr(code) for code in range(32)}


def to_wire(path: bytes) -> bytes:
    """A path as SMB has it: UTF-16, with backslashes.

    Raises:
        UnicodeDecodeError: it cannot be said; :func:`refusal` said so before.
    """
    return path.decode("utf-8", "surrogatepass").replace("/", "\\").encode("utf-16-le", "surrogatepass")


def from_wire(name: bytes) -> bytes | None:
    """One name out of a listing, as bytes that lead back to it; None where it is no name of an item.

    NTFS keeps names that are no proper UTF-16. They come out as UTF-8 with surrogates in it, which no
    target but another of this kind accepts.
    """
    try:
        text = name.decode("utf-16-le", "surrogatepass")
    except UnicodeDecodeError:
        return None
    if not text or text in (".", "..") or "/" in text or "\\" in text or "\0" in text:
        return None
    return text.encode("utf-8", "surrogatepass")


def refusal(path: bytes) -> str:
    """Why no SMB server can hold an item of this path, in words; empty when it can."""
    try:
        text = path.decode()
    except UnicodeDecodeError:
        return "the name is not UTF-8"
    if len(text.encode("utf-16-le")) // 2 > MAX_PATH:
        return f"the path is longer than the {MAX_PATH:,} characters that Windows allows"
    for part in text.split("/"):
        if why := _part(part):
            return why
    return ""


def _part(part: str) -> str:
    for character in part:
        if character in _ILLEGAL:
            shown = character if character.isprintable() else f"the control character {ord(character):#04x}"
            return f"Windows allows no {shown} in a name"
    if part[-1:] in (".", " "):
        return "Windows allows no dot or space at the end of a name"
    if _DEVICE.fullmatch(part.split(".", 1)[0].rstrip(" ")):
        return f"Windows keeps the name {part.split('.', 1)[0]} for a device"
    if len(part) > MAX_PART or len(part.encode("utf-16-le")) // 2 > MAX_PART:
        return f"the name is longer than the {MAX_PART} characters that SMB allows"
    return ""
