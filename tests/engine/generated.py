"""Trees of every sort for hypothesis: what a source may look like, and what a target may look like before a run."""

from __future__ import annotations

import os
import random
import struct
from dataclasses import dataclass, replace
from functools import cache
from typing import Final

from hypothesis import strategies as st

ROOT: Final = os.geteuid() == 0

NAMES: Final = (
    *(b"a", b"b", b"c", b"A", b".hidden", b"-rf", b" ", b"new\nline", b"tab\t'\"$`"),
    *(b"caf\xe9", "cafe\u0301".encode(), "caf\u00e9".encode(), b"\xff\xfe", b"x" * 255, b".longshore-nearly.part"),
)
TEXTS: Final = (b"nowhere", b"a", b"../b", b".", b"/etc/passwd", b"to\xff\n", b"t" * 1000)
SIZES: Final = (0, 1, 100, 4096, 70_000)
FILE_MODES: Final = (0o644, 0o600, 0o755, 0o4755, 0o2711, 0o1644, 0o7777, *((0o000,) if ROOT else ()))
DIRECTORY_MODES: Final = (0o755, 0o700, 0o1777, 0o2775, *((0o000, 0o500) if ROOT else ()))
OWNERS: Final = ((0, 0), (1000, 2000), (65534, 0)) if ROOT else ((os.geteuid(), os.getegid()),)
ATTRIBUTES: Final = (
    *((b"user.a", b"1"), (b"user.a", b"2"), (b"user.b", b""), (b"user.long", b"v" * 2000)),
    *(((b"trusted.t", b"\x00\xff"),) if ROOT else ()),
)
CAPABILITY: Final = struct.pack("<IIIII", 0x02000001, 0x2000, 0, 0, 0)

DENSE: Final = (0, 1, 2)
"""Seeds of ordinary content; the others are holes with islands, written zeros, and one hole."""
ISLANDS: Final = 3
ZEROS: Final = 4
HOLE: Final = 5

MOMENT: Final = 1_500_000_000_123_456_789
STEPS: Final = (0, 1, 1_000_000_000)
"""Times differ by nothing, by the least that there is, and by a second."""


@dataclass(frozen=True, slots=True)
class Item:
    """One item of a generated tree.

    Attributes:
        kind: "file", "directory", "link" or "fifo".
        mode: permission bits with the special ones.
        owner: user and group.
        step: index into ``STEPS``.
        size: bytes of a file.
        seed: what is in a file. Other content always has another time too: a size and a time that lie are
            not what this is about.
        group: files of one group, if not 0, are names of one file.
        text: of a symbolic link.
        attributes: extended attributes.
        acl: which access control list, 0 for none.
        default_acl: the same for what is made in a directory.
        entries: what a directory holds.
    """

    kind: str
    mode: int
    owner: tuple[int, int]
    step: int
    size: int = 0
    seed: int = 0
    group: int = 0
    text: bytes = b""
    attributes: tuple[tuple[bytes, bytes], ...] = ()
    acl: int = 0
    default_acl: int = 0
    entries: tuple[tuple[bytes, Item], ...] = ()


def acl(number: int, mode: int) -> bytes:
    """An access control list as Linux keeps it: one or two further users and groups, by ``number``."""
    entries = [(0x01, mode >> 6 & 7, -1), (0x04, mode >> 3 & 7, -1), (0x10, 7, -1), (0x20, mode & 7, -1)]
    entries.append((0x02, number + 3, 1000))
    if number == 2:
        entries.append((0x08, 6, 2000))
    packed = b"".join(struct.pack("<HHi", *entry) for entry in sorted(entries, key=lambda entry: entry[::2]))
    return struct.pack("<I", 2) + packed


@cache
def content(size: int, seed: int) -> bytes:
    """What a dense file holds."""
    return random.Random(seed).randbytes(size)


_attributes = st.lists(st.sampled_from(ATTRIBUTES), max_size=2, unique_by=lambda pair: pair[0]).map(tuple)
_rarely = st.sampled_from((0, 0, 0, 1, 2))
_common = {"owner": st.sampled_from(OWNERS), "step": st.integers(0, len(STEPS) - 1)}

files = st.builds(
    Item,
    kind=st.just("file"),
    mode=st.sampled_from(FILE_MODES),
    size=st.sampled_from(SIZES),
    seed=st.sampled_from((*DENSE, ISLANDS, ZEROS, HOLE)),
    group=_rarely,
    attributes=st.one_of(
        st.just(()), _attributes, st.just(((b"security.capability", CAPABILITY),)) if ROOT else _attributes
    ),
    acl=_rarely,
    **_common,
)
links = st.builds(
    Item,
    kind=st.just("link"),
    mode=st.just(0o777),
    text=st.sampled_from(TEXTS),
    attributes=st.sampled_from(((), ((b"trusted.t", b"on a link"),)) if ROOT else ((),)),
    **_common,
)
fifos = st.builds(Item, kind=st.just("fifo"), mode=st.just(0o644), **_common)


def directories(held: st.SearchStrategy[Item], least: int, most: int) -> st.SearchStrategy[Item]:
    """Directories that hold so many of such items."""
    return st.builds(
        Item,
        kind=st.just("directory"),
        mode=st.sampled_from(DIRECTORY_MODES),
        attributes=_attributes,
        acl=_rarely,
        default_acl=_rarely,
        entries=st.dictionaries(st.sampled_from(NAMES), held, min_size=least, max_size=most).map(
            lambda found: tuple(found.items())
        ),
        **_common,
    )


def mixed(*kinds: st.SearchStrategy[Item]) -> st.SearchStrategy[Item]:
    """One of these, each as likely as it is named often."""
    return st.sampled_from(kinds).flatmap(lambda kind: kind)


leaves = mixed(files, files, files, files, files, links, links, fifos)
_lowest = directories(leaves, 0, 4)
_middle = directories(mixed(leaves, leaves, leaves, _lowest), 1, 5)
items = mixed(leaves, leaves, leaves, _lowest, _middle)
trees = directories(items, 3, 8)


@st.composite
def earlier(draw: st.DrawFn, now: Item) -> Item:
    """What a tree may have been before: the same but for some items that were others, or not there, or gone since."""
    if now.kind != "directory":
        change = draw(st.integers(0, 9))
        if change < 5:
            return now
        if change == 5:
            return draw(items)
        if change == 6:
            return replace(now, owner=draw(st.sampled_from(OWNERS)), mode=draw(st.sampled_from(FILE_MODES)))
        if change == 7:
            return replace(now, step=draw(st.integers(0, len(STEPS) - 1)), group=draw(_rarely))
        if now.kind == "file":
            return replace(now, size=draw(st.sampled_from(SIZES)), seed=draw(st.sampled_from(DENSE)))
        return replace(now, text=draw(st.sampled_from(TEXTS)))
    kept = {name: draw(earlier(held)) for name, held in now.entries if draw(st.integers(0, 4))}
    further = draw(st.dictionaries(st.sampled_from(NAMES), items, max_size=2))
    was = draw(st.sampled_from((now, draw(directories(leaves, 0, 0)))))
    return replace(was, entries=tuple({**further, **kept}.items()))


def build(tree: Item, root: bytes) -> None:
    """Make a tree in an existing directory."""
    _fill(tree, root, {})


def _fill(directory: Item, path: bytes, groups: dict[int, bytes]) -> None:
    for name, item in directory.entries:
        at = path + b"/" + name
        if item.kind == "directory":
            os.mkdir(at)
            _fill(item, at, groups)
            continue
        if item.kind == "file":
            if item.group in groups:
                os.link(groups[item.group], at)
                continue
            _write(item, at)
            if item.group:
                groups[item.group] = at
        elif item.kind == "link":
            os.symlink(item.text, at)
        else:
            os.mkfifo(at)
        _dress(item, at)
    _dress(directory, path)


def _write(item: Item, path: bytes) -> None:
    with open(path, "wb") as file:
        if item.seed in (ISLANDS, HOLE):
            file.truncate(item.size)
            if item.seed == ISLANDS and item.size > 40_000:
                file.seek(32_768)
                file.write(b"island")
        else:
            file.write(bytes(item.size) if item.seed == ZEROS else content(item.size, item.seed))


def _dress(item: Item, path: bytes) -> None:
    os.chown(path, *item.owner, follow_symlinks=False)
    if item.kind in ("file", "directory"):
        os.chmod(path, item.mode)
    for name, value in item.attributes:
        os.setxattr(path, name, value, follow_symlinks=False)
    if item.acl:
        os.setxattr(path, b"system.posix_acl_access", acl(item.acl, item.mode))
    if item.default_acl:
        os.setxattr(path, b"system.posix_acl_default", acl(item.default_acl, 0o750))
    moment = MOMENT + item.seed * 1_000_000_000_000 + STEPS[item.step]
    os.utime(path, ns=(moment, moment), follow_symlinks=False)
