"""The acts of a copy: it makes the target's directory like the source's."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

from agentsim.engine import board, units
from agentsim.engine.acts import Acts, same_link
from agentsim.engine.context import Context
from agentsim.engine.copyfile import Linked, TooLarge
from agentsim.engine.decide import Action, size_of
from agentsim.engine.errors import ItemChanged, ItemFailed, Side, classify
from agentsim.engine.findings import member
from agentsim.engine.here import Here
from agentsim.engine.listing import lstat
from store import codes
from store.vocabulary import ItemKind, Outcome, PlannedAction


class CopyActs(Acts):
    """Copies, repairs and makes; what has to be deleted is kept for later."""

    copies_unseen = True

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._files = context.files

    def enter(self, here: Here) -> None:
        context = self.context
        assert here.target_stat is not None
        try:
            context.metadata.make_writable(here.target, here.target_stat)
        except OSError as error:
            raise classify(error, Side.TARGET, "opening the target directory") from error
        context.files.enter(here.source, here.target, here.source_stat, here.target_stat)
        context.at = here.path

    def copy_unseen(self, here: Here, names: Sequence[str]) -> None:
        with self._files.together(names):
            for name in names:
                try:
                    try:
                        self._copy_new(here, name)
                    except ItemFailed as error:
                        if not self.renew(here, error):
                            raise
                        self._copy_new(here, name)
                except (ItemChanged, ItemFailed) as error:
                    self.context.problem(here.child(name), ItemKind.FILE, error, 0)

    def _copy_new(self, here: Here, name: str) -> None:
        try:
            size = self._files.copy(name)
        except TooLarge as large:
            self.report.scanned(large.size)
            here.shared = True
            self.context.findings.large(here.path, name, large.size)
        except Linked as linked:
            self.report.scanned(linked.stat.st_size)
            self.context.findings.link(member(here.path, name, linked.stat))
        else:
            self._copied(here, name, size, PlannedAction.COPY)

    def act(self, here: Here, action: Action, name: str, source: os.stat_result, twin: os.stat_result | None) -> None:
        if action is Action.COMPARE_CONTENT and twin is not None:
            action, digest = self.compared(here, name, source, twin)
            if action is Action.NOTHING:
                self.same(here, name, source, digest=digest)
                return
        size = size_of(source)
        if action is Action.COPY_FILE:
            self._copy_file(here, name, source, twin)
        elif action is Action.DESCEND:
            self.context.findings.directory(here.child(name), created=False)
        elif action is Action.MAKE_DIRECTORY:
            self._make_directory(here, name, source)
        elif action is Action.REPLACE_BY_DIRECTORY:
            self._remove(here, name)
            self._make_directory(here, name, source)
        elif action is Action.REPAIR_METADATA and twin is not None:
            mended, remark = self.context.metadata.repair_file(here.source, here.target, name, source, twin)
            if not mended:
                self._copy_file(here, name, source, twin)
            else:
                self._done(here, name, ItemKind.FILE, size, PlannedAction.REPAIR, remark, moved=False)
        elif action is Action.COMPARE_LINK and same_link(here, name):
            self.same(here, name, source)
        elif action in (Action.COPY_LINK, Action.COMPARE_LINK):
            self._files.copy_link(name, source)
            self._done(here, name, ItemKind.SYMLINK, 0, _made(twin), self._files.remark)
        elif action is Action.AFTER_DELETES:
            self.report.scanned(size)
            here.late.append((os.fsencode(name), size, b""))
        elif action is Action.BLOCKED:
            raise ItemFailed(codes.ITEM_BLOCKED_BY_DIRECTORY, "The target has a directory of this name")
        else:
            raise ValueError(f"no act for {action}")

    def large(self, here: Here, name: str, listed: int) -> None:
        try:
            made = _made(lstat(here.target, name))
        except OSError as error:
            raise classify(error, Side.TARGET, "reading the target's metadata") from error
        size = self._files.copy(name, limit=None)
        self._done(
            here,
            name,
            ItemKind.FILE,
            size,
            made,
            self._files.remark,
            scanned=listed,
            digest=self._files.digest,
        )

    def finish(self, here: Here, changed: bool) -> None:
        context = self.context
        try:
            remark = context.metadata.finish_directory(here.source, here.target, here.source_stat)
        except (ItemChanged, ItemFailed) as error:
            context.problem(here.path, ItemKind.DIRECTORY, error, 0)
            return
        context.directory_done(here.path, changed, remark)

    def extra(self, here: Here, names: Iterator[str], changed: bool) -> bool:
        """Hand over what has to wait for the deletes, in messages of bounded size."""
        defer = self.context.findings.defer
        batch: list[bytes] = []
        length = 0
        found = bool(here.late)
        for candidate in names:
            name = os.fsencode(candidate)
            batch.append(name)
            found = True
            length += len(name) + 8
            if length >= units.CHUNK_BYTES:
                defer(here.path, batch, [], final=False, changed=changed)
                batch, length = [], 0
        if found:
            defer(here.path, batch, here.late, final=True, changed=changed)
        return found

    def _copy_file(self, here: Here, name: str, source: os.stat_result, twin: os.stat_result | None) -> None:
        try:
            size = self._files.copy(name)
        except Linked as linked:
            self.report.scanned(linked.stat.st_size)
            self.context.findings.link(member(here.path, name, linked.stat))
            return
        self._copied(here, name, size, _made(twin))

    def _copied(self, here: Here, name: str, size: int, action: PlannedAction) -> None:
        files = self._files
        if not files.remark and not self.report.full:
            self.report.count(board.TRANSFERRED, size)
        else:
            self._done(here, name, ItemKind.FILE, size, action, files.remark, digest=files.digest)

    def _done(
        self,
        here: Here,
        name: str,
        kind: ItemKind,
        size: int,
        action: PlannedAction,
        remark: str,
        *,
        moved: bool = True,
        digest: str = "",
        scanned: int | None = None,
    ) -> None:
        """Count an item that is in place; with a remark, it lacks something that the target cannot hold."""
        self.report.item(
            here.child(name),
            kind,
            Outcome.UNSUPPORTED if remark else Outcome.TRANSFERRED,
            size,
            code=codes.ITEM_METADATA_LOST if remark else codes.SUCCESS,
            message=remark,
            action=action,
            digest=digest,
            scanned=scanned,
            moved=moved,
        )

    def _remove(self, here: Here, name: str) -> None:
        """Make room for a directory."""
        context = self.context
        context.lease.check()
        try:
            if context.trash is not None:
                context.trash.move(here.target, name, here.child(name))
            else:
                os.unlink(name, dir_fd=here.target)
        except FileNotFoundError:
            return
        except OSError as error:
            raise classify(error, Side.TARGET, "removing what is in the directory's place") from error

    def _make_directory(self, here: Here, name: str, source: os.stat_result) -> None:
        self.context.lease.check()
        created = True
        try:
            os.mkdir(name, self.context.fidelity.directory_mode(source.st_mode), dir_fd=here.target)
        except FileExistsError:
            created = False
        except OSError as error:
            raise classify(error, Side.TARGET, "creating the target directory") from error
        self.context.findings.directory(here.child(name), created)


def _made(twin: os.stat_result | None) -> PlannedAction:
    return PlannedAction.COPY if twin is None else PlannedAction.REPLACE
