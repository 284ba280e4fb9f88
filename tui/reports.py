"""A run's report as a file or a stream: what became of every item, as JSON Lines or CSV, in bounded memory.

The command line's ``run report`` and the screen's export write with this.
"""

from __future__ import annotations

import contextlib
import csv
import json
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple, TextIO

from store import report_lines
from store.errors import StoreUnavailable
from store.queries import items as item_queries
from store.queries import reports, retention
from store.queries.reports import ReportChunk
from store.queries.runs import RunRow
from store.queries.window import Page
from store.reader import Reader
from store.upkeep.newfile import new_file
from store.vocabulary import Outcome, PlannedAction, RunKind

JSON_LINES: Final = "jsonl"
CSV: Final = "csv"
FORMATS: Final = (JSON_LINES, CSV)

CHUNKS = 8
"""Chunks read at a time: a report is never held whole."""

WINDOW = 500
"""Items read at a time, of a run that kept no report."""

TOLD_EVERY = 1_000
"""Lines between two tellings of how far it is."""

Told = Callable[[int], None]
"""Told how many lines are written; what it raises breaks the report off."""


class Removed(NamedTuple):
    """What retention removed of a run before its report was asked for."""

    what: str
    """``report`` or ``items``."""
    at: int


def removed(reader: Reader, run: RunRow) -> Removed | None:
    """What of a run's report is gone; None while there is all of it."""
    gone = retention.expired(reader, run.id)
    what, at = ("report", gone.report) if run.report else ("items", gone.items)
    return None if at is None else Removed(what, at)


def write_report(
    reader: Reader, run: RunRow, form: str, out: TextIO, *, outcome: str = "", told: Told | None = None
) -> int:
    """Write the report of a run as far as there is one; of one that kept none, the items that are listed.

    Args:
        reader: the store.
        run: whose report it is.
        form: one of ``FORMATS``.
        out: where it goes.
        outcome: only the items that came out so; empty for all.
        told: called now and then.

    Returns:
        How many lines were written.

    Raises:
        StoreUnavailable: the report is damaged, or the store is out of reach.
    """
    write = _csv(out) if form == CSV else _json_lines(out)
    count = 0
    for seen, (raw, item) in enumerate(_lines(reader, run)):
        if told is not None and seen % TOLD_EVERY == 0:
            told(count)
        if not outcome or item["outcome"] == outcome:
            write(raw, item)
            count += 1
    return count


def lines_to_write(reader: Reader, run: RunRow) -> int:
    """About how many lines a report will have: for telling how far it is."""
    if run.report:
        return reports.reported_items(reader, run.id)
    words = ("excluded", "unsupported", "failed", "changed", "deleted", "delete_withheld")
    return sum(run.counters[f"items_{word}"] for word in words)


@contextlib.contextmanager
def report_file(path: Path, *, replace: bool) -> Iterator[TextIO]:
    """A file that is there whole and for its owner alone, or not at all.

    Raises:
        InvalidInput: OutputExists, or OutputUnwritable.
    """
    with new_file(path, replace=replace) as part, part.open("w", encoding="utf-8", newline="") as file:
        yield file


def planned_actions(reader: Reader, run: RunRow) -> Counter[PlannedAction]:
    """How many items a preview would do what with; nothing for a run of another kind."""
    found: Counter[PlannedAction] = Counter()
    if run.kind == RunKind.PREVIEW:
        for chunk in _chunks(reader, run):
            if chunk.final:
                with _readable(run):
                    found += report_lines.tally(chunk.data)
    return found


def _lines(reader: Reader, run: RunRow) -> Iterator[tuple[bytes, dict[str, Any]]]:
    """Each line of a run's report, as it was written and as what it says."""
    if not run.report:
        for row in _items(reader, run):
            kind, outcome, code = (report_lines.word(text) for text in (row.kind, row.outcome, row.code))
            raw = report_lines.line(row.path, kind, outcome, row.size, row.fence, code=code, message=row.message)
            yield raw[:-1], json.loads(raw)
        return
    for chunk in _chunks(reader, run):
        with _readable(run):
            for raw in report_lines.lines(chunk.data):
                item = json.loads(raw)
                if _holds(item, chunk, run):
                    yield raw, item


def _items(reader: Reader, run: RunRow) -> Iterator[item_queries.ItemRow]:
    page = Page("start", None, WINDOW)
    while True:
        window = item_queries.items(reader, run.id, page)
        yield from window.rows
        if window.at_end or not window.rows:
            return
        page = Page("after", str(window.rows[-1].id), WINDOW)


def _holds(item: dict[str, Any], chunk: ReportChunk, run: RunRow) -> bool:
    """Whether a line is still true: an attempt that was broken off was followed by one that looked anew.

    What the earlier one of a copy deleted is not found again, and the digest of what it copied is not
    made again. A run that was canceled has perhaps no later attempt.
    """
    if chunk.final or run.cancel_deadline is not None:
        return True
    return run.kind == RunKind.COPY and (item["outcome"] == Outcome.DELETED or "md5" in item)


def _chunks(reader: Reader, run: RunRow) -> Iterator[ReportChunk]:
    after = 0
    while found := reports.report_chunks(reader, run.id, after, CHUNKS):
        yield from found
        after = found[-1].id


@contextlib.contextmanager
def _readable(run: RunRow) -> Iterator[None]:
    try:
        yield
    except ValueError as error:
        raise StoreUnavailable(
            f"The report of {run.label} cannot be read ({error}): restore your last backup of the store.",
            code="StoreCorrupt",
        ) from error


def _json_lines(out: TextIO) -> Callable[[bytes, dict[str, Any]], None]:
    def write(raw: bytes, item: dict[str, Any]) -> None:
        plain = raw.isascii() and raw.decode("ascii").isprintable()
        # Agents of ours write printable ASCII; a line of another one says the same in it.
        out.write((raw.decode("ascii") if plain else json.dumps(item).replace("\x7f", "\\u007f")) + "\n")

    return write


def _csv(out: TextIO) -> Callable[[bytes, dict[str, Any]], None]:
    writer = csv.writer(out)
    writer.writerow(report_lines.CSV_HEADER)

    def write(raw: bytes, item: dict[str, Any]) -> None:
        writer.writerow(report_lines.csv_row(item))

    return write
