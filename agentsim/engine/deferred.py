"""What is left of a directory when all transfers are done: deletes, and what had to wait for them.

Every delete is preceded by a look for the same name in the held source directory (DESIGN §5, F1).
"""

from __future__ import annotations

import contextlib
import errno
import os

from agentsim.engine.aliases import source_has_alias
from agentsim.engine.context import Context
from agentsim.engine.copyfile import LinkRefused
from agentsim.engine.decide import kind_of, size_of
from agentsim.engine.errors import ItemChanged, ItemFailed, Side, classify, describe
from agentsim.engine.linking import LinkWork
from agentsim.engine.listing import lstat
from agentsim.engine.removal import Remover
from agentsim.engine.scan import DirectoryScan
from agentsim.engine.units import Late
from agentsim.engine.walker import join
from store import codes
from store.vocabulary import ItemKind, Outcome, PlannedAction

Withheld = tuple[str, str] | None
"""Code and message of the guard that stopped the deletes."""


class DeferredWork:
    """Carries out the deferred work of one directory at a time."""

    def __init__(self, context: Context, scan: DirectoryScan, links: LinkWork) -> None:
        self._context = context
        self._scan = scan
        self._links = links
        self._remover = Remover(context)

    def run(
        self,
        path: bytes,
        candidates: list[bytes],
        late: list[Late],
        final: bool,
        changed: bool,
        withheld: Withheld,
    ) -> None:
        """Delete, then copy what the deleted made room for, then set the directory's metadata.

        Args:
            path: the directory, in both trees.
            candidates: names that only the target had when it was compared.
            late: names whose place a target directory holds.
            final: this is the last part of the directory's work.
            changed: what to count the directory as, when final.
            withheld: reason not to delete anything.

        Raises:
            Canceled, RunStopped: the run ends.
        """
        self._context.slot.set_current(path)
        # Both directories as their paths lead to them now, not as they were when they were compared.
        self._context.source.forget()
        self._context.target.forget()
        for name in candidates:
            self._candidate(path, name, withheld)
        for item in late:
            self._late(path, item, withheld)
        if final:
            self._scan.finish(path, changed)

    def _candidate(self, path: bytes, name: bytes, withheld: Withheld) -> None:
        context = self._context
        context.lease.check()
        if withheld is not None:
            self._keep(path, name, *withheld)
            return
        try:
            # Opened anew for each name: removing a tree moves the walker elsewhere.
            directory = context.target.open(path)
        except OSError as error:
            failure = describe(error, "opening its directory")
            context.report.withheld(join(path, name), ItemKind.SPECIAL, codes.ITEM_FAILED, failure, 0)
            return
        try:
            if self._in_source(path, directory, os.fsdecode(name)):
                return  # It is there after all: the next pass compares it.
        except OSError as error:
            self._keep(path, name, codes.DELETE_UNCHECKED, describe(error, "looking for it in the source"))
            return
        self._remover.remove(directory, join(path, name))

    def _in_source(self, path: bytes, directory: int, name: str) -> bool:
        """Whether the source has a target entry now, be it under another spelling.

        Raises:
            OSError: that is not known.
        """
        source = self._context.source.open(path)
        if not os.fstat(source).st_nlink:
            # In a removed directory every name is absent, and a new one may be in its place.
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
        return lstat(source, name) is not None or source_has_alias(source, directory, name)

    def _late(self, path: bytes, late: Late, withheld: Withheld) -> None:
        name, listed, leader = late
        context = self._context
        context.lease.check()
        item = join(path, name)
        kind = ItemKind.FILE
        size = listed
        remark = digest = ""
        try:
            if withheld is not None:
                self._keep(path, name, *withheld)
                raise ItemFailed(codes.ITEM_REPLACE_WITHHELD, withheld[1])
            source = self._find_late(path, name)
            kind, size = kind_of(source.st_mode), size_of(source)
            if not self._remover.remove(context.enter(path).target, item):
                raise ItemFailed(codes.ITEM_REPLACE_WITHHELD, "The target directory in its place was kept")
            # Removing a tree moved the walker elsewhere.
            with context.reopened(path):
                text = os.fsdecode(name)
                if kind is ItemKind.SYMLINK:
                    context.files.copy_link(text, source)
                    remark = context.files.remark
                elif not leader or not self._linked(leader, text):
                    size = context.files.copy(text, limit=None, linked=True)
                    remark, digest = context.files.remark, context.files.digest
        except (ItemChanged, ItemFailed) as error:
            context.problem(item, kind, error, size, scanned=listed)
            return
        context.report.item(
            item,
            kind,
            Outcome.UNSUPPORTED if remark else Outcome.TRANSFERRED,
            size,
            code=codes.ITEM_METADATA_LOST if remark else codes.SUCCESS,
            message=remark,
            action=PlannedAction.REPLACE,
            digest=digest,
            scanned=listed,
        )

    def _linked(self, leader: bytes, name: str) -> bool:
        """Make a late name another one of a file that was dealt with before; False where the target refuses."""
        try:
            self._links.link(leader, name)
        except LinkRefused:
            return False
        return True

    def _find_late(self, path: bytes, name: bytes) -> os.stat_result:
        """The source item as it is now: it must still be something that takes a directory's place."""
        try:
            directory = self._context.source.open(path)
            source = os.stat(name, dir_fd=directory, follow_symlinks=False)
        except OSError as error:
            raise classify(error, Side.SOURCE, "looking into the source") from error
        if kind_of(source.st_mode) not in (ItemKind.FILE, ItemKind.SYMLINK):
            raise ItemChanged(codes.ITEM_CHANGED, "No longer a file or link")
        return source

    def _keep(self, path: bytes, name: bytes, code: str, message: str) -> None:
        """Record a target item as kept, unless it is known to be gone."""
        kind, size = ItemKind.SPECIAL, 0
        with contextlib.suppress(OSError):
            found = lstat(self._context.target.open(path), os.fsdecode(name))
            if found is None:
                return
            kind, size = kind_of(found.st_mode), size_of(found)
        self._context.report.withheld(join(path, name), kind, code, message, size)
