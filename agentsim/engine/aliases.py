"""Names that a target takes for one another: it may ignore case, or how accents are composed.

On such a target an item can bear another spelling than its source item, so a Mirror would delete by
name what it has just copied; and two source items can want the same name (faults F20).
"""

from __future__ import annotations

import os
import re
import unicodedata
from array import array
from collections.abc import Iterator

from agentsim.engine.errors import ItemFailed
from agentsim.engine.listing import same_entry
from store import codes
from store.display import display

_SORTED_AT_ONCE = 65_536
"""Hashes that are sorted together; Python's own objects for them take ten times their bytes."""

_MASK = (1 << 64) - 1

_IGNORABLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
"""Unicode's Default_Ignorable_Code_Point: file systems that fold leave them out."""


def spellings(name: str) -> set[str]:
    """Other spellings of a name that a folding file system takes for the same."""
    found = {name.swapcase(), unicodedata.normalize("NFC", name), unicodedata.normalize("NFD", name)}
    return found - {name}


def folded(name: str) -> str:
    """Equal for all spellings that any file system could take for the same."""
    if name.isascii():
        return name.lower()
    return unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", _IGNORABLE.sub("", name)).casefold())


def colliding(directory: int) -> dict[str, str]:
    """The entries of a source directory that must not be copied into a target that folds names.

    Memory is eight bytes for each entry, whatever their names.

    Args:
        directory: descriptor of the source directory.

    Returns:
        For each of them, the entry that the target would take for the same and that is copied: the
        one whose bytes sort first.

    Raises:
        OSError: the directory could not be listed.
    """
    hashes = array("Q")
    with os.scandir(directory) as entries:
        for entry in entries:
            hashes.append(_hash(folded(entry.name)))
    doubled = set(_doubled(hashes))
    if not doubled:
        return {}
    groups: dict[str, list[str]] = {}
    with os.scandir(directory) as entries:
        for entry in entries:
            spelling = folded(entry.name)
            if _hash(spelling) in doubled:
                groups.setdefault(spelling, []).append(entry.name)
    losers: dict[str, str] = {}
    for names in groups.values():
        winner, *others = sorted(names, key=os.fsencode)
        losers.update(dict.fromkeys(others, winner))
    return losers


def collision(winner: str) -> ItemFailed:
    """What becomes of an entry whose name another one takes."""
    return ItemFailed(
        codes.ITEM_NAME_COLLIDES, f"The target takes it for the same name as '{display(winner)}', which is copied"
    )


def _hash(text: str) -> int:
    return hash(text) & _MASK


def _doubled(hashes: array[int]) -> Iterator[int]:
    parts = len(hashes) // _SORTED_AT_ONCE + 1
    for part in range(parts):
        last = -1
        for number in sorted(number for number in hashes if number % parts == part):
            if number == last:
                yield number
            last = number


class FoldedNames:
    """The names of a directory without case and composition, eight bytes each.

    It answers "perhaps" and "certainly not": different names can share a hash.
    """

    def __init__(self, directory: int) -> None:
        """List the directory.

        Raises:
            OSError: it could not be listed.
        """
        buckets = 1 << 12
        self._buckets = [array("Q") for _ in range(buckets)]
        with os.scandir(directory) as entries:
            for entry in entries:
                number = _hash(folded(entry.name))
                self._buckets[number % buckets].append(number)

    def may_have(self, name: str) -> bool:
        """Whether the directory may hold a name that folds like this one."""
        number = _hash(folded(name))
        return number in self._buckets[number % len(self._buckets)]


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
    if not any(same_entry(target, name, other) for other in spellings(name)):
        return False
    wanted = folded(name)
    with os.scandir(source) as entries:
        return any(folded(entry.name) == wanted and same_entry(target, name, entry.name) for entry in entries)
