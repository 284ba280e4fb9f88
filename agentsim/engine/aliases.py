"""Names that a target takes for one another: it may ignore case, or how accents are composed.

On such a target an item can bear another spelling than its source item. By name alone the source
does not have it, and a Mirror would delete what it has just copied.
"""

from __future__ import annotations

import errno
import os
import unicodedata

from agentsim.engine.listing import lstat


def spellings(name: str) -> set[str]:
    """Other spellings of a name that a folding file system takes for the same."""
    found = {name.swapcase(), unicodedata.normalize("NFC", name), unicodedata.normalize("NFD", name)}
    return found - {name}


def folded(name: str) -> str:
    """Equal for all spellings that any file system could take for the same."""
    return unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", name).casefold())


def source_has_alias(source: int, target: int, name: str) -> bool:
    """Whether the target's entry ``name`` is what a source entry of another spelling was copied to.

    Costs a look or two where the target tells all names apart, and a listing of the source
    directory where it does not.

    Args:
        source: descriptor of the source directory.
        target: descriptor of the target directory.
        name: an entry of the target that the source does not have.

    Raises:
        OSError: the answer is not known.
    """
    if not any(_same(target, name, other) for other in spellings(name)):
        return False
    wanted = folded(name)
    with os.scandir(source) as entries:
        return any(folded(entry.name) == wanted and _same(target, name, entry.name) for entry in entries)


def _same(directory: int, one: str, other: str) -> bool:
    try:
        first, second = lstat(directory, one), lstat(directory, other)
    except UnicodeEncodeError:
        return False  # No file can have this spelling,
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            return False  # nor this one.
        raise
    if first is None or second is None:
        return False
    return (first.st_dev, first.st_ino) == (second.st_dev, second.st_ino)
