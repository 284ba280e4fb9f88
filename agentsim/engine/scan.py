"""Going through one directory of both trees: what is there, what is filtered, what each entry needs.

A scan changes nothing: what is to be done with an entry is its :class:`Acts`' part. Children are
created there, and only there or in a later unit that finishes the directory again, so its times can
be set as soon as its entries are dealt with: what happens below a sub-directory does not touch them
(faults F34).
"""

from __future__ import annotations

import os

from agentsim.engine import board
from agentsim.engine.acts import Acts, Pair
from agentsim.engine.aliases import colliding, collision
from agentsim.engine.context import Context
from agentsim.engine.copyfile import TooLarge
from agentsim.engine.decide import RESERVED, Action, decide, directory_differs, kind_of, size_of
from agentsim.engine.errors import ItemChanged, ItemFailed, RunStopped, Side, classify
from agentsim.engine.findings import member
from agentsim.engine.here import Here
from agentsim.engine.listing import Listing
from agentsim.engine.reserved import is_reserved
from store import codes
from store.vocabulary import Compare, CopyMode, ItemKind, Outcome

NOTHING = Action.NOTHING
"""The commonest action, bound here: looking a member up in its enum costs more than deciding."""

CHECK_ENTRIES = 256
"""Entries between two looks at whether the run is to stop, and whether another helper has nothing to do."""

UNSEEN_FILES = 32
"""New files that are copied together: so many can be read ahead."""

EQUAL_ENTRIES = 1024
"""Files that look alike are judged so many at a time."""


class DirectoryScan:
    """Goes through directories one at a time; between two of them only descriptors are kept."""

    def __init__(self, context: Context, acts: Acts) -> None:
        self._context = context
        self._acts = acts
        self._report = context.report
        self._filters = context.filters
        # Where nothing has to be known of a new file before it is opened, nothing is asked.
        self._blind = acts.copies_unseen and not context.filters.active
        self._compare = context.settings.compare
        self._plain = self._compare is Compare.SIZE_AND_TIME and not context.filters.active
        self._unseen: list[str] = []
        self._give_away = False
        self._equal: list[Pair] = []
        self._collisions: dict[str, str] = {}

    def run(self, path: bytes, created: bool) -> None:
        """Go through the entries of one directory and, unless work on it is left, finish it.

        Args:
            path: relative path, in both trees.
            created: the target has nothing there, or a directory that this run has just made.

        Raises:
            Canceled, RunStopped: the run ends.
        """
        context = self._context
        context.slot.set_current(path)
        here = Here(path, created)
        self._equal, self._unseen = [], []
        try:
            self._open(here)
            listing = self._list_target(here)
        except (ItemChanged, ItemFailed) as error:
            self._give_up(here, error, None)
            return
        changed = (
            created
            or here.target_stat is None
            or directory_differs(here.source_stat, here.target_stat, context.fidelity)
        )
        try:
            self._acts.enter(here)
            self._entries(here, listing)
            deferred = context.mode is CopyMode.MIRROR and self._acts.extras(here, listing, changed)
        except (ItemChanged, ItemFailed) as error:
            self._give_up(here, error, listing)
            return
        if deferred:
            return
        if here.shared:
            context.findings.listed(path, changed)
        else:
            self._acts.finish(here, changed)

    def finish(self, path: bytes, changed: bool) -> None:
        """Set the metadata of a directory in which everything is done now, and count it.

        Raises:
            Canceled, RunStopped: the run ends.
        """
        here = Here(path, created=False)
        try:
            self._open(here)
        except (ItemChanged, ItemFailed) as error:
            self._context.problem(path, ItemKind.DIRECTORY, error, 0)
            return
        self._acts.finish(here, changed)

    def _open(self, here: Here) -> None:
        """Open both directories; the target's stays closed where it is known that there is none."""
        context = self._context
        try:
            here.source = context.source.open(here.path)
            here.source_stat = found = os.fstat(here.source)
        except OSError as error:
            raise classify(error, Side.SOURCE, "opening the source directory") from error
        if (found.st_dev, found.st_ino) == context.roots.target_identity:
            # A bind mount can hide this from the preflight.
            raise RunStopped(codes.OVERLAP, "The target was met inside the source", "target")
        if context.roots.target < 0 or (here.created and not context.order.writes):
            return
        try:
            here.target = context.target.open(here.path)
            here.target_stat = found = os.fstat(here.target)
        except OSError as error:
            raise classify(error, Side.TARGET, "opening the target directory") from error
        if (found.st_dev, found.st_ino) == context.roots.source_identity:
            raise RunStopped(codes.OVERLAP, "The source was met inside the target", "target")

    def _list_target(self, here: Here) -> Listing:
        context = self._context
        listing = context.listing(here)
        if not here.created and here.target >= 0:
            try:
                listing.load()
            except OSError as error:
                raise classify(error, Side.TARGET, "listing the target directory") from error
            context.slot.cells[board.TARGET_ITEMS] += listing.entries
        return listing

    def _give_up(self, here: Here, error: ItemChanged | ItemFailed, listing: Listing | None) -> None:
        """The directory's entries are not all known: record it, and keep everything below it.

        Nothing below it can become a candidate for deletion, since only a complete listing names
        any (faults F2); what would be in doubt is recorded as kept.
        """
        if not here.path:
            raise RunStopped(codes.SOURCE_SCAN, f"The root could not be listed: {error.message}") from error
        context = self._context
        context.findings.flush()
        if here.late:
            context.findings.defer(here.path, [], here.late, final=False, changed=False)
        context.problem(here.path, ItemKind.DIRECTORY, error, 0)
        if context.mode is CopyMode.MIRROR and not isinstance(error, ItemChanged):
            self._acts.keep_unlisted(here, listing)

    def _entries(self, here: Here, listing: Listing) -> None:
        self._give_away = False
        try:
            self._collisions = colliding(here.source) if self._context.roots.traits.folds else {}
            held = listing.held if self._plain and not self._collisions else {}
            with os.scandir(here.source) as entries:
                for number, entry in enumerate(entries, 1):
                    if not number % CHECK_ENTRIES:
                        self._pause(here)
                    # What both sides have, most often alike: judged here, since calls cost as much as looks.
                    twin = held.get(entry.name)
                    if twin is None or not self._alike(entry, twin, held):
                        self._entry(here, entry, listing)
                    elif len(self._equal) >= EQUAL_ENTRIES:
                        self._settle_equal(here)
        except OSError as error:
            # What was listed up to here is there, and is dealt with.
            self._settle(here)
            raise classify(error, Side.SOURCE, "listing the source directory") from error
        self._settle(here)

    def _settle(self, here: Here) -> None:
        self._settle_unseen(here)
        self._settle_equal(here)
        self._context.findings.flush()

    def _alike(self, entry: os.DirEntry[str], twin: os.DirEntry[str], held: dict[str, os.DirEntry[str]]) -> bool:
        """Note a file with one name that both sides have, and that is equal by ``stat``; False for all else."""
        try:
            source = entry.stat(follow_symlinks=False)
            target = twin.stat(follow_symlinks=False)
        except OSError:
            return False
        mode = source.st_mode
        if (
            source.st_mtime_ns == target.st_mtime_ns
            and source.st_size == target.st_size
            and mode == target.st_mode
            and source.st_uid == target.st_uid
            and source.st_gid == target.st_gid
            and mode & 0o170000 == 0o100000
            and source.st_nlink == 1
        ):
            name = entry.name
            del held[name]
            self._equal.append((name, source, target))
            return True
        return False

    def _pause(self, here: Here) -> None:
        """Where nothing needs to change nobody else asks whether the run is to stop."""
        self._context.lease.check()
        self._settle_unseen(here)
        self._give_away = self._context.board.hungry()

    def _settle_unseen(self, here: Here) -> None:
        """Copy the files that the target does not have, or give them to a helper with nothing to do."""
        names, self._unseen = self._unseen, []
        if names and self._give_away:
            here.shared = True
            self._context.findings.files(here.path, names)
        elif names:
            self._acts.copy_unseen(here, names)

    def _settle_equal(self, here: Here) -> None:
        if self._equal:
            pairs, self._equal = self._equal, []
            self._acts.equal(here, pairs)

    def _entry(self, here: Here, entry: os.DirEntry[str], listing: Listing) -> None:
        name = entry.name
        source: os.stat_result | None = None
        try:
            if name in self._collisions:
                raise collision(self._collisions[name])
            try:
                twin = listing.take(name)
            except OSError as error:
                raise classify(error, Side.TARGET, "reading the target's metadata") from error
            try:
                if twin is None and self._blind and entry.is_file(follow_symlinks=False) and name[:11] != RESERVED:
                    # Nothing to compare with: the open file says the rest.
                    self._unseen.append(name)
                    if len(self._unseen) >= UNSEEN_FILES and not self._give_away:
                        self._settle_unseen(here)
                    return
                source = entry.stat(follow_symlinks=False)
            except OSError as error:
                raise classify(error, Side.SOURCE, "reading the source's metadata") from error
            try:
                self._known(here, name, source, twin)
            except ItemFailed as error:
                if not self._acts.renew(here, error):
                    raise
                self._known(here, name, source, twin)
        except (ItemChanged, ItemFailed) as error:
            kind = kind_of(source.st_mode) if source else ItemKind.FILE
            self._context.problem(here.child(name), kind, error, size_of(source) if source else 0)

    def _known(self, here: Here, name: str, source: os.stat_result, twin: os.stat_result | None) -> None:
        """Deal with an entry of which both sides are known."""
        if (name[:11] == RESERVED or not here.path) and is_reserved(
            name, at_root=not here.path, folds=self._context.roots.traits.folds
        ):
            self._unsupported(here, name, source, codes.ITEM_NAME_RESERVED, "The name is reserved")
            return
        if self._filters.active and self._left_out(here, name, source):
            return
        kind = source.st_mode & 0o170000
        if kind == 0o100000 and source.st_nlink > 1:
            self._report.scanned(source.st_size)
            self._context.findings.link(member(here.path, name, source))
            return
        action = decide(source, twin, self._context.mode, self._context.fidelity, self._compare)
        if action is NOTHING and twin is not None:
            self._equal.append((name, source, twin))
            if len(self._equal) >= EQUAL_ENTRIES:
                self._settle_equal(here)
        elif action is Action.UNSUPPORTED:
            self._unsupported(here, name, source, codes.ITEM_TYPE_UNSUPPORTED, "Not a file, directory or link")
        else:
            try:
                self._acts.act(here, action, name, source, twin)
            except TooLarge as large:
                self._report.scanned(large.size)
                here.shared = True
                self._context.findings.large(here.path, name, large.size)

    def _left_out(self, here: Here, name: str, source: os.stat_result) -> bool:
        path = here.child(name)
        kind = kind_of(source.st_mode)
        if not (
            self._filters.leaves_out_name(path, kind is ItemKind.DIRECTORY)
            or (kind is ItemKind.FILE and self._filters.leaves_out_file(source.st_size, source.st_mtime_ns))
        ):
            return False
        message = "Left out by the filters"
        self._report.item(path, kind, Outcome.EXCLUDED, size_of(source), code=codes.ITEM_FILTERED, message=message)
        return True

    def _unsupported(self, here: Here, name: str, source: os.stat_result, code: str, message: str) -> None:
        kind = kind_of(source.st_mode)
        self._report.item(here.child(name), kind, Outcome.UNSUPPORTED, size_of(source), code=code, message=message)
