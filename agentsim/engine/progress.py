"""What the agent hears while a run goes on: counters, totals, phase. No I/O."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from agentsim.engine import board
from agentsim.engine.order import UNKNOWN
from store.vocabulary import ScanStatus


def progress(
    totals: Sequence[int],
    expected: tuple[int, int] | None,
    *,
    listed: bool,
    phase: str,
    current: list[bytes],
) -> dict[str, Any]:
    """The dict of a ``("progress", dict)`` message.

    Args:
        totals: sums of the board.
        expected: items and bytes of the source by an earlier pass or a complete survey.
        listed: every directory has been listed, so what was scanned is all there is.
        phase: "copy", "delete" or "finish".
        current: what each helper is on.
    """
    values: dict[str, Any] = {}
    for cell, name in enumerate(board.NAMES):
        values[f"items_{name}"] = totals[cell]
        values[f"bytes_{name}"] = totals[board.BYTES + cell]
    items, size = totals[board.SCANNED], totals[board.BYTES + board.SCANNED]
    if listed:
        total = (items, size)
    elif expected is not None:
        total = (max(expected[0], items), max(expected[1], size))
    else:
        total = (UNKNOWN, UNKNOWN)
    known = listed or expected is not None
    return {
        **values,
        "bytes_in_flight": totals[board.IN_FLIGHT],
        "scan_status": (ScanStatus.COMPLETED if known else ScanStatus.SCANNING).value,
        "total_items": total[0],
        "total_bytes": total[1],
        "phase": phase,
        "current": current,
    }
