"""The acts of a copy that carries out a plan: what was previewed, as it was previewed, and nothing else."""

from __future__ import annotations

import os
from collections.abc import Iterator

from agentsim.engine.acts import same_link
from agentsim.engine.context import Context
from agentsim.engine.copying import CopyActs
from agentsim.engine.decide import Action, kind_of, size_of
from agentsim.engine.errors import ItemChanged, Side, classify
from agentsim.engine.here import Here
from agentsim.engine.listing import lstat
from agentsim.engine.plan import Plan
from agentsim.engine.walker import root_walker
from store import codes
from store.vocabulary import ItemKind, Outcome, PlannedAction


class PlannedActs(CopyActs):
    """Asks the plan before each act. What is equal by now needs none."""

    copies_unseen = False

    def __init__(self, context: Context, plan: Plan) -> None:
        super().__init__(context)
        self._plan = plan

    def act(self, here: Here, action: Action, name: str, source: os.stat_result, twin: os.stat_result | None) -> None:
        if action is Action.COMPARE_CONTENT and twin is not None:
            action, digest = self.compared(here, name, source, twin)
            if action is Action.NOTHING:
                self.same(here, name, source, digest=digest)
                return
        if action is Action.COMPARE_LINK and same_link(here, name):
            self.same(here, name, source)
            return
        if action not in (Action.DESCEND, Action.BLOCKED):
            self._check(here.child(name), action, source, twin)
        super().act(here, action, name, source, twin)

    def _check(self, path: bytes, action: Action, source: os.stat_result, twin: os.stat_result | None) -> None:
        """Raise unless the plan has this entry, and both sides are as it saw them.

        Raises:
            ItemChanged: the entry is to be left alone.
        """
        planned = self._plan.find(path)
        if planned is None:
            raise ItemChanged(codes.ITEM_NOT_IN_PLAN, "Not in the plan: it waits for the next pass", size_of(source))
        if action in (Action.MAKE_DIRECTORY, Action.REPLACE_BY_DIRECTORY):
            as_planned = planned.action is not PlannedAction.SKIP
            if action is Action.REPLACE_BY_DIRECTORY:
                room = self._plan.find(path, removal=True)
                as_planned = as_planned and room is not None and room.still_so(None, twin)
        else:
            as_planned = planned.action is not PlannedAction.SKIP and planned.still_so(source, twin)
        if not as_planned:
            raise ItemChanged(codes.ITEM_NOT_AS_PLANNED, "Changed since the plan was made", size_of(source))

    def large(self, here: Here, name: str, listed: int) -> None:
        try:
            source = os.stat(name, dir_fd=here.source, follow_symlinks=False)
            self._check(here.child(name), Action.COPY_FILE, source, lstat(here.target, name))
        except OSError as error:
            raise classify(error, Side.SOURCE, "reading the source's metadata") from error
        super().large(here, name, listed)

    def extra(self, here: Here, names: Iterator[str], changed: bool) -> bool:
        return super().extra(here, self._planned_deletes(here, names), changed)

    def _planned_deletes(self, here: Here, names: Iterator[str]) -> Iterator[str]:
        for name in names:
            found = lstat(here.target, name)
            if found is None:
                continue
            spared = self.context.spared(here.child(name), found)
            if spared is None:
                yield name
            elif spared[0]:
                self.report.withheld(here.child(name), kind_of(found.st_mode), *spared, size_of(found))

    def close(self) -> None:
        walker = root_walker(self.context.roots.source, Side.SOURCE)
        for path, planned in self._plan.items():
            self.context.lease.check()
            directory, _, name = path.rpartition(b"/")
            try:
                if lstat(walker.open(directory), os.fsdecode(name)) is not None:
                    continue
            except OSError as error:
                if not isinstance(classify(error, Side.SOURCE, ""), ItemChanged):
                    continue  # Its directory is recorded as failed.
            message = f"To be {PAST[planned.action]}, but gone since the plan was made"
            self.report.item(path, ItemKind.FILE, Outcome.CHANGED, 0, code=codes.ITEM_NOT_AS_PLANNED, message=message)


PAST = {
    PlannedAction.COPY: "copied",
    PlannedAction.REPLACE: "replaced",
    PlannedAction.REPAIR: "repaired",
    PlannedAction.LINK: "linked",
}
