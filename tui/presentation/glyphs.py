"""The characters the screen draws with: one set for UTF-8 terminals, one of ASCII only."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass

_POOR_TERMINALS = re.compile(r"(?:linux|vt\d|dumb|ansi|cons\d|sun)", re.IGNORECASE)
"""Terminals whose font or character set has no block elements, whatever the locale says."""


@dataclass(frozen=True, slots=True)
class Glyphs:
    """A complete set of one-cell glyphs. Each glyph is one cell wide and stands beside a word:
    none carries a meaning alone."""

    unicode: bool
    """False if every glyph of this set is ASCII."""

    # States
    online: str
    offline: str
    busy: str
    waiting: str
    paused: str
    stopping: str
    done: str
    failed: str
    canceled: str
    attention: str
    unknown: str

    # Figures
    bar_full: str
    bar_parts: str
    """Partly filled cells, least first; empty if a cell is either full or not."""
    bar_empty: str
    spark: str
    """Levels of a sparkline, lowest first."""

    # Structure
    expanded: str
    collapsed: str
    tree_vertical: str
    tree_branch: str
    tree_last: str
    tree_horizontal: str
    arrow_right: str
    arrow_left: str
    arrow_up: str
    arrow_down: str
    crumb: str
    """Between the parts of a breadcrumb."""
    separator: str
    """Between facts on one line."""
    mark: str
    """In front of a marked row."""
    ellipsis: str
    border: str
    """Name of the Textual border type that draws with this set."""


UNICODE = Glyphs(
    unicode=True,
    online="●",
    offline="○",
    busy="▶",
    waiting="◌",
    paused="‖",
    stopping="◐",
    done="✓",
    failed="✗",
    canceled="■",
    attention="▲",
    unknown="?",
    bar_full="█",
    bar_parts="▏▎▍▌▋▊▉",
    bar_empty="░",
    spark="▁▂▃▄▅▆▇█",
    expanded="▾",
    collapsed="▸",
    tree_vertical="│",
    tree_branch="├",
    tree_last="└",
    tree_horizontal="─",
    arrow_right="→",
    arrow_left="←",
    arrow_up="↑",
    arrow_down="↓",
    crumb="›",  # noqa: RUF001 (chosen for its look)
    separator="·",
    mark="◆",
    ellipsis="…",
    border="solid",
)
"""For terminals that show UTF-8."""

ASCII = Glyphs(
    unicode=False,
    online="*",
    offline="o",
    busy=">",
    waiting=".",
    paused='"',
    stopping="~",
    done="+",
    failed="x",
    canceled="-",
    attention="!",
    unknown="?",
    bar_full="#",
    bar_parts="",
    bar_empty="-",
    spark="_.-=+*#",
    expanded="-",
    collapsed="+",
    tree_vertical="|",
    tree_branch="|",
    tree_last="`",
    tree_horizontal="-",
    arrow_right=">",
    arrow_left="<",
    arrow_up="^",
    arrow_down="v",
    crumb="/",
    separator="|",
    mark="*",
    ellipsis="~",
    border="ascii",
)
"""For every other terminal: nothing outside 0x20 to 0x7e."""


def choose(ascii_only: bool, encoding: str, term: str) -> Glyphs:
    """Return the glyph set for this session; called once at start.

    Args:
        ascii_only: The user asked for ASCII.
        encoding: The output stream's encoding by any of its names; unknown or empty means ASCII.
        term: The value of ``TERM``.
    """
    try:
        utf8 = codecs.lookup(encoding).name == "utf-8"
    except LookupError:
        utf8 = False
    if ascii_only or not utf8 or _POOR_TERMINALS.match(term):
        return ASCII
    return UNICODE
