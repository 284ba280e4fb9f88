"""What is done with what a scan finds: the part in which a copy, a preview and a verify run differ."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from dataclasses import replace
from typing import NamedTuple

from agentsim.engine.errors import ItemChanged, ItemFailed
from agentsim.places.place import Content, Item
from agentsim.transfer.crew import Hand
from agentsim.transfer.deciding import Action, Decision, after_comparison, decide
from agentsim.transfer.work import Work
from store import codes
from store.vocabulary import DataIntegrityValidation, ItemKind, PlannedAction

READ_BYTES = 1024 * 1024
"""Files are compared in pieces of this size."""


class Thing(NamedTuple):
    """A file or link that needs something.

    Attributes:
        source: the item.
        target: what the target has there, as listed.
        decision: what it needs, by that.
        ask: the target's listing does not say for sure that it has nothing there.
        listed: the size that it was counted with.
    """

    source: Item
    target: Item | None
    decision: Decision
    ask: bool
    listed: int


class Level:
    """A source directory whose entries are being gone through.

    Attributes:
        item: the directory; None for the root.
        prefix: what the paths of all in it begin with.
        created: the target had nothing there.
        changed: something of the directory itself differed.
        touched: something in it is made or replaced, so that the target's directory gets another time.
        remark: what the target could not hold of it.
        names: entries by their folded names, where the target folds names.
    """

    __slots__ = ("changed", "created", "item", "names", "prefix", "remark", "touched")

    def __init__(self, item: Item | None, *, created: bool = False) -> None:
        self.item = item
        self.prefix = item.path + b"/" if item is not None else b""
        self.created = created
        self.changed = created
        self.touched = created
        self.remark = ""
        self.names: dict[int, bytes] = {}


class Acts(ABC):
    """Deals with items; :meth:`thing` by any thread, the rest by the one that scans.

    Attributes:
        counts_same: what seems equal needs no more than to be counted.
    """

    counts_same = True

    def __init__(self, work: Work) -> None:
        self.work = work
        self._digests = work.settings.validation is not DataIntegrityValidation.NONE

    @abstractmethod
    def directory(self, hand: Hand, level: Level, target: Item | None, decision: Decision) -> bool:
        """Deal with a directory, before what is in it. Returns whether to deal with that at all.

        Args:
            hand: of the scanning thread.
            level: the source directory; it was counted as scanned, and gets its outcome here or in :meth:`leave`.
            target: what the target has there.
            decision: by ``decide_directory``.

        Raises:
            ItemChanged, ItemFailed: the directory, and with it all in it, cannot be dealt with.
            RunStopped, Canceled: the run ends.
        """

    def leave(self, hand: Hand, level: Level) -> None:  # noqa: B027 - only a copy has anything left to do
        """Everything in a directory was handed over."""

    @abstractmethod
    def act(self, hand: Hand, thing: Thing) -> None:
        """Deal with a file or link, and record it.

        Raises:
            ItemChanged, ItemFailed: it could not be dealt with; the caller records that.
            RunStopped, Canceled: the run ends.
        """

    def same(self, hand: Hand, source: Item, target: Item) -> bool:
        """Deal with an item that seems equal, at once; False where it needs a thread's time."""
        hand.done(source, PlannedAction.SKIP, source.size, target=target)
        return True

    def thing(self, hand: Hand, thing: Thing) -> None:
        """Deal with a file or link and record whatever came of it.

        Raises:
            RunStopped, Canceled: the run ends.
        """
        hand.slot.set_current(thing.source.path)
        try:
            known = self._known(thing)
            if known is None:
                hand.excluded(thing.source, thing.listed)
                return
            thing = known
            self.act(hand, thing)
        except (ItemChanged, ItemFailed) as error:
            hand.problem(thing.source, error, thing.listed, thing.target)

    def _known(self, thing: Thing) -> Thing | None:
        """The same with what the listings did not say; None when the filters leave it out."""
        work = self.work
        if work.filters.by_age and not thing.source.detailed and thing.source.kind is ItemKind.FILE:
            source = self.looked_up(thing.source)
            if work.filters.leaves_out_file(source.size, source.dress.mtime_ns):
                return None
            thing = thing._replace(source=source, decision=decide(source, thing.target, work.rules))
        if thing.ask:
            found = work.target.find(thing.source.path)
            if found is not None and work.target.holds.folds and not work.unsure:
                raise ItemFailed(codes.ITEM_NAME_COLLIDES, "The target has this name in another spelling")
            thing = thing._replace(target=found, decision=decide(thing.source, found, work.rules))
        return thing

    def looked_up(self, source: Item) -> Item:
        """A source item as it is now, with all that is to be known of it.

        Raises:
            ItemChanged: it is gone, or something else is there.
            ItemFailed, RunStopped, Canceled: it cannot be asked for.
        """
        found = self.work.source.find(source.path)
        if found is None:
            raise ItemChanged(codes.ITEM_VANISHED, "Gone since it was listed")
        if found.kind is not source.kind:
            raise ItemChanged(codes.ITEM_CHANGED, "It is of another type than when it was listed")
        return found if found.detailed else replace(found, detailed=True)

    def target_now(self, path: bytes) -> Item | None:
        """What the target has there now, with all that is to be known of it; errors as of ``find``."""
        found = self.work.target.find(path)
        return found if found is None or found.detailed else replace(found, detailed=True)

    def resolved(self, hand: Hand, thing: Thing) -> tuple[Thing, str]:
        """The same with a decision that needs no more knowledge, and the content's digest where one was made.

        Raises:
            ItemChanged, ItemFailed, RunStopped, Canceled: it could not be looked at.
        """
        source, target, rules = thing.source, thing.target, self.work.rules
        if thing.decision.action is Action.LOOK:
            if not source.detailed:
                source = self.looked_up(source)
            if target is not None and not target.detailed:
                target = self.target_now(target.path)
            thing = thing._replace(source=source, target=target, decision=decide(source, target, rules))
        if thing.decision.action is not Action.COMPARE or target is None:
            return thing, ""
        equal, digest = self.compared(hand, source, target)
        return thing._replace(decision=after_comparison(source, target, rules, equal=equal)), digest

    def compared(self, hand: Hand, source: Item, target: Item) -> tuple[bool, str]:
        """Whether two files or links of one size have the same content, and its digest where digests are made.

        Raises:
            ItemChanged, ItemFailed, RunStopped, Canceled: one of them could not be read.
        """
        work = self.work
        if source.kind is ItemKind.SYMLINK:
            return work.source.read_link(source) == work.target.read_link(target), ""
        digest = hashlib.md5(usedforsecurity=False) if self._digests else None
        with work.source.read(source) as one, work.target.read(target) as other:
            while data := one.read(READ_BYTES):
                hand.lease.check()
                if digest is not None:
                    digest.update(data)
                if other.read(len(data)) != data:
                    return False, ""
            if other.read(1):
                return False, ""
            one.settle()
            other.settle()
        return True, digest.hexdigest() if digest is not None else ""


def digest_of(content: Content, hand: Hand) -> str:
    """The MD5 of a file's content, read to its end.

    Raises:
        ItemChanged, ItemFailed, RunStopped, Canceled: it could not be read.
    """
    digest = hashlib.md5(usedforsecurity=False)
    while data := content.read(READ_BYTES):
        hand.lease.check()
        digest.update(data)
    return digest.hexdigest()
