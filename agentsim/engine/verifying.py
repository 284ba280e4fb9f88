"""The acts of a verify run: source and target are compared fully, and nothing is changed."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

from agentsim.engine.acts import Acts, Pair, same_link
from agentsim.engine.copyfile import LARGE_BYTES, TooLarge
from agentsim.engine.decide import Action, kind_of, size_of, why
from agentsim.engine.errors import ItemChanged, ItemFailed, Side, classify
from agentsim.engine.here import Here
from agentsim.engine.listing import lstat
from store import codes
from store.vocabulary import ItemKind, Outcome


class VerifyActs(Acts):
    """Failed stands for "differs", NoTransferNeeded for "is alike", DeleteWithheld for "is too much"."""

    def enter(self, here: Here) -> None:
        return

    def equal(self, here: Here, pairs: Sequence[Pair]) -> None:
        for name, source, twin in pairs:
            try:
                self._file(here, name, source, twin)
            except TooLarge as large:
                self.report.scanned(large.size)
                here.shared = True
                self.context.findings.large(here.path, name, large.size)
            except (ItemChanged, ItemFailed) as error:
                self.context.problem(here.child(name), ItemKind.FILE, error, source.st_size)

    def act(self, here: Here, action: Action, name: str, source: os.stat_result, twin: os.stat_result | None) -> None:
        kind = kind_of(source.st_mode)
        if kind is ItemKind.DIRECTORY and (twin is None or kind_of(twin.st_mode) is not kind):
            # Everything below is missing too, and told item by item.
            self.context.findings.directory(here.child(name), created=True)
        elif twin is None:
            raise ItemFailed(codes.VERIFY_MISSING, "The target does not have it")
        elif kind_of(twin.st_mode) is not kind:
            raise ItemFailed(codes.VERIFY_TYPE, why(source, twin, self.context.fidelity))
        elif kind is ItemKind.DIRECTORY:
            self.context.findings.directory(here.child(name), created=False)
        elif kind is ItemKind.SYMLINK:
            if not same_link(here, name):
                raise ItemFailed(codes.VERIFY_CONTENT, "The link leads elsewhere")
            self._judge(here, name, source, twin, None)
        else:
            self._file(here, name, source, twin)

    def _file(
        self, here: Here, name: str, source: os.stat_result, twin: os.stat_result, listed: int | None = None
    ) -> None:
        if source.st_size != twin.st_size:
            raise ItemFailed(codes.VERIFY_CONTENT, f"The size is {twin.st_size}, not {source.st_size}")
        if listed is None and source.st_size >= LARGE_BYTES:
            raise TooLarge(source.st_size)
        equal, digest = self.context.comparer.compare(here.source, here.target, name, source, twin)
        if not equal:
            raise ItemFailed(codes.VERIFY_CONTENT, "The content differs")
        self._judge(here, name, source, twin, listed, digest)

    def _judge(
        self,
        here: Here,
        name: str,
        source: os.stat_result,
        twin: os.stat_result,
        listed: int | None,
        digest: str = "",
    ) -> None:
        """Content is alike: metadata decides."""
        differs = why(source, twin, self.context.fidelity)
        kind = kind_of(source.st_mode)
        if not differs and kind is ItemKind.FILE and self._attributes_differ(here, name):
            differs = "attributes differ"
        if differs:
            raise ItemFailed(codes.VERIFY_METADATA, differs)
        self.same(here, name, source, scanned=listed, digest=digest)

    def _attributes_differ(self, here: Here, name: str) -> bool:
        return bool(self.context.attributes.differing(here.source, here.target, [name]))

    def large(self, here: Here, name: str, listed: int) -> None:
        try:
            source = os.stat(name, dir_fd=here.source, follow_symlinks=False)
        except OSError as error:
            raise classify(error, Side.SOURCE, "reading the source's metadata") from error
        twin = lstat(here.target, name)
        if twin is None:
            raise ItemFailed(codes.VERIFY_MISSING, "The target does not have it")
        self._file(here, name, source, twin, listed)

    def finish(self, here: Here, changed: bool) -> None:
        if not here.path:
            return
        if here.target_stat is None:
            error = ItemFailed(codes.VERIFY_MISSING, "The target does not have this directory")
        elif changed:
            differs = why(here.source_stat, here.target_stat, self.context.fidelity) or "metadata differs"
            error = ItemFailed(codes.VERIFY_METADATA, differs)
        elif self.context.metadata.attributes_differ(here.source, here.source_stat, here.target, here.target_stat):
            error = ItemFailed(codes.VERIFY_METADATA, "attributes differ")
        else:
            self.report.item(here.path, ItemKind.DIRECTORY, Outcome.NO_TRANSFER_NEEDED, 0)
            return
        self.context.problem(here.path, ItemKind.DIRECTORY, error, 0)

    def extra(self, here: Here, names: Iterator[str], changed: bool) -> bool:
        for name in names:
            found = lstat(here.target, name)
            if found is not None:
                message = "The source does not have it"
                kind, size = kind_of(found.st_mode), size_of(found)
                self.report.withheld(here.child(name), kind, codes.VERIFY_EXTRA, message, size)
        return False


class LinkCheck:
    """Compares the names of one file that has several: content once, and that they are one file there too."""

    def __init__(self, acts: Acts) -> None:
        self._acts = acts

    def run(self, members: Sequence[tuple[bytes, int]]) -> None:
        """Compare the names of one file.

        Args:
            members: path and listed size of each.

        Raises:
            Canceled, RunStopped: the run ends.
        """
        context = self._acts.context
        first: os.stat_result | None = None
        for path, listed in members:
            directory, _, last = path.rpartition(b"/")
            name = os.fsdecode(last)
            context.slot.set_current(path)
            try:
                here = context.open(directory)
                twin = lstat(here.target, name) if here.target >= 0 else None
                if twin is None:
                    raise ItemFailed(codes.VERIFY_MISSING, "The target does not have it")
                if first is None:
                    self._acts.large(here, name, listed)
                    first = twin
                elif (twin.st_dev, twin.st_ino) == (first.st_dev, first.st_ino):
                    self._acts.same(here, name, twin, scanned=listed)
                else:
                    raise ItemFailed(codes.VERIFY_METADATA, "Not another name of the same file, as in the source")
            except (ItemChanged, ItemFailed) as error:
                context.problem(path, ItemKind.FILE, error, listed, scanned=listed)
