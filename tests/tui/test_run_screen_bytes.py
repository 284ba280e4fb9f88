"""What a live run's screen writes to the terminal: a slow link has to carry each tick of it."""

from __future__ import annotations

import statistics
import time

import pytest

from store.execution import claims
from store.execution.claims import Claim
from tests.tui.sample_store import SampleStore
from tests.tui.test_terminal import Terminal

TICKS = 16
HELPERS = 8


@pytest.fixture
def live(sample: SampleStore) -> Claim:
    """A run that is on by the clock on the wall, as the program in the terminal sees it."""
    sample.clock.time = int(time.time() * 1000)
    sample.beat("dock-2", [])
    claim = sample.claim("hr-shares/hr-home", "dock-2")
    sample.started(claim)
    sample.beat("dock-2", [claim])
    return claim


def on_it_goes(sample: SampleStore, claim: Claim, tick: int) -> None:
    """Half a second of a run: all counters, the rate and what each helper is on have changed, the most that can."""
    sample.clock.time = int(time.time() * 1000)
    done, others = 12_345_678 + 234_567 * tick, 7 * tick
    words = ("failed", "changed", "unsupported", "deleted", "delete_withheld", "excluded")
    numbers = {
        "items_scanned": done,
        "items_transferred": done // 2,
        "items_no_transfer_needed": done - done // 2 - others,
        **{f"items_{word}": others for word in words},
        "bytes_scanned": done * 70_000,
        "bytes_transferred": done // 2 * 70_000 + 1_000_000_000 * (tick % 5),
        "bytes_no_transfer_needed": (done - done // 2) * 70_000,
        "total_items": 120_000_000,
        "total_bytes": 120_000_000 * 70_000,
        "scan_status": "Scanning",
        "phase": "copy",
        "current": [f"projects/bridge-{tick}/part {helper}/drawing {tick * 31 % 17}.dwg" for helper in range(HELPERS)],
    }
    with sample.store.write("agent") as tx:
        claims.report_progress(tx, sample.agents["dock-2"], claim, numbers)


@pytest.mark.parametrize(("columns", "lines", "budget"), [(80, 24, 1_500), (200, 50, 4_500)])
def test_a_tick_of_a_live_run_is_a_few_lines(
    sample: SampleStore, live: Claim, columns: int, lines: int, budget: int
) -> None:
    """On the average: the plot of a wide terminal is painted with every fourth tick only."""
    on_it_goes(sample, live, 0)
    terminal = Terminal(["-m", "tui", "--store", str(sample.place.path)], columns, lines)
    try:
        terminal.until("Runs of hr-home")
        terminal.until("hr-home #2")
        terminal.child.send("o")
        terminal.until("drawing 0.dwg")
        terminal.until(lambda: terminal.read(1.0) == b"")
        before = len(terminal.raw)
        written: list[int] = []
        for tick in range(1, TICKS):
            on_it_goes(sample, live, tick)
            terminal.until(f"bridge-{tick}/")
            written.append(len(terminal.raw) - before - sum(written))
        assert statistics.mean(written) <= budget, written
    finally:
        terminal.child.close(force=True)
