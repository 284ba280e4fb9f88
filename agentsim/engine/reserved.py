"""Names that Longshore keeps for itself in a target. No I/O."""

from __future__ import annotations

import re
from typing import Final

from agentsim.engine.decide import RESERVED, TEMPORARY

TRASH: Final = ".longshore-trash"
"""The directory at the target's root that keeps what runs deleted and replaced."""

PROBE: Final = re.compile(r"\.longshore-[0-9a-f]{16}-(?:\u00e9|e\u0301)\.part")
"""Names of files that ask a target how it takes accents, to be matched whole; it may have recomposed them."""


def is_leftover(name: str) -> bool:
    """Whether a file of this name is what a dead worker left behind."""
    return name[:11] == RESERVED and bool(TEMPORARY.fullmatch(name) or PROBE.fullmatch(name))


def is_trash(name: str, *, folds: bool) -> bool:
    """Whether an entry of the root is the trash, for a target that folds names or does not."""
    return name == TRASH or (folds and name.isascii() and name.lower() == TRASH)


def is_reserved(name: str, *, at_root: bool, folds: bool) -> bool:
    """Whether a source item may not be copied under this name.

    Args:
        name: the entry.
        at_root: its directory is the root.
        folds: the target takes other spellings for the same name.
    """
    return is_leftover(name) or (at_root and is_trash(name, folds=folds))
