"""The threads of a run, and what each of them has for itself.

Waiting for a server is what takes the time, so threads are enough. They are daemons: one that hangs in a call
must not keep a canceled run from ending.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

from agentsim.engine.board import Slot
from agentsim.engine.errors import Canceled, ItemChanged, ItemFailed
from agentsim.engine.lease import Lease
from agentsim.engine.plan import Plan
from agentsim.engine.report import Report, Seen
from agentsim.places.place import Item
from agentsim.transfer.deciding import facts
from store import codes
from store.vocabulary import Outcome, PlannedAction

T = TypeVar("T")

BATCH = 32
"""Items that are handed over together at most: a thread switch costs as much as several small items."""

_PAUSE_SECONDS = 0.2


class Hand:
    """What one thread has for itself: its counters, its report, its own view of the plan.

    Attributes:
        slot: its part of the board.
        report: counts and tells.
        lease: the run's.
        plan: of a run that has one.
    """

    def __init__(self, slot: Slot, report: Report, lease: Lease, plan: Plan | None) -> None:
        self.slot = slot
        self.report = report
        self.lease = lease
        self.plan = plan

    def problem(self, item: Item, error: ItemChanged | ItemFailed, listed: int, target: Item | None = None) -> None:
        """Record a source item that was not copied.

        Args:
            item: the item.
            error: why.
            listed: the size that it was counted with when it was listed.
            target: what the target has there.
        """
        outcome = Outcome.CHANGED if isinstance(error, ItemChanged) else Outcome.FAILED
        self.report.item(
            *(item.path, item.kind, outcome, item.size),
            code=error.code,
            message=error.message,
            seen=self.seen(item, target),
            scanned=listed,
        )

    def refused(self, item: Item, code: str, message: str, listed: int) -> None:
        """Record a source item that the target cannot hold."""
        self.report.item(
            *(item.path, item.kind, Outcome.UNSUPPORTED, item.size), code=code, message=message, scanned=listed
        )

    def excluded(self, item: Item, listed: int) -> None:
        """Record a source item that the filters leave out."""
        message = "Left out by the filters"
        self.report.item(
            *(item.path, item.kind, Outcome.EXCLUDED, item.size),
            code=codes.ITEM_FILTERED,
            message=message,
            scanned=listed,
        )

    def done(
        self,
        item: Item,
        action: PlannedAction,
        listed: int,
        *,
        remark: str = "",
        message: str = "",
        digest: str = "",
        moved: bool = True,
        size: int | None = None,
        target: Item | None = None,
    ) -> None:
        """Record a source item that is in the target now, or in a preview would be.

        Args:
            item: the item.
            action: what was done; SKIP says that nothing was needed.
            listed: the size that it was counted with when it was listed.
            remark: what the target could not hold of it; the item is then recorded as unsupported.
            message: why it was done, where that is of interest.
            digest: MD5 of its content, where one was made.
            moved: whether its content travelled.
            size: bytes that travelled, where they are not the item's size.
            target: what the target had there.
        """
        outcome = Outcome.NO_TRANSFER_NEEDED if action is PlannedAction.SKIP else Outcome.TRANSFERRED
        self.report.item(
            *(item.path, item.kind, Outcome.UNSUPPORTED if remark else outcome, item.size if size is None else size),
            code=codes.ITEM_METADATA_LOST if remark else codes.SUCCESS,
            message=remark or message,
            action=action,
            digest=digest,
            seen=self.seen(item, target),
            scanned=listed,
            moved=moved,
        )

    def seen(self, source: Item | None, target: Item | None) -> Seen:
        """Both sides as a full report tells them."""
        return (facts(source), facts(target)) if self.report.full else (None, None)

    def withheld(self, item: Item, code: str, message: str) -> None:
        """Count and record a target item that is kept."""
        self.report.withheld(item.path, item.kind, code, message, item.size)


Task = Callable[[Hand, Any], None]
"""One piece of work, by the hand that does it."""


class Crew:
    """Does tasks in several threads, in batches.

    Attributes:
        error: what ended the run in one of the threads, the first of them; then the lease is stopped.
    """

    def __init__(self, hands: Sequence[Hand], lease: Lease) -> None:
        self.error: BaseException | None = None
        self._lease = lease
        self._hands = hands
        self._lock = threading.Lock()
        self._queue: queue.Queue[tuple[Task, Sequence[Any]] | None] = queue.Queue(2 * len(hands))
        self._threads = [
            threading.Thread(target=self._work, args=(hand,), name=f"copy-{number}", daemon=True)
            for number, hand in enumerate(hands)
        ]
        for thread in self._threads:
            thread.start()

    @property
    def hungry(self) -> bool:
        """Whether a thread may have nothing to do, so that even a small batch should be handed over."""
        return self._queue.qsize() < len(self._threads) // 2 + 1

    def submit(self, task: Task, things: Sequence[Any]) -> None:
        """Have a batch done; waits while too many wait.

        Raises:
            Canceled: the run is to stop, or was stopped by an error (see :attr:`error`).
        """
        while True:
            self._lease.check()
            try:
                self._queue.put((task, things), timeout=_PAUSE_SECONDS)
            except queue.Full:
                continue
            return

    def each(self, task: Callable[[Hand, T], None], things: Iterable[T]) -> None:
        """Have a task done for each of these, and wait for the last.

        Raises:
            Canceled: as :meth:`submit`.
        """
        batch: list[T] = []
        for thing in things:
            batch.append(thing)
            if len(batch) >= BATCH or self.hungry:
                self.submit(task, batch)
                batch = []
        if batch:
            self.submit(task, batch)
        self.drain()

    def drain(self) -> None:
        """Wait until everything that was submitted is done.

        Raises:
            Canceled: as :meth:`submit`.
        """
        while True:
            self._lease.check()
            with self._queue.all_tasks_done:
                if not self._queue.unfinished_tasks:
                    return
                self._queue.all_tasks_done.wait(_PAUSE_SECONDS)

    def leave(self, seconds: float) -> list[Hand]:
        """Send the threads home and wait for them, for so long at most; the hands of those that have left."""
        until = time.monotonic() + seconds
        for _ in self._threads:
            try:
                self._queue.put(None, timeout=max(0.0, until - time.monotonic()))
            except queue.Full:
                break
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))
        return [hand for hand, thread in zip(self._hands, self._threads, strict=True) if not thread.is_alive()]

    def fail(self, error: BaseException) -> None:
        """Stop all threads because of this, unless something has stopped them already."""
        with self._lock:
            if self.error is None:
                self.error = error
        self._lease.stop()

    def _work(self, hand: Hand) -> None:
        while (batch := self._queue.get()) is not None:
            task, things = batch
            try:
                for thing in things:
                    hand.lease.check()
                    task(hand, thing)
                hand.report.flush()
            except Canceled:
                pass  # What is left in the queue is not done either: each task asks the lease first.
            except BaseException as error:
                self.fail(error)
            finally:
                # An admin is not to see what is done already.
                hand.slot.set_current(b"")
                self._queue.task_done()
