"""How a run ended, from its counters. No I/O."""

from __future__ import annotations

from collections.abc import Sequence

from agentsim.engine import board
from agentsim.engine.guards import Stop
from store import codes
from store.vocabulary import JobRunStatus

Verdict = dict[str, str]
"""``status``, ``code``, ``message`` and ``target``: the dict of a ``("done", dict)`` message."""


def ended(status: JobRunStatus, code: str, message: str, target: str = "") -> Verdict:
    """The words of an end."""
    return {"status": status.value, "code": code, "message": message, "target": target}


def verdict(totals: Sequence[int], stops: Sequence[Stop]) -> Verdict:
    """Judge a run that has gone through everything.

    Succeeded is said only when every scanned item has exactly one outcome, none failed and nothing
    that a Mirror should have deleted was kept. Items that changed or are of no supported type do
    not fail a run, but its message names them.

    Args:
        totals: sums of the board, all processes having ended their work.
        stops: why deletes were withheld as a whole.
    """
    failed, scanned = totals[board.FAILED], totals[board.SCANNED]
    withheld = totals[board.DELETE_WITHHELD]
    if not board.adds_up(list(totals)):
        return ended(
            JobRunStatus.FAILED,
            codes.COUNTERS_DISAGREE,
            f"The outcomes of the items do not add up to the {scanned} that were scanned",
        )
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


def _remarks(totals: Sequence[int]) -> list[str]:
    remarks = []
    if changed := totals[board.CHANGED]:
        remarks.append(f"{changed} changed or vanished while being read: copy again")
    if unsupported := totals[board.UNSUPPORTED]:
        remarks.append(f"{unsupported} not supported")
    if deleted := totals[board.DELETED]:
        remarks.append(f"{deleted} deleted")
    if withheld := totals[board.DELETE_WITHHELD]:
        remarks.append(f"{withheld} deletes withheld")
    return remarks
