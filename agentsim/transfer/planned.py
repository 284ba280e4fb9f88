"""The acts of a copy that carries out a plan: what was previewed, as it was previewed, and nothing else."""

from __future__ import annotations

from agentsim.engine.errors import ItemChanged, ItemFailed
from agentsim.engine.plan import Planned
from agentsim.engine.planned import PAST
from agentsim.places.place import Item
from agentsim.transfer.acting import Thing
from agentsim.transfer.copying import CopyActs
from agentsim.transfer.crew import Hand
from agentsim.transfer.deciding import Action, Decision, facts
from store import codes
from store.vocabulary import ItemKind, Outcome, PlannedAction


class PlannedActs(CopyActs):
    """Asks the plan before each act. What is equal by now needs none."""

    attempts = 1

    def check_plan(self, hand: Hand, thing: Thing) -> None:
        source, target = thing.source, thing.target
        planned = self._planned(hand, source)
        if planned.action is PlannedAction.SKIP or not planned.still_so(facts(source), facts(target)):
            raise _changed()

    def check_directory(self, hand: Hand, item: Item, target: Item | None, decision: Decision) -> None:
        if decision.action not in (Action.MAKE, Action.REPLACE):
            return
        as_planned = self._planned(hand, item).action is not PlannedAction.SKIP
        if decision.action is Action.REPLACE:
            assert hand.plan is not None
            room = hand.plan.find(item.path, removal=True)
            as_planned = as_planned and room is not None and room.still_so(None, facts(target))
        if not as_planned:
            raise _changed()

    def _planned(self, hand: Hand, source: Item) -> Planned:
        assert hand.plan is not None
        planned = hand.plan.find(source.path)
        if planned is None:
            raise ItemChanged(codes.ITEM_NOT_IN_PLAN, "Not in the plan: it waits for the next pass", source.size)
        return planned

    def gone(self, hand: Hand, thing: tuple[bytes, Planned]) -> None:
        """Record an item of the plan that the source no longer has."""
        path, planned = thing
        try:
            if self.work.source.find(path) is not None:
                return
        except ItemFailed:
            return  # Its directory is recorded as failed, or it is: it was met.
        message = f"To be {PAST[planned.action]}, but gone since the plan was made"
        hand.report.item(path, ItemKind.FILE, Outcome.CHANGED, 0, code=codes.ITEM_NOT_AS_PLANNED, message=message)


def _changed() -> ItemChanged:
    return ItemChanged(codes.ITEM_NOT_AS_PLANNED, "Changed since the plan was made")
