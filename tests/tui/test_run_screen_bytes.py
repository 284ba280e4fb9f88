"""What a live run's screen writes to the terminal: a slow link has to carry each tick of it."""

from __future__ import annotations

import statistics
import time

import pytest

from store.execution import claims
from store.execution.claims import Claim
from tests.tui.sample_store import SampleStore
from tests.tui.test_terminal import Terminal

TICKS = 12
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


def everything_moves(sample: SampleStore, claim: Claim, tick: int) -> None:
    """All counters, the rate and what each helper is on: the most that a tick can change."""
    sample.clock.time = int(time.time() * 1000)
    done = 1_234_567 * (tick + 1)
    numbers = {
        "items_scanned": done,
        "items_transferred": done // 2,
        "items_no_transfer_needed": done - done // 2 - 7 * tick,
        "items_failed": tick,
        "items_changed": 2 * tick,
        "items_unsupported": tick,
        "items_deleted": 3 * tick,
        "items_delete_withheld": tick,
        "items_excluded": 3 * tick,
        "bytes_scanned": done * 70_000,
        "bytes_transferred": done * (35_000 + 3_000 * (tick % 5)),
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
    """The middle of the ticks, in each of which everything moves; and nothing when nothing does."""
    everything_moves(sample, live, 0)
    terminal = Terminal(["-m", "tui", "--store", str(sample.place.path)], columns, lines)
    try:
        terminal.until("Runs of hr-home")
        terminal.until("hr-home #2")
        terminal.child.send("o")
        terminal.until("drawing 0.dwg")
        terminal.read(2)
        written = []
        for tick in range(1, TICKS):
            everything_moves(sample, live, tick)
            written.append(len(terminal.read(0.8)))
        print(f"\n{columns}x{lines}: {statistics.median(written):.0f} bytes a tick, at most {max(written)}: {written}")
        assert f"bridge-{TICKS - 1}" in terminal.text
        assert statistics.median(written) <= budget
    finally:
        terminal.child.close(force=True)
