"""Files with several names: the target gets one file with the same names (faults F33).

All names of a file that the run has met are dealt with together. One of them, the leader, is
compared and copied like any file; the others become further names of it.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto

from agentsim.engine.context import Context
from agentsim.engine.copyfile import LinkRefused
from agentsim.engine.decide import kind_of, size_of, why
from agentsim.engine.errors import ItemChanged, ItemFailed, Side, classify
from agentsim.engine.here import Here
from agentsim.engine.listing import lstat
from agentsim.engine.walker import root_walker
from store import codes
from store.vocabulary import Compare, CopyMode, ItemKind, Outcome, PlannedAction

Identity = tuple[int, int]


@dataclass(slots=True)
class Name:
    """One name of the file: its path, its size when it was listed, what either side has there, and what a plan says."""

    path: bytes
    listed: int
    source: os.stat_result
    twin: os.stat_result | None
    planned: PlannedAction | None = None

    @property
    def there(self) -> Identity | None:
        """Which file of the target bears this name, if a regular one does."""
        if self.twin is None or kind_of(self.twin.st_mode) is not ItemKind.FILE:
            return None
        return self.twin.st_dev, self.twin.st_ino

    @property
    def blocked(self) -> bool:
        """Whether a target directory is in its place."""
        return self.twin is not None and kind_of(self.twin.st_mode) is ItemKind.DIRECTORY


class Need(Enum):
    """What one name needs."""

    NOTHING = auto()
    COPY = auto()
    REPAIR = auto()
    LINK = auto()
    BLOCKED = auto()
    """A target directory is in its place, and this mode deletes nothing."""
    LATE = auto()
    """As BLOCKED, but the directory is to be deleted, and deletes come last."""


def choose(names: Sequence[Name], equal: Sequence[bool]) -> tuple[int, Identity | None]:
    """The index of the leader, and which file of the target is right already, if one is. No I/O.

    That is the one that bears most of the names; the leader is the first of them.

    Args:
        names: at least one.
        equal: for each name, whether the content of the target file there is the source's.
    """
    bearers = Counter(name.there for name, right in zip(names, equal, strict=True) if right)
    if bearers:
        best = max(bearers, key=lambda there: (bearers[there], there or (0, 0)))
        return next(at for at, name in enumerate(names) if name.there == best and equal[at]), best
    return next((at for at, name in enumerate(names) if not name.blocked), 0), None


def needs(names: Sequence[Name], leader: int, right: Identity | None, repair: bool, mode: CopyMode) -> list[Need]:
    """What each name needs. No I/O.

    Args:
        names: as given to :func:`choose`.
        leader: as chosen.
        right: the file of the target that is to bear all the names; None: it has to be made.
        repair: whether its metadata has to be set.
        mode: the run's copy mode.
    """
    found = []
    for at, name in enumerate(names):
        if name.blocked:
            found.append(Need.BLOCKED if mode is CopyMode.ADDITIVE else Need.LATE)
        elif at == leader:
            found.append(Need.COPY if right is None else Need.REPAIR if repair else Need.NOTHING)
        else:
            found.append(Need.NOTHING if right is not None and name.there == right else Need.LINK)
    return found


class LinkWork:
    """Deals with one file of several names at a time, in a copy or a preview."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._copies = context.order.writes
        self._leaders = root_walker(context.roots.target, Side.TARGET) if context.roots.target >= 0 else None

    def run(self, members: Sequence[tuple[bytes, int]]) -> None:
        """Deal with the names of one file.

        Args:
            members: path and listed size of each.

        Raises:
            Canceled, RunStopped: the run ends.
        """
        context = self._context
        context.slot.set_current(members[0][0])
        names, equal = self._look(members)
        if not names:
            return
        leader, right = choose(names, equal)
        repair = False
        if right is not None:
            try:
                repair = self._differs(names[leader])
            except (ItemChanged, ItemFailed):
                right = None
            twin = names[leader].twin
            if repair and twin is not None and twin.st_nlink != sum(name.there == right for name in names):
                # Another of its names may be anybody's file: make a new one instead (as for a single file).
                right = None
        wanted = needs(names, leader, right, repair, context.mode)
        at_first = sorted(range(len(names)), key=lambda at: at != leader)
        there = True
        for at in at_first:
            context.lease.check()
            name, need = names[at], wanted[at]
            try:
                if not there and need in (Need.LINK, Need.LATE):
                    raise ItemFailed(codes.ITEM_FAILED, "Its first name could not be copied")
                self._deal(name, need, names[leader], len(names), at == leader)
            except (ItemChanged, ItemFailed) as error:
                there = there and at != leader
                context.problem(name.path, ItemKind.FILE, error, size_of(name.source), scanned=name.listed)

    def _look(self, members: Sequence[tuple[bytes, int]]) -> tuple[list[Name], list[bool]]:
        """What is there under each name, and whether its content is right; failures are recorded."""
        context = self._context
        names: list[Name] = []
        equal: list[bool] = []
        read: dict[Identity, bool] = {}
        for path, listed in members:
            directory, _, name = path.rpartition(b"/")
            try:
                here = context.open(directory)
                found = self._stat(here, os.fsdecode(name), path, listed)
                if names and (found.source.st_dev, found.source.st_ino) != (
                    names[0].source.st_dev,
                    names[0].source.st_ino,
                ):
                    raise ItemChanged(codes.ITEM_CHANGED, "No longer a name of the same file", listed)
                self._permit(found)
                right = self._equal(here, os.fsdecode(name), found, read)
                if found.planned is PlannedAction.SKIP and (
                    not right or why(found.source, found.twin, context.fidelity)
                ):
                    # It was alike when the plan was made; no other name may be made of what it is now.
                    raise ItemChanged(codes.ITEM_NOT_AS_PLANNED, "Changed since the plan was made", listed)
            except (ItemChanged, ItemFailed) as error:
                context.problem(path, ItemKind.FILE, error, listed, scanned=listed)
                continue
            names.append(found)
            equal.append(right)
        return names, equal

    def _stat(self, here: Here, name: str, path: bytes, listed: int) -> Name:
        try:
            source = os.stat(name, dir_fd=here.source, follow_symlinks=False)
        except OSError as error:
            raise classify(error, Side.SOURCE, "reading the source's metadata") from error
        if kind_of(source.st_mode) is not ItemKind.FILE:
            raise ItemChanged(codes.ITEM_CHANGED, "No longer a regular file", listed)
        try:
            return Name(path, listed, source, lstat(here.target, name) if here.target >= 0 else None)
        except OSError as error:
            raise classify(error, Side.TARGET, "reading the target's metadata") from error

    def _permit(self, found: Name) -> None:
        """Ask the plan, if there is one.

        Raises:
            ItemChanged: this name is to be left alone.
        """
        plan = self._context.plan
        if plan is None:
            return
        planned = plan.find(found.path)
        if planned is None:
            raise ItemChanged(codes.ITEM_NOT_IN_PLAN, "Not in the plan: it waits for the next pass", found.listed)
        if planned.action is not PlannedAction.SKIP and not planned.still_so(found.source, found.twin):
            raise ItemChanged(codes.ITEM_NOT_AS_PLANNED, "Changed since the plan was made", found.listed)
        found.planned = planned.action

    def _equal(self, here: Here, name: str, found: Name, read: dict[Identity, bool]) -> bool:
        """Whether the target's file there has the source's content; each file is read once at most."""
        context = self._context
        there = found.there
        if there is None or found.twin is None or found.source.st_size != found.twin.st_size:
            return False
        if context.settings.compare is Compare.SIZE_AND_TIME:
            return context.fidelity.same_time(found.source, found.twin)
        if there not in read:
            read[there] = context.comparer.compare(here.source, here.target, name, found.source, found.twin)[0]
        return read[there]

    def _differs(self, leader: Name) -> bool:
        """Whether the metadata of a target file with the right content has to be set."""
        directory, _, name = leader.path.rpartition(b"/")
        here = self._context.open(directory)
        return bool(why(leader.source, leader.twin, self._context.fidelity)) or bool(
            self._context.attributes.differing(here.source, here.target, [os.fsdecode(name)])
        )

    def _deal(self, name: Name, need: Need, leader: Name, links: int, leads: bool) -> None:
        report, size = self._context.report, size_of(name.source)
        if need is Need.BLOCKED:
            raise ItemFailed(codes.ITEM_BLOCKED_BY_DIRECTORY, "The target has a directory of this name")
        if name.planned is PlannedAction.SKIP and need is not Need.NOTHING:
            raise ItemChanged(codes.ITEM_NOT_AS_PLANNED, "Changed since the plan was made", size)
        if need is Need.NOTHING:
            outcome, action = Outcome.NO_TRANSFER_NEEDED, PlannedAction.SKIP
            report.item(name.path, ItemKind.FILE, outcome, size, action=action, scanned=name.listed)
            return
        if need is Need.LATE and self._copies:
            directory, _, last = name.path.rpartition(b"/")
            late = (last, name.listed, b"" if leads else leader.path)
            self._context.findings.defer(directory, [], [late], final=False, changed=True)
            return
        if not self._copies:
            self._say(name, need, leads)
            return
        self._change(name, need, leader, links)

    def _say(self, name: Name, need: Need, leads: bool) -> None:
        """Record what a copy would do."""
        action = {Need.REPAIR: PlannedAction.REPAIR, Need.LINK: PlannedAction.LINK}.get(need)
        if action is None:
            action = PlannedAction.COPY if name.twin is None else PlannedAction.REPLACE
        message = "another name of a file that has several" if need is Need.LINK or not leads else ""
        self._context.report.item(
            name.path,
            ItemKind.FILE,
            Outcome.TRANSFERRED,
            size_of(name.source),
            message=message or why(name.source, name.twin, self._context.fidelity) or "attributes differ",
            action=action,
            seen=(name.source, name.twin),
            scanned=name.listed,
            moved=need in (Need.COPY, Need.LATE) and leads,
        )

    def _change(self, name: Name, need: Need, leader: Name, links: int) -> None:
        context, files = self._context, self._context.files
        directory, _, last = name.path.rpartition(b"/")
        text = os.fsdecode(last)
        size = size_of(name.source)
        action = PlannedAction.COPY if name.twin is None else PlannedAction.REPLACE
        moved, digest = True, ""
        with context.reopened(directory) as here:
            if need is Need.REPAIR and name.twin is not None:
                mended, remark = context.metadata.repair_file(
                    here.source, here.target, text, name.source, name.twin, links=name.twin.st_nlink
                )
                if not mended:
                    raise ItemChanged(codes.ITEM_CHANGED, "The target file changed while it was repaired", size)
                action, moved = PlannedAction.REPAIR, False
            elif need is Need.LINK:
                try:
                    self.link(leader.path, text)
                    remark, action, moved = "", PlannedAction.LINK, False
                except LinkRefused as refused:
                    size, digest = files.copy(text, None, linked=True), files.digest
                    remark = f"Copied as a file of its own: {refused}"
            else:
                size, digest = files.copy(text, None, linked=True), files.digest
                remark = files.remark
        context.report.item(
            name.path,
            ItemKind.FILE,
            Outcome.UNSUPPORTED if remark else Outcome.TRANSFERRED,
            size,
            code=codes.ITEM_METADATA_LOST if remark else codes.SUCCESS,
            message=remark,
            action=action,
            digest=digest,
            scanned=name.listed,
            moved=moved,
        )

    def link(self, leader: bytes, name: str) -> None:
        """Make ``name``, in the directory that was entered last, a further name of a target file.

        Args:
            leader: path of the file.
            name: the new name.

        Raises:
            LinkRefused: the target has no further links for it.
            ItemFailed, RunStopped: by the target's error.
        """
        directory, _, last = leader.rpartition(b"/")
        assert self._leaders is not None
        try:
            # Opened anew: the tree is not as it was when the last leader was looked for.
            self._leaders.forget()
            above = self._leaders.open(directory)
        except OSError as error:
            raise classify(error, Side.TARGET, "opening the directory of the file's first name") from error
        self._context.files.link(above, os.fsdecode(last), name)
