"""What all units of one helper share: both trees, the rules of the run, and the ways to act and report."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from agentsim.engine import board
from agentsim.engine.attributes import Attributes
from agentsim.engine.backoff import Patience
from agentsim.engine.board import Board, Slot
from agentsim.engine.channel import Channel
from agentsim.engine.comparison import Comparer
from agentsim.engine.copyfile import FileCopier
from agentsim.engine.decide import Fidelity, kind_of
from agentsim.engine.errors import ItemChanged, ItemFailed, Side, classify
from agentsim.engine.filters import Filters
from agentsim.engine.findings import Findings
from agentsim.engine.here import Here
from agentsim.engine.lease import Lease
from agentsim.engine.listing import Listing
from agentsim.engine.metadata import Metadata
from agentsim.engine.mounts import in_user_space
from agentsim.engine.order import Order
from agentsim.engine.preflight import Roots
from agentsim.engine.report import Report
from agentsim.engine.sourcefile import Reader
from agentsim.engine.walker import NoTree, join, root_walker
from store import codes
from store.display import display
from store.vocabulary import CopyMode, DataIntegrityValidation, Durability, ItemKind, Outcome, PlannedAction

# What only some runs need is imported by them, since it would slow the start of every one.
if TYPE_CHECKING:
    from agentsim.engine.plan import Plan
    from agentsim.engine.trash import Trash

_NOT_THERE = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP)

Spared = tuple[str, str]
"""Why a target item is not deleted: code and message, both empty when nothing is to be said of it."""


class Context:
    """One helper's means. Nothing here outlives the run.

    Attributes:
        at: path of the directory that files are copied between.
    """

    def __init__(
        self,
        roots: Roots,
        order: Order,
        lease: Lease,
        whole: Board,
        slot: Slot,
        channel: Channel,
        plan: Plan | None,
        umask: int,
    ) -> None:
        self.roots = roots
        self.order = order
        self.mode: CopyMode = order.mode
        self.settings = order.settings
        self.lease = lease
        self.board = whole
        self.slot = slot
        self.channel = channel
        self.plan = plan
        self.at = b""
        self.source = root_walker(roots.source, Side.SOURCE)
        self.target = root_walker(roots.target, Side.TARGET) if roots.target >= 0 else NoTree()
        self.filters = Filters(order.settings, order.moment)
        settings = order.settings
        if order.writes and in_user_space(os.fstat(roots.target).st_dev):
            # A syncfs at the end does not reach the process that serves it; an fsync does.
            settings = replace(settings, durability=Durability.EVERY_FILE)
        self.fidelity = Fidelity.of_this_process(
            permissions=settings.preserve_permissions, umask=umask, time_step=roots.traits.time_step
        )
        self.attributes = Attributes(self.fidelity, slot)
        reader, patience = Reader(self.fidelity.privileged), Patience(lease)
        digests = settings.validation is not DataIntegrityValidation.NONE
        self.comparer = Comparer(lease, slot, reader, patience, digests=digests)
        self.metadata = Metadata(lease, self.fidelity, slot, self.attributes, reader, settings.durability)
        self.files = FileCopier(
            lease,
            self.fidelity,
            slot,
            self.metadata,
            attributes=self.attributes,
            reader=reader,
            patience=patience,
            settings=settings,
        )
        self.trash: Trash | None = None
        if settings.trash and order.writes:
            from agentsim.engine.trash import Trash

            self.trash = Trash(roots.target, order.run, lease, self.metadata)
            self.files.before_replace = self._keep_replaced
        self.report = Report(slot, channel, full=order.report, attempt=order.attempt)
        self.findings = Findings(channel)

    def _keep_replaced(self, directory: int, name: str) -> None:
        assert self.trash is not None
        self.trash.keep(directory, name, join(self.at, os.fsencode(name)))

    def open(self, path: bytes) -> Here:
        """Both directories of a path, valid until the next call; the target's only where there is one.

        Raises:
            ItemChanged, ItemFailed, RunStopped: by the side that could not be opened.
        """
        here = Here(path, created=False)
        try:
            here.source = self.source.open(path)
            here.source_stat = os.fstat(here.source)
        except OSError as error:
            raise classify(error, Side.SOURCE, "opening the source directory") from error
        try:
            here.target = self.target.open(path)
            here.target_stat = os.fstat(here.target)
        except OSError as error:
            # Where nothing is written, directories that are still to be made are met.
            if self.order.writes or error.errno not in _NOT_THERE:
                raise classify(error, Side.TARGET, "opening the target directory") from error
        return here

    def renew(self, here: Here) -> bool:
        """Reach both directories, the last that were opened, anew by their path; whether they are still the same."""
        try:
            self.source.refresh(here.path, here.source_stat)
            if here.target_stat is not None:
                self.target.refresh(here.path, here.target_stat)
        except OSError:
            return False
        return True

    def listing(self, here: Here) -> Listing:
        """The entries of a target directory, not yet loaded."""
        return Listing(
            here.target,
            self.lease,
            cleans=self.order.writes,
            at_root=not here.path,
            folds=self.roots.traits.folds,
        )

    def enter(self, path: bytes) -> Here:
        """Make ``path`` the directory that files are copied between.

        Raises:
            ItemChanged, ItemFailed, RunStopped: by the side that could not be opened.
        """
        here = self.open(path)
        if self.order.writes and here.target_stat is not None:
            self.files.enter(here.source, here.target, here.source_stat, here.target_stat)
            self.at = path
        return here

    @contextmanager
    def reopened(self, path: bytes) -> Iterator[Here]:
        """Work once more in a target directory that was finished, and finish it again.

        Raises:
            ItemChanged, ItemFailed, RunStopped: by the side that could not be opened or set.
        """
        here = self.enter(path)
        assert here.target_stat is not None
        try:
            self.metadata.make_writable(here.target, here.target_stat)
        except OSError as error:
            raise classify(error, Side.TARGET, "opening the target directory") from error
        try:
            yield here
        except (ItemChanged, ItemFailed):
            with suppress(ItemChanged, ItemFailed):
                self.metadata.finish_directory(here.source, here.target, here.source_stat)
            raise
        self.metadata.finish_directory(here.source, here.target, here.source_stat)

    def spared(self, path: bytes, found: os.stat_result) -> Spared | None:
        """Why a target item that the source does not have may not be deleted; None when it may."""
        directory = kind_of(found.st_mode) is ItemKind.DIRECTORY
        if self.filters.leaves_out_name(path, directory):
            return "", ""
        if self.plan is None:
            return None
        planned = self.plan.find(path, removal=True)
        if planned is None or planned.action is not PlannedAction.DELETE:
            return "", ""
        if not directory and not planned.still_so(None, found):
            return codes.ITEM_NOT_AS_PLANNED, "Changed since the plan was made"
        return None

    def problem(
        self, path: bytes, kind: ItemKind, error: ItemChanged | ItemFailed, size: int, *, scanned: int | None = None
    ) -> None:
        """Count and record an item that was not copied.

        Args:
            path: the item.
            kind: what it is in the source.
            error: why.
            size: its bytes.
            scanned: the bytes it was counted with when it was listed; None if it was not counted yet.
        """
        if not path:
            # The root is no item: say it, but do not count it.
            self.report.log("warning", f"The root directory: {display(error.message)}")
            return
        outcome = Outcome.CHANGED if isinstance(error, ItemChanged) else Outcome.FAILED
        self.report.item(path, kind, outcome, size, code=error.code, message=error.message, scanned=scanned)

    def directory_done(self, path: bytes, changed: bool, remark: str) -> None:
        """Count a directory that is complete; the root is no item."""
        if not path:
            if remark:
                self.report.log("warning", f"The root directory: {display(remark)}")
        elif not remark and not self.report.full:
            self.report.count(board.TRANSFERRED if changed else board.NO_TRANSFER_NEEDED, 0)
        else:
            outcome = Outcome.TRANSFERRED if changed else Outcome.NO_TRANSFER_NEEDED
            self.report.item(
                path,
                ItemKind.DIRECTORY,
                Outcome.UNSUPPORTED if remark else outcome,
                0,
                code=codes.ITEM_METADATA_LOST if remark else codes.SUCCESS,
                message=remark,
                action=PlannedAction.COPY if changed else PlannedAction.SKIP,
            )
