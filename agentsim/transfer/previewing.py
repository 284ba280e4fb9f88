"""The acts of a preview: it says of every item what a copy would do and why, and touches nothing."""

from __future__ import annotations

from agentsim.engine.errors import ItemFailed
from agentsim.places.place import Item
from agentsim.transfer.acting import Acts, Level, Thing
from agentsim.transfer.crew import Hand
from agentsim.transfer.deciding import Action, Decision, decide_directory, facts
from store.vocabulary import PlannedAction


class PreviewActs(Acts):
    """Records what would be done: Transferred and Deleted stand for "would be"."""

    def directory(self, hand: Hand, level: Level, target: Item | None, decision: Decision) -> bool:
        item = level.item
        assert item is not None
        if decision.action is Action.LOOK:
            item = item if item.detailed else self.looked_up(item)
            target = self.target_now(item.path)
            decision = decide_directory(item, target, self.work.rules)
        if decision.action is Action.NOTHING:
            hand.done(item, PlannedAction.SKIP, 0)
            return True
        if decision.action is Action.REPLACE and target is not None:
            hand.report.note(target.path, target.kind, target.size, PlannedAction.DELETE, facts(target))
        repair = decision.action is Action.REPAIR
        level.created = not repair
        # As with two directories: a plan asks only that it is to be made, not what was there.
        hand.done(
            *(item, PlannedAction.REPAIR if repair else PlannedAction.COPY, 0),
            message="metadata differs" if repair else "not in the target",
        )
        return True

    def act(self, hand: Hand, thing: Thing) -> None:
        thing, digest = self.resolved(hand, thing)
        source, target, (action, why, code), listed = thing.source, thing.target, thing.decision, thing.listed
        if action is Action.NOTHING:
            hand.done(source, PlannedAction.SKIP, listed, digest=digest, target=target)
            return
        if action is Action.REFUSED:
            hand.refused(source, code, why, listed)
            return
        if action is Action.BLOCKED:
            raise ItemFailed(code, why)
        repair = action is Action.REPAIR
        planned = PlannedAction.REPAIR if repair else PlannedAction.COPY if target is None else PlannedAction.REPLACE
        hand.done(source, planned, listed, message=why, moved=not repair, target=target)
