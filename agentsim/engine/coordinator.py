"""The coordinator: one run from its order to its end.

Between the preflight and the one look at the source root before deletes it touches no tree itself,
so a mount that hangs stops a helper and never a cancel.
"""

from __future__ import annotations

import contextlib
import math
import os
import select
import time
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, NoReturn

from agentsim.engine import board, units
from agentsim.engine.agent_line import PROGRESS_SECONDS, AgentLine
from agentsim.engine.board import Board
from agentsim.engine.channel import Channel, Message
from agentsim.engine.crew import Crew, Member
from agentsim.engine.errors import Canceled, RunStopped, describe
from agentsim.engine.findings import LinkMember
from agentsim.engine.guards import DeleteFacts, Stop, stops
from agentsim.engine.lease import ORPHANED, Lease
from agentsim.engine.order import UNKNOWN, Order
from agentsim.engine.preflight import Roots, identity, open_roots, open_source
from agentsim.engine.schedule import PREFETCHED, Schedule
from agentsim.engine.source_identity import same_source
from agentsim.engine.spool import Record, Spool
from agentsim.engine.verdict import Verdict, ended, verdict
from store import codes
from store.vocabulary import CopyMode, JobRunStatus, RunKind

# What only some runs need is imported by them, since it would slow the start of every one.
if TYPE_CHECKING:
    from agentsim.engine.groups import LinkGroups

SURVEY_SECONDS = 1.0
"""A run that is over by then needs no total, and its processors have better things to do."""


class Coordinator:
    """Hands out units, gathers findings, listens to the agent."""

    def __init__(self, agent: Channel, order: Order) -> None:
        self._order = order
        self._lease = Lease(order.deadline)
        self._line = AgentLine(agent, order, self._lease, canceled=self._cancel, abandoned=self._abandon)
        self._board = Board(order.helpers)
        self._crew = Crew(agent, self._lease, self._board)
        self._schedule = Schedule()
        self._spool = Spool()
        self._links: LinkGroups | None = None
        self._poll = select.poll()
        self._poll.register(agent, select.POLLIN)
        self._members: dict[int, Member] = {}
        self._phase = "copy"
        self._listed = False
        self._ending = False
        self._roots: Roots | None = None
        self._survey_at = math.inf

    def run(self) -> Verdict:
        """Carry out the order.

        Returns:
            How the run ended, for the ``done`` message; all helpers are gone by then.

        Raises:
            HelperDied: a helper crashed or was killed; the run can be started again.
        """
        try:
            try:
                result = self._work()
            except Canceled:
                result = ended(JobRunStatus.CANCELED, codes.SUCCESS, "Canceled")
            except RunStopped as stop:
                result = ended(JobRunStatus.FAILED, stop.code, stop.message, stop.target)
            self._end_helpers()
        except BaseException:
            self._crew.kill()
            raise
        finally:
            self._spool.close()
            self._line.close()
        self._line.say_what_was_lost(self._board.totals())
        self._send_progress()
        return result

    def _work(self) -> Verdict:
        order = self._order
        if order.planned:
            self._line.receive_plan(self._pump)
        roots = open_roots(order, self._lease, self._wait)
        self._crew.start(roots, order, self._line.plan)
        if order.expected_items == UNKNOWN:
            self._survey_at = time.monotonic() + SURVEY_SECONDS
        self._roots = roots
        for member in self._crew.members:
            self._members[member.channel.fileno()] = member
            self._poll.register(member.channel, select.POLLIN)
        self._line.send(("started", {"source_identity": roots.source_id}))
        for warning in roots.warnings:
            self._line.warn(warning)
        self._drain(self._next_copy)
        self._survey_at = math.inf
        self._crew.end_survey()
        self._after_the_scan()
        reasons = self._delete(roots)
        self._phase = "finish"
        self._send_progress()
        if order.writes:
            self._drain_all([(units.SYNC,)])
        return verdict(self._board.totals(), reasons, order.kind)

    def _next_copy(self, member: Member) -> Message | None:
        return self._schedule.next_unit(member.in_flight)

    def _after_the_scan(self) -> None:
        """What could not be done before every directory was gone through."""
        if self._links is not None:
            self._phase = "links"
            self._drain_all(_batches(self._links.files()))
        if self._line.plan is not None:
            self._drain_all([(units.GONE,)])

    def _delete(self, roots: Roots) -> list[Stop]:
        """Deletes and what waits for them, in the order they were found; why there are none, if so."""
        self._phase = "delete"
        order, records = self._order, self._spool
        try:
            records.complete()
        except OSError as error:
            raise _no_room(error) from error
        if order.mode is CopyMode.MIRROR and order.writes and records.candidates:
            census = ((units.CENSUS, path, names + [late[0] for late in lates]) for path, names, lates, *_ in records)
            self._drain_all(census)
        reasons = self._judge(roots)
        if order.kind is not RunKind.COPY:
            return reasons
        withheld = (reasons[0].code, reasons[0].message) if reasons else None
        # By one helper: a file that takes a directory's place may be another name of an earlier one.
        self._drain_all(((units.DEFERRED, *record, withheld) for record in records), members=1)
        return reasons

    def _judge(self, roots: Roots) -> list[Stop]:
        """What the guards have against the deletes."""
        order, totals = self._order, self._board.totals()
        if order.mode is CopyMode.ADDITIVE or order.kind is RunKind.VERIFY:
            return []
        candidates = self._spool.candidates
        if order.kind is RunKind.PREVIEW:
            candidates = totals[board.DELETED] - totals[board.DOOMED]
        facts = DeleteFacts(
            source_unchanged=not candidates or self._source_unchanged(roots),
            source_same_as_first=same_source(order.source_identity, roots.source_id),
            # Directories whose work was deferred are counted when they are finished.
            source_items=totals[board.SCANNED] + self._spool.directories,
            last_source_items=order.last_source_items,
            candidates=candidates,
            doomed=candidates + totals[board.DOOMED],
            target_items=totals[board.TARGET_ITEMS],
        )
        return stops(facts, order.settings, order.overrides)

    def _source_unchanged(self, roots: Roots) -> bool:
        """Whether the source's path still leads to the directory that the run began with."""
        try:
            fd = open_source(self._order.source_root, self._order.source_subpath)
        except RunStopped:
            return False
        try:
            return identity(fd) == roots.source_identity
        finally:
            os.close(fd)

    def _drain_all(self, messages: Iterable[Message], members: int | None = None) -> None:
        """Give out these units, to so many helpers at most, until all are answered."""
        waiting = iter(messages)
        workers = self._crew.members[:members]

        def next_unit(member: Member) -> Message | None:
            if member not in workers or len(member.in_flight) >= PREFETCHED:
                return None
            return next(waiting, None)

        self._drain(next_unit)

    def _drain(self, next_unit: Callable[[Member], Message | None]) -> None:
        """Give out units until there are none and all are answered."""
        members = self._crew.members
        while True:
            # One each in turn: nobody prefetches while another has nothing.
            for _ in range(PREFETCHED):
                for member in members:
                    unit = next_unit(member)
                    if unit is not None:
                        member.in_flight.append(unit)
                        self._post(member, unit)
            idle = [not member.in_flight for member in members]
            self._board.set_hungry(any(idle))
            if all(idle):
                return
            self._pump(PROGRESS_SECONDS)

    def _post(self, member: Member, unit: Message) -> None:
        # A helper that has left: its last words, or its end, are still to be read.
        with contextlib.suppress(OSError):
            member.channel.post(unit)
        if member.channel.has_outgoing:
            self._poll.modify(member.channel, select.POLLIN | select.POLLOUT)

    def _wait(self, seconds: float) -> None:
        """Pause, listening to the agent."""
        self._pump(seconds)

    def _pump(self, seconds: float) -> None:
        """Wait for something to happen, for so long at most, and take it in."""
        if self._members and self._line.progress_is_due():
            self._send_progress()
        if time.monotonic() >= self._survey_at and self._roots is not None:
            self._survey_at = math.inf
            self._crew.start_survey(self._roots)
        for fd, event in self._poll.poll(seconds * 1000):
            if fd == self._line.fileno():
                self._line.hear()
            else:
                self._hear_member(self._members[fd], event)

    def _hear_member(self, member: Member, event: int) -> None:
        if event & select.POLLOUT:
            with contextlib.suppress(OSError):
                member.channel.flush()
            if not member.channel.has_outgoing:
                self._poll.modify(member.channel, select.POLLIN)
        if not event & ~select.POLLOUT:
            return
        try:
            message = member.channel.recv_nowait()
        except BlockingIOError:
            return
        if message is None:
            member.ended = True
            self._poll.unregister(member.channel)
            if not self._ending:
                raise self._crew.death_of(member)
            return
        self._take(member, message)

    def _take(self, member: Member, message: Message) -> None:
        tag, *values = message
        if tag == units.DONE:
            self._schedule.done(member.in_flight.popleft())
            self._listed = self._listed or self._schedule.everything_listed
        elif tag == units.FOUND:
            self._schedule.found(*values)
        elif tag == units.FOUND_LARGE:
            self._schedule.found_large(*values)
        elif tag == units.FOUND_FILES:
            self._schedule.found_files(*values)
        elif self._ending and tag in (units.FOUND_LINKS, units.DEFER):
            return  # Nobody will come back to it.
        elif tag == units.FOUND_LINKS:
            self._keep_links(values[0])
        elif tag == units.LISTED:
            self._schedule.listed(*values)
        elif tag == units.DEFER:
            self._keep_for_later((values[0], values[1], values[2], values[3], values[4]))
        elif tag in (units.ITEMS, units.REPORT, units.LOG):
            self._line.send(message)
        elif tag == units.STOPPED:
            if not self._ending:
                code, text, target = values
                raise RunStopped(code, text, target) if code else Canceled
        else:
            raise ValueError(f"unknown message {tag!r} from a helper")

    def _keep_links(self, members: list[LinkMember]) -> None:
        if self._links is None:
            from agentsim.engine.groups import LinkGroups

            self._links = LinkGroups()
        self._links.add(members)

    def _keep_for_later(self, record: Record) -> None:
        try:
            self._spool.append(record)
        except OSError as error:
            raise _no_room(error) from error

    def _end_helpers(self) -> None:
        """Tell every helper to stop, take in what they still have to say, and wait for them."""
        self._ending = True
        self._lease.stop()
        for member in self._crew.members:
            member.channel.finish_sending()
        while not all(member.ended for member in self._crew.members):
            self._pump(PROGRESS_SECONDS)
        self._crew.reap()

    def _cancel(self) -> None:
        if not self._ending:
            raise Canceled

    def _abandon(self) -> NoReturn:
        """The agent is gone: touch nothing more."""
        self._crew.kill()
        os._exit(ORPHANED)

    def _send_progress(self) -> None:
        self._line.send_progress(self._board, self._board.survey(), listed=self._listed, phase=self._phase)


def _no_room(error: OSError) -> RunStopped:
    return RunStopped(codes.AGENT_FULL, describe(error, "noting what is to be deleted"))


def _batches(groups: Iterator[list[tuple[bytes, int]]]) -> Iterator[Message]:
    """Files with several names, so many in a unit that sending them costs little."""
    batch: list[list[tuple[bytes, int]]] = []
    length = 0
    for members in groups:
        batch.append(members)
        length += sum(len(path) + 16 for path, _ in members)
        if length >= units.CHUNK_BYTES:
            yield (units.LINKS, batch)
            batch, length = [], 0
    if batch:
        yield (units.LINKS, batch)
