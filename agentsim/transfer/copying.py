"""The acts of a copy: it makes the target like the source."""

from __future__ import annotations

import os
from collections.abc import Callable

from agentsim.engine import board
from agentsim.engine.errors import ItemChanged, ItemFailed
from agentsim.places.place import Dress, Item, Written
from agentsim.transfer.acting import Acts, Level, Thing, digest_of
from agentsim.transfer.crew import Crew, Hand
from agentsim.transfer.deciding import Action, Decision, decide, decide_directory
from agentsim.transfer.metered import Metered
from agentsim.transfer.spool import Spool, packed
from agentsim.transfer.trash import Trash
from agentsim.transfer.work import Work
from store import codes
from store.vocabulary import CopyMode, DataIntegrityValidation, ItemKind, PlannedAction

ATTEMPTS = 3
"""How often an item is tried that changes while it is copied."""


class CopyActs(Acts):
    """Copies, repairs and makes; what has to be deleted is kept for later.

    Attributes:
        directories: those that get their metadata when all else is done (see :mod:`agentsim.transfer.directories`).
    """

    attempts = ATTEMPTS

    def __init__(self, work: Work, crew: Crew, trash: Trash | None) -> None:
        super().__init__(work)
        self.directories = Spool()
        self._crew = crew
        self._trash = trash
        self._verifies = work.settings.validation is DataIntegrityValidation.SAVE_VERIFY_FILE_MD5
        self._ids = (os.geteuid(), os.getegid())

    # Directories, by the scanning thread.

    def directory(self, hand: Hand, level: Level, target: Item | None, decision: Decision) -> bool:
        item = level.item
        assert item is not None
        if not self.work.tree:
            self.check_directory(hand, item, target, decision)
            self._mark(hand, item, target, decision)
            return True
        if decision.action is Action.LOOK:
            level.item = item = item if item.detailed else self.looked_up(item)
            target = self.target_now(item.path)
            decision = decide_directory(item, target, self.work.rules)
        action = decision.action
        self.check_directory(hand, item, target, decision)
        if action is Action.REPLACE and target is not None:
            self._make_room(target)
        if action in (Action.MAKE, Action.REPLACE):
            level.created = level.changed = level.touched = True
            level.remark = self.work.target.make_directory(item.path, self._first_dress(item))
        else:
            level.changed = level.touched = action is not Action.NOTHING
            self._open_up(level, target)
        return True

    def leave(self, hand: Hand, level: Level) -> None:
        if level.item is None or not self.work.tree:
            return
        rests = not (level.changed or level.touched)
        if rests:
            hand.done(level.item, PlannedAction.SKIP, 0)
        if not rests or self.work.order.mode is CopyMode.MIRROR or self.work.unsure:
            flags = (level.created, level.changed, rests)
            self.directories.append((packed(level.item), *flags, level.remark))

    def _mark(self, hand: Hand, item: Item, target: Item | None, decision: Decision) -> None:
        """A directory of an object store: what stands for it need not be there before what is in it."""
        if not self.work.target.holds.directories or item.implied:
            if decision.action is Action.REPLACE and target is not None:
                self._make_room(target)
            new = decision.action is not Action.NOTHING
            hand.done(item, PlannedAction.COPY if new else PlannedAction.SKIP, 0, message=decision.why if new else "")
        elif decision.action is Action.NOTHING:
            hand.done(item, PlannedAction.SKIP, 0)
        else:
            self._crew.submit(self._marker, [Thing(item, target, decision, False, 0)])

    def _marker(self, hand: Hand, thing: Thing) -> None:
        item, target, decision = thing.source, thing.target, thing.decision
        hand.slot.set_current(item.path)
        try:
            if decision.action is Action.LOOK:
                item = item if item.detailed else self.looked_up(item)
                target = self.target_now(item.path)
                decision = decide_directory(item, target, self.work.rules)
            if decision.action is Action.NOTHING:
                hand.done(item, PlannedAction.SKIP, 0)
                return
            hand.lease.check()
            if decision.action is Action.REPLACE and target is not None:
                self._make_room(target)
            if decision.action is Action.REPAIR and target is not None:
                remark = self.work.target.set_dress(target, self.work.rules.dress(item, target))
                action = PlannedAction.REPAIR
            else:
                remark = self.work.target.make_directory(item.path, self.work.rules.dress(item, None))
                action = PlannedAction.COPY
            self._put(hand, item, target, action, 0, remark=remark, message=decision.why)
        except (ItemChanged, ItemFailed) as error:
            hand.problem(item, error, 0, target)

    def _first_dress(self, item: Item) -> Dress:
        """A new directory is its owner's alone until it is finished, where permissions travel."""
        rules, mode = self.work.rules, item.dress.mode
        if item.implied or mode is None or not (rules.permissions or rules.local):
            return Dress()
        return Dress(mode=rules.fidelity.directory_mode(mode))

    def _open_up(self, level: Level, target: Item | None) -> None:
        """Let its owner work in a directory that forbids it; :mod:`directories` sets the mode again."""
        rules = self.work.rules
        if target is None or rules.fidelity.privileged or target.dress.mode is None:
            return
        if target.dress.mode & 0o300 != 0o300:
            self.work.target.set_dress(target, Dress(mode=target.dress.mode | 0o700))
            level.touched = True

    def _make_room(self, target: Item) -> None:
        if self._trash is not None:
            self._trash.put(target)
        else:
            self.work.target.delete(target)

    # Files and links, by the crew.

    def act(self, hand: Hand, thing: Thing) -> None:
        for left in range(self.attempts - 1, -1, -1):
            try:
                self._act(hand, thing)
                return
            except ItemChanged:
                if not left:
                    raise
                source = self.looked_up(thing.source)
                target = self.target_now(source.path)
                thing = thing._replace(source=source, target=target, decision=decide(source, target, self.work.rules))

    def _act(self, hand: Hand, thing: Thing) -> None:
        thing, digest = self.resolved(hand, thing)
        source, target, (action, why, code), listed = thing.source, thing.target, thing.decision, thing.listed
        if action is Action.NOTHING:
            hand.done(source, PlannedAction.SKIP, listed, digest=digest)
        elif action is Action.REFUSED:
            hand.refused(source, code, why, listed)
        elif action is Action.BLOCKED:
            raise ItemFailed(code, why)
        elif action is Action.LATE:
            self.check_plan(hand, thing)
            self.work.postpone(source, listed)
        else:
            self.check_plan(hand, thing)
            hand.lease.check()
            if action is Action.REPAIR and target is not None:
                remark = self.work.target.set_dress(target, self.work.rules.dress(source, target))
                self._put(hand, source, target, PlannedAction.REPAIR, listed, remark=remark, moved=False, message=why)
            else:
                self.replace(hand, source, target, listed, why)

    def check_directory(self, hand: Hand, item: Item, target: Item | None, decision: Decision) -> None:
        """As :meth:`check_plan`, of a directory that is to be made."""

    def check_plan(self, hand: Hand, thing: Thing) -> None:
        """Refuse what a plan does not have; without a plan, nothing.

        Raises:
            ItemChanged: the item is to be left alone.
        """

    def replace(self, hand: Hand, source: Item, target: Item | None, listed: int, why: str) -> None:
        """Put a file or link in the place of what the target has there, and record it.

        Raises:
            ItemChanged, ItemFailed, RunStopped, Canceled: it was not done.
        """
        action = PlannedAction.COPY if target is None else PlannedAction.REPLACE
        if source.kind is ItemKind.SYMLINK:
            text = self.work.source.read_link(source)
            dress = self.work.rules.dress(source, target)
            written = self._kept(target, lambda twin: self.work.target.make_link(source.path, text, dress, twin))
            self._put(hand, source, target, action, listed, remark=written.remark, message=why)
            return
        with self.work.source.read(source) as content, Metered(content, hand, digest=self._digests) as metered:
            now = content.item
            dress = self.work.rules.dress(now, target)
            written = self._kept(target, lambda twin: self.work.target.write(now.path, metered, dress, twin))
            digest = metered.digest
        if self._verifies:
            self._verify(hand, now.path, written, digest)
        self._put(
            *(hand, now, target, action, listed),
            remark=written.remark,
            digest=digest,
            size=written.size,
            message=why,
        )

    def _kept(self, target: Item | None, put: Callable[[Item | None], Written]) -> Written:
        """Write over what is there, or with a trash in its stead.

        With a trash there is a moment without a file: no place has two names for one item.
        """
        if self._trash is None or target is None:
            return put(target)
        kept = self._trash.put(target)
        try:
            return put(None)
        except BaseException:
            self._trash.restore(kept, target.path)
            raise

    def _verify(self, hand: Hand, path: bytes, written: Written, digest: str) -> None:
        """Read back what was written.

        Raises:
            ItemFailed: it is not what the source read as; then it is deleted, lest the next pass take it for equal.
            ItemChanged, RunStopped, Canceled: it could not be read.
        """
        target = self.work.target
        found = target.find(path)
        if found is None:
            raise ItemFailed(codes.ITEM_DIGEST_DIFFERS, "What was written is not there")
        with target.read(found) as content:
            again = digest_of(content, hand)
        if again != digest:
            target.delete(found)
            raise ItemFailed(
                codes.ITEM_DIGEST_DIFFERS, f"The source reads as {digest}, the target as {again}; it was deleted again"
            )

    def _put(
        self,
        hand: Hand,
        item: Item,
        target: Item | None,
        action: PlannedAction,
        listed: int,
        *,
        remark: str = "",
        message: str = "",
        digest: str = "",
        moved: bool = True,
        size: int | None = None,
    ) -> None:
        """Record an item that is in place, with what the target could not hold of it."""
        rules = self.work.rules
        if rules.loses_owners:
            uid, gid = item.dress.uid, item.dress.gid
            lost = uid not in (None, self._ids[0]) or (gid is not None and gid not in rules.fidelity.groups)
            hand.slot.cells[board.OWNERS_LOST] += lost
        hand.done(
            *(item, action, listed),
            remark=loss(item, remark),
            message=message,
            digest=digest,
            moved=moved,
            size=size,
            target=target,
        )


def loss(item: Item, remark: str) -> str:
    """What the target could not hold of an item, in words; empty when it holds all."""
    extras = f"The target cannot hold {', '.join(item.extras)}" if item.extras else ""
    return "; ".join(words for words in (remark, extras) if words)
