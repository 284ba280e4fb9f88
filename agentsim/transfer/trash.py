"""The trash of a target that is reached as a place: as ``agentsim.engine.trash`` has it, by the place's own moves."""

from __future__ import annotations

import contextlib
import os

from agentsim.engine.errors import ItemChanged, ItemFailed
from agentsim.engine.reserved import TRASH
from agentsim.engine.trash import folder, free_names
from agentsim.places.place import Item, Place

_LONGEST = 255
"""Bytes of a name that every place takes."""


class Trash:
    """One run's part of the trash."""

    def __init__(self, place: Place, run: str) -> None:
        """Use the trash of a target for the run of this label."""
        self._place = place
        self._top = os.fsencode(TRASH) + b"/" + folder(run)

    def put(self, item: Item) -> bytes:
        """Move a file or link to the trash; returns its path there.

        Raises:
            ItemChanged, ItemFailed, RunStopped, Canceled: it was left where it is.
        """
        above, _, name = item.path.rpartition(b"/")
        directory = self._top + (b"/" + above if above else b"")
        for free in free_names(name, _LONGEST):
            path = directory + b"/" + free
            # A resumed run can find the name taken.
            if self._place.find(path) is None:
                self._place.set_aside(item, path)
                return path
        raise AssertionError("names do not end")

    def restore(self, kept: bytes, path: bytes) -> None:
        """Put back what :meth:`put` took, if nothing is there; what fails leaves it in the trash."""
        with contextlib.suppress(ItemChanged, ItemFailed):
            if self._place.find(path) is None and (found := self._place.find(kept)) is not None:
                self._place.set_aside(found, path)
