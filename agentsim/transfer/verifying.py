"""The acts of a verify run: source and target are compared fully, and nothing is changed."""

from __future__ import annotations

from agentsim.engine.errors import ItemFailed
from agentsim.places.place import Item
from agentsim.transfer.acting import Acts, Level, Thing
from agentsim.transfer.crew import Hand
from agentsim.transfer.deciding import Action, Decision, decide_directory, why
from store import codes
from store.vocabulary import ItemKind, PlannedAction


class VerifyActs(Acts):
    """Failed stands for "differs", NoTransferNeeded for "is alike", DeleteWithheld for "is too much"."""

    counts_same = False

    def same(self, hand: Hand, source: Item, target: Item) -> bool:
        return False  # Content is read, whatever size and time say.

    def directory(self, hand: Hand, level: Level, target: Item | None, decision: Decision) -> bool:
        item = level.item
        assert item is not None
        if decision.action is Action.LOOK:
            item = item if item.detailed else self.looked_up(item)
            target = self.target_now(item.path)
            decision = decide_directory(item, target, self.work.rules)
        if target is None and not self.work.target.holds.directories:
            hand.done(item, PlannedAction.SKIP, 0)
        elif target is None or decision.action is Action.REPLACE:
            # Everything below is missing too, and told item by item.
            level.created = True
            hand.problem(item, ItemFailed(codes.VERIFY_MISSING, "The target does not have this directory"), 0)
        elif decision.action is Action.NOTHING or target.implied:
            hand.done(item, PlannedAction.SKIP, 0)
        else:
            hand.problem(item, ItemFailed(codes.VERIFY_METADATA, decision.why or "metadata differs"), 0)
        return True

    def act(self, hand: Hand, thing: Thing) -> None:
        source, target = thing.source, thing.target
        if thing.decision.action is Action.REFUSED:
            hand.refused(source, thing.decision.code, thing.decision.why, thing.listed)
            return
        if target is None:
            raise ItemFailed(codes.VERIFY_MISSING, "The target does not have it")
        if target.kind is not source.kind:
            raise ItemFailed(codes.VERIFY_TYPE, "type differs")
        if source.size != target.size:
            raise ItemFailed(codes.VERIFY_CONTENT, f"The size is {target.size}, not {source.size}")
        if not source.detailed:
            source = self.looked_up(source)
        if not target.detailed:
            found = self.target_now(target.path)
            if found is None:
                raise ItemFailed(codes.VERIFY_MISSING, "The target does not have it")
            target = found
        equal, digest = self.compared(hand, source, target)
        if not equal:
            link = source.kind is ItemKind.SYMLINK
            raise ItemFailed(codes.VERIFY_CONTENT, "The link leads elsewhere" if link else "The content differs")
        if differs := why(source, target, self.work.rules):
            raise ItemFailed(codes.VERIFY_METADATA, differs)
        hand.done(source, PlannedAction.SKIP, thing.listed, digest=digest)
