"""The acts of a preview: it says of every item what a copy would do and why, and touches nothing."""

from __future__ import annotations

import os
from collections.abc import Iterator

from agentsim.engine import board
from agentsim.engine.acts import Acts, same_link
from agentsim.engine.context import Context
from agentsim.engine.copyfile import LARGE_BYTES, TooLarge
from agentsim.engine.decide import Action, kind_of, size_of, why
from agentsim.engine.errors import ItemFailed, Side, classify, describe
from agentsim.engine.here import Here
from agentsim.engine.listing import lstat
from agentsim.engine.removal import mount_of
from agentsim.engine.walker import join, root_walker
from store import codes
from store.vocabulary import ItemKind, Outcome, PlannedAction


class PreviewActs(Acts):
    """Records what would be done: Transferred and Deleted stand for "would be"."""

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._doomed = root_walker(context.roots.target, Side.TARGET) if context.roots.target >= 0 else None

    def enter(self, here: Here) -> None:
        return

    def act(self, here: Here, action: Action, name: str, source: os.stat_result, twin: os.stat_result | None) -> None:
        if action is Action.COMPARE_CONTENT and twin is not None:
            if source.st_size >= LARGE_BYTES:
                raise TooLarge(source.st_size)
            self._read(here, name, source, twin, None)
        elif action is Action.COMPARE_LINK and same_link(here, name):
            self.same(here, name, source)
        elif action is Action.DESCEND:
            self.context.findings.directory(here.child(name), created=False)
        elif action is Action.BLOCKED:
            raise ItemFailed(codes.ITEM_BLOCKED_BY_DIRECTORY, "The target has a directory of this name")
        elif action in (Action.MAKE_DIRECTORY, Action.REPLACE_BY_DIRECTORY):
            if twin is not None:
                self.report.note(here.child(name), kind_of(twin.st_mode), size_of(twin), PlannedAction.DELETE, twin)
            self.context.findings.directory(here.child(name), created=True)
        else:
            if action is Action.AFTER_DELETES:
                self._would_delete(here.child(name))
            self._would(here, action, name, source, twin)

    def large(self, here: Here, name: str, listed: int) -> None:
        """A large file waits for a unit of its own only to be read."""
        source, twin = self._look(here.source, name, Side.SOURCE), self._look(here.target, name, Side.TARGET)
        self._read(here, name, source, twin, listed)

    def _look(self, directory: int, name: str, side: Side) -> os.stat_result:
        try:
            return os.stat(name, dir_fd=directory, follow_symlinks=False)
        except OSError as error:
            raise classify(error, side, f"reading the {side.value}'s metadata") from error

    def _read(self, here: Here, name: str, source: os.stat_result, twin: os.stat_result, listed: int | None) -> None:
        """Decide about two files of one size by reading both."""
        action, digest = self.compared(here, name, source, twin)
        if action is Action.NOTHING:
            self.same(here, name, source, scanned=listed, digest=digest)
            return
        self._would(here, action, name, source, twin, listed)

    def _would(
        self,
        here: Here,
        action: Action,
        name: str,
        source: os.stat_result,
        twin: os.stat_result | None,
        listed: int | None = None,
    ) -> None:
        repair = action is Action.REPAIR_METADATA
        planned = PlannedAction.REPAIR if repair else PlannedAction.COPY if twin is None else PlannedAction.REPLACE
        self.report.item(
            here.child(name),
            kind_of(source.st_mode),
            Outcome.TRANSFERRED,
            size_of(source),
            message=why(source, twin, self.context.fidelity) or ("attributes differ" if repair else "content differs"),
            action=planned,
            seen=(source, twin),
            scanned=listed,
            moved=not repair,
        )

    def finish(self, here: Here, changed: bool) -> None:
        if not here.path:
            return
        if here.created:
            action, message = PlannedAction.COPY, "not in the target"
        elif changed:
            action, message = PlannedAction.REPAIR, "metadata differs"
        else:
            action, message = PlannedAction.SKIP, ""
        outcome = Outcome.TRANSFERRED if changed else Outcome.NO_TRANSFER_NEEDED
        self.report.item(here.path, ItemKind.DIRECTORY, outcome, 0, message=message, action=action)

    def extra(self, here: Here, names: Iterator[str], changed: bool) -> bool:
        for name in names:
            self._would_delete(here.child(name))
        return False

    def _would_delete(self, path: bytes) -> None:
        """Record an entry of the target and all below it."""
        assert self._doomed is not None
        directory, _, name = path.rpartition(b"/")
        try:
            above = self._doomed.open(directory)
            mount = mount_of(above)
            found = lstat(above, os.fsdecode(name))
        except OSError as error:
            message = describe(error, "looking at the target")
            self.report.withheld(path, ItemKind.SPECIAL, codes.ITEM_FAILED, message, 0)
            return
        if found is not None and self._deletes(path, found):
            self._below(path, mount)

    def _below(self, top: bytes, mount: str) -> None:
        cells = self.context.slot.cells
        pending = [top]
        while pending:
            path = pending.pop()
            self.context.lease.check()
            try:
                assert self._doomed is not None
                directory = self._doomed.open(path)
                if mount_of(directory) != mount:
                    self.report.withheld(path, ItemKind.DIRECTORY, codes.DELETE_MOUNT, "A file system is mounted", 0)
                    continue
                with os.scandir(directory) as entries:
                    for entry in entries:
                        child = join(path, os.fsencode(entry.name))
                        before = cells[board.DELETED]
                        if self._deletes(child, entry.stat(follow_symlinks=False)):
                            pending.append(child)
                        # What the filters protect counts for no guard, as in the census of a copy.
                        cells[board.DOOMED] += cells[board.DELETED] - before
                        cells[board.TARGET_ITEMS] += cells[board.DELETED] - before
            except OSError as error:
                message = describe(error, "looking at the target")
                self.report.withheld(path, ItemKind.DIRECTORY, codes.ITEM_FAILED, message, 0)

    def _deletes(self, path: bytes, found: os.stat_result) -> bool:
        """Record one entry; whether there may be more below it."""
        kind = kind_of(found.st_mode)
        directory = kind is ItemKind.DIRECTORY
        if self.context.filters.leaves_out_name(path, directory):
            return False
        self.report.target_item(
            path,
            kind,
            Outcome.DELETED,
            size_of(found),
            code=codes.SUCCESS,
            message="not in the source",
            action=PlannedAction.DELETE,
            seen=found,
        )
        return directory
