"""The tables that the bench prints, and what issue 3 asks of the engine."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence

from tests.bench.turn import Turn, median

ASKED: dict[str, dict[str, float]] = {
    "small": {"rsync -aHAX": 2.0, "cp -a": 1.7, "rclone": 4.0},
    "unchanged": {"rsync -aHAX": 2.5, "rsync -a": 1.2},
    "changed": {"rsync -aHAX": 2.5},
    "mirror": {"rsync -aHAX": 2.5},
    "large": {"cp -a": 1.5, "rsync -a": 4.0},
    "mixed": {"cp -a": 1.3, "rsync -a": 3.0},
}
"""How many times as fast as each peer a run must at least be."""

ASKED_ELSEWHERE = {"rsync -a": 1.8}
"""The same for small files on xfs and tmpfs."""

MEMORY_MIB = 150
START_SECONDS = 0.5
PROGRESS_PERCENT = 3.0


def say(text: str = "") -> None:
    """Print a line at once: a bench is watched."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def asked(case: str, kind: str) -> Mapping[str, float]:
    """What is asked of a case on a file system of a kind, by the peers' names."""
    if case == "small" and kind in ("xfs", "tmpfs"):
        return ASKED_ELSEWHERE
    return ASKED[case]


def heading(case: str, what: str, kind: str) -> None:
    one, five, _ = os.getloadavg()
    say(f"\n{case}: {what}, on {kind} (load before: {one:.1f} {five:.1f})")


def table(turns: Mapping[str, Sequence[Turn]], wanted: Mapping[str, float]) -> None:
    """Medians in seconds, and how many times as fast as each peer the first one is.

    A ratio that is below what is asked is followed by ``<``.
    """
    name_of_ours, *peers = turns
    ours = median(turns[name_of_ours])
    say(
        f"  {'':12} {'placed':>7} {'end':>7} {'synced':>7} {'cpu':>7}"
        f"   {'asked':>6} | {'end':>6} {'placed':>7} {'synced':>7}"
    )
    say(f"  {name_of_ours:12} {ours.placed:7.2f} {ours.seconds:7.2f} {ours.synced:7.2f} {ours.cpu:7.2f}")
    for name in peers:
        peer = median(turns[name])
        least = wanted.get(name, 0.0)
        ratios = (peer.seconds / ours.seconds, peer.placed / ours.placed, peer.synced / ours.synced)
        end, placed, synced = (f"{ratio:5.2f}{'<' if ratio < least else ' '}" for ratio in ratios)
        shown = f"{least:.1f}" if least else ""
        say(
            f"  {name:12} {peer.placed:7.2f} {peer.seconds:7.2f} {peer.synced:7.2f} {peer.cpu:7.2f}"
            f"   {shown:>6} | {end:>6} {placed:>7} {synced:>7}"
        )
