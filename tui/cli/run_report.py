"""``run report``: what became of every item of a run, as JSON Lines or CSV."""

from __future__ import annotations

import argparse
import contextlib
import csv
import json
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TextIO

from store import report_lines
from store.errors import InvalidInput, StoreUnavailable
from store.queries import reports, retention
from store.queries import runs as run_queries
from store.queries.reports import ReportChunk
from store.queries.runs import RunRow
from store.reader import Reader
from store.upkeep.newfile import new_file
from store.vocabulary import Outcome, PlannedAction, RunKind
from tui.cli import context, output
from tui.cli.shown import since, windows

CHUNKS = 8
"""Chunks read at a time: a report is never held whole."""


def report(options: argparse.Namespace) -> int:
    """Export the report of a run as far as it is written; of one that kept none, the items there are."""
    from tui.cli.run import find, row_of

    if options.force and not options.output:
        raise InvalidInput("--force goes with --output FILE: add that, or leave it out.")
    with context.existing_store(options) as store:
        run_id = find(store, options).id
    run = row_of(options, run_id)
    with context.reader(options) as reader, _destination(options.output, replace=options.force) as out:
        gone = retention.expired(reader, run_id)
        write = _csv(out) if options.format == "csv" else _json_lines(out)
        count = 0
        for raw, item in _lines(reader, run):
            if not options.outcome or item["outcome"] == options.outcome:
                write(raw, item)
                count += 1
    removed_at = gone.report if run.report else gone.items
    if removed_at is not None:
        what = "report" if run.report else "items"
        output.say(f"Retention removed the {what} of {run.label} on {since(removed_at)}; its counters stay.")
    elif not run.report:
        output.say(
            f"{run.label} kept no full report ('longshore run start --report' does): "
            "these are its items that did not simply transfer."
        )
    elif run.active:
        output.say(f"{run.label} goes on: this is its report until now.")
    where = f" in '{options.output}'" if options.output else ""
    output.say(f"{count:,} {'line' if count == 1 else 'lines'}{where}.")
    return 0


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
        pages = windows(lambda page: run_queries.items(reader, run.id, page), lambda row: str(row.id))
        for row in pages:
            raw = report_lines.line(
                row.path, row.kind, row.outcome, row.size, row.fence, code=row.code, message=row.message
            )
            yield raw[:-1], json.loads(raw)
        return
    for chunk in _chunks(reader, run):
        with _readable(run):
            for raw in report_lines.lines(chunk.data):
                item = json.loads(raw)
                if _holds(item, chunk, run):
                    yield raw, item


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
        out.write((raw.decode("ascii") if plain else output.json_text(item, indent=None)) + "\n")

    return write


def _csv(out: TextIO) -> Callable[[bytes, dict[str, Any]], None]:
    writer = csv.writer(out)
    writer.writerow(report_lines.CSV_HEADER)

    def write(raw: bytes, item: dict[str, Any]) -> None:
        writer.writerow(report_lines.csv_row(item))

    return write


@contextlib.contextmanager
def _destination(path: str | None, *, replace: bool) -> Iterator[TextIO]:
    """Where a report goes: stdout, or a file that is there whole and for its owner alone, or not at all.

    Raises:
        InvalidInput: the file exists, or cannot be written.
    """
    if path is None:
        yield sys.stdout
        return
    with new_file(Path(path), replace=replace) as part, part.open("w", encoding="utf-8", newline="") as file:
        yield file
