"""Which items a run leaves out, by the definition's filters. No I/O."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from store.settings import CopySettings

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec


class Filters:
    """The filters of one run: patterns on paths, limits on the size and age of files.

    Attributes:
        active: whether there is any filter at all.
        by_name: whether there are patterns.
        by_content: whether there are limits on size or age.
        by_age: whether there are limits on age.
    """

    def __init__(self, settings: CopySettings, moment: int) -> None:
        """Compile the patterns.

        Args:
            settings: the run's settings.
            moment: the time that ages are counted from, milliseconds since the epoch.

        Raises:
            ValueError: a pattern is not one of gitignore's.
        """
        self._include = _spec(settings.include)
        self._exclude = _spec(settings.exclude)
        self._min_size = settings.min_size if settings.min_size is not None else -1
        self._max_size = settings.max_size
        self._newest = None if settings.min_age is None else moment * 1_000_000 - int(settings.min_age * 1e9)
        self._oldest = None if settings.max_age is None else moment * 1_000_000 - int(settings.max_age * 1e9)
        self.by_name = self._include is not None or self._exclude is not None
        self.by_age = self._newest is not None or self._oldest is not None
        self.by_content = (settings.min_size, settings.max_size, settings.min_age, settings.max_age) != (None,) * 4
        self.active = self.by_name or self.by_content

    def leaves_out_name(self, path: bytes, directory: bool) -> bool:
        """Whether the patterns leave an item out, on either side: what they name is not deleted either.

        Args:
            path: relative to the root.
            directory: whether it is one; includes are asked of all other items only.
        """
        if not self.by_name:
            return False
        text = os.fsdecode(path)
        if self._exclude is not None and self._exclude.match_file(text + "/" if directory else text):
            return True
        return not directory and self._include is not None and not self._include.match_file(text)

    def leaves_out_file(self, size: int, modified_ns: int | None) -> bool:
        """Whether the limits leave a regular file out; one of unknown age (None) is neither too young nor too old."""
        if size < self._min_size or (self._max_size is not None and size > self._max_size):
            return True
        if modified_ns is None:
            return False
        return (self._newest is not None and modified_ns > self._newest) or (
            self._oldest is not None and modified_ns < self._oldest
        )


def _spec(patterns: tuple[str, ...]) -> GitIgnoreSpec | None:
    if not patterns:
        return None
    # Few runs have patterns; importing it would slow the start of every one.
    from pathspec import GitIgnoreSpec

    return GitIgnoreSpec.from_lines(patterns)
