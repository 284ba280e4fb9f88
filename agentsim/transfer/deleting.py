"""What is left when all transfers are done: deletes, and what had to wait for them.

Each delete is preceded by a question to the source for the same path (DESIGN §5, F1); contents go before containers.
"""

from __future__ import annotations

import itertools
import os
import unicodedata
from collections.abc import Iterator
from enum import Enum, auto

from agentsim.engine.errors import ItemChanged, ItemFailed
from agentsim.places.place import Item, walk_key
from agentsim.transfer.copying import CopyActs
from agentsim.transfer.crew import Crew, Hand
from agentsim.transfer.deciding import facts
from agentsim.transfer.extras import Extras, Fate
from agentsim.transfer.spool import Spool, packed, unpacked
from agentsim.transfer.trash import Trash
from agentsim.transfer.work import Work
from store import codes
from store.vocabulary import ItemKind, Outcome, PlannedAction

WINDOW = 512
"""Records that are worked on together: files by all threads, then the directories that this has emptied."""

Noted = tuple[Item, Fate]
_CANDIDATES = (Fate.DELETE, Fate.BELOW)


class _Answer(Enum):
    """What became of a candidate, or for a directory, what may."""

    GONE = auto()
    """Deleted, or nothing speaks against it."""
    THERE = auto()
    """The source has it after all."""
    KEPT = auto()
    """It stays, and was recorded."""


class Deletes:
    """Deals with what a scan has noted of the target."""

    def __init__(self, work: Work, crew: Crew, hand: Hand, extras: Extras, trash: Trash | None) -> None:
        self._work = work
        self._crew = crew
        self._hand = hand
        self._extras = extras
        self._trash = trash
        self._answers: dict[bytes, _Answer] = {}  # by walk_key: a file and a directory can have one path
        self._holding: set[bytes] = set()
        self._sheltering: set[bytes] = set()

    def recheck(self) -> None:
        """Forget the candidates that the source has: walks that came out of order have told them wrongly.

        Raises:
            RunStopped, Canceled: the run ends.
        """
        sure = Spool()
        extras = self._extras
        for window in _windows(extras.noted.forward()):
            self._answers.clear()
            self._crew.each(self._ask, [item for item, fate in window if fate in _CANDIDATES])
            for item, fate in window:
                if self._answers.get(_key(item)) is _Answer.THERE:
                    extras.doomed -= 1
                elif _key(item) in self._answers or fate not in _CANDIDATES:
                    sure.append((packed(item), fate.value))
        extras.noted.close()
        extras.noted = sure

    def withhold(self, code: str, message: str) -> None:
        """Record everything as kept that was to be deleted or had to wait for it."""
        for item, fate in self._noted():
            if fate is Fate.DELETE:
                self._hand.withheld(item, code, message)
        for values, listed in self._work.late.forward():
            self._hand.problem(unpacked(values), ItemFailed(codes.ITEM_REPLACE_WITHHELD, message), listed)

    def foresee(self) -> None:
        """Record what a copy would delete."""
        for item, fate in self._noted():
            if fate in _CANDIDATES:
                self._hand.report.target_item(
                    *(item.path, item.kind, Outcome.DELETED, item.size),
                    code=codes.SUCCESS,
                    message="not in the source",
                    action=PlannedAction.DELETE,
                    seen=facts(item),
                )

    def run(self, *, leftovers_only: bool) -> None:
        """Delete, the deepest first.

        Raises:
            RunStopped, Canceled: the run ends.
        """
        for window in _windows(self._extras.noted.backward()):
            self._answers.clear()
            things = [
                (item, fate)
                for item, fate in window
                if fate is Fate.LEFTOVER or (fate in _CANDIDATES and not leftovers_only)
            ]
            if things:
                self._crew.each(self._begin, things)
            if leftovers_only:
                continue
            for item, fate in window:
                self._settle(item, fate)

    def late(self, acts: CopyActs) -> None:
        """Copy what the deleted directories have made room for.

        Raises:
            RunStopped, Canceled: the run ends.
        """

        def copy(hand: Hand, record: tuple[Item, int]) -> None:
            item, listed = record
            hand.slot.set_current(item.path)
            try:
                found = acts.target_now(item.path)
                if found is not None and found.kind is ItemKind.DIRECTORY:
                    raise ItemFailed(codes.ITEM_REPLACE_WITHHELD, "The target directory in its place was kept")
                acts.replace(hand, acts.looked_up(item), found, listed, "type differs")
            except (ItemChanged, ItemFailed) as error:
                hand.problem(item, error, listed)

        self._crew.each(copy, ((unpacked(values), listed) for values, listed in self._work.late.forward()))

    def _noted(self) -> Iterator[Noted]:
        for values, fate in self._extras.noted.forward():
            yield unpacked(values), Fate(fate)

    def _begin(self, hand: Hand, thing: Noted) -> None:
        """By the crew: delete what is no directory, and ask the source for a directory."""
        item, fate = thing
        hand.slot.set_current(item.path)
        if fate is Fate.LEFTOVER:
            self._sweep(item)
        elif item.kind is ItemKind.DIRECTORY:
            self._ask(hand, item)
        else:
            self._answers[_key(item)] = self._delete(hand, item)

    def _ask(self, hand: Hand, item: Item) -> None:
        try:
            there = self._in_source(item)
        except (ItemChanged, ItemFailed) as error:
            hand.withheld(item, codes.DELETE_UNCHECKED, error.message)
            self._answers[_key(item)] = _Answer.KEPT
        else:
            self._answers[_key(item)] = _Answer.THERE if there else _Answer.GONE

    def _in_source(self, item: Item) -> bool:
        """Whether the source has a target item now, be it in another spelling."""
        directory = item.kind is ItemKind.DIRECTORY
        paths = [item.path]
        if self._work.target.holds.folds and not item.path.isascii():
            above, slash, last = item.path.rpartition(b"/")
            name = os.fsdecode(last)
            spellings = {unicodedata.normalize(form, name) for form in ("NFC", "NFD")} - {name}
            paths += [above + slash + os.fsencode(spelling) for spelling in sorted(spellings)]
        for path in paths:
            found = self._work.source.find(path)
            if found is not None and (found.kind is ItemKind.DIRECTORY) is directory:
                return True
        return False

    def _delete(self, hand: Hand, item: Item) -> _Answer:
        try:
            if self._in_source(item):
                return _Answer.THERE  # The next pass compares it.
        except (ItemChanged, ItemFailed) as error:
            hand.withheld(item, codes.DELETE_UNCHECKED, error.message)
            return _Answer.KEPT
        hand.lease.check()
        return self._remove(hand, item)

    def _remove(self, hand: Hand, item: Item) -> _Answer:
        message = "Not in the source"
        try:
            if self._trash is not None and item.kind is not ItemKind.DIRECTORY:
                self._trash.put(item)
                message = "Moved to the trash"
            elif not self._work.target.delete(item):
                return _Answer.GONE
        except (ItemChanged, ItemFailed) as error:
            hand.withheld(item, error.code, error.message)
            return _Answer.KEPT
        hand.report.removed(item.path, item.kind, item.size, message)
        return _Answer.GONE

    def _sweep(self, item: Item) -> None:
        """Remove what a dead worker left; that is nobody's item, so nothing is said of it."""
        try:
            self._work.target.delete(item)
        except (ItemChanged, ItemFailed):
            return

    def _settle(self, item: Item, fate: Fate) -> None:
        """Take in what became of an item; a directory is deleted now if nothing keeps it."""
        path = item.path
        above = path.rpartition(b"/")[0]
        holds, shelters = path in self._holding, path in self._sheltering
        self._holding.discard(path)
        self._sheltering.discard(path)
        answer = self._answers.get(_key(item))
        if fate is Fate.HELD or (fate is Fate.IMPLIED and holds):
            self._holding.add(above)
        elif fate is Fate.SHELTERED or (fate is Fate.IMPLIED and shelters):
            self._sheltering.add(above)
        elif answer is _Answer.KEPT:
            self._holding.add(above)
        elif answer is _Answer.THERE:
            self._sheltering.add(above)
        elif answer is _Answer.GONE and item.kind is ItemKind.DIRECTORY:
            if holds:
                self._hand.withheld(item, codes.DELETE_NOT_EMPTY, "Something inside it was kept")
                self._holding.add(above)
            elif shelters:
                self._sheltering.add(above)
            elif self._remove_directory(item) is _Answer.KEPT:
                self._holding.add(above)

    def _remove_directory(self, item: Item) -> _Answer:
        self._work.lease.check()
        if self._work.tree:
            # What was deleted in it has given it another version.
            try:
                found = self._work.target.find(item.path)
            except ItemFailed as error:
                self._hand.withheld(item, error.code, error.message)
                return _Answer.KEPT
            if found is None or found.kind is not ItemKind.DIRECTORY:
                return _Answer.GONE
            item = found
        return self._remove(self._hand, item)


def _key(item: Item) -> bytes:
    return walk_key(item.path, item.kind)


def _windows(records: Iterator[tuple[object, ...]]) -> Iterator[list[Noted]]:
    while window := list(itertools.islice(records, WINDOW)):
        yield [(unpacked(values), Fate(fate)) for values, fate in window]  # type: ignore[arg-type]
