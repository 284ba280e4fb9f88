"""Small trees with every name that is hard on somebody, as values that any kind of place can be filled with."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from typing import Final

MIB: Final = 1 << 20
OLD: Final = 1_500_000_000_123_456_700
"""A time in the past that NTFS's steps of 100 ns can say, too."""


@dataclass(frozen=True, slots=True)
class Node:
    """One item.

    Attributes:
        kind: "file", "directory" or "link".
        content: of a file.
        text: of a link.
        mtime_ns: modification time; None where it does not matter or is not known.
    """

    kind: str
    content: bytes = b""
    text: bytes = b""
    mtime_ns: int | None = OLD


Tree = dict[bytes, Node]
"""Items by path; every directory is among them."""

NAMES: Final = (
    *("plain.txt", "with space", "[red]markup[bold]", "emoji-🚢-名前", "cafe\u0301", "percent%20+&=#;?", "quote'\"<x>"),
    *(
        "trailing.",
        "trailing ",
        "colon:name",
        "back\\slash",
        "tab\tname",
        "new\nline",
        "Case",
        "case",
        "-rf",
        "n" * 200,
    ),
    *("\u202egnp.exe", "~tilde$", ".hidden", "a*b|c"),
)
UNDECODABLE: Final = b"caf\xe9-\xff"

EVERYWHERE: Final = frozenset(
    name.encode() for name in ("plain.txt", "with space", "[red]markup[bold]", "emoji-🚢-名前", "cafe\u0301", "n" * 200)
) | {b"-rf", b"~tilde$", b".hidden", b"percent%20+&=#;"}
"""Names that no kind of place has an excuse to refuse."""


def hostile() -> Tree:
    """Every name as a file, and what else is hard: empty ones, deep ones, large ones, one beside its own prefix."""
    tree: Tree = {b"names": Node("directory")}
    for number, name in enumerate(NAMES):
        tree[b"names/" + name.encode()] = Node("file", f"content of {number}".encode() * number)
    tree[b"names/" + UNDECODABLE] = Node("file", b"undecodable")
    tree[b"names/percent%20+&=#;"] = Node("file", b"percent")
    tree |= {
        b"empty": Node("file"),
        b"empty-directory": Node("directory"),
        b"links": Node("directory"),
        b"links/relative": Node("link", text=b"../empty"),
        b"links/nowhere": Node("link", text="no such 名前".encode()),
        # In the order of bytes these come between "sort" and what is in it.
        b"sort": Node("directory"),
        b"sort!": Node("file", b"before the slash"),
        b"sort-": Node("file", b"before the slash, too"),
        b"sort.txt": Node("file", b"just before the slash"),
        b"sort/inner": Node("file", b"inside"),
        b"sort0": Node("file", b"after the slash"),
    }
    path = b"deep"
    for depth in range(12):
        tree[path] = Node("directory")
        tree[path + b"/file"] = Node("file", b"%d" % depth * 50)
        path += b"/level-%d" % depth
    tree[b"large"] = Node("file", random.Random(5).randbytes(5 * MIB + 4321))
    return tree


def small() -> Tree:
    """A few files in directories, for runs that are about something else."""
    chance = random.Random(3)
    tree: Tree = {}
    for number in range(40):
        directory = b"d%d" % (number % 4)
        tree[directory] = Node("directory")
        tree[directory + b"/f%02d" % number] = Node("file", chance.randbytes(chance.randrange(1, 9_000)))
    return tree


def edited(tree: Tree, seed: int) -> Tree:
    """The tree after a while: things added, deleted, written to, and turned into another kind."""
    chance = random.Random(seed)
    changed = dict(tree)
    files = sorted(path for path, node in tree.items() if node.kind == "file" and path.startswith((b"names/", b"sort")))
    gone, rewritten, grown, *rest = chance.sample(files, 9)
    del changed[gone]
    changed[rewritten] = Node("file", b"written anew", mtime_ns=OLD + 10**12)
    # Of the same size: the time alone tells it.
    content = tree[grown].content
    changed[grown] = Node("file", bytes(255 - byte for byte in content), mtime_ns=OLD + 2 * 10**12)
    changed[rest[0]] = Node("directory")
    changed[rest[0] + b"/inside"] = Node("file", b"a file that became a directory")
    deepest = max((path for path, node in tree.items() if node.kind == "directory"), key=len)
    for directory in (deepest, b"empty-directory"):
        if directory in changed:
            changed = {path: node for path, node in changed.items() if not path.startswith(directory + b"/")}
            changed[directory] = Node("file", b"a directory that became a file")
    for number in range(5):
        changed[b"new-%d" % number] = Node("file", b"new" * number)
    for path in rest[1:3]:
        changed[path] = replace(tree[path], mtime_ns=OLD + 3 * 10**12)
    return changed
