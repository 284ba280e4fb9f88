"""What is done with what a scan finds: the part in which a copy, a preview and a verify run differ."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import ClassVar

from agentsim.engine import board
from agentsim.engine.context import Context
from agentsim.engine.copyfile import read_link
from agentsim.engine.decide import Action, after_comparison, kind_of, size_of
from agentsim.engine.errors import ItemChanged, ItemFailed, Side, classify
from agentsim.engine.here import Here
from agentsim.engine.listing import Listing, lstat
from store import codes
from store.vocabulary import ItemKind, Outcome, PlannedAction

Pair = tuple[str, os.stat_result, os.stat_result]
"""A name that both directories have, and what ``lstat`` says of either."""


class Acts(ABC):
    """Deals with the entries of one directory after the other.

    Attributes:
        copies_unseen: files that the target does not have may go to :meth:`copy_unseen` without a look at them.
    """

    copies_unseen: ClassVar[bool] = False

    def __init__(self, context: Context) -> None:
        self.context = context
        self.report = context.report

    @abstractmethod
    def enter(self, here: Here) -> None:
        """Begin with a directory.

        Raises:
            ItemChanged, ItemFailed, RunStopped: it cannot be worked in.
        """

    @abstractmethod
    def act(self, here: Here, action: Action, name: str, source: os.stat_result, twin: os.stat_result | None) -> None:
        """Deal with one entry that needs something; counts it, unless it raises.

        Raises:
            ItemChanged, ItemFailed: this entry could not be dealt with.
            TooLarge: a file that is to be a unit of its own.
            Canceled, RunStopped: the run ends.
        """

    def copy_unseen(self, here: Here, names: Sequence[str]) -> None:
        """Deal with files that the target does not have, and count them.

        Raises:
            Canceled, RunStopped: the run ends.
        """
        raise NotImplementedError

    @abstractmethod
    def large(self, here: Here, name: str, listed: int) -> None:
        """Deal with a large file that was counted as scanned with ``listed`` bytes; as :meth:`act`."""

    @abstractmethod
    def finish(self, here: Here, changed: bool) -> None:
        """Deal with the directory itself, everything in it being done, and count it."""

    @abstractmethod
    def extra(self, here: Here, names: Iterator[str], changed: bool) -> bool:
        """Deal with what only the target has, in a Mirror; whether the directory has to wait for that.

        Raises:
            ItemFailed, RunStopped: the target directory could not be listed to its end.
        """

    def renew(self, here: Here, error: ItemFailed) -> bool:
        """Reach a directory anew by its path after a server has forgotten the held descriptors.

        Returns:
            Whether an item that failed so may be tried once more.
        """
        if not error.stale or not self.context.renew(here):
            return False
        try:
            self.enter(here)
        except (ItemChanged, ItemFailed):
            return False
        return True

    def close(self) -> None:  # noqa: B027 - most kinds of run have nothing left
        """Deal with what is left when every directory has been gone through."""

    def equal(self, here: Here, pairs: Sequence[Pair]) -> None:
        """Deal with files that are equal by their ``stat``: their attributes decide.

        Raises:
            Canceled, RunStopped: the run ends.
        """
        differing = set(self.context.attributes.differing(here.source, here.target, [pair[0] for pair in pairs]))
        if not differing and not self.report.full:
            self.report.count(board.NO_TRANSFER_NEEDED, sum(pair[1].st_size for pair in pairs), len(pairs))
            return
        for name, source, twin in pairs:
            if name not in differing:
                self.same(here, name, source)
                continue
            try:
                self.act(here, Action.REPAIR_METADATA, name, source, twin)
            except (ItemChanged, ItemFailed) as error:
                self.context.problem(here.child(name), ItemKind.FILE, error, source.st_size)

    def same(
        self, here: Here, name: str, source: os.stat_result, *, scanned: int | None = None, digest: str = ""
    ) -> None:
        """Count an entry that needs nothing."""
        self.report.item(
            here.child(name),
            kind_of(source.st_mode),
            Outcome.NO_TRANSFER_NEEDED,
            size_of(source),
            action=PlannedAction.SKIP,
            scanned=scanned,
            digest=digest,
        )

    def compared(self, here: Here, name: str, source: os.stat_result, twin: os.stat_result) -> tuple[Action, str]:
        """The action for two files of one size after reading both, and the source's digest where they are equal.

        Raises:
            ItemChanged, ItemFailed, Canceled, RunStopped: they could not be compared.
        """
        equal, digest = self.context.comparer.compare(here.source, here.target, name, source, twin)
        action = after_comparison(source, twin, self.context.fidelity, equal=equal)
        if action is Action.NOTHING and self.context.attributes.differing(here.source, here.target, [name]):
            action = Action.REPAIR_METADATA
        return action, digest

    def extras(self, here: Here, listing: Listing, changed: bool) -> bool:
        """Deal with what only the target has and the filters do not protect; as :meth:`extra`."""
        if here.target < 0:
            return False
        return self.extra(here, self._unprotected(here, listing), changed)

    def _unprotected(self, here: Here, listing: Listing) -> Iterator[str]:
        filters = self.context.filters
        try:
            for name in listing.unmatched(here.source):
                if filters.by_name:
                    found = lstat(here.target, name)
                    directory = found is not None and kind_of(found.st_mode) is ItemKind.DIRECTORY
                    if filters.leaves_out_name(here.child(name), directory):
                        continue
                yield name
        except OSError as error:
            raise classify(error, Side.TARGET, "listing the target directory") from error

    def keep_unlisted(self, here: Here, listing: Listing | None) -> None:
        """Record what a Mirror keeps because its source directory could not be listed (faults F2)."""
        context = self.context
        try:
            target = context.target.open(here.path)
            if listing is None:
                here.target = target
                listing = context.listing(here)
                listing.load()
            for name in listing.unlisted():
                found = lstat(target, name)
                if found is not None:
                    message = "Its source directory could not be listed"
                    kind, size = kind_of(found.st_mode), size_of(found)
                    self.report.withheld(here.child(name), kind, codes.DELETE_UNLISTED, message, size)
        except OSError:
            return  # The directory itself is recorded; there is nothing more to say.


def same_link(here: Here, name: str) -> bool:
    """Whether both sides' symbolic links have the same text.

    Raises:
        ItemChanged, ItemFailed, RunStopped: by the side whose link cannot be read.
    """
    return read_link(here.source, name, Side.SOURCE) == read_link(here.target, name, Side.TARGET)
