"""What one competitor needed for one pass."""

from __future__ import annotations

import resource
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum


class Pass(Enum):
    """What a pass has to do."""

    COPY = "copy"
    UPDATE = "update"
    MIRROR = "mirror"


@dataclass(frozen=True, slots=True)
class Turn:
    """One pass of one competitor, in seconds.

    Attributes:
        placed: from its start until every file was in place.
        seconds: from its start to its end.
        synced: from its start until all was on the storage too.
        cpu: processor time, user and system, of it and its children.
    """

    placed: float
    seconds: float
    synced: float
    cpu: float


def timed(action: Callable[[], object]) -> tuple[float, float]:
    """Seconds by the clock, and of processor time of the children that ended in ``action``."""
    before = _children_cpu()
    begin = time.perf_counter()
    action()
    seconds = time.perf_counter() - begin
    return seconds, _children_cpu() - before


def _children_cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def median(turns: Sequence[Turn]) -> Turn:
    """The medians of each figure by itself."""
    return Turn(
        placed=statistics.median(turn.placed for turn in turns),
        seconds=statistics.median(turn.seconds for turn in turns),
        synced=statistics.median(turn.synced for turn in turns),
        cpu=statistics.median(turn.cpu for turn in turns),
    )
