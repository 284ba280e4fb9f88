"""How a run looks in lines of text: pure functions of its row. Callers print them through ``output``."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from store.codes import CATALOGUE
from store.queries.runs import EventRow, RunRow
from store.vocabulary import JobRunStatus, Outcome
from tui.cli.shown import since
from tui.presentation import format as figures
from tui.presentation import progress as how_far

HEADINGS = ("RUN", "STATUS", "AGENT", "MODE", "STARTED", "TOOK", "ITEMS", "COPIED", "FAILED")
_WORDS = {
    Outcome.TRANSFERRED: "copied",
    Outcome.NO_TRANSFER_NEEDED: "unchanged",
    Outcome.EXCLUDED: "excluded",
    Outcome.UNSUPPORTED: "unsupported",
    Outcome.FAILED: "failed",
    Outcome.CHANGED: "changed while read",
    Outcome.DELETED: "deleted",
    Outcome.DELETE_WITHHELD: "deletes withheld",
}
_FIELDS = {
    Outcome.TRANSFERRED: "transferred",
    Outcome.NO_TRANSFER_NEEDED: "no_transfer_needed",
    Outcome.EXCLUDED: "excluded",
    Outcome.UNSUPPORTED: "unsupported",
    Outcome.FAILED: "failed",
    Outcome.CHANGED: "changed",
    Outcome.DELETED: "deleted",
    Outcome.DELETE_WITHHELD: "delete_withheld",
}
_ALWAYS = (Outcome.TRANSFERRED, Outcome.NO_TRANSFER_NEEDED, Outcome.FAILED)


def duration(milliseconds: int) -> str:
    """A length of time; below ten seconds with its tenths."""
    seconds = milliseconds / 1000
    return f"{seconds:.1f}s" if 0 <= seconds < 10 else figures.duration(seconds)


def columns(row: RunRow, now: int) -> tuple[str, ...]:
    """A run as a line of the table under ``HEADINGS``."""
    return (
        row.label,
        _status(row, now),
        row.agent_name,
        row.copy_mode,
        since(row.started) or "-",
        _took(row, now) or "-",
        figures.compact(row.counters["items_scanned"]),
        figures.size(row.counters["bytes_transferred"]),
        figures.count(row.counters["items_failed"]),
    )


def progress(row: RunRow, rate: float, now: int) -> str:
    """A run that is active, on one line."""
    parts = [f"{row.label}  {_status(row, now)}"]
    if row.status != JobRunStatus.QUEUED:
        share = how_far.fraction(row)
        if share is not None:
            parts.append(f"{figures.bar(share, 16)} {figures.percentage(share)}")
        done = row.counters["bytes_scanned"] + row.bytes_in_flight
        parts.append(f"{_of(row.counters['items_scanned'], row.total_items, figures.compact)} items")
        parts.append(_of(done, row.total_bytes, figures.size))
        if rate > 0:
            parts.append(figures.rate(rate))
        seconds = how_far.eta_seconds(row, now)
        if seconds is not None:
            parts.append(f"ETA {figures.eta(seconds)}")
        if row.counters["items_failed"]:
            parts.append(f"{figures.count(row.counters['items_failed'])} failed")
    return "  ".join(parts)


def result(row: RunRow) -> str:
    """A run that has ended, on one line."""
    took = f" in {_took(row, row.ended or 0)}" if row.started and row.ended else ""
    return f"{row.label} {row.status}{took}: {_sum(row)}"


def advice(row: RunRow) -> str:
    """What an admin can do about a run that did not end well."""
    parts = []
    if row.error_code:
        known = CATALOGUE.get(row.error_code)
        what = row.error_message or (known.title if known else "")
        parts.append(f"{row.error_code}: {what.rstrip('.')}.")
        if known is not None and known.advice:
            parts.append(known.advice)
    if row.counters["items_failed"]:
        parts.append(f"See 'longshore run items {row.label} --outcome Failed'.")
    return " ".join(parts)


def facts(row: RunRow, now: int) -> Iterator[tuple[str, str]]:
    """A run as pairs of word and value."""
    yield "run", row.label
    yield "mover", row.mover
    yield "status", _status(row, now)
    yield "scan", row.scan_status
    yield "agent", row.agent_name
    yield "mode", row.copy_mode
    yield "created", since(row.created_at)
    yield "started", since(row.started)
    yield "ended", since(row.ended)
    yield "took", _took(row, now)
    if row.active and row.total_items >= 0:
        yield "to do", f"{figures.count(row.total_items)} items, {figures.size(row.total_bytes)}"
    yield "scanned", _pair(row, "scanned")
    for outcome, word in _WORDS.items():
        if outcome in _ALWAYS or row.counters[f"items_{_FIELDS[outcome]}"]:
            yield word, _pair(row, _FIELDS[outcome])
    yield "now on", "; ".join(row.current)
    if row.error_code or row.counters["items_failed"]:
        yield "what to do", advice(row)


def event_line(event: EventRow) -> str:
    """One thing that happened."""
    detail = f": {event.detail}" if event.detail else ""
    return f"{since(event.at)}  {event.actor}  {event.action}{detail}"


def _status(row: RunRow, now: int) -> str:
    if row.lost_since is not None:
        return f"{row.status}, agent lost {figures.age((now - row.lost_since) / 1000)}"
    if row.status == JobRunStatus.QUEUED and row.agent_offline:
        return f"{row.status}, agent not running"
    return str(row.status)


def _took(row: RunRow, now: int) -> str:
    if row.started is None:
        return ""
    return duration((now if row.ended is None else row.ended) - row.started)


def _of(done: int, total: int, figure: Callable[[int], str]) -> str:
    """``412 MB/1.20 GB``; without the total while it is not known."""
    return f"{figure(done)}/{figure(total)}" if total >= 0 else figure(done)


def _pair(row: RunRow, field: str) -> str:
    return f"{figures.count(row.counters[f'items_{field}'])} items, {figures.size(row.counters[f'bytes_{field}'])}"


def _sum(row: RunRow) -> str:
    parts = [f"{_pair(row, 'scanned')} scanned", f"{_pair(row, 'transferred')} copied"]
    for outcome, word in _WORDS.items():
        number = row.counters[f"items_{_FIELDS[outcome]}"]
        if outcome != Outcome.TRANSFERRED and (number or outcome in _ALWAYS):
            parts.append(f"{figures.count(number)} {word}")
    return "; ".join(parts)
