"""``run report``: what became of every item of a run, as JSON Lines or CSV."""

from __future__ import annotations

import argparse
import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from store.errors import InvalidInput
from tui.cli import context, output
from tui.cli.shown import since
from tui.reports import removed, report_file, write_report


def report(options: argparse.Namespace) -> int:
    """Export the report of a run as far as it is written; of one that kept none, the items there are."""
    from tui.cli.run import find, row_of

    if options.force and not options.output:
        raise InvalidInput("--force goes with --output FILE: add that, or leave it out.")
    with context.existing_store(options) as store:
        run_id = find(store, options).id
    run = row_of(options, run_id)
    with context.reader(options) as reader, _destination(options.output, replace=options.force) as out:
        gone = removed(reader, run)
        count = write_report(reader, run, options.format, out, outcome=options.outcome or "")
    if gone is not None:
        output.say(f"Retention removed the {gone.what} of {run.label} on {since(gone.at)}; its counters stay.")
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


@contextlib.contextmanager
def _destination(path: str | None, *, replace: bool) -> Iterator[TextIO]:
    """Where a report goes: stdout, or a file that is there whole and for its owner alone, or not at all.

    Raises:
        InvalidInput: the file exists, or cannot be written.
    """
    if path is None:
        yield sys.stdout
        return
    with report_file(Path(path), replace=replace) as file:
        yield file
