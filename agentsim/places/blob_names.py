"""Which names Azure's Blob service keeps as they are. No I/O.

It refuses control characters, takes a backslash for a slash, and drops a dot at the end of a part: two
files would become one there.
"""

from __future__ import annotations

import re
from typing import Final

LONGEST: Final = 1024
"""Characters of a blob's name, as UTF-16 counts them."""

MOST_PARTS: Final = 254
"""Parts of a name between slashes."""

_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]")
_NO_CHARACTER = re.compile("[\ufdd0-\ufdef\ufffe\uffff]")


def can_be_asked_for(path: bytes) -> bool:
    """Whether a URL can name the blob of this path; one that cannot be asked for can be in a listing all the same."""
    try:
        path.decode()
    except UnicodeDecodeError:
        return False
    return not {b"", b".", b".."} & set(path.split(b"/"))


def why_refused(path: bytes, prefix: str) -> str:
    """Why no blob can have this path, in words; empty when one can.

    Args:
        path: below the place's root.
        prefix: what its blobs' names begin with.
    """
    try:
        name = prefix + path.decode()
    except UnicodeDecodeError:
        return "the name is not UTF-8, and names of blobs are"
    parts = name.split("/")
    if "" in parts or "." in parts or ".." in parts:
        return "a part of the path is empty or made of dots"
    if any(part.endswith(".") for part in parts):
        return "a part of the path ends in a dot, which the Blob service drops"
    if "\\" in name:
        return "the path holds a backslash, which the Blob service takes for a slash"
    if _CONTROL.search(name):
        return "the path holds a control character, which the Blob service refuses"
    if _NO_CHARACTER.search(name):
        return "the path holds a code point that is no character, which the Blob service refuses"
    length = len(name.encode("utf-16-le")) // 2
    if length > LONGEST:
        return f"the path is too long: {length:,} characters, and a blob's name holds {LONGEST:,}"
    if len(parts) > MOST_PARTS:
        return f"the path is too long: {len(parts)} parts, and a blob's name holds {MOST_PARTS}"
    return ""
