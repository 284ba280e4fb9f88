"""Every pair of places with real servers, both modes, hostile names; judged by tools that are not ours."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from store import codes
from store.vocabulary import CopyMode, RunKind
from tests.engine.driver import run
from tests.transfer.grounds import Directory, Ground, Objects, Share, parents
from tests.transfer.harbour import (
    PAIRS,
    Harbour,
    copied,
    harbour,
    idle,
    left_behind,
    previewed,
    task,
    unlike,
)
from tests.transfer.trees import EVERYWHERE, MIB, OLD, Node, Tree, edited, hostile, small

OTHERS = ("SMB", "Blob", "S3")


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Harbour]:
    with harbour(tmp_path_factory.mktemp("harbour")) as found:
        yield found


def hostile_for(*kinds: str) -> Tree:
    """The tree, less what moto cannot hold although S3 can: it answers 404 to a key with a line feed."""
    return {path: node for path, node in hostile().items() if "S3" not in kinds or b"\n" not in path}


def with_implied_directories(ground: Ground, tree: Tree) -> Tree:
    """Objects of others stand in directories that nothing stands for."""
    if not isinstance(ground, Objects):
        return tree
    new = {b"implied/deep/object": Node("file", b"in no directory of its own"), b"implied/object": Node("file", b"too")}
    for path, node in new.items():
        ground.put(path, node)
        tree |= {parent: Node("directory") for parent in parents(path)}
    return tree | ground.known(new)


@pytest.mark.parametrize(("one", "other"), PAIRS)
def test_a_pair(port: Harbour, one: str, other: str) -> None:
    source, target = port.ground(one), port.ground(other)
    tree = with_implied_directories(source, source.fill(hostile_for(one, other)))
    size = source.count()
    strays = target.fill({b"stray": Node("directory"), b"stray/old": Node("file", b"old"), b"zz": Node("file", b"z")})

    agent = copied(source, target)
    left, found = left_behind(agent), target.look()
    assert unlike(tree, found, left, exact=False) == []
    assert unlike(strays, found, set(), exact=False) == [], "an Additive run deletes nothing"
    assert not {b"names/" + name for name in EVERYWHERE} & left
    if other == "POSIX":
        assert not left
    assert source.count() == size, "the source is only read"
    idle(source, target, CopyMode.ADDITIVE)

    later = source.known(edited(tree, seed=7))
    source.change(tree, later)
    preview = previewed(source, target, CopyMode.MIRROR, found)
    mirrored = copied(source, target, CopyMode.MIRROR, plan=preview.report)
    assert unlike(later, target.look(), left_behind(preview), exact=True) == []
    assert mirrored.counters["items_deleted"] > 0
    idle(source, target, CopyMode.MIRROR)


@pytest.mark.parametrize("other", OTHERS)
def test_there_and_back(port: Harbour, tmp_path: Path, other: str) -> None:
    source, there, back = port.ground("POSIX"), port.ground(other), port.ground("POSIX")
    assert isinstance(source, Directory)
    assert isinstance(back, Directory)
    tree = source.fill({path: node for path, node in hostile_for(other).items() if len(node.content) < MIB})
    odd = source.root / "odd"
    odd.mkdir(mode=0o750)
    for number, mode in enumerate((0o600, 0o444, 0o4755, 0o2711, 0o1644, 0o000)):
        file = odd / f"mode-{number}"
        file.write_bytes(b"m" * number)
        file.chmod(mode)
        if os.geteuid() == 0:
            os.chown(file, 1000 + number, 2000 + number)
            file.chmod(mode)
        os.utime(file, ns=(OLD, OLD + 100 * number))
    os.link(odd / "mode-1", odd / "twin")
    os.utime(odd, ns=(OLD, OLD))

    # A share with nothing in it is taken for one that ignores case until the contrary shows.
    there.put(b"something", Node("file", b"there before"))
    left = left_behind(copied(source, there, CopyMode.MIRROR))
    assert len(left) < len(tree) / 2
    assert not left_behind(copied(there, back))

    # The root is the endpoint's, not the run's.
    shutil.copystat(source.root, back.root)
    # What the place in the middle cannot hold: hard links are files of their own; SMB has no mode, owner or link.
    options = ["-rt"] if other == "SMB" else ["-a"]
    for path in left:
        options.append("--exclude=/" + _escaped(path))
    said = subprocess.run(
        [
            *("rsync", "--dry-run", "--itemize-changes", "--delete", "--checksum", "--modify-window=-1"),
            *("--no-devices", "--no-specials", *options, f"{source.root}/", f"{back.root}/"),
        ],
        capture_output=True,
        check=True,
    ).stdout
    assert said == b""


def _escaped(path: bytes) -> str:
    """A path as a pattern of rsync's; a backslash stands for itself where there is no wildcard."""
    text = os.fsdecode(path)
    return re.sub(r"([\\*?\[])", r"\\\1", text) if re.search(r"[*?\[]", text) else text


@pytest.mark.parametrize(("one", "other"), [("POSIX", "SMB"), ("POSIX", "Blob"), ("POSIX", "S3"), ("S3", "POSIX")])
def test_a_flipped_byte_is_found(port: Harbour, one: str, other: str) -> None:
    source, target = port.ground(one), port.ground(other)
    tree = source.fill(small())
    copied(source, target)
    verified = run(task(source, target, kind=RunKind.VERIFY))
    assert verified.done is not None
    assert verified.done["status"] == "Succeeded", (verified.done, verified.rows)

    path, node = next((path, node) for path, node in sorted(tree.items()) if len(node.content) > 1000)
    flipped = replace(node, content=node.content[:500] + bytes([node.content[500] ^ 1]) + node.content[501:])
    if isinstance(target, Objects):
        _, metadata = target.get(path.decode())
        target.write(path.decode(), flipped.content, metadata)
    else:
        assert isinstance(target, Directory | Share)
        file = target.root / os.fsdecode(path)
        times = file.stat()
        file.write_bytes(flipped.content)
        os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))
    verified = run(task(source, target, kind=RunKind.VERIFY))
    assert verified.done is not None
    assert verified.done["code"] == codes.VERIFY_DIFFERENCES
    assert [(row[0], row[3]) for row in verified.rows] == [(path, codes.VERIFY_CONTENT)]


@pytest.mark.parametrize("other", OTHERS)
def test_a_large_file_there_and_back(port: Harbour, other: str) -> None:
    """20 MiB and a bit: more than one part, in whichever way a place cuts it."""
    source, there, back = port.ground("POSIX"), port.ground(other), port.ground("POSIX")
    tree = source.fill({b"large": Node("file", os.urandom(20 * MIB + 7))})
    copied(source, there)
    copied(there, back)
    assert unlike(tree, back.look(), set(), exact=True) == []
