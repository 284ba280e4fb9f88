"""Why an action is disabled, as far as the row on the screen tells: no query, and no rule. The store is asked again
when the key is pressed, and may refuse for other reasons."""

from __future__ import annotations

from store.lifecycle import CANCELLABLE
from store.queries.definitions import DefinitionRow
from store.queries.runs import RunRow
from store.vocabulary import RunKind
from tui.keymap import key
from tui.presentation.deletion_view import why_not_deleted
from tui.presentation.kinds import why_no_plan
from tui.subjects import RUN, Subject


def why_not(identity: str, subject: Subject) -> str:
    """Why an action cannot be done to what it would act on; empty when nothing is known against it."""
    item = subject.item
    match identity:
        case "resource.delete":
            return why_not_deleted(subject.kind, subject.path, item)
        case "run.hand_over" if isinstance(item, RunRow) and not item.active:
            return f"The run {item.definition} #{item.number} has ended ({item.status}): there is nothing to hand over."
        case "run.hand_over" if isinstance(item, RunRow) and item.status not in CANCELLABLE:
            return f"The run {item.definition} #{item.number} is being canceled: wait for its end."
        case "run.start" if isinstance(item, RunRow) and item.kind == RunKind.PREVIEW:
            return why_no_plan(item)
        case "run.stop" if isinstance(item, RunRow) and not item.active:
            return f"The run {item.definition} #{item.number} has ended: there is nothing to stop."
        case "run.stop" if isinstance(item, DefinitionRow) and item.run_id is None:
            return f"This definition has not run yet: {key('run.start')} starts a run."
        case "run.open_latest" if isinstance(item, DefinitionRow) and item.run_id is None:
            return f"This definition has not run yet: {key('run.start')} starts a run."
        case _:
            return ""


def why_never(identity: str, subject: Subject | None) -> str:
    """Why an action cannot be done to such a thing at all; empty when one only has to select another."""
    if identity == "resource.delete" and subject is not None and subject.kind == RUN:
        return "Runs are never deleted by hand: the store's retention removes their details after a time."
    return ""
