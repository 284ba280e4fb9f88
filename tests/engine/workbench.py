"""The engine's parts for single items, in the process of the test, between two directories."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from agentsim.engine.attributes import Attributes
from agentsim.engine.backoff import Patience
from agentsim.engine.board import Board
from agentsim.engine.comparison import Comparer
from agentsim.engine.copyfile import FileCopier
from agentsim.engine.decide import Fidelity
from agentsim.engine.lease import Lease, now
from agentsim.engine.metadata import Metadata
from agentsim.engine.sourcefile import Reader
from store.settings import CopySettings
from store.vocabulary import DataIntegrityValidation


class Workbench:
    """What one helper has, with both directories held open."""

    def __init__(self, source: Path, target: Path, settings: CopySettings) -> None:
        self.source = os.open(source, os.O_RDONLY)
        self.target = os.open(target, os.O_RDONLY)
        self.lease = Lease(now() + 60)
        slot = Board(1).slots[0]
        self.cells = slot.cells
        self.fidelity = Fidelity.of_this_process(permissions=settings.preserve_permissions)
        self.attributes = Attributes(self.fidelity, slot)
        self.reader = Reader(self.fidelity.privileged)
        self.patience = Patience(self.lease)
        self.metadata = Metadata(
            self.lease, self.fidelity, slot, self.attributes, self.reader, durability=settings.durability
        )
        self.files = FileCopier(
            self.lease,
            self.fidelity,
            slot,
            self.metadata,
            attributes=self.attributes,
            reader=self.reader,
            patience=self.patience,
            settings=settings,
        )
        digests = settings.validation is not DataIntegrityValidation.NONE
        self.comparer = Comparer(self.lease, slot, self.reader, self.patience, digests=digests)
        self.files.enter(self.source, self.target, os.fstat(self.source), os.fstat(self.target))

    def stats(self, name: str) -> tuple[os.stat_result, os.stat_result]:
        """A file as it is listed on both sides."""
        return (
            os.stat(name, dir_fd=self.source, follow_symlinks=False),
            os.stat(name, dir_fd=self.target, follow_symlinks=False),
        )

    def repair(self, name: str, links: int = 1) -> tuple[bool, str]:
        return self.metadata.repair_file(self.source, self.target, name, *self.stats(name), links=links)

    def compare(self, name: str) -> tuple[bool, str]:
        return self.comparer.compare(self.source, self.target, name, *self.stats(name))

    def differing(self, *names: str) -> list[str]:
        return self.attributes.differing(self.source, self.target, names)

    def finish(self) -> str:
        """Finish the directory itself."""
        return self.metadata.finish_directory(self.source, self.target, os.fstat(self.source))


@contextmanager
def workbench(source: Path, target: Path, settings: CopySettings | None = None) -> Iterator[Workbench]:
    """A workbench between two directories; the process keeps its umask and its working directory."""
    here, mask = os.getcwd(), os.umask(0)
    made = Workbench(source, target, settings or CopySettings())
    try:
        yield made
    finally:
        os.umask(mask)
        os.chdir(here)
        os.close(made.source)
        os.close(made.target)
