"""What needs an admin as rows: why, what, since when, and what to do."""

from __future__ import annotations

from store.codes import CATALOGUE, GUARDS
from store.display import display
from store.queries.attention import Attention, AttentionRow
from tui.keymap import key
from tui.presentation.cells import Cell, Column, Row
from tui.presentation.fleet_view import ADVICE
from tui.presentation.glyphs import Glyphs
from tui.presentation.rows import ago

ATTENTION_COLUMNS = (
    Column("Why", 20, priority=8),
    Column("What", None, min_width=16, priority=9, keep="#"),
    Column("Since", 8, "right", priority=5),
    Column("What to do", None, min_width=20, priority=6),
)

_WORDS = {
    Attention.AGENT_ATTENTION: ("attention", "agent has an error", "bad"),
    Attention.RUN_LOST: ("attention", "agent lost", "bad"),
    Attention.CANCEL_OVERDUE: ("stopping", "cancel overdue", "bad"),
    Attention.AGENT_OFFLINE: ("offline", "agent is offline", "warn"),
    Attention.RUN_WAITS: ("waiting", "waits for agent", "warn"),
    Attention.LATEST_FAILED: ("failed", "latest run failed", "bad"),
}
ADVICE_LINES = 2
_GUARDED = ("attention", "stopped by a guard", "warn")


def attention_row(row: AttentionRow, now: int, glyphs: Glyphs) -> Row:
    """One line."""
    return Row(
        row.key,
        (_why(row, glyphs), Cell(_what(row), "strong"), Cell(ago(now, row.since), "dim"), Cell(_to_do(row))),
    )


def advice_lines(row: AttentionRow, width: int, glyphs: Glyphs) -> list[list[Cell]]:
    """What to do about a row in full, in ``ADVICE_LINES`` lines of a width, the first with what it is about."""
    why, what, told = _why(row, glyphs), f"  {_what(row)}  ", _to_do(row)
    first = max(0, width - len(why.text) - len(what))
    cut = len(told) if len(told) <= first else max(0, told.rfind(" ", 0, first + 1))
    return [[why, Cell(what, "strong"), Cell(told[:cut])], [Cell(told[cut:].strip())]]


def _why(row: AttentionRow, glyphs: Glyphs) -> Cell:
    guarded = row.why == Attention.LATEST_FAILED and row.code in GUARDS
    glyph, word, style = _GUARDED if guarded else _WORDS[row.why]
    return Cell(f"{getattr(glyphs, glyph)} {word}", style)


def _what(row: AttentionRow) -> str:
    return f"{row.path} #{row.number}" if row.why == Attention.LATEST_FAILED else row.path


def _to_do(row: AttentionRow) -> str:
    code = CATALOGUE.get(row.code)
    advice = code.advice if code else ""
    waiting = f"{row.runs} {'run waits' if row.runs == 1 else 'runs wait'}"
    match row.why:
        case Attention.AGENT_ATTENTION:
            return f"{display(row.message)}. {ADVICE.get(row.code, '')}".strip()
        case Attention.RUN_LOST:
            return f"start '{row.agent}' again, or {key('run.hand_over')} hands the run over"
        case Attention.CANCEL_OVERDUE:
            return f"'{row.agent}' did not end it: the store does, whoever looks"
        case Attention.AGENT_OFFLINE:
            return f"{waiting}: start it with 'longshore-agent run'"
        case Attention.RUN_WAITS:
            return f"start '{row.agent}', or {key('run.hand_over')} hands the run over"
        case Attention.LATEST_FAILED:
            told = f"{display(row.code)} {display(row.message)}".strip()
            return f"{told}. {advice}" if advice else told
