"""What all units of one helper share: both trees, the rules of the run, and the ways to act and report."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from agentsim.engine import board
from agentsim.engine.board import Slot
from agentsim.engine.channel import Channel
from agentsim.engine.copyfile import FileCopier
from agentsim.engine.decide import Owners
from agentsim.engine.errors import ItemChanged, ItemFailed, Side, classify
from agentsim.engine.filters import Filters
from agentsim.engine.lease import Lease
from agentsim.engine.metadata import Metadata
from agentsim.engine.order import Order
from agentsim.engine.preflight import Roots
from agentsim.engine.report import Report, cell_of
from agentsim.engine.walker import Walker, join
from store.display import display
from store.vocabulary import ItemKind, Outcome

if TYPE_CHECKING:
    from agentsim.engine.trash import Trash


class Context:
    """One helper's means. Nothing here outlives the run.

    Attributes:
        filters: what the run leaves out, on both sides.
        at: the directory that files are copied between.
        trash: where what it deletes and replaces goes; None for nowhere.
    """

    def __init__(self, roots: Roots, order: Order, lease: Lease, slot: Slot, channel: Channel) -> None:
        self.roots = roots
        self.mode = order.mode
        self.filters = Filters(order.settings, order.moment)
        self.lease = lease
        self.slot = slot
        self.channel = channel
        self.at = b""
        self.source = Walker(roots.source)
        self.target = Walker(roots.target)
        self.owners = Owners.of_this_process()
        self.metadata = Metadata(lease, self.owners, slot)
        self.files = FileCopier(lease, self.owners, slot, self.metadata)
        self.report = Report(slot, channel)
        self.trash: Trash | None = None
        if order.settings.trash:
            # Few runs have one; importing it would slow the start of every run.
            from agentsim.engine.trash import Trash

            self.trash = Trash(roots.target, order.run, lease, self.metadata)
            self.files.before_replace = self._keep_replaced

    def _keep_replaced(self, directory: int, name: str) -> None:
        if self.trash is not None:
            self.trash.keep(directory, name, join(self.at, os.fsencode(name)))

    def enter(self, path: bytes) -> int:
        """Make ``path`` the directory that files are copied between; returns its target descriptor.

        Raises:
            ItemChanged, ItemFailed, RunStopped: by the side that could not be opened.
        """
        try:
            source = self.source.open(path)
            source_stat = os.fstat(source)
        except OSError as error:
            raise classify(error, Side.SOURCE, "opening the source directory") from error
        try:
            target = self.target.open(path)
            target_stat = os.fstat(target)
        except OSError as error:
            raise classify(error, Side.TARGET, "opening the target directory") from error
        self.files.enter(source, target, source_stat, target_stat)
        self.at = path
        return target

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
        outcome = Outcome.CHANGED if isinstance(error, ItemChanged) else Outcome.FAILED
        if not path:
            # The root is no item: say it, but do not count it.
            self.report.log("warning", f"The root directory: {display(error.message)}")
            return
        if scanned is None:
            self.report.count(cell_of(outcome), size)
        else:
            self.report.late(cell_of(outcome), size, scanned)
        self.report.row(path, kind, outcome, error.code, error.message, size)

    def directory_done(self, path: bytes, changed: bool) -> None:
        """Count a directory that is complete; the root is no item."""
        if path:
            self.report.count(board.TRANSFERRED if changed else board.NO_TRANSFER_NEEDED, 0)
