"""One item of a run in full: what the list has no room for."""

from __future__ import annotations

import textwrap
from unicodedata import east_asian_width

from store.codes import CATALOGUE
from store.display import display
from store.queries.items import ItemRow
from store.vocabulary import ItemKind, RunKind
from tui.presentation import format as figures
from tui.presentation.cells import Cell
from tui.presentation.glyphs import Glyphs
from tui.presentation.rows import ago, item_row

Line = list[Cell]

_KINDS = {
    ItemKind.FILE: "file",
    ItemKind.DIRECTORY: "directory",
    ItemKind.SYMLINK: "symbolic link",
    ItemKind.SPECIAL: "FIFO, socket or device",
}


def item_lines(item: ItemRow, kind: RunKind, now: int, width: int, height: int, glyphs: Glyphs) -> list[Line]:
    """What became of it, its whole path, the system's words, and what to do: at most ``height`` lines.

    A path that is too long for that is cut in its middle, where it says least.
    """
    outcome = item_row(item, kind).cells[0]
    what = _KINDS.get(ItemKind(item.kind), item.kind) if item.kind in set(ItemKind) else display(item.kind)
    head = [[outcome, Cell(f"  a {what} of {figures.size(item.size)}, recorded {ago(now, item.at)}", "dim")], []]
    known = CATALOGUE.get(item.code)
    tail: list[Line] = [[], *_sentences(display(item.message), width, "")]
    if item.code:
        title = f"{display(item.code)}  {known.title if known else 'a code that this version does not know'}"
        tail += [[], *_sentences(title, width, "strong"), *_sentences(known.advice if known else "", width, "")]
    tail += [[], [Cell("esc", "accent"), Cell(" goes back")]]
    path = sliced(display(item.path), width)
    room = max(2, height - len(head) - len(tail))
    if len(path) > room:
        left_out = len(path) - room + 1
        path = [
            *path[: room // 2],
            f"{glyphs.ellipsis} {left_out} lines of it are left out",
            *path[-(room - room // 2 - 1) :],
        ]
    return [*head, *([Cell(line, "strong")] for line in path), *tail][:height]


def sliced(text: str, width: int) -> list[str]:
    """A text in lines of at most ``width`` cells, with nothing left out: not even a blank, which names may have."""
    lines, line, used = [], "", 0
    for character in text:
        cells = 2 if east_asian_width(character) in "WF" else 1
        if used + cells > width:
            lines.append(line)
            line, used = "", 0
        line += character
        used += cells
    return [*lines, line]


def _sentences(text: str, width: int, style: str) -> list[Line]:
    lines = textwrap.wrap(text, width)
    if len(lines) > _MOST_LINES:
        lines = [*lines[: _MOST_LINES - 1], lines[_MOST_LINES - 1][: width - 3] + "..."]
    return [[Cell(line, style)] for line in lines]


_MOST_LINES = 4
