"""What only the target has: noted in the scan, dealt with at the end. Nothing is deleted here."""

from __future__ import annotations

import os
from enum import IntEnum

from agentsim.engine import board
from agentsim.engine.errors import RunStopped, Side
from agentsim.engine.reserved import is_leftover, is_trash
from agentsim.places.place import Item, Unlisted
from agentsim.transfer.crew import Hand
from agentsim.transfer.deciding import facts
from agentsim.transfer.prefixes import Prefixes
from agentsim.transfer.spool import Spool, packed
from agentsim.transfer.work import Work
from store import codes
from store.vocabulary import CopyMode, ItemKind, PlannedAction, RunKind


class Fate(IntEnum):
    """What is to become of a target item that the source does not have."""

    DELETE = 0
    """It is a candidate, in a directory that is not one itself."""
    BELOW = 1
    """A candidate in a directory that is one too."""
    SHELTERED = 2
    """Protected by the filters or a plan: it stays, silently, and with it the directories that lead to it."""
    HELD = 3
    """It stays, and was recorded; so do the directories that lead to it, and they are recorded too."""
    IMPLIED = 4
    """A directory that goes with what is in it."""
    LEFTOVER = 5
    """A temporary file of a dead worker."""


class Extras:
    """Notes the target's own items.

    Attributes:
        noted: items with their fates, in the order of the walk: :func:`packed`, ``Fate``.
        doomed: how many of them are candidates.
    """

    def __init__(self, work: Work, hand: Hand) -> None:
        self._work = work
        self._hand = hand
        self._mirror = work.order.mode is CopyMode.MIRROR
        self._verify = work.order.kind is RunKind.VERIFY
        self._folds = work.target.holds.folds
        self._pruned = Prefixes()
        self._inside = Prefixes()
        self._protected = Prefixes()
        self.noted = Spool()
        self.doomed = 0

    def unordered(self) -> None:
        """The walks are in no order any more."""
        for prefixes in (self._pruned, self._inside, self._protected):
            prefixes.unordered = True

    def close(self) -> None:
        """Forget what was noted."""
        self.noted.close()

    def protect(self, path: bytes) -> None:
        """The source directory could not be listed: what the target has below it stays."""
        self._protected.add(path)

    def descends(self, path: bytes) -> bool:
        """Whether the target's directory is to be gone through."""
        return not (self._pruned.cover(path + b"/"))

    def found(self, path: bytes, entry: Item | Unlisted) -> None:
        """Note an item that the source does not have."""
        if self._pruned.cover(path):
            return
        above, _, last = path.rpartition(b"/")
        name = os.fsdecode(last)
        if not above and is_trash(name, folds=self._folds):
            self._pruned.add(path)
            return
        if isinstance(entry, Unlisted):
            self._unlisted(entry)
            return
        if entry.kind is ItemKind.FILE and is_leftover(name):
            self._leftover(entry)
            return
        if not entry.implied:
            self._hand.report.cells[board.TARGET_ITEMS] += 1
        if self._protected.cover(path):
            self._unknown(entry)
        elif not self._mirror:
            if entry.kind is ItemKind.DIRECTORY:
                self._pruned.add(path)
        elif self._verify:
            self._too_much(entry)
        else:
            self._candidate(entry)

    def _unlisted(self, entry: Unlisted) -> None:
        if not entry.path:
            message = f"The root could not be listed: {entry.error.message}"
            raise RunStopped(codes.TARGET_PERMISSION, message, Side.TARGET.value)
        if self._mirror and not self._verify:
            self._hand.report.withheld(entry.path, ItemKind.DIRECTORY, entry.error.code, entry.error.message, 0)
            self._note(Item(path=entry.path, kind=ItemKind.DIRECTORY), Fate.HELD)
        self._pruned.add(entry.path)

    def _leftover(self, item: Item) -> None:
        # Whoever still writes to it holds it: a lock on the directory, or the file open at the server.
        if self._work.order.writes:
            self._note(item, Fate.LEFTOVER)

    def _unknown(self, item: Item) -> None:
        """Record what is kept because its source directory could not be listed; of what is below, the uppermost."""
        if self._mirror:
            self._hand.withheld(item, codes.DELETE_UNLISTED, "Its source directory could not be listed")
        if item.kind is ItemKind.DIRECTORY:
            self._pruned.add(item.path)

    def _too_much(self, item: Item) -> None:
        if self._work.filters.leaves_out_name(item.path, item.kind is ItemKind.DIRECTORY):
            return
        if not item.implied:
            self._hand.withheld(item, codes.VERIFY_EXTRA, "The source does not have it")
            if item.kind is ItemKind.DIRECTORY:
                self._pruned.add(item.path)

    def _candidate(self, item: Item) -> None:
        path, directory = item.path, item.kind is ItemKind.DIRECTORY
        inside = self._inside.cover(path)
        spared = self._spared(item, directory)
        if spared is not None:
            self._note(item, spared)
            if directory:
                self._pruned.add(path)
            return
        if item.implied:
            self._note(item, Fate.IMPLIED)
            return
        if directory and not inside:
            self._inside.add(path)
        self.doomed += 1
        self._note(item, Fate.BELOW if inside else Fate.DELETE)

    def _spared(self, item: Item, directory: bool) -> Fate | None:
        """Why an item may not be deleted; None when it may."""
        if self._work.filters.leaves_out_name(item.path, directory):
            return Fate.SHELTERED
        if not directory and not proper(item.path):
            message = "No path: whether the source has it cannot be asked"
            self._hand.withheld(item, codes.DELETE_UNCHECKED, message)
            return Fate.HELD
        plan = self._hand.plan
        if plan is None or item.implied:
            return None
        planned = plan.find(item.path, removal=True)
        if planned is None or planned.action is not PlannedAction.DELETE:
            return Fate.SHELTERED
        if not directory and not planned.still_so(None, facts(item)):
            self._hand.withheld(item, codes.ITEM_NOT_AS_PLANNED, "Changed since the plan was made")
            return Fate.HELD
        return None

    def _note(self, item: Item, fate: Fate) -> None:
        self.noted.append((packed(item), fate.value))


def proper(path: bytes) -> bool:
    """Whether a path can be one of a directory tree: object stores have names that cannot."""
    return all(part not in (b"", b".", b"..") for part in path.split(b"/"))
