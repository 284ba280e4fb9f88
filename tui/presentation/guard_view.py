"""The guards that stopped a run: which they were, what they said, and what an admin typed to override them."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Collection, Sequence

from store.codes import GUARD_CODES, GUARDS
from store.display import display
from store.queries.runs import RunRow
from store.vocabulary import Guard, RunKind
from tui.presentation.cells import Cell
from tui.presentation.glyphs import Glyphs

Line = list[Cell]
GUARD_LINES = 4
"""Height of the block."""

TEXT_CELLS = 68
"""Cells of a line of what the guard said: the narrowest launch sheet has 72."""

_TEXT_LINES = 2
_NAMES = re.compile(rf"\b(?:{'|'.join(Guard)})\b")


def stopped_by(run: RunRow) -> tuple[Guard, ...]:
    """The guards that stopped a run, or would have stopped a preview's copy.

    The gravest gave the run its code; its message names them all.
    """
    if run.error_code not in GUARDS:
        return ()
    named = set(_NAMES.findall(run.error_message))
    return tuple(g for g in Guard if g in named or GUARD_CODES[g] == run.error_code)


def overridable(watched: Sequence[RunRow]) -> tuple[Guard, ...]:
    """The guards that an admin may override: those that would stop the next run as far as the last ones tell.

    What was overridden for such a run stops the next one, too, unless it is overridden again.

    Args:
        watched: the latest run that guards watched over, and the preview that is to be carried out.
    """
    found: set[Guard] = set()
    for run in watched:
        by = stopped_by(run)
        if by or run.kind == RunKind.PREVIEW:
            found.update(by, (Guard(name) for name in run.overrides))
    return tuple(guard for guard in Guard if guard in found)


def typed_guards(text: str, offered: Collection[Guard]) -> tuple[Guard, ...]:
    """The guards that a typed text names, in full and in their own spelling; separated by blanks or commas.

    Raises:
        ValueError: a name is none of those that are offered; the text is one sentence, safe to show.
    """
    names = text.replace(",", " ").split()
    for name in names:
        if name not in offered:
            raise ValueError(f"'{display(name, 20)}' is no guard here: {', '.join(offered)}")
    return tuple(guard for guard in Guard if guard in names)


def why_none(kind: RunKind, offered: Collection[Guard]) -> str:
    """Why no guard can be overridden; empty when one can."""
    if kind == RunKind.VERIFY:
        return "A verify run deletes nothing: it has no guard to override."
    if not offered:
        return "No guard stopped the last run: there is none to override."
    return ""


def guard_lines(
    watched: Sequence[RunRow], offered: Sequence[Guard], overrides: Sequence[Guard], kind: RunKind, glyphs: Glyphs
) -> list[Line]:
    """What stopped the last run and whether that is overridden now: ``GUARD_LINES`` lines, or none.

    Args:
        watched: the runs that ``overridable`` looked at, the one to tell of first.
        offered: what it found.
        overrides: what the admin has typed.
        kind: what is to be started.
        glyphs: the set to draw with.
    """
    if not offered:
        return []
    run = next((run for run in watched if stopped_by(run)), None)
    if run is None:
        head, said = f"Overridden for the preview: {', '.join(offered)}", list[str]()
    else:
        would = "would be" if run.kind == RunKind.PREVIEW else "was"
        head = f"#{run.number} {would} stopped ({run.error_code}) by {', '.join(stopped_by(run))}"
        said = textwrap.wrap(display(run.error_message), TEXT_CELLS)
    if len(said) > _TEXT_LINES:
        said = [*said[: _TEXT_LINES - 1], f"{said[_TEXT_LINES - 1][: TEXT_CELLS - 1]}{glyphs.ellipsis}"]
    said += [""] * (_TEXT_LINES - len(said))
    return [
        [Cell(f"{glyphs.attention} {head}", "warn")],
        *([Cell(f"  {text}", "dim")] for text in said),
        _now(offered, overrides, kind),
    ]


def _now(offered: Sequence[Guard], overrides: Sequence[Guard], kind: RunKind) -> Line:
    if kind == RunKind.VERIFY:
        return [Cell("  A verify run deletes nothing and has no guards.", "dim")]
    if not overrides:
        return [Cell(f"  On for this run too: {', '.join(offered)}")]
    return [Cell(f"  OVERRIDDEN for this run only: {', '.join(overrides)}", "bad")]
