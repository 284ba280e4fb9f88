"""What a simulation came to, in words and as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from agentsim.simulate.calls import Tally
from agentsim.simulate.performance import Performance

READS: Final = frozenset({"look", "sweep", "maintain"})
"""Calls that write only at times: they do not count as writes."""

BUSY: Final = "StoreBusy"


def percentile(values: Sequence[float], part: float) -> float:
    """The value that this part of all (0 to 1) stays below; 0 of none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))] if ordered else 0.0


def written(tally: Tally) -> list[float]:
    """The seconds of every write."""
    return [value for name, values in tally.seconds.items() if name not in READS for value in values]


def busy(tally: Tally) -> int:
    """How many calls ended because another one held the store for too long."""
    return sum(number for (_, code), number in tally.errors.items() if code == BUSY)


def as_json(found: Performance | None, runs: Mapping[str, int], history: Mapping[str, Any] | None) -> dict[str, Any]:
    """All figures; times in milliseconds.

    Args:
        found: the story, or None when only a past was written.
        runs: how many runs there are by status.
        history: the figures of the past that was written, if one was.
    """
    answer: dict[str, Any] = {"runs": dict(runs)}
    if history is not None:
        answer["history"] = dict(history)
    if found is not None:
        tally = found.tally
        answer |= {
            "seed": found.story.scenario.seed,
            "agents": len(found.story.scenario.agents),
            "seconds": round(found.seconds, 3),
            "writes": _figures(written(tally)),
            "calls": {name: _figures(values) for name, values in sorted(tally.seconds.items())},
            "refused": [
                {"call": name, "code": code, "count": number} for (name, code), number in sorted(tally.refused.items())
            ],
            "errors": [
                {"call": name, "code": code, "count": number, "sentence": tally.sentences[code]}
                for (name, code), number in sorted(tally.errors.items())
            ],
            "busy": busy(tally),
            "lateP99": round(1000 * percentile(found.late, 0.99), 3),
        }
    return answer


def _figures(values: Sequence[float]) -> dict[str, float]:
    return {
        "count": len(values),
        **{word: round(1000 * percentile(values, part), 3) for word, part in (("p50", 0.5), ("p99", 0.99), ("max", 1))},
    }


def as_lines(answer: Mapping[str, Any]) -> Iterator[str]:
    """The same for people: a table of the calls, what was refused, and what went wrong."""
    if "history" in answer:
        past = answer["history"]
        yield (
            f"history: {past['runs']:,} runs and {past['items']:,} items of {past['years']:g} years "
            f"in {past['seconds']:.1f} s ({past['runs'] / max(past['seconds'], 1e-3):,.0f} runs/s)"
        )
    if "calls" in answer:
        yield f"{'CALL':20} {'COUNT':>9} {'P50 ms':>9} {'P99 ms':>9} {'MAX ms':>9}"
        for name, figures in (*answer["calls"].items(), ("every write", answer["writes"])):
            times = " ".join(f"{figures[key]:9.2f}" for key in ("p50", "p99", "max"))
            yield f"{name:20} {figures['count']:>9,} {times}"
        for one in answer["refused"]:
            yield f"refused as the story has it: {one['call']} {one['code']} {one['count']:,}"
        for one in answer["errors"]:
            yield f"ERROR: {one['call']} {one['code']} {one['count']:,}: {one['sentence']}"
        yield f"busy or locked: {answer['busy']:,}; acts were late by p99 {answer['lateP99']:.1f} ms"
    yield "runs: " + (", ".join(f"{number:,} {status}" for status, number in answer["runs"].items()) or "none")
