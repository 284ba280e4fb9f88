"""The words of the registration sheet: the line to paste, and what became of its token."""

from __future__ import annotations

import re
import shlex
from collections.abc import Collection, Sequence
from typing import NamedTuple

from rich.cells import cell_len, chop_cells

from store.display import display
from store.queries.registration import TokenState
from store.vocabulary import AgentStatus
from tui.keymap import key
from tui.presentation import format as figures
from tui.presentation.cells import Cell
from tui.presentation.glyphs import Glyphs
from tui.presentation.states import agent_state
from tui.presentation.wrapping import wrap

Line = list[Cell]


class Paste(NamedTuple):
    """What the line to paste is made of."""

    store_url: str
    mover: str
    name: str
    token: str

    def __repr__(self) -> str:
        return f"Paste({self.mover}/{self.name})"


class Sheet(NamedTuple):
    """What the sheet shows now."""

    paste: Paste
    local: bool
    """Whether only this machine reaches the store."""
    state: TokenState | None
    """None when the token is gone with its mover."""
    here: tuple[str, ...] = ()
    """What is to be known of the agent that was started on this machine; safe to show."""
    ended: bool = False
    """Whether its process has ended."""
    note: str = ""
    """What the last key came to; safe to show."""
    note_style: str = ""


def pieces(paste: Paste) -> list[str]:
    """The line to paste, in pieces that belong together, each quoted for a shell.

    The token is given by the environment: an argument would show in ps. The blank that begins the line keeps it out of
    the history of most shells.
    """
    # Not quoted: the shell over there knows its home. A name needs no quotes.
    state = f"~/.local/state/longshore/agents/{paste.name}"
    return [
        f" LONGSHORE_TOKEN={paste.token}",
        "longshore-agent register",
        f"--store {shlex.quote(paste.store_url)}",
        f"--mover {paste.mover}",
        f"--name {paste.name}",
        f"--state {state}",
        "&& longshore-agent run",
        f"--state {state}",
    ]


def pasted(paste: Paste) -> str:
    """The line as it is copied."""
    return " ".join(pieces(paste))


def broken(parts: Sequence[str], width: int) -> list[str]:
    """The pieces on lines of so many cells that a shell takes as one line, whoever copies them off the screen."""
    lines: list[str] = []
    for part in map(display, parts):
        joined = f"{lines[-1]} {part}" if lines else part
        if lines and cell_len(joined) <= width - 2:
            lines[-1] = joined
            continue
        if lines:
            lines[-1] += " \\"
        # Within a word the sign for a broken line stands without a blank.
        *begun, rest = chop_cells(part, max(2, width - 2))
        lines += [*(f"{piece}\\" for piece in begun), rest]
    return lines


def sheet_lines(sheet: Sheet, width: int, glyphs: Glyphs) -> list[Line]:
    """Everything above the keys."""
    state = sheet.state
    if state is None:
        return [[Cell("The storage mover was deleted, and the token with it.", "warn")]]
    if state.used_by:
        return [*_registered(sheet, state, glyphs), *_notes(sheet, width)]
    if state.now >= state.expires_at:
        return [
            [Cell(f"The token has expired unused: esc leaves, {key('agent.register')} makes another.", "warn")],
            *_notes(sheet, width),
        ]
    name = sheet.paste.name
    where = "Paste this line on this machine" if sheet.local else "Paste this line on the agent's host"
    lines: list[Line] = [[Cell(f"{where}: it registers it as '{name}' and starts it.", "strong")], []]
    lines += [[Cell(line, "accent")] for line in broken(pieces(sheet.paste), width)]
    told = f"The token is secret and works once, for another {_left(state)}; no view of it is saved."
    lines += [[], *([Cell(line, "dim")] for line in wrap(told, width))]
    if sheet.local:
        lines.append([Cell("Only this machine reaches this store: the agent must run here, too.", "warn")])
    waiting = f"{glyphs.waiting} Waiting for the agent to register{glyphs.ellipsis}"
    return [*lines, [], [Cell(waiting, "busy")], *_notes(sheet, width)]


def keys_line(state: TokenState | None, asking: str) -> Line:
    """The keys that do something now; ``asking`` says what enter does with what is being typed."""
    if asking:
        keys = [("enter", asking), ("esc", "leave it as it is")]
    elif state is None or state.used_by or state.now >= state.expires_at:
        keys = [("esc", "leave")]
    else:
        keys = [("y", "copy the line"), ("n", "name"), ("s", "start it on this machine"), ("esc", "leave")]
    return [cell for key, does in keys for cell in (Cell(key, "accent"), Cell(f" {does}   "))]


def leaving_words(sheet: Sheet) -> str:
    """What is said when the sheet is left."""
    state = sheet.state
    if state is None or (not state.used_by and state.now >= state.expires_at):
        return ""
    if not state.used_by:
        return f"The token works for another {_left(state)}: the agent appears once it registers."
    status = "was unregistered again" if state.agent is None else f"is {state.agent.status}"
    return f"The agent '{state.used_by}' of '{sheet.paste.mover}' {status}."


def next_name(names: Collection[str]) -> str:
    """A name that fits to those that there are: one more than the last of a row, as ``dock-3`` after ``dock-2``."""
    numbered = [found for name in names if (found := re.fullmatch(r"(.*?)(\d{1,6})", name))]
    prefix = numbered[-1][1] if numbered else "agent-"
    number = max((int(found[2]) for found in numbered if found[1] == prefix), default=0) + 1
    while f"{prefix}{number}" in names:
        number += 1
    return f"{prefix}{number}"


def _registered(sheet: Sheet, state: TokenState, glyphs: Glyphs) -> list[Line]:
    name = state.used_by
    if state.agent is None:
        return [[Cell(f"'{name}' registered with this token, and was unregistered again.", "warn")]]
    status = agent_state(state.agent.status, glyphs)
    lines: list[Line] = [[Cell(name, "strong"), Cell(" registered, "), status]]
    if state.agent.status not in (AgentStatus.ONLINE, AgentStatus.EXECUTING) and not sheet.ended:
        lines.append([Cell(f"{glyphs.waiting} Waiting for it to be Online{glyphs.ellipsis}", "busy")])
    if state.agent.error_message:
        lines.append([Cell(display(state.agent.error_message), "bad")])
    return lines


def _notes(sheet: Sheet, width: int) -> list[Line]:
    """Of the agent here, and of the last key; a line stays free for that, so that the sheet does not jump."""
    here = [line for told in sheet.here if told for line in wrap(told, width)]
    return [[], *([Cell(line)] for line in here), *([Cell(line, sheet.note_style)] for line in wrap(sheet.note, width))]


def _left(state: TokenState) -> str:
    """In minutes: seconds would be painted for nothing."""
    minutes = -(-(state.expires_at - state.now) // 60_000)
    return figures.duration(minutes * 60).removesuffix("00s").removesuffix("00m") or figures.UNKNOWN
