"""Generated trees: what a run leaves is what a model of a few lines says, whatever holds them."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentsim.places.place import Opening, Place
from agentsim.places.posix import PosixPlace
from store.settings import CopySettings
from store.vocabulary import CopyMode, Guard
from tests.engine.driver import assert_sums
from tests.transfer.driving import ADDITIVE, MIRROR, Run, run
from tests.transfer.memory_place import DIRECTORY, LINK, OBJECTS, TREE, Store

Tree = dict[str, str | None]
"""Contents of files (links begin with ">") and None for directories, by path."""

NAMES = st.sampled_from(["a", "a-", "a.b", "b", "\u00e9", "a0"])
PATHS = st.lists(NAMES, min_size=1, max_size=3).map("/".join)
CONTENTS = st.sampled_from(["", "1", "22", ">to", None])
EVERY_DELETE = frozenset(Guard)
FREE = CopySettings(max_delete_percent=100)


@st.composite
def trees(draw: st.DrawFn) -> Tree:
    """A tree in which nothing lies below a file."""
    found: Tree = {}
    for path, content in draw(st.lists(st.tuples(PATHS, CONTENTS), max_size=12)):
        above = [path.rsplit("/", count)[0] for count in range(1, path.count("/") + 1)]
        if path in found or any(found.get(parent, None) is not None for parent in above):
            continue
        found.update(dict.fromkeys(above))
        found[path] = content
    return found


def additive(source: Tree, target: Tree) -> Tree:
    """What an Additive run leaves: a directory gives way to nothing, a file to a directory."""
    found = dict(target)
    for path, content in source.items():
        if content is None or found.get(path, "") is not None:
            found[path] = content
    return found


class Ends:
    """A source and a target, in memory or in directories."""

    def __init__(self, base: Path, kind: str) -> None:
        self.base = base
        self.kind = kind
        self.stores = {"source": Store(holds=TREE), "target": Store(holds=OBJECTS if kind == "objects" else TREE)}

    def local(self, side: str) -> bool:
        return self.kind in (f"directory as {side}", "directories")

    def fill(self, side: str, tree: Tree) -> None:
        root = self.base / side
        root.mkdir()
        for path, content in sorted(tree.items()):
            if not self.local(side):
                kind = DIRECTORY if content is None else LINK if content.startswith(">") else "F"
                self.stores[side].put(path, content or "", kind=type(DIRECTORY)(kind))
            elif content is None:
                (root / path).mkdir()
            elif content.startswith(">"):
                (root / path).symlink_to(content)
                os.utime(root / path, ns=(10**9, 10**9), follow_symlinks=False)
            else:
                (root / path).write_text(content)
                os.utime(root / path, ns=(10**9, 10**9))

    def tree(self, side: str) -> Tree:
        if not self.local(side):
            entries = self.stores[side].entries.values()
            return {
                entry.item.path.decode(): None if entry.item.kind is DIRECTORY else entry.data.decode()
                for entry in entries
            }
        root = self.base / side
        found: Tree = {}
        for path in root.rglob("*"):
            name = str(path.relative_to(root))
            if path.is_symlink():
                found[name] = os.readlink(path)
            else:
                found[name] = None if path.is_dir() else path.read_text()
        return found

    def end(self, side: str) -> object:
        def place(opening: Opening) -> Place:
            return PosixPlace(opening, os.fsencode(self.base / side))

        return place if self.local(side) else self.stores[side]

    def run(self, mode: CopyMode) -> Run:
        root = os.fsencode(self.base / "target") if self.local("target") else b""
        done = run(
            *(self.end("source"), self.end("target"), mode),
            settings=FREE,
            overrides=EVERY_DELETE,
            target_root=root,
        )
        assert_sums(done.counters)
        return done


@contextmanager
def ends(kind: str) -> Iterator[Ends]:
    base = Path(tempfile.mkdtemp(prefix="longshore-model-"))
    try:
        yield Ends(base, kind)
    finally:
        shutil.rmtree(base)


kinds = pytest.mark.parametrize(
    "kind", ["objects", "tree", "directory as source", "directory as target", "directories"]
)


@kinds
@settings(max_examples=25, deadline=None)
@given(source=trees(), target=trees())
def test_a_mirror_makes_the_target_the_source(kind: str, source: Tree, target: Tree) -> None:
    with ends(kind) as found:
        found.fill("source", source)
        found.fill("target", target)
        first = found.run(MIRROR)
        assert first.done is not None
        assert first.done["status"] == "Succeeded", (first.done, first.rows)
        assert found.tree("target") == source == found.tree("source")
        second = found.run(MIRROR)
        assert (second.count("transferred"), second.rows) == (0, [])


@kinds
@settings(max_examples=25, deadline=None)
@given(source=trees(), target=trees())
def test_an_additive_run_adds_and_replaces(kind: str, source: Tree, target: Tree) -> None:
    with ends(kind) as found:
        found.fill("source", source)
        found.fill("target", target)
        for _ in range(2):
            found.run(ADDITIVE)
            assert {path: content for path, content in found.tree("target").items() if content is not None} == {
                path: content for path, content in additive(source, target).items() if content is not None
            }
