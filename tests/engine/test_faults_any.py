"""Faults drawn at random, any operation on either side: whatever happens, no file is half and no success is false.

``LONGSHORE_EXAMPLES=500`` tries so many others; without it the same thirty each time.
"""

from __future__ import annotations

import os
import random
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from store import codes
from store.vocabulary import CopyMode, Guard
from tests.faultfs.faults import Fault
from tests.faultfs.mount import FaultFs, fault_fs

from .driver import Agent, assert_sums, order, run
from .kill_scene import SEED, KillScene, is_temporary, look

EXAMPLES = int(os.environ.get("LONGSHORE_EXAMPLES", "0"))

READING = (
    *("getattr", "opendir", "readdir", "open", "read", "flush", "release"),
    *("readlink", "listxattr", "getxattr", "statfs"),
)
WRITING = (
    *("create", "write", "truncate", "chmod", "chown", "utimens", "mkdir", "symlink", "link", "rename"),
    *("unlink", "rmdir", "setxattr", "removexattr"),
)
ERRORS = (
    *("EIO", "EACCES", "ESTALE", "ETIMEDOUT", "ENOSPC", "EDQUOT", "EROFS", "EPERM", "ENOMEM", "EBUSY"),
    *("ENAMETOOLONG", "EFBIG", "ENOTSUP", "EMLINK", "EINVAL"),
)


class Site:
    """A scene whose source and target are both mounted through a file system that fails."""

    def __init__(self, scene: KillScene, source: FaultFs, target: FaultFs) -> None:
        self.scene = scene
        self.source = source
        self.target = target

    def run(self) -> Agent:
        return run(order(self.source.path, self.target.path, CopyMode.MIRROR, overrides=frozenset(Guard)))

    def heal(self) -> None:
        self.source.order()
        self.target.order()


@pytest.fixture
def site() -> Iterator[Site]:
    with tempfile.TemporaryDirectory(prefix="longshore-test-") as place:
        base = Path(place)
        scene = KillScene(base)
        scene.reset()
        for name in ("from", "to"):
            (base / name).mkdir()
        with fault_fs(scene.source, base / "from") as source, fault_fs(scene.target, base / "to") as target:
            yield Site(scene, source, target)


def drawn(chance: random.Random, operations: tuple[str, ...], paths: list[str]) -> Fault:
    """A fault: a passing one anywhere, or a lasting one in one place."""
    operation, error = chance.choice(operations), chance.choice(ERRORS)
    entries = chance.randint(1, 3) if operation == "readdir" else 0
    if operation in ("read", "write") and chance.random() < 0.2:
        return Fault(operation=operation, short=chance.randint(1, 2_000))
    if chance.random() < 0.5:
        skip, times = chance.randrange(60), chance.randint(1, 4)
        return Fault(operation=operation, error=error, entries=entries, skip=skip, times=times)
    path = chance.choice(paths)
    return Fault(operation=operation, error=error, entries=entries, path=chance.choice((path, f"{path}*", f"{path}/*")))


def unlike(scene: KillScene) -> set[str]:
    """Paths at which target and source are not the same."""
    found = look(scene.target)
    return {path for path in {*found, *scene.new} if found.get(path) != scene.new.get(path)}


def is_told(path: str, agent: Agent) -> bool:
    """Whether the run says of an item, or of a directory above it, that it is not as it should be."""
    told = {row[0].decode() for row in agent.rows if row[2] != "Deleted"}
    parts = path.split("/")
    return any("/".join(parts[:count]) in told for count in range(1, len(parts) + 1))


@pytest.mark.parametrize("number", range(EXAMPLES or 30))
def test_whatever_fails_no_file_is_half_and_no_success_is_false(site: Site, number: int) -> None:
    chance = random.Random(SEED + number)
    scene = site.scene
    paths = sorted({*scene.old, *scene.new})
    site.source.order(*(drawn(chance, READING, paths) for _ in range(chance.randint(0, 2))))
    site.target.order(*(drawn(chance, READING + WRITING, paths) for _ in range(chance.randint(0, 3))))
    agent = site.run()
    site.heal()
    assert agent.done is not None
    scene.assert_whole(trash=False)
    if agent.done["code"] in (codes.SUCCESS, codes.SOME_ITEMS_FAILED, codes.DELETES_WITHHELD):
        # It went through to its end, so each item has had its outcome.
        assert_sums(agent.counters)
        untold = [path for path in unlike(scene) if not is_told(path, agent)]
        assert untold == [], "neither as in the source, nor is there a word about it"
    to_delete = scene.to_delete()
    again = site.run()
    scene.assert_finished(again, to_delete, trash=False)
    assert not [path for path in look(scene.target) if is_temporary(path)]
