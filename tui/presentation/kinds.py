"""What a run is for, in words: they stand wherever a run is named, since its kind is no matter of colour."""

from __future__ import annotations

from store.queries.fleet import LOOK_COUNTERS
from store.queries.runs import RunRow
from store.vocabulary import JobRunStatus, RunKind
from tui.keymap import key

_PHASES = {"links": "linking names", "delete": "deleting", "finish": "finishing"}
_COMPARING = {RunKind.PREVIEW: "comparing", RunKind.VERIFY: "verifying"}


def kind_words(run: RunRow) -> str:
    """``preview``, ``verify``, ``plan of #7`` for a copy that carries one out, or nothing for a plain copy."""
    if run.kind != RunKind.COPY:
        return run.kind.lower()
    return "" if run.plan_number is None else f"plan of #{run.plan_number}"


def numbered(run: RunRow) -> str:
    """A run below its definition: ``#12``, ``#12 preview``."""
    return f"#{run.number} {kind_words(run)}".rstrip()


def what_it_does(run: RunRow) -> str:
    """Kind and mode: ``Mirror``, ``Mirror, plan of #7``, ``Preview of Mirror``, ``Verify``."""
    if run.kind == RunKind.VERIFY:
        return run.kind
    if run.kind == RunKind.PREVIEW:
        return f"{run.kind} of {run.copy_mode}"
    return f"{run.copy_mode}, {kind_words(run)}" if run.plan_number is not None else run.copy_mode


def activity(run: RunRow) -> str:
    """What a running run is on, in a word or two; empty while it simply copies."""
    if run.status != JobRunStatus.RUNNING:
        return ""
    return _COMPARING.get(run.kind) or _PHASES.get(run.phase, "")


def why_no_plan(run: RunRow) -> str:
    """Why a preview cannot be carried out; empty when it can."""
    if run.active:
        return f"The preview #{run.number} is {run.status}: it is a plan once it has Succeeded."
    if run.status != JobRunStatus.SUCCEEDED:
        told = f"The preview #{run.number} is {run.status}, and only one that Succeeded is a plan"
        return f"{told}: {key('run.preview')} makes another."
    return ""


def needs_look(run: RunRow) -> int:
    """How many items of a run are not as they should be: that it Succeeded does not say that there are none.

    What only the target has is no fault of a preview, which has yet to delete it.
    """
    return sum(run.counters[name] for name in LOOK_COUNTERS)
