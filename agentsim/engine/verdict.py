"""How a run ended, from its counters. No I/O."""

from __future__ import annotations

from collections.abc import Sequence

from agentsim.engine import board
from agentsim.engine.guards import Stop
from store import codes
from store.vocabulary import JobRunStatus, RunKind

Verdict = dict[str, str]
"""``status``, ``code``, ``message`` and ``target``: the dict of a ``("done", dict)`` message."""


def ended(status: JobRunStatus, code: str, message: str, target: str = "") -> Verdict:
    """The words of an end."""
    return {"status": status.value, "code": code, "message": message, "target": target}


def verdict(totals: Sequence[int], stops: Sequence[Stop], kind: RunKind = RunKind.COPY) -> Verdict:
    """Judge a run that has gone through everything.

    Succeeded is said only when every scanned item has exactly one outcome, none failed and nothing
    that a Mirror should have deleted was kept. Items that changed or are of no supported type do
    not fail a run, but its message names them.

    Args:
        totals: sums of the board, all processes having ended their work.
        stops: why deletes were withheld as a whole.
        kind: what the run was for.
    """
    failed, scanned = totals[board.FAILED], totals[board.SCANNED]
    withheld = totals[board.DELETE_WITHHELD]
    if not board.adds_up(list(totals)):
        return ended(
            JobRunStatus.FAILED,
            codes.COUNTERS_DISAGREE,
            f"The outcomes of the items do not add up to the {scanned} that were scanned",
        )
    if kind is RunKind.VERIFY:
        return _verified(totals)
    if kind is RunKind.PREVIEW:
        return _previewed(totals, stops)
    remarks = _remarks(totals)
    if stops:
        return ended(
            JobRunStatus.FAILED,
            stops[0].code,
            "; ".join([*(stop.message for stop in stops), *remarks]),
            stops[0].target,
        )
    if failed:
        return ended(
            JobRunStatus.FAILED, codes.SOME_ITEMS_FAILED, "; ".join([f"{failed} of {scanned} items failed", *remarks])
        )
    if withheld:
        return ended(JobRunStatus.FAILED, codes.DELETES_WITHHELD, "; ".join(remarks), "target")
    summary = f"{totals[board.TRANSFERRED]} of {scanned} items transferred"
    return ended(JobRunStatus.SUCCEEDED, codes.SUCCESS, "; ".join([summary, *remarks]))


def _verified(totals: Sequence[int]) -> Verdict:
    """Failed items are those that differ; withheld deletes are what only the target has."""
    scanned, differ, extra = totals[board.SCANNED], totals[board.FAILED], totals[board.DELETE_WITHHELD]
    alike = f"{totals[board.NO_TRANSFER_NEEDED]} of {scanned} items alike"
    remarks = _remarks(totals, deletes=False)
    if differ or extra:
        found = [f"{differ} of {scanned} items differ"] if differ else []
        found += [f"{extra} items are in the target only"] if extra else []
        return ended(JobRunStatus.FAILED, codes.VERIFY_DIFFERENCES, "; ".join([*found, alike, *remarks]), "target")
    return ended(JobRunStatus.SUCCEEDED, codes.SUCCESS, "; ".join([alike, *remarks]))


def _previewed(totals: Sequence[int], stops: Sequence[Stop]) -> Verdict:
    """A preview has done its work when it has seen everything; what would stop a copy is its finding."""
    found = [f"{totals[board.TRANSFERRED]} of {totals[board.SCANNED]} items to transfer"]
    if deleted := totals[board.DELETED]:
        found.append(f"{deleted} to delete")
    if failed := totals[board.FAILED]:
        found.append(f"{failed} would fail")
    found += _remarks(totals, deletes=False)
    code, target = (stops[0].code, stops[0].target) if stops else (codes.SUCCESS, "")
    return ended(JobRunStatus.SUCCEEDED, code, "; ".join([*(stop.message for stop in stops), *found]), target)


def _remarks(totals: Sequence[int], *, deletes: bool = True) -> list[str]:
    remarks = []
    if changed := totals[board.CHANGED]:
        remarks.append(f"{changed} changed or vanished while being read: copy again")
    if unsupported := totals[board.UNSUPPORTED]:
        remarks.append(f"{unsupported} not supported")
    if deletes and (deleted := totals[board.DELETED]):
        remarks.append(f"{deleted} deleted")
    if deletes and (withheld := totals[board.DELETE_WITHHELD]):
        remarks.append(f"{withheld} deletes withheld")
    return remarks
