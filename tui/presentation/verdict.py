"""What came of a run: its state in words that claim no more than is so, why, and what to do next."""

from __future__ import annotations

from typing import NamedTuple

from store.codes import CATALOGUE, GUARDS, SOME_ITEMS_FAILED
from store.display import display
from store.lifecycle import CANCEL_DEADLINE_MS
from store.queries.runs import RunRow
from store.vocabulary import JobRunStatus, RunKind
from tui.keymap import key
from tui.presentation import format as figures
from tui.presentation.cells import Cell
from tui.presentation.glyphs import Glyphs
from tui.presentation.kinds import needs_look
from tui.presentation.states import run_state

_LOOK = {
    RunKind.COPY: {
        "failed": "failed",
        "changed": "changed while read",
        "unsupported": "unsupported by the target",
        "delete_withheld": "not deleted",
    },
    RunKind.PREVIEW: {
        "failed": "not to be looked at",
        "changed": "changed while looked at",
        "unsupported": "unsupported by the target",
        "delete_withheld": "not to be deleted",
    },
    RunKind.VERIFY: {
        "failed": "different or unreadable",
        "changed": "changed while compared",
        "unsupported": "unsupported by the target",
        "delete_withheld": "only in the target",
    },
}
_REMARKED = "copied without some metadata"


class Verdict(NamedTuple):
    """Each of them plain, displayed text; empty where there is nothing to say."""

    state: Cell
    why: str
    next: str
    style: str
    """Of the sentences: ``bad``, ``warn`` or none."""


def verdict(run: RunRow, remarked: int, now: int, glyphs: Glyphs) -> Verdict:
    """What an admin should know first.

    Args:
        run: the run, active or ended.
        remarked: items that were copied with a remark, which no counter holds.
        now: the store's time.
        glyphs: the set to draw with.
    """
    if run.active:
        return _trouble(run, now, glyphs)
    state = run_state(run.status, glyphs)
    match run.status:
        case JobRunStatus.SUCCEEDED:
            return _succeeded(run, remarked, state, glyphs)
        case JobRunStatus.CANCELED:
            words = "It was stopped; what was copied stays." if run.kind == RunKind.COPY else "It was stopped."
            return Verdict(state, _error(run) or words, _again(run), "")
        case _:
            return Verdict(state, _error(run) or "The run ended without a reason.", _after_failure(run), "bad")


def looks(run: RunRow, remarked: int = 0) -> str:
    """What of a run needs a look, counted: ``2 failed, 1 changed while read``; empty for nothing."""
    parts = [
        f"{figures.count(number)} {words}"
        for word, words in _LOOK[run.kind].items()
        if (number := run.counters[f"items_{word}"])
    ]
    if remarked:
        parts.append(f"{figures.count(remarked)} {_REMARKED}")
    return ", ".join(parts)


def ended_state(run: RunRow, glyphs: Glyphs) -> Cell:
    """The state of an ended run in a list: a success with something to look at is not told as a plain one."""
    number = needs_look(run)
    state = run_state(run.status, glyphs, number)
    if run.status == JobRunStatus.SUCCEEDED and number:
        return Cell(f"{state.text} {glyphs.separator} {figures.short(number)}", state.style)
    if failed := run.counters["items_failed"]:
        return Cell(f"{state.text} {glyphs.separator} {figures.short(failed)}", state.style)
    return state


def _succeeded(run: RunRow, remarked: int, state: Cell, glyphs: Glyphs) -> Verdict:
    found = looks(run, remarked)
    warned = f"{glyphs.attention} {run.status}, "
    if run.error_code:
        # A preview that has seen everything, a guard's objection included.
        state = Cell(f"{warned}a guard objects", "warn")
        return Verdict(state, f"But a copy would be stopped: {_error(run)}", _next(run, found), "warn")
    if found:
        number = needs_look(run) + remarked
        state = Cell(f"{warned}{figures.short(number)} to look at", "warn")
        return Verdict(state, f"{found}.", _next(run, found), "warn")
    if not run.counters["items_scanned"]:
        why = "The source held nothing: check that it was mounted on the agent's host."
        return Verdict(Cell(f"{warned}nothing there", "warn"), why, "", "warn")
    return Verdict(state, _clean(run), _next(run, ""), "")


def _clean(run: RunRow) -> str:
    counters = run.counters
    scanned, copied = figures.count(counters["items_scanned"]), counters["items_transferred"]
    match run.kind:
        case RunKind.VERIFY:
            return f"All {scanned} items are alike on both sides."
        case RunKind.PREVIEW:
            deleted = figures.count(counters["items_deleted"])
            return f"A copy would copy or repair {figures.count(copied)} items and delete {deleted}."
        case _ if not copied and not counters["items_deleted"]:
            return f"There was nothing left to do: the target had all {scanned} items."
        case _:
            left_out = counters["items_excluded"]
            but = f", but for the {figures.count(left_out)} that are excluded" if left_out else ""
            return f"The target has all {scanned} items{but}."


def _next(run: RunRow, found: str) -> str:
    """What to do after a success."""
    match run.kind:
        case RunKind.PREVIEW:
            writes = f"{key('resource.edit')} writes what it would do to a file"
            return f"{key('run.start')} starts a copy that does exactly this; {writes}."
        case RunKind.VERIFY:
            return "'By code' tells what to do about each." if found else ""
        case _ if found:
            return f"'By code' tells what to do about each; {key('run.start')} copies again what is missing."
        case _:
            return f"{key('run.verify')} compares both sides fully, content included."


def _after_failure(run: RunRow) -> str:
    if run.error_code in GUARDS:
        then = f"{key('run.start')}, then {key('launch.override')} overrides the guard for one run"
        return f"{key('run.preview')} lists what would be deleted; if that is right: {then}."
    if run.kind == RunKind.COPY and needs_look(run):
        return f"'By code' tells what to do about each; {key('run.start')} copies what is missing."
    if run.kind == RunKind.VERIFY and run.counters["items_failed"]:
        return f"'By code' tells what to do about each; {key('run.start')} copies what differs."
    return _again(run)


def _again(run: RunRow) -> str:
    match run.kind:
        case RunKind.PREVIEW:
            return f"{key('run.preview')} makes another preview."
        case RunKind.VERIFY:
            return f"{key('run.verify')} compares anew, from the start."
        case _:
            return f"{key('run.start')} starts it again: what is in the target already is not copied again."


def _error(run: RunRow) -> str:
    """The code, what happened, and the catalogue's advice: ``LSM1011 no space. Free or add space …``."""
    if not run.error_code:
        return ""
    known = CATALOGUE.get(run.error_code)
    what = display(run.error_message) or (known.title if known else "")
    # Of failed items the next line tells more.
    advice = known.advice if known and run.error_code not in (SOME_ITEMS_FAILED, *GUARDS) else ""
    return f"{display(run.error_code)} {what.rstrip('.')}. {advice}".rstrip()


def _trouble(run: RunRow, now: int, glyphs: Glyphs) -> Verdict:
    """What keeps a run that is active from going on."""
    state = run_state(run.status, glyphs)
    if run.lost_since is not None:
        lost = figures.duration((now - run.lost_since) / 1000)
        why = f"The agent '{run.agent_name}' is lost since {lost}: nothing is copied."
        return Verdict(
            Cell(f"{glyphs.attention} {state.text.partition(' ')[2]}, agent lost", "bad"),
            why,
            f"Start it again on its host, or {key('run.hand_over')} hands the run over to another agent.",
            "bad",
        )
    if run.cancel_deadline is not None:
        left = max(0, run.cancel_deadline - now) // 1000
        whole = CANCEL_DEADLINE_MS // 1000
        return Verdict(state, f"Stopping: the store ends it in {left} s of {whole} if the agent does not.", "", "warn")
    if run.status == JobRunStatus.QUEUED and run.agent_offline:
        why = f"The agent '{run.agent_name}' is Offline: start it with 'longshore-agent run' on its host."
        return Verdict(state, why, "", "warn")
    return Verdict(state, "", "", "")
