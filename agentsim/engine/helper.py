"""A helper process: takes one unit of work after the other until it is told to stop."""

from __future__ import annotations

import gc
import os
from typing import TYPE_CHECKING

from agentsim.engine import units
from agentsim.engine.acts import Acts
from agentsim.engine.board import Board, Slot
from agentsim.engine.channel import Channel, Message
from agentsim.engine.context import Context
from agentsim.engine.copying import CopyActs
from agentsim.engine.durability import sync_file_system
from agentsim.engine.errors import Canceled, ItemChanged, ItemFailed, RunStopped
from agentsim.engine.lease import ORPHANED, Lease
from agentsim.engine.order import Order
from agentsim.engine.preflight import Roots
from agentsim.engine.scan import UNSEEN_FILES, DirectoryScan
from agentsim.engine.walker import join
from store.vocabulary import ItemKind, RunKind

# What only some runs need is imported by them, since it would slow the start of every one.
if TYPE_CHECKING:
    from agentsim.engine.deferred import DeferredWork
    from agentsim.engine.linking import LinkWork
    from agentsim.engine.plan import Plan
    from agentsim.engine.verifying import LinkCheck


class UpwardChannel(Channel):
    """A helper's way to its coordinator: with nobody there, there is nothing left to do."""

    def send(self, message: Message) -> None:
        try:
            super().send(message)
        except OSError:
            os._exit(ORPHANED)


def run_helper(
    roots: Roots, order: Order, lease: Lease, whole: Board, slot: Slot, channel: Channel, plan: Plan | None
) -> None:
    """Serve until the coordinator closes the channel or the run stops; the body of a forked process.

    Args:
        roots: both trees.
        order: the run.
        lease: asked before every change of the target.
        whole: the board of all helpers.
        slot: this helper's part of the board.
        channel: units come in, findings go out.
        plan: what alone is to be done, if there is one.
    """
    gc.disable()
    umask = os.umask(0)
    try:
        helper = _Helper(Context(roots, order, lease, whole, slot, channel, plan, umask))
    except RunStopped as stop:
        channel.send((units.STOPPED, stop.code, stop.message, stop.target))
        return
    try:
        while (message := channel.recv()) is not None:
            helper.do(message)
            channel.send((units.DONE,))
        helper.close()
    except Canceled:
        helper.stopped("", "", "")
    except RunStopped as stop:
        helper.stopped(stop.code, stop.message, stop.target)


class _Helper:
    def __init__(self, context: Context) -> None:
        self._context = context
        self._acts = _acts(context)
        self._scan = DirectoryScan(context, self._acts)
        self._deferred: DeferredWork | None = None
        self._links: LinkWork | LinkCheck | None = None

    def do(self, message: Message) -> None:
        tag, *values = message
        if tag == units.DIRECTORIES:
            for path, created in values[0]:
                self._scan.run(path, created)
        elif tag == units.LARGE:
            self._large(*values)
        elif tag == units.FILES:
            self._files(*values)
        elif tag == units.FINISH:
            self._scan.finish(*values)
        elif tag == units.LINKS:
            self._linked(values[0])
        elif tag == units.CENSUS:
            self._count(*values)
        elif tag == units.DEFERRED:
            self._later().run(*values)
        elif tag == units.GONE:
            self._acts.close()
        elif tag == units.SYNC:
            sync_file_system(self._context.roots.target)
        else:
            raise ValueError(f"unknown unit {tag!r}")
        self._context.findings.flush()
        self._context.report.flush()

    def _large(self, directory: bytes, name: bytes, listed: int) -> None:
        context = self._context
        path = join(directory, name)
        context.slot.set_current(path)
        try:
            here = context.enter(directory)
            self._acts.large(here, os.fsdecode(name), listed)
        except (ItemChanged, ItemFailed) as error:
            context.problem(path, ItemKind.FILE, error, listed, scanned=listed)

    def _files(self, directory: bytes, names: list[bytes]) -> None:
        context = self._context
        context.slot.set_current(directory)
        try:
            here = context.enter(directory)
        except (ItemChanged, ItemFailed) as error:
            for name in names:
                context.problem(join(directory, name), ItemKind.FILE, error, 0)
            return
        for at in range(0, len(names), UNSEEN_FILES):
            self._acts.copy_unseen(here, [os.fsdecode(name) for name in names[at : at + UNSEEN_FILES]])

    def _linked(self, groups: list[list[tuple[bytes, int]]]) -> None:
        if self._links is None:
            self._links = _links(self._context, self._acts)
        for members in groups:
            self._links.run(members)

    def _later(self) -> DeferredWork:
        if self._deferred is None:
            from agentsim.engine.deferred import DeferredWork
            from agentsim.engine.linking import LinkWork

            self._deferred = DeferredWork(self._context, self._scan, LinkWork(self._context))
        return self._deferred

    def _count(self, directory: bytes, names: list[bytes]) -> None:
        from agentsim.engine.census import Census

        Census(self._context).count(directory, names)

    def close(self) -> None:
        self._context.report.close()

    def stopped(self, code: str, message: str, target: str) -> None:
        self._context.report.close()
        self._context.channel.send((units.STOPPED, code, message, target))


def _acts(context: Context) -> Acts:
    if context.plan is not None:
        from agentsim.engine.planned import PlannedActs

        return PlannedActs(context, context.plan)
    if context.order.kind is RunKind.PREVIEW:
        from agentsim.engine.preview import PreviewActs

        return PreviewActs(context)
    if context.order.kind is RunKind.VERIFY:
        from agentsim.engine.verifying import VerifyActs

        return VerifyActs(context)
    return CopyActs(context)


def _links(context: Context, acts: Acts) -> LinkWork | LinkCheck:
    if context.order.kind is RunKind.VERIFY:
        from agentsim.engine.verifying import LinkCheck

        return LinkCheck(acts)
    from agentsim.engine.linking import LinkWork

    return LinkWork(context)
