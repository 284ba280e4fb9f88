"""A helper process: takes one unit of work after the other until it is told to stop."""

from __future__ import annotations

import gc
import os

from agentsim.engine import board, units
from agentsim.engine.board import Slot
from agentsim.engine.census import Census
from agentsim.engine.channel import Channel, Message
from agentsim.engine.context import Context
from agentsim.engine.deferred import DeferredWork
from agentsim.engine.directory import DirectoryCopier
from agentsim.engine.durability import sync_file_system
from agentsim.engine.errors import Canceled, ItemChanged, ItemFailed, RunStopped
from agentsim.engine.lease import ORPHANED, Lease
from agentsim.engine.order import Order
from agentsim.engine.preflight import Roots
from agentsim.engine.walker import join
from store.vocabulary import ItemKind


class UpwardChannel(Channel):
    """A helper's way to its coordinator: with nobody there, there is nothing left to do."""

    def send(self, message: Message) -> None:
        try:
            super().send(message)
        except OSError:
            os._exit(ORPHANED)


def run_helper(roots: Roots, order: Order, lease: Lease, slot: Slot, channel: Channel) -> None:
    """Serve until the coordinator closes the channel or the run stops; the body of a forked process.

    Args:
        roots: both trees.
        order: the run.
        lease: asked before every change of the target.
        slot: this helper's part of the board.
        channel: units come in, findings go out.
    """
    gc.disable()
    os.umask(0)
    helper = _Helper(Context(roots, order, lease, slot, channel))
    try:
        while (message := channel.recv()) is not None:
            helper.do(message)
            channel.send((units.DONE,))
    except Canceled:
        helper.stopped("", "", "")
    except RunStopped as stop:
        helper.stopped(stop.code, stop.message, stop.target)


class _Helper:
    def __init__(self, context: Context) -> None:
        self._context = context
        self._directories = DirectoryCopier(context)
        self._deferred = DeferredWork(context, self._directories)
        self._census = Census(context)

    def do(self, message: Message) -> None:
        tag, *values = message
        if tag == units.DIRECTORIES:
            for path, created in values[0]:
                self._directories.run(path, created)
        elif tag == units.LARGE:
            self._large(*values)
        elif tag == units.FINISH:
            self._directories.finish(*values)
        elif tag == units.CENSUS:
            self._census.count(*values)
        elif tag == units.DEFERRED:
            self._deferred.run(*values)
        elif tag == units.SYNC:
            sync_file_system(self._context.roots.target)
        else:
            raise ValueError(f"unknown unit {tag!r}")
        self._context.report.flush()

    def _large(self, directory: bytes, name: bytes, listed: int) -> None:
        context = self._context
        path = join(directory, name)
        context.slot.set_current(path)
        try:
            context.enter(directory)
            size = context.files.copy(os.fsdecode(name), limit=None)
        except (ItemChanged, ItemFailed) as error:
            context.problem(path, ItemKind.FILE, error, listed, scanned=listed)
            return
        context.report.late(board.TRANSFERRED, size, listed)

    def stopped(self, code: str, message: str, target: str) -> None:
        self._context.report.flush()
        self._context.channel.send((units.STOPPED, code, message, target))
