"""Directories' own metadata, set when nothing in them changes any more: the deepest first."""

from __future__ import annotations

from agentsim.engine.errors import ItemChanged, ItemFailed
from agentsim.places.place import Item
from agentsim.transfer.copying import CopyActs, loss
from agentsim.transfer.crew import Hand
from agentsim.transfer.deciding import Action, decide_directory
from agentsim.transfer.spool import unpacked
from agentsim.transfer.work import Work
from store import codes
from store.vocabulary import ItemKind, PlannedAction


class Finisher:
    """Goes through what a copy has noted of directories, from the end."""

    def __init__(self, work: Work, acts: CopyActs) -> None:
        self._work = work
        self._acts = acts

    def run(self, hand: Hand, *, all_of_them: bool) -> None:
        """Finish every directory that was touched, and record it.

        Args:
            hand: of the calling thread.
            all_of_them: also those that were not: something may have been deleted in them.

        Raises:
            RunStopped, Canceled: the run ends.
        """
        for record in self._acts.directories.backward():
            values, created, changed, recorded, remark = record
            if not recorded or all_of_them:
                self._work.lease.check()
                self._finish(hand, unpacked(values), (created, changed, recorded), remark)
        hand.report.flush()

    def _finish(self, hand: Hand, item: Item, flags: tuple[bool, bool, bool], remark: str) -> None:
        created, changed, recorded = flags
        hand.slot.set_current(item.path)
        try:
            item, more = self._dress(item)
        except (ItemChanged, ItemFailed) as error:
            if not recorded:
                hand.problem(item, error, 0)
            return
        if recorded:
            return
        lost = loss(item, "; ".join(words for words in (remark, more) if words)) if created or changed else more
        action = PlannedAction.COPY if created else PlannedAction.REPAIR if changed else PlannedAction.SKIP
        hand.done(item, action, 0, remark=lost, moved=created)

    def _dress(self, item: Item) -> tuple[Item, str]:
        """Give the target's directory the source's metadata, if it has not got it.

        Returns:
            The item with all that is known of it, and a remark.
        """
        work, path = self._work, item.path
        target = self._acts.target_now(path)
        if target is None or target.kind is not ItemKind.DIRECTORY:
            raise ItemFailed(codes.ITEM_FAILED, "The target directory was removed while the run went on")
        if item.implied:
            return item, ""
        if not item.detailed:
            item = self._acts.looked_up(item)
        if decide_directory(item, target, work.rules).action is Action.NOTHING:
            return item, ""
        work.lease.check()
        return item, work.target.set_dress(target, work.rules.dress(item, target))
