"""Going through both places at once: what is there, what is filtered, what each item needs.

The scanning thread makes directories and counts what is equal; all that takes a server's time is the crew's.
"""

from __future__ import annotations

import os
import re

from agentsim.engine import board
from agentsim.engine.aliases import folded
from agentsim.engine.errors import ItemChanged, ItemFailed, RunStopped, Side
from agentsim.engine.reserved import is_reserved
from agentsim.places.place import Item, Unlisted
from agentsim.transfer.acting import Acts, Level, Thing
from agentsim.transfer.crew import BATCH, Crew, Hand
from agentsim.transfer.deciding import Action, decide, decide_directory
from agentsim.transfer.extras import Extras
from agentsim.transfer.merging import Match, Merge
from agentsim.transfer.prefixes import Prefixes
from agentsim.transfer.work import Work
from store import codes
from store.display import display
from store.vocabulary import ItemKind, Outcome

CHECK_ITEMS = 256
"""Items between two looks at whether the run is to stop."""

LARGE_BYTES = 1024 * 1024
"""Files from this size on are handed over at once, not in batches."""

_LENGTH = re.compile(r"\blong(er)?\b")
"""How a place says that it is a name's length that it refuses."""


class Scan:
    """One way through both places.

    Attributes:
        source_ended: everything in the source was listed.
    """

    def __init__(self, work: Work, acts: Acts, crew: Crew, hand: Hand, extras: Extras) -> None:
        self._work = work
        self._acts = acts
        self._crew = crew
        self._hand = hand
        self._report = hand.report
        self._extras = extras
        self._filters = work.filters
        self._folds = work.target.holds.folds
        self._counts_same = acts.counts_same and not hand.report.full
        self._levels = [Level(None)]
        self._batch: list[Thing] = []
        self._closed = Prefixes()
        self._refused = Prefixes()
        self._refusal = ("", "")
        self._merge = Merge(work.source.walk(self._descends), work.target.walk(self._descends_target))

    @property
    def source_ended(self) -> bool:
        return self._merge.source_ended

    def run(self) -> None:
        """Go through everything, and wait until it is dealt with.

        Raises:
            RunStopped, Canceled: the run ends.
        """
        for number, match in enumerate(self._merge):
            if not number % CHECK_ITEMS:
                self._work.lease.check()
            if self._merge.unsure and not self._work.unsure:
                self._work.unsure = True
                for prefixes in (self._closed, self._refused):
                    prefixes.unordered = True
                self._extras.unordered()
            self._match(match)
        self._hand_over()
        self._leave(b"")
        while self._levels:
            self._acts.leave(self._hand, self._levels.pop())
        self._crew.drain()
        self._report.flush()

    def _match(self, match: Match) -> None:
        source, target = match.source, match.target
        if source is None:
            if target is not None and not self._closed.cover(match.path):
                self._extras.found(match.path, target)
            return
        if isinstance(target, Item) and not target.implied:
            self._report.cells[board.TARGET_ITEMS] += 1
        if self._closed.cover(match.path):
            return
        self._leave(match.path)
        if isinstance(source, Unlisted):
            self._unlisted(source)
        elif match.directory:
            self._directory(match, source)
        else:
            self._leaf(match, source)

    def _leave(self, path: bytes) -> None:
        """Leave the directories that this path does not lie in."""
        while len(self._levels) > 1 and not path.startswith(self._levels[-1].prefix):
            self._acts.leave(self._hand, self._levels.pop())

    def _descends(self, path: bytes) -> bool:
        return not (
            self._filters.leaves_out_name(path, directory=True) or self._closed.cover(path) or self._reserved(path)
        )

    def _descends_target(self, path: bytes) -> bool:
        return self._descends(path) and self._extras.descends(path)

    def _reserved(self, path: bytes) -> bool:
        above, _, name = path.rpartition(b"/")
        return name[:1] == b"." and is_reserved(os.fsdecode(name), at_root=not above, folds=self._folds)

    def _unlisted(self, source: Unlisted) -> None:
        error = source.error
        if not source.path:
            raise RunStopped(codes.SOURCE_SCAN, f"The root could not be listed: {error.message}", Side.SOURCE.value)
        self._report.item(*(source.path, ItemKind.DIRECTORY, Outcome.FAILED, 0), code=error.code, message=error.message)
        self._extras.protect(source.path)

    # Directories.

    def _directory(self, match: Match, item: Item) -> None:
        path = match.path
        self._report.scanned(0)
        if self._left_out(item):
            return
        try:
            if isinstance(match.target, Unlisted):
                raise match.target.error
            level = Level(item)
            target = match.target
            if target is None and match.other is not None and isinstance(match.other.target, Item):
                # A file or link of the target in the directory's place.
                target, match.other.target = match.other.target, None
            if self._collides(item, target):
                target = self._acts.target_now(path)
                self._judge_spelling(target)
            decision = decide_directory(item, target, self._work.rules)
            if decision.action is not Action.NOTHING:
                self._levels[-1].touched = True
            goes_on = self._acts.directory(self._hand, level, target, decision)
        except (ItemChanged, ItemFailed) as error:
            self._hand.problem(item, error, 0)
            self._closed.add(path)
            return
        if goes_on:
            self._levels.append(level)
        else:
            self._closed.add(path)

    def _left_out(self, item: Item) -> bool:
        """Record an item that is not to be copied, or that the target cannot hold; whether it is one."""
        path, kind = item.path, item.kind
        if self._refused.cover(path):
            self._hand.refused(item, *self._refusal, item.size)
            return True
        if self._reserved(path):
            self._hand.refused(item, codes.ITEM_NAME_RESERVED, "The name is reserved", item.size)
            self._close(item)
            return True
        filters = self._filters
        if filters.active and (
            filters.leaves_out_name(path, kind is ItemKind.DIRECTORY)
            or (
                kind is ItemKind.FILE
                and filters.by_content
                and filters.leaves_out_file(item.size, item.dress.mtime_ns if item.detailed else None)
            )
        ):
            self._hand.excluded(item, item.size)
            self._close(item)
            return True
        if kind is ItemKind.SPECIAL:
            words = ", ".join(item.extras)
            code = codes.ITEM_NAME_UNSUPPORTED if words else codes.ITEM_TYPE_UNSUPPORTED
            self._hand.refused(item, code, words or "Not a file, directory or link", item.size)
            return True
        words = self._work.target.refuses(path, kind)
        if words:
            code = codes.ITEM_NAME_TOO_LONG if _LENGTH.search(words) else codes.ITEM_NAME_UNSUPPORTED
            self._hand.refused(item, code, words, item.size)
            if kind is ItemKind.DIRECTORY:
                self._refused.add(path)
                self._refusal = (code, f"Its directory is not supported: {words}")
        return bool(words)

    def _close(self, item: Item) -> None:
        if item.kind is ItemKind.DIRECTORY:
            self._closed.add(item.path)

    def _collides(self, item: Item, target: object) -> bool:
        """Whether the target has to be asked for an item that its listing lacks.

        Raises:
            ItemFailed: another item of the source has this name already, as the target sees it.
        """
        level = self._levels[-1]
        if self._folds:
            name = item.path[len(level.prefix) :]
            key = hash(folded(os.fsdecode(name)))
            first = level.names.setdefault(key, name)
            if first != name and target is None:
                raise ItemFailed(
                    codes.ITEM_NAME_COLLIDES,
                    f"The target takes it for the same name as '{display(first)}', which is copied",
                )
        return target is None and (self._work.unsure or (self._folds and not level.created))

    def _judge_spelling(self, found: Item | None) -> None:
        if found is not None and self._folds and not self._work.unsure:
            raise ItemFailed(codes.ITEM_NAME_COLLIDES, "The target has this name in another spelling")

    # Files and links.

    def _leaf(self, match: Match, item: Item) -> None:
        target = match.target
        decision = None
        if isinstance(target, Item) and match.other is None and self._plain(item):
            # The quickest way for what is most: equal files.
            decision = decide(item, target, self._work.rules)
            if decision.action is Action.NOTHING and self._counts_same:
                self._report.count(board.NO_TRANSFER_NEEDED, item.size)
                return
        self._report.scanned(item.size)
        if match.other is not None and match.other.source is not None:
            self._taken(item)
            return
        if self._left_out(item):
            return
        if target is None and match.other is not None:
            target = _directory_of(match.other)
        assert not isinstance(target, Unlisted)
        try:
            ask = self._collides(item, target)
        except ItemFailed as error:
            self._hand.problem(item, error, item.size)
            return
        if decision is None:
            decision = decide(item, target, self._work.rules)
        if decision.action is Action.NOTHING and target is not None and self._acts.same(self._hand, item, target):
            return
        if decision.action is Action.REFUSED:
            self._hand.refused(item, decision.code, decision.why, item.size)
            return
        self._levels[-1].touched = True
        self._batch.append(Thing(item, target, decision, ask, item.size))
        if len(self._batch) >= BATCH or item.size >= LARGE_BYTES or self._crew.hungry:
            self._hand_over()

    def _plain(self, item: Item) -> bool:
        """Whether nothing about a file's name has to be judged: the target has it already."""
        return (
            item.kind is ItemKind.FILE
            and not (self._folds or self._filters.active)
            and not self._refused.cover(item.path)
            and not self._reserved(item.path)
        )

    def _taken(self, item: Item) -> None:
        message = "The source has a directory of this name too, which is copied"
        self._hand.refused(item, codes.ITEM_NAME_TAKEN, message, item.size)

    def _hand_over(self) -> None:
        if self._batch:
            batch, self._batch = self._batch, []
            self._crew.submit(self._acts.thing, batch)


def _directory_of(match: Match) -> Item | None:
    """The target directory that is in the place of a file."""
    if isinstance(match.target, Unlisted):
        return Item(path=match.path, kind=ItemKind.DIRECTORY)
    return match.target
