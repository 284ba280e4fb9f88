"""How much memory an agent and its workers take, by the number of files."""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path

from tests.bench import report, trees
from tests.bench.cases import Bench
from tests.bench.waiting_agent import HEARTBEAT_SECONDS, migration, process_tree, succeeded

FEW_FILES = 100_000
MANY_FILES = 1_000_000
FILE_BYTES = 16
"""Content makes no difference to memory, and would take long to write."""

SAMPLE_SECONDS = 0.05
SAMPLES_BETWEEN_LOOKS = 10


class Sampler:
    """Peaks of the memory of a process and all below it, in KiB.

    Attributes:
        pss: the peak of their proportional set sizes: shared pages are counted once.
        rss: the peak of their resident set sizes: shared pages are counted in each.
        of_agent: the process's own part of ``pss`` at its peak.
        processes: how many there were at that peak.
    """

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self.pss = self.rss = self.of_agent = self.processes = 0

    def sample(self) -> None:
        found = [_sizes(pid) for pid in process_tree(self._pid)]
        pss, rss = sum(one[0] for one in found), sum(one[1] for one in found)
        self.rss = max(self.rss, rss)
        if pss > self.pss:
            self.pss, self.of_agent, self.processes = pss, found[0][0], len(found)

    def watch(self) -> None:
        """Sample for a while."""
        for _ in range(SAMPLES_BETWEEN_LOOKS):
            self.sample()
            time.sleep(SAMPLE_SECONDS)


def _sizes(pid: int) -> tuple[int, int]:
    """Proportional and resident set size in KiB; nothing of a process that is gone."""
    values = {"Pss:": 0, "Rss:": 0}
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            key, *rest = line.split()
            if key in values:
                values[key] = int(rest[0])
    return values["Pss:"], values["Rss:"]


def memory(bench: Bench) -> None:
    """A full copy and a second pass, each through an agent, for two sizes and two shapes of tree."""
    report.heading(
        "memory", f"agent and workers, peaks in MiB, asked: < {report.MEMORY_MIB}, and flat", bench.place.kind
    )
    report.say(f"  {'files':>9} {'shape':16} {'pass':10} {'PSS':>7} {'RSS':>7} {'agent':>7} {'of':>4} {'seconds':>8}")
    for number in (FEW_FILES, MANY_FILES):
        files = bench.scaled(number)
        for shape, build in (
            ("100 a directory", trees.small(files, FILE_BYTES)),
            ("one directory", trees.flat(files, FILE_BYTES)),
        ):
            with bench.place.fresh() as base, migration(base) as found:
                build(found.source)
                agent = found.start_agent("--heartbeat", HEARTBEAT_SECONDS, "--helpers", str(bench.helpers))
                for what in ("copy", "unchanged"):
                    sampler = Sampler(agent.pid)
                    found.start_run()
                    run = succeeded(found, sampler.watch)
                    seconds = ((run.ended or 0) - (run.started or 0)) / 1000
                    report.say(
                        f"  {files:9,} {shape:16} {what:10} {sampler.pss / 1024:7.1f} {sampler.rss / 1024:7.1f}"
                        f" {sampler.of_agent / 1024:7.1f} {sampler.processes:4} {seconds:8.1f}"
                    )
