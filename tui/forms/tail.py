"""What stands above and below a form's page: its steps, the hint, completions, and the keys."""

from __future__ import annotations

import textwrap
from collections.abc import Collection, Sequence

from rich.cells import cell_len

from store.display import display
from tui.forms.field import Field
from tui.forms.form import Form
from tui.forms.layout import hint_of
from tui.presentation.cells import Cell
from tui.presentation.glyphs import Glyphs

Line = list[Cell]
SAID_LINES = 3
TAIL_LINES = 2 + SAID_LINES


def head_line(form: Form, page: int, wrong: Collection[str], glyphs: Glyphs) -> Line:
    """The steps of a form; the present one stands out, one with something wrong is marked once it lies behind."""
    if len(form.pages) == 1:
        return []
    line: Line = []
    for number, one in enumerate(form.pages):
        if line:
            line.append(Cell(f" {glyphs.crumb} ", "dim"))
        marked = number < page and any(key in wrong for key in one.keys)
        mark = f" {glyphs.failed}" if marked else ""
        words = f"{number + 1} {one.title}{mark}"
        style = "bad" if marked else "strong" if number == page else "dim"
        line.append(Cell(f"[{words}]" if number == page else words, style))
    return line


def tail_lines(
    form: Form,
    field: Field | None,
    text: str,
    completions: Sequence[str],
    says: tuple[str, str],
    width: int,
    *,
    last: bool,
    at_end: bool,
) -> list[Line]:
    """The lines below a page.

    Args:
        form: the form.
        field: the one with the focus.
        text: what is typed in it.
        completions: of what is typed in it; outside text.
        says: what the store or the form says, safe to show, and its style.
        width: cells of a line.
        last: whether this is the last page.
        at_end: whether there is no field after it on the page.
    """
    said, style = says
    parts = textwrap.wrap(said, width)[:SAID_LINES]
    below: list[Line] = [[Cell(part, style)] for part in parts]
    if not below and field is not None:
        parts = textwrap.wrap(hint_of(field, text), width)[:SAID_LINES]
        below = [[Cell(part, "dim")] for part in parts]
    below += [[] for _ in range(SAID_LINES - len(below))]
    return [_offered(completions, width), *below, _keys(form, last=last, at_end=at_end)]


def _offered(completions: Sequence[str], width: int) -> Line:
    """As many completions as fit, and the keys that take them."""
    keys = "right takes it" if len(completions) == 1 else "right takes it, ctrl+n the next"
    line: Line = []
    room = width - len(keys)
    for number, one in enumerate(completions):
        shown = display(_last(one), limit=40) or "what was typed"
        room -= cell_len(shown) + 2
        if room < 10 and number:
            line.append(Cell(f"and {len(completions) - number} more  ", "dim"))
            break
        line += [Cell(shown, "accent" if not number else ""), Cell("  ")]
    return [*line, Cell(keys, "dim")] if line else []


def _last(completion: str) -> str:
    """Of a directory its own name: those above it were typed."""
    return f"{completion[:-1].rpartition('/')[2]}/" if completion.endswith("/") else completion


def _keys(form: Form, *, last: bool, at_end: bool) -> Line:
    """The keys that do something now."""
    ending = form.done if last else "review"
    keys = [("enter", form.done if last else "next step")] if at_end else [("enter", "next")]
    if not (at_end and last):
        keys.append(("ctrl+s", ending))
    if not (at_end or last):
        keys.append(("pgdn", "next step"))
    if len(form.pages) > 1:
        keys.append(("pgup", "back"))
    keys.append(("esc", "leave"))
    line: Line = []
    for key, label in keys:
        line += [Cell(key, "accent"), Cell(f" {label}   ")]
    return line
