"""The unit of copying: all entries of one directory, not what is below them.

Children are created here, and only here or in a later unit that finishes the directory again, so
its times can be set as soon as its entries are dealt with: what happens below a sub-directory
does not touch them (faults F34).
"""

from __future__ import annotations

import os

from agentsim.engine import board, units
from agentsim.engine.aliases import colliding, collision
from agentsim.engine.context import Context
from agentsim.engine.copyfile import TooLarge, read_link
from agentsim.engine.decide import RESERVED, Action, decide, directory_differs, kind_of, size_of
from agentsim.engine.errors import ItemChanged, ItemFailed, RunStopped, Side, classify
from agentsim.engine.listing import Listing, lstat
from agentsim.engine.reserved import is_reserved
from agentsim.engine.walker import join
from store import codes
from store.vocabulary import CopyMode, ItemKind, Outcome

NOTHING = Action.NOTHING
"""The commonest action, bound here: looking a member up in its enum costs more than deciding."""

CHECK_ENTRIES = 256
"""Entries between two looks at whether the run is to stop."""


class DirectoryCopier:
    """Copies directories one at a time; between two of them only descriptors are kept."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._report = context.report
        self._files = context.files
        self._path = b""
        self._source = self._target = -1
        self._found: list[tuple[bytes, bool]] = []
        self._found_bytes = 0
        self._late: list[tuple[bytes, int]] = []
        self._has_large = False
        self._collisions: dict[str, str] = {}

    def run(self, path: bytes, created: bool) -> None:
        """Copy the entries of one directory and, unless work on it is left, finish it.

        Args:
            path: relative path, in both trees.
            created: the target directory was made by this run, so it is empty.

        Raises:
            Canceled, RunStopped: the run ends.
        """
        context = self._context
        context.slot.set_current(path)
        self._path, self._late, self._has_large = path, [], False
        self._collisions = {}
        try:
            source_stat = self._open_source(path)
            target_stat = self._open_target(path)
            listing = self._list_target(created)
        except (ItemChanged, ItemFailed) as error:
            self._give_up(error, None)
            return
        self._files.enter(self._source, self._target, source_stat, target_stat)
        context.at = path
        changed = created or directory_differs(source_stat, target_stat, context.owners)
        try:
            self._copy_entries(listing)
            deferred = context.mode is CopyMode.MIRROR and self._defer(listing, changed)
        except (ItemChanged, ItemFailed) as error:
            self._give_up(error, listing)
            return
        if deferred:
            return
        if self._has_large:
            context.channel.send((units.LISTED, path, changed))
        else:
            self._finish(path, source_stat, changed)

    def finish(self, path: bytes, changed: bool) -> None:
        """Set the metadata of a directory in which everything is done now, and count it.

        Raises:
            Canceled, RunStopped: the run ends.
        """
        try:
            source_stat = self._open_source(path)
            self._open_target(path)
        except (ItemChanged, ItemFailed) as error:
            self._context.problem(path, ItemKind.DIRECTORY, error, 0)
            return
        self._finish(path, source_stat, changed)

    def _finish(self, path: bytes, source_stat: os.stat_result, changed: bool) -> None:
        try:
            self._context.metadata.finish_directory(self._target, source_stat)
        except ItemFailed as error:
            self._context.problem(path, ItemKind.DIRECTORY, error, 0)
            return
        self._context.directory_done(path, changed)

    def _open_source(self, path: bytes) -> os.stat_result:
        try:
            self._source = self._context.source.open(path)
            found = os.fstat(self._source)
        except OSError as error:
            raise classify(error, Side.SOURCE, "opening the source directory") from error
        if (found.st_dev, found.st_ino) == self._context.roots.target_identity:
            # A bind mount can hide this from the preflight.
            raise RunStopped(codes.OVERLAP, "The target was met inside the source", "target")
        return found

    def _open_target(self, path: bytes) -> os.stat_result:
        try:
            self._target = self._context.target.open(path)
            found = os.fstat(self._target)
            if (found.st_dev, found.st_ino) == self._context.roots.source_identity:
                raise RunStopped(codes.OVERLAP, "The source was met inside the target", "target")
            self._context.metadata.make_writable(self._target, found)
        except OSError as error:
            raise classify(error, Side.TARGET, "opening the target directory") from error
        return found

    def _list_target(self, created: bool) -> Listing:
        listing = self._listing(self._target)
        try:
            if not created:
                listing.load()
        except OSError as error:
            raise classify(error, Side.TARGET, "listing the target directory") from error
        self._context.slot.cells[board.TARGET_ITEMS] += listing.entries
        return listing

    def _listing(self, target: int) -> Listing:
        context = self._context
        return Listing(target, context.lease, at_root=not self._path, folds=context.roots.folds)

    def _give_up(self, error: ItemChanged | ItemFailed, listing: Listing | None) -> None:
        """The directory's entries are not all known: record it, and keep everything below it.

        Nothing below it can become a candidate for deletion, since only a complete listing names
        any (faults F2); what would be in doubt is recorded as kept.
        """
        if not self._path:
            raise RunStopped(codes.SOURCE_SCAN, f"The root could not be listed: {error.message}") from error
        self._flush_found()
        if self._late:
            self._context.channel.send((units.DEFER, self._path, [], self._late, False, False))
        self._context.problem(self._path, ItemKind.DIRECTORY, error, 0)
        if self._context.mode is CopyMode.ADDITIVE or isinstance(error, ItemChanged):
            return
        try:
            target = self._context.target.open(self._path)
            if listing is None:
                listing = self._listing(target)
                listing.load()
            for name in listing.unlisted():
                found = lstat(target, name)
                if found is not None:
                    path = join(self._path, os.fsencode(name))
                    message = "Its source directory could not be listed"
                    self._report.withheld(path, kind_of(found.st_mode), codes.DELETE_UNLISTED, message, size_of(found))
        except OSError:
            return  # The directory itself is recorded; there is nothing more to say.

    def _defer(self, listing: Listing, changed: bool) -> bool:
        """Hand over what has to wait for the deletes, in messages of bounded size; whether there is any.

        Raises:
            ItemFailed, RunStopped: the target directory could not be listed to its end.
        """
        send = self._context.channel.send
        names: list[bytes] = []
        length = 0
        found = bool(self._late)
        try:
            for candidate in listing.unmatched(self._source):
                name = os.fsencode(candidate)
                if self._protected(candidate):
                    continue
                names.append(name)
                found = True
                length += len(name) + 8
                if length >= units.CHUNK_BYTES:
                    send((units.DEFER, self._path, names, [], False, changed))
                    names, length = [], 0
        except OSError as error:
            raise classify(error, Side.TARGET, "listing the target directory") from error
        if found:
            send((units.DEFER, self._path, names, self._late, True, changed))
        return found

    def _protected(self, name: str) -> bool:
        """Whether the filters keep a target entry.

        Raises:
            OSError: what it is is not known.
        """
        filters = self._context.filters
        if not filters.by_name:
            return False
        found = lstat(self._target, name)
        directory = found is not None and kind_of(found.st_mode) is ItemKind.DIRECTORY
        return filters.leaves_out_name(join(self._path, os.fsencode(name)), directory)

    def _copy_entries(self, listing: Listing) -> None:
        try:
            if self._context.roots.folds:
                self._collisions = colliding(self._source)
            with os.scandir(self._source) as entries:
                for number, entry in enumerate(entries):
                    if not number % CHECK_ENTRIES:
                        # Where nothing needs to change nobody else asks.
                        self._context.lease.check()
                    self._entry(entry, listing)
        except OSError as error:
            raise classify(error, Side.SOURCE, "listing the source directory") from error
        finally:
            self._flush_found()

    def _entry(self, entry: os.DirEntry[str], listing: Listing) -> None:
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
                if (
                    twin is None
                    and entry.is_file(follow_symlinks=False)
                    and name[:11] != RESERVED
                    and not self._context.filters.active
                ):
                    # Nothing to compare with: the open file says the rest.
                    self._report.count(board.TRANSFERRED, self._files.copy(name))
                    return
                source = entry.stat(follow_symlinks=False)
            except OSError as error:
                raise classify(error, Side.SOURCE, "reading the source's metadata") from error
            if (name[:11] == RESERVED or not self._path) and is_reserved(
                name, at_root=not self._path, folds=self._context.roots.folds
            ):
                self._unsupported(name, source, codes.ITEM_NAME_RESERVED, "The name is reserved")
                return
            if self._context.filters.active and self._left_out(name, source):
                return
            action = decide(source, twin, self._context.mode, self._context.owners)
            if action is NOTHING:
                self._report.count(board.NO_TRANSFER_NEEDED, source.st_size)
            else:
                self._act(action, name, source, twin)
        except TooLarge as large:
            self._found_large(name, large.size)
        except (ItemChanged, ItemFailed) as error:
            kind = kind_of(source.st_mode) if source else ItemKind.FILE
            path = join(self._path, os.fsencode(name))
            self._context.problem(path, kind, error, size_of(source) if source else 0)

    def _act(self, action: Action, name: str, source: os.stat_result, twin: os.stat_result | None) -> None:
        report, files = self._report, self._files
        size = size_of(source)
        if action is Action.COPY_FILE:
            report.count(board.TRANSFERRED, files.copy(name))
        elif action is Action.DESCEND:
            self._found_directory(name, created=False)
        elif action is Action.MAKE_DIRECTORY:
            self._make_directory(name)
        elif action is Action.REPLACE_BY_DIRECTORY:
            self._unlink(name)
            self._make_directory(name)
        elif action is Action.REPAIR_METADATA and twin is not None:
            if self._context.metadata.repair_file(self._target, name, source, twin):
                report.repaired(size)
            else:
                report.count(board.TRANSFERRED, files.copy(name))
        elif action is Action.COMPARE_LINK and self._same_link(name):
            report.count(board.NO_TRANSFER_NEEDED, 0)
        elif action in (Action.COPY_LINK, Action.COMPARE_LINK):
            files.copy_link(name, source)
            report.count(board.TRANSFERRED, 0)
        elif action is Action.AFTER_DELETES:
            report.scanned(size)
            self._late.append((os.fsencode(name), size))
        elif action is Action.BLOCKED:
            raise ItemFailed(codes.ITEM_BLOCKED_BY_DIRECTORY, "The target has a directory of this name")
        else:
            self._unsupported(name, source, codes.ITEM_TYPE_UNSUPPORTED, "Not a file, directory or link")

    def _same_link(self, name: str) -> bool:
        return read_link(self._source, name, Side.SOURCE) == read_link(self._target, name, Side.TARGET)

    def _unsupported(self, name: str, source: os.stat_result, code: str, message: str) -> None:
        path = join(self._path, os.fsencode(name))
        size = size_of(source)
        self._report.count(board.UNSUPPORTED, size)
        self._report.row(path, kind_of(source.st_mode), Outcome.UNSUPPORTED, code, message, size)

    def _left_out(self, name: str, source: os.stat_result) -> bool:
        filters = self._context.filters
        path, kind, size = join(self._path, os.fsencode(name)), kind_of(source.st_mode), size_of(source)
        if not (
            filters.leaves_out_name(path, kind is ItemKind.DIRECTORY)
            or (kind is ItemKind.FILE and filters.leaves_out_file(size, source.st_mtime_ns))
        ):
            return False
        self._report.count(board.EXCLUDED, size)
        self._report.row(path, kind, Outcome.EXCLUDED, codes.ITEM_FILTERED, "Left out by the filters", size)
        return True

    def _unlink(self, name: str) -> None:
        context = self._context
        context.lease.check()
        try:
            if context.trash is not None:
                context.trash.move(self._target, name, join(self._path, os.fsencode(name)))
            else:
                os.unlink(name, dir_fd=self._target)
        except FileNotFoundError:
            return
        except OSError as error:
            raise classify(error, Side.TARGET, "removing what is in the directory's place") from error

    def _make_directory(self, name: str) -> None:
        self._context.lease.check()
        created = True
        try:
            # Private until it is finished.
            os.mkdir(name, 0o700, dir_fd=self._target)
        except FileExistsError:
            created = False
        except OSError as error:
            raise classify(error, Side.TARGET, "creating the target directory") from error
        self._found_directory(name, created)

    def _found_directory(self, name: str, created: bool) -> None:
        path = join(self._path, os.fsencode(name))
        self._found.append((path, created))
        self._found_bytes += len(path)
        if len(self._found) >= units.CHUNK_ENTRIES or self._found_bytes >= units.CHUNK_BYTES:
            self._flush_found()

    def _found_large(self, name: str, size: int) -> None:
        self._has_large = True
        self._report.scanned(size)
        self._context.channel.send((units.FOUND_LARGE, self._path, os.fsencode(name), size))

    def _flush_found(self) -> None:
        if self._found:
            self._context.channel.send((units.FOUND, self._found))
            self._found = []
            self._found_bytes = 0
