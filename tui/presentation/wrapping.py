"""Text broken into lines of so many terminal cells."""

from __future__ import annotations

from rich.cells import cell_len, chop_cells


def wrap(text: str, width: int) -> list[str]:
    """Break a displayed-safe text between words, and inside those that are longer than a line; nothing is lost.

    At least one line comes back, an empty one for an empty text.
    """
    width = max(2, width)  # a character may take two
    lines = [""]
    for word in text.split(" "):
        joined = f"{lines[-1]} {word}" if lines[-1] else word
        if cell_len(joined) <= width:
            lines[-1] = joined
            continue
        pieces = chop_cells(word, width)
        lines += pieces if lines[-1] else pieces[1:]
        if not lines[-len(pieces)]:
            lines[-len(pieces)] = pieces[0]
    return lines
