"""``longshore-agent simulate``: from the options to the story, and from the story to the figures."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from contextlib import closing
from typing import Any, Final

from agentsim.simulate import summary
from agentsim.simulate.calls import Tally
from agentsim.simulate.history import History
from agentsim.simulate.history_write import write_history
from agentsim.simulate.own_store import next_generation, simulation_place
from agentsim.simulate.performance import Performance, perform, perform_virtually
from agentsim.simulate.scenario import write_scenario
from store.db import open_store
from store.display import display
from store.errors import InvalidInput
from store.place import StorePlace
from store.queries.whole import runs_by_status
from store.reader import Reader

VIRTUAL_BEGIN_MS: Final = 1_767_600_000_000
"""The store's time at which a story on a virtual clock begins: 2026-01-05T08:00:00Z."""

DEFAULT_AGENTS, DEFAULT_RUNS = 20, 40


def simulate(options: argparse.Namespace) -> int:
    """Do what the options say; 0, or 1 when a call failed that the story does not have fail.

    Raises:
        InvalidInput: options that do not go together. Conflict: the store holds what was not simulated.
        StoreUnavailable: the store cannot be used.
    """
    if options.virtual and options.speed is not None:
        raise InvalidInput("A virtual clock takes no time, so that --speed says nothing: leave one of them out.")
    past_only = options.history and options.agents is None and options.runs is None
    agents = DEFAULT_AGENTS if options.agents is None else options.agents
    runs = DEFAULT_RUNS if options.runs is None else options.runs
    place = simulation_place(options.store)
    open_store(place).close()
    with closing(Reader(place)) as reader:
        generation = next_generation(reader)
        now = VIRTUAL_BEGIN_MS if options.virtual else reader.now()
    history: dict[str, Any] | None = None
    if options.history:
        history = _past(place, options, generation, now)
        generation += 1
    found: Performance | None = None
    if not past_only:
        length = round(options.minutes * 60_000)
        scenario = write_scenario(options.seed, agents, runs, length, generation)
        _say(
            f"Seed {options.seed}: {len(scenario.agents):,} agents and {len(scenario.runs):,} runs "
            f"in {scenario.length_ms / 60_000:.1f} min of {'virtual' if options.virtual else 'real'} time "
            f"on {place.url}"
        )
        if options.virtual:
            found = perform_virtually(place, scenario, VIRTUAL_BEGIN_MS)
        else:
            line = _Line()
            try:
                found = perform(place, scenario, speed=options.speed or 1.0, look=line)
            finally:
                line.end()
    answer = summary.as_json(found, _statuses(place), history)
    if options.json:
        sys.stdout.write(json.dumps(answer, indent=2) + "\n")
    else:
        for words in summary.as_lines(answer):
            sys.stdout.write(display(words) + "\n")
    return 1 if answer.get("errors") else 0


def _past(place: StorePlace, options: argparse.Namespace, generation: int, now: int) -> dict[str, Any]:
    begin = time.monotonic()
    plan = History(seed=options.seed, runs=options.history, years=options.years, generation=generation, until=now)

    def told(done: int) -> None:
        seconds = max(time.monotonic() - begin, 1e-3)
        _say(f"history: {done:,} of {options.history:,} runs, {done / seconds:,.0f}/s")
        if done == options.history:
            _say("history: making its indexes")

    items = write_history(place, plan, told)
    return {"runs": options.history, "items": items, "years": options.years, "seconds": time.monotonic() - begin}


def _statuses(place: StorePlace) -> dict[str, int]:
    with closing(Reader(place)) as reader:
        return runs_by_status(reader)


def _say(line: str) -> None:
    sys.stderr.write(display(line) + "\n")
    sys.stderr.flush()


class _Line:
    """A line on stderr that lives on a terminal, and comes every ten seconds elsewhere."""

    def __init__(self) -> None:
        self._lives = sys.stderr.isatty()
        self._next = 0.0
        self._before = (time.monotonic(), 0)

    def __call__(self, seconds: float, tallies: Sequence[Tally]) -> None:
        if not self._lives and seconds < self._next:
            return
        self._next = seconds + 10
        # Lists that other threads append to: counts of a moment.
        count = sum(len(values) for tally in tallies for values in list(tally.seconds.values()))
        refused = sum(number for tally in tallies for number in list(tally.refused.values()))
        errors = sum(number for tally in tallies for number in list(tally.errors.values()))
        now = time.monotonic()
        rate = (count - self._before[1]) / max(now - self._before[0], 1e-3)
        self._before = (now, count)
        line = f"{int(seconds) // 60}:{int(seconds) % 60:02d}  {count:,} calls, {rate:,.0f}/s"
        line += f"  refused {refused:,}  errors {errors:,}"
        sys.stderr.write(f"\r\x1b[K{line}" if self._lives else line + "\n")
        sys.stderr.flush()

    def end(self) -> None:
        """Leave the line as it stands."""
        if self._lives:
            sys.stderr.write("\n")
