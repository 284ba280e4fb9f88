"""The lines of a run's full report: how they are written, packed, read and exported.

One JSON object for each item, in ASCII, one a line; workers write a million of them, so that they
are built by hand. The keys, in their order:

``path``     relative to the root, as ``store.display.display`` shows it: ``undisplay`` has its bytes again
``kind``     an ``ItemKind``
``outcome``  an ``Outcome``
``action``   a ``PlannedAction``: what a preview would have done; absent otherwise
``size``     bytes
``code``     a status code, empty when there is nothing to say
``message``  why, in words
``md5``      digest of the content in hexadecimal, where one was made; absent otherwise
``attempt``  which attempt of the run says so
``source``, ``target``  only together with ``action``: a ``Facts`` as a list, or null for what is not there

Standard library only.
"""

from __future__ import annotations

import json
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator
from json.encoder import encode_basestring_ascii as _quoted
from typing import Any, Final, NamedTuple

from store.display import display, displayed
from store.vocabulary import ItemKind, PlannedAction

CHUNK_BYTES: Final = 128 * 1024
"""Lines are gathered up to about this size, and then packed."""

_LEVEL = 1
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # noqa: RUF001 - full width, as typed in Japan


class Facts(NamedTuple):
    """What a preview saw of an item on one side, and a plan expects to find again."""

    type: ItemKind
    inode: int
    size: int
    mtime_ns: int
    ctime_ns: int
    mode: int
    uid: int
    gid: int


def line(
    path: bytes,
    kind: str,
    outcome: str,
    size: int,
    attempt: int,
    *,
    code: str = "",
    message: str = "",
    md5: str = "",
    action: str = "",
    source: Facts | None = None,
    target: Facts | None = None,
) -> bytes:
    """One line, its line feed included (the module says what stands in it).

    Args:
        path: relative to the root.
        kind: an ``ItemKind``.
        outcome: an ``Outcome``.
        size: bytes.
        attempt: which attempt of the run says so.
        code: a status code.
        message: why.
        md5: digest in hexadecimal.
        action: a ``PlannedAction``; without one, source and target are not written.
        source: what the source has there.
        target: what the target has there.
    """
    shown = _quoted(display(path))
    planned = facts = digest = ""
    if action:
        planned = f'"action":"{action}",'
        facts = f',"source":{_written(source)},"target":{_written(target)}'
    if md5:
        digest = f'"md5":"{md5}",'
    words = _quoted(message) if message else '""'
    return (
        f'{{"path":{shown},"kind":"{kind}","outcome":"{outcome}",{planned}"size":{size},"code":"{code}",'
        f'"message":{words},{digest}"attempt":{attempt}{facts}}}\n'
    ).encode("ascii")


def word(text: str) -> str:
    """A kind, outcome or code that an agent has told, as it may stand in a line: it need not be one of ours."""
    return text if text.isalnum() and text.isascii() else _quoted(display(text))[1:-1]


def pack(written: Iterable[bytes]) -> bytes:
    """Lines as a chunk of the store's."""
    return zlib.compress(b"".join(written), _LEVEL)


def lines(chunk: bytes) -> Iterator[bytes]:
    """The lines of a chunk as they were written, without their line feeds.

    Raises:
        ValueError: the chunk is damaged.
    """
    return iter(_unpacked(chunk).splitlines())


def read(chunk: bytes) -> Iterator[dict[str, Any]]:
    """The items of a chunk; their paths are in the form of ``display``.

    Raises:
        ValueError: the chunk is damaged.
    """
    for one in lines(chunk):
        yield json.loads(one)


def facts_of(value: list[Any] | None) -> Facts | None:
    """What :func:`read` has under ``source`` or ``target``, as the facts that were written.

    Raises:
        ValueError: they are not such.
    """
    if value is None:
        return None
    if len(value) != len(Facts._fields):
        raise ValueError("these are not the facts of an item")
    return Facts(ItemKind(value[0]), *value[1:])


def tally(chunk: bytes) -> Counter[PlannedAction]:
    """How often each action stands in a preview's chunk, without reading its lines one by one.

    Raises:
        ValueError: the chunk is damaged.
    """
    text = _unpacked(chunk)
    # A quotation mark inside a text is escaped, so that this stands nowhere else.
    return Counter({action: text.count(f'"action":"{action}"'.encode()) for action in PlannedAction})


CSV_HEADER: Final = (
    *("path", "kind", "outcome", "action", "size", "code", "message", "md5", "attempt"),
    *(f"source_{name}" for name in Facts._fields),
    *(f"target_{name}" for name in Facts._fields),
)


def csv_row(item: dict[str, Any]) -> list[str]:
    """An item as the cells under ``CSV_HEADER``.

    A cell that a spreadsheet would take for a formula begins with an apostrophe, which it takes for
    "this is text"; a text that has an apostrophe first gets a second one, so that one can be taken away again.
    """
    sides = [cell for side in ("source", "target") for cell in item.get(side) or [""] * len(Facts._fields)]
    cells = [str(item.get(name, "")) for name in CSV_HEADER[: -len(sides)]]
    # What is in the message came from outside as it was; the path is displayed already, or the agent that wrote it
    # is not to be trusted.
    cells[CSV_HEADER.index("message")] = display(item.get("message", ""))
    numbers = [str(cell) if isinstance(cell, int) else _inert(displayed(str(cell))) for cell in sides]
    return [_inert(displayed(cell)) for cell in cells] + numbers


def _inert(cell: str) -> str:
    return f"'{cell}" if cell.startswith((*_FORMULA, "'")) else cell


def _written(facts: Facts | None) -> str:
    if facts is None:
        return "null"
    kind, inode, size, mtime, ctime, mode, uid, gid = facts
    return f'["{kind}",{inode},{size},{mtime},{ctime},{mode},{uid},{gid}]'


def _unpacked(chunk: bytes) -> bytes:
    try:
        return zlib.decompress(chunk)
    except zlib.error as error:
        raise ValueError(f"a part of the report is damaged: {error}") from error
