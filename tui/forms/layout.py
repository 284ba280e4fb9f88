"""A page of a form as lines of cells: labels, what was typed, what is wrong under it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from rich.cells import cell_len

from store.display import display
from tui.forms.field import Field
from tui.forms.form import FORM, Form, Page
from tui.forms.words import meaning
from tui.presentation.cells import Cell
from tui.presentation.glyphs import Glyphs
from tui.presentation.wrapping import wrap

Line = list[Cell]
LABEL_CELLS = 20
"""Cells from the left edge to where the texts stand."""
EMPTY = "-"
"""Shown for a field in which nothing was typed."""
MOST_LINES = 6
"""Of one text: a path of thousands of characters must not push everything else off the page."""


class State(NamedTuple):
    """What the screen knows of its form."""

    texts: Mapping[str, str]
    wrong: Mapping[str, str]
    """What is wrong and may be said by now, by the fields' keys."""
    doubts: Mapping[str, str]
    told: Mapping[str, str]
    """What another admin did meanwhile."""
    current: str
    """The key of the field with the focus; empty for none."""


class Drawn(NamedTuple):
    """The lines of a page, and on which of them each field stands."""

    lines: list[Line]
    at: dict[str, int]
    ends: dict[str, int]
    """The last line that belongs to a field."""


def draw(form: Form, page: Page, state: State, width: int, glyphs: Glyphs) -> Drawn:
    """Draw a page for a width in cells."""
    drawn = Drawn([], {}, {})
    if not page.keys:
        drawn.lines.extend(wrapped(form.review(state.texts, glyphs), width, glyphs))
    group = ""
    for key in page.keys:
        field = form.field(key)
        if field.group != group:
            group = field.group
            if group:
                drawn.lines.extend([[], [Cell(group, "strong")]])
        drawn.at[key] = len(drawn.lines)
        drawn.lines.append(_line(field, state, glyphs))
        for words, style in _notes(key, state):
            mark = glyphs.failed if style == "bad" else glyphs.attention
            drawn.lines.extend(indented(f"{mark} {words}", LABEL_CELLS, width, style, glyphs))
        drawn.lines.extend(wrapped([_pushed(line) for line in form.block(key, state.texts, glyphs)], width, glyphs))
        drawn.ends[key] = len(drawn.lines) - 1
    if FORM in state.wrong:
        drawn.lines.extend(indented(f"{glyphs.failed} {display(state.wrong[FORM])}", 0, width, "bad", glyphs))
    return drawn


def hint_of(field: Field, text: str) -> str:
    """What is said of the field with the focus; safe to show."""
    if field.typed:
        return field.hint
    return "; ".join(filter(None, (field.hint or meaning(field.key, text), "left and right choose")))


def indented(text: str, indent: int, width: int, style: str, glyphs: Glyphs) -> list[Line]:
    """A text that is safe to show, wrapped, with an indent on every line and a deeper one after the first."""
    first, *rest = _parts(text, max(20, width - indent - 2), glyphs)
    return [[Cell(" " * indent), Cell(first, style)], *([Cell(" " * (indent + 2)), Cell(one, style)] for one in rest)]


def wrapped(lines: Sequence[Line], width: int, glyphs: Glyphs) -> list[Line]:
    """The same lines; of one that is too wide, the last cell goes on below where it began."""
    found: list[Line] = []
    for line in lines:
        taken = sum(cell_len(cell.text) for cell in line[:-1])
        if not line or taken + cell_len(line[-1].text) <= width or width - taken < 20:
            found.append(line)
            continue
        last = line[-1]
        first, *rest = _parts(last.text, width - (taken or 2), glyphs)
        found.append([*line[:-1], Cell(first, last.style)])
        found += [[Cell(" " * (taken or 2)), Cell(part, last.style)] for part in rest]
    return found


def _parts(text: str, width: int, glyphs: Glyphs) -> list[str]:
    """A text in lines of so many cells; of a very long one the beginning and the end, where it is said what to do."""
    parts = wrap(text, width)
    return parts if len(parts) <= MOST_LINES else [*parts[: MOST_LINES - 3], glyphs.ellipsis, *parts[-2:]]


def _line(field: Field, state: State, glyphs: Glyphs) -> Line:
    current = field.key == state.current
    mark = f"{glyphs.busy} " if current else "  "
    label = Cell(f"{mark}{field.label}"[: LABEL_CELLS - 1].ljust(LABEL_CELLS), "accent" if current else "dim")
    text = state.texts.get(field.key, "")
    shown = display(text)
    if field.fixed:
        return [label, Cell(shown or EMPTY), Cell(f"   {field.fixed}", "dim")]
    if field.typed:
        return [label, Cell(shown or EMPTY, "" if shown else "dim")]
    word = shown or "none"
    cells = [Cell(f"{glyphs.arrow_left} {word} {glyphs.arrow_right}" if current else word, "strong" if current else "")]
    if means := meaning(field.key, text):
        cells.append(Cell(f"   {means}", "dim"))
    return [label, *cells]


def _notes(key: str, state: State) -> list[tuple[str, str]]:
    """What stands under a field, the gravest first."""
    found = [(state.wrong.get(key, ""), "bad"), (state.told.get(key, ""), "warn"), (state.doubts.get(key, ""), "warn")]
    return [(display(words), style) for words, style in found if words]


def _pushed(line: Line) -> Line:
    return [Cell(" " * LABEL_CELLS), *line] if line else []
