"""The one function that makes text from outside safe to show, and its inverse.

File names, share names, descriptions and error texts may hold escape sequences, bidi controls,
invisible characters and bytes that are no text at all; a terminal would obey, reorder or misplace
them. Everything that shows such text passes it through ``display`` first, at the boundary where
rows become cells or lines of output. Standard library only.

Letters stay letters, of every script, as long as terminals agree on their cells. Two things remain that
no escaping could mend without making names unreadable. Right-to-left letters are shown in the order in
which the name has them; a terminal that reorders by itself may move their neighbours within that line, and
the columns still add up. The spacing vowel signs of Indic scripts take no cell by Unicode's present count
and one by that of older terminals (tmux 3.3, glibc 2.36): there the rest of the line moves to the right, and
no farther than its end.

The escaped form follows Python's literals, with one distinction: ``\\xNN`` is always one *byte*
(below 0x80 that is also the character), ``\\uNNNN`` and ``\\UNNNNNNNN`` are characters. C1 controls
are therefore ``\\u0085`` when they were encoded as UTF-8 and ``\\x85`` when they were a stray byte.
"""

from __future__ import annotations

import os
import re
import unicodedata
from functools import lru_cache

ELLIPSIS = "…"
"""What ``display`` ends a cut text with: one cell."""

MAX_MARKS = 2
"""Combining marks left alone after one base character; more of them climb into other lines."""

_ESCAPED = -1
"""The width class of a character that is not shown as itself."""

_HIDDEN = re.compile(
    "[\\\\"
    "\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0"  # joiners and fillers without a shape
    "\u180b-\u180f\ufe00-\ufe0f\U000e0100-\U000e01ef"  # variation selectors
    "\ufffc"  # stands for an object that is not there
    # Terminals disagree on the width of these, so no column after them would line up.
    "\u2630-\u2637\u268a-\u268f\u302e\u302f\u3248-\u324f\u4dc0-\u4dff\U00016ff0\U00016ff1"
    "\U0001d165\U0001d166\U0001d16d-\U0001d172\U0001d300-\U0001d356\U0001d360-\U0001d376"
    "\U0001f1e6-\U0001f1ff\U0001f3fb-\U0001f3ff]"
)
"""Printable to Python, yet not to be shown as themselves (the backslash: to stay reversible)."""

_NOT_ASCII = re.compile("[^\x00-\x7f]")
_ESCAPE = re.compile(r"\\(?:\\|x[0-9a-f]{2}|u[0-9a-f]{4}|U[0-9a-f]{8})")


def display(text: str | bytes | os.PathLike[str] | os.PathLike[bytes], limit: int | None = None) -> str:
    """Return an inert, visible, single-line form of a text that came from outside.

    Control, bidi, zero-width, private, unassigned and undecodable parts are shown escaped, as is the
    backslash; everything else stays. Without ``limit`` nothing is lost: see ``undisplay``.

    Args:
        text: What to show. Bytes are read as UTF-8; a str may carry them as surrogate escapes.
        limit: The most terminal cells the result may take; a longer one ends in an ellipsis.
    """
    if not isinstance(text, (str, bytes)):
        text = os.fspath(text)
    if isinstance(text, bytes):
        text = text.decode("utf-8", "surrogateescape")
    if text.isascii() and text.isprintable() and "\\" not in text:
        if limit is None or len(text) <= limit:
            return text
        return text[: limit - 1] + ELLIPSIS if limit > 0 else ""
    return _display_slowly(text, limit)


@lru_cache(maxsize=2_048)
def displayed(text: str) -> str:
    """Return a text that is said to be displayed already, with whatever is not escaped.

    What did come from ``display`` stays as it is: of what ``display`` escapes, this leaves the backslash alone.
    """
    return "\\".join(display(part) for part in text.split("\\"))


def undisplay(text: str) -> bytes:
    """Return the bytes whose uncut ``display`` form is ``text``.

    Raises:
        ValueError: ``text`` holds a backslash that starts no escape of ``display``'s.
    """
    parts: list[bytes] = []
    position = 0
    while (start := text.find("\\", position)) >= 0:
        parts.append(text[position:start].encode())
        escape = _ESCAPE.match(text, start)
        if escape is None:
            raise ValueError(f"not a displayed text: stray backslash at {start}")
        parts.append(_unescape(escape.group()))
        position = escape.end()
    parts.append(text[position:].encode())
    return b"".join(parts)


def in_ascii(text: str) -> str:
    """Return a form of a displayed text for a terminal that shows ASCII alone; ``undisplay`` reads it just as well.

    Such a terminal would take each byte of another character for one of its own, and 0x9b among them for the
    start of a control sequence.
    """
    return text if text.isascii() else _NOT_ASCII.sub(lambda found: _escape(found.group()), text)


def _display_slowly(text: str, limit: int | None) -> str:
    pieces: list[str] = []
    width = 0
    kept = 0  # pieces that still fit when an ellipsis follows them
    marks = MAX_MARKS  # a mark without a base would sit on whatever stands left of this text
    for character in text:
        piece = character
        cells = _width_class(character)
        if cells == 0 and marks < MAX_MARKS:
            marks += 1
        elif cells > 0:
            marks = 0
        else:
            piece = _escape(character)
            cells = len(piece)
            marks = MAX_MARKS
        pieces.append(piece)
        width += cells
        if limit is not None:
            if width > limit:
                return "".join(pieces[:kept]) + ELLIPSIS if limit > 0 else ""
            if width < limit:
                kept = len(pieces)
    return "".join(pieces)


@lru_cache(maxsize=4096)
def _width_class(character: str) -> int:
    """Return the cells of a character: 1 or 2, 0 for a mark on the one before, or ``_ESCAPED``."""
    category = unicodedata.category(character)
    if category[0] == "C" or category in ("Zl", "Zp") or _HIDDEN.match(character):
        return _ESCAPED
    if category[0] == "M" or "\u1160" <= character <= "\u11ff" or "\ud7b0" <= character <= "\ud7ff":
        # Vowels and final consonants of decomposed Korean join the consonant before them.
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _escape(character: str) -> str:
    if character == "\\":
        return "\\\\"
    code = ord(character)
    if code < 0x80:
        return f"\\x{code:02x}"
    if 0xDC80 <= code <= 0xDCFF:  # a byte that was not UTF-8, as surrogateescape carries it
        return f"\\x{code - 0xDC00:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


def _unescape(escape: str) -> bytes:
    if escape == "\\\\":
        return b"\\"
    code = int(escape[2:], 16)
    if escape[1] == "x":
        return bytes([code])
    return chr(code).encode("utf-8", "surrogatepass")
