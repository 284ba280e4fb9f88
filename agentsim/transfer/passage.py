"""One pass from one place to another, in a thread of its own: preflight, copy, deletes, finish."""

from __future__ import annotations

import contextlib
import copy
import os
from collections.abc import Callable

from agentsim.engine import board
from agentsim.engine.board import Board
from agentsim.engine.guards import DeleteFacts, Stop, stops
from agentsim.engine.lease import Lease
from agentsim.engine.order import Order
from agentsim.engine.plan import Plan
from agentsim.engine.report import Report
from agentsim.engine.verdict import Verdict, verdict
from agentsim.places.place import Place
from agentsim.transfer.acting import Acts
from agentsim.transfer.copying import CopyActs
from agentsim.transfer.crew import Crew, Hand
from agentsim.transfer.deciding import Rules
from agentsim.transfer.deleting import Deletes
from agentsim.transfer.directories import Finisher
from agentsim.transfer.extras import Extras
from agentsim.transfer.outbox import Outbox
from agentsim.transfer.planned import PlannedActs
from agentsim.transfer.preflight import Ends, Opener, losses, open_ends, source_unchanged
from agentsim.transfer.previewing import PreviewActs
from agentsim.transfer.scanning import Scan
from agentsim.transfer.trash import Trash
from agentsim.transfer.verifying import VerifyActs
from agentsim.transfer.work import Work
from store.vocabulary import CopyMode, RunKind

THREADS_PER_HELPER = 8
"""What an agent allows as copying processes stands for so many threads, which mostly wait."""

MAX_THREADS = 64

_LEAVE_SECONDS = 1.0
"""How long a stopped run waits for its threads; what hangs is left behind, and ends with the process."""


class Passage:
    """Carries out an order.

    Attributes:
        phase: "copy", "delete" or "finish".
        board: the counters, once both places are open.
    """

    def __init__(self, order: Order, lease: Lease, outbox: Outbox, opened: Opener, plan: Plan | None) -> None:
        self._order = order
        self._lease = lease
        self._outbox = outbox
        self._opened = opened
        self._plan = plan
        self._places: list[Place] = []
        self._scan: Scan | None = None
        self.phase = "copy"
        self.board: Board | None = None

    @property
    def listed(self) -> bool:
        """Whether everything in the source was listed."""
        return self._scan is not None and self._scan.source_ended

    def run(self) -> Verdict:
        """Carry out the order, in the calling thread and those that it starts.

        Raises:
            RunStopped, Canceled: the run ends.
        """
        try:
            ends = open_ends(self._order, self._lease, self._opened, self._places.append)
            return self._pass(ends)
        finally:
            for place in self._places:
                place.close()

    def _pass(self, ends: Ends) -> Verdict:
        threads = min(ends.source.streams, ends.target.streams, self._order.helpers * THREADS_PER_HELPER, MAX_THREADS)
        counters = Board(max(1, threads) + 1)
        hands = [self._hand(counters, number) for number in range(len(counters.slots))]
        own, others = hands[0], hands[1:]
        self.board = counters
        self._outbox.send(("started", {"source_identity": ends.source_id}))
        for warning in ends.warnings:
            self._outbox.send(("log", "warning", warning))
        crew = Crew(others, self._lease)
        left: list[Hand] = []
        try:
            result = self._work(ends, crew, own)
            left = crew.leave(_LEAVE_SECONDS)
        except BaseException as error:
            # The first that failed tells why; all others were only told to stop.
            crew.fail(error)
            left = crew.leave(_LEAVE_SECONDS)
            if crew.error is not None and crew.error is not error:
                raise crew.error from None
            raise
        finally:
            for hand in [own, *left]:
                hand.report.close()
        return result()

    def _hand(self, counters: Board, number: int) -> Hand:
        slot = counters.slots[number]
        report = Report(slot, self._outbox, full=self._order.report, attempt=self._order.attempt)
        # Each thread reads the plan over a connection of its own.
        return Hand(slot, report, self._lease, copy.copy(self._plan))

    def _work(self, ends: Ends, crew: Crew, hand: Hand) -> Callable[[], Verdict]:
        order = self._order
        local = bool(order.target_root)
        held = (ends.source.holds, ends.target.holds)
        rules = Rules.of(*held, order.mode, order.settings, local=local, umask=_umask() if local else 0)
        for place in (ends.source, ends.target):
            place.attend(rules.attributes)
        work = Work(order, self._lease, ends.source, ends.target, rules)
        extras = Extras(work, hand)
        trash = Trash(ends.target, order.run) if order.settings.trash and order.writes else None
        acts = _acts(work, crew, trash, self._plan)
        with contextlib.closing(work.late), contextlib.closing(extras):
            if order.kind is RunKind.PREVIEW:
                for sentence in losses(ends.source.holds, ends.target.holds):
                    hand.report.log("warning", sentence)
            self._scan = Scan(work, acts, crew, hand, extras)
            self._scan.run()
            if isinstance(acts, PlannedActs) and self._plan is not None:
                crew.each(acts.gone, copy.copy(self._plan).items())
            reasons = self._delete(work, ends, Deletes(work, crew, hand, extras, trash), extras, acts)
            self.phase = "finish"
            self._outbox.ring()
            if isinstance(acts, CopyActs):
                Finisher(work, acts).run(hand, all_of_them=bool(extras.noted.count) or work.unsure)
                acts.directories.close()
                self._lease.check()
                ends.target.sync()
        counters = self.board
        assert counters is not None
        return lambda: verdict(counters.totals(), reasons, order.kind)

    def _delete(self, work: Work, ends: Ends, deletes: Deletes, extras: Extras, acts: Acts) -> list[Stop]:
        """Deletes and what waits for them; why there are none, if so."""
        self.phase = "delete"
        order = self._order
        if order.kind is RunKind.VERIFY:
            return []
        if work.unsure and extras.doomed:
            deletes.recheck()
        reasons = self._judge(ends, extras) if order.mode is CopyMode.MIRROR else []
        if order.kind is RunKind.PREVIEW:
            deletes.foresee()
        elif reasons:
            deletes.withhold(reasons[0].code, reasons[0].message)
            deletes.run(leftovers_only=True)
        elif isinstance(acts, CopyActs):
            deletes.run(leftovers_only=False)
            deletes.late(acts)
        return reasons

    def _judge(self, ends: Ends, extras: Extras) -> list[Stop]:
        """What the guards have against the deletes."""
        order = self._order
        assert self.board is not None
        totals = self.board.totals()
        facts = DeleteFacts(
            source_unchanged=not extras.doomed or source_unchanged(order, self._lease, self._opened, ends.source_id),
            source_same_as_first=ends.same_as_first,
            source_items=totals[board.SCANNED],
            last_source_items=order.last_source_items,
            target_items=totals[board.TARGET_ITEMS],
            candidates=extras.doomed,
            doomed=extras.doomed,
        )
        return stops(facts, order.settings, order.overrides)


def _acts(work: Work, crew: Crew, trash: Trash | None, plan: Plan | None) -> Acts:
    if plan is not None:
        return PlannedActs(work, crew, trash)
    if work.order.kind is RunKind.PREVIEW:
        return PreviewActs(work)
    if work.order.kind is RunKind.VERIFY:
        return VerifyActs(work)
    return CopyActs(work, crew, trash)


def _umask() -> int:
    """The process's mask; no other thread makes files yet."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
