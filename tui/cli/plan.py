"""``apply`` and ``export``: the hierarchy as a plan file."""

from __future__ import annotations

import argparse
import tempfile
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from store.display import display
from store.place import StorePlace
from store.sqlite.place import SqlitePlace
from tui.actor import actor
from tui.cli import context, output

if TYPE_CHECKING:
    from store.plan import Applied, PlanFile

STANDARD_INPUT = "/dev/stdin"


def apply(options: argparse.Namespace) -> int:
    """Make the store hold what a plan file says, all of it or nothing."""
    if not options.dry_run:
        context.refuse_read_only(options)
    where = context.place(options)
    where.check()
    from store.plan import read_plan

    file = read_plan(STANDARD_INPUT if options.file == "-" else options.file)
    if not where.exists or options.dry_run:
        # A refused plan must not leave a new, empty store behind.
        done = _rehearse(where, file)
    if not options.dry_run:
        done = _apply(where, file, keep=True)
    changed = [one for one in done if one.put != "unchanged"]
    if options.json:
        output.json_data(
            {
                "value": [{"action": one.put, "kind": one.kind, "resource": one.resource} for one in done],
                "dryRun": options.dry_run,
            }
        )
    else:
        for one in changed:
            output.data(f"{one.put} {one.kind} {one.resource}")
    output.say(_summary(done, dry_run=options.dry_run))
    return 0


def export(options: argparse.Namespace) -> int:
    """Print the plan of one storage mover, or of all."""
    with context.existing_store(options) as store:
        from store.arm_reads import all_movers
        from store.export import export_plan, export_resources
        from store.resources.common import find_mover

        with store.read() as session:
            movers = [find_mover(session, options.mover)] if options.mover else all_movers(session)
            make = export_resources if options.format == "arm" else export_plan
            document = make(session, movers)
    if options.format == "yaml":
        output.verbatim(_yaml(document))
    else:
        output.json_data(document)
    return 0


def _rehearse(where: StorePlace, file: PlanFile) -> list[Applied]:
    """Apply a plan and take it back; where there is no store yet, to one that nobody keeps."""
    if where.exists:
        return _apply(where, file, keep=False)
    with tempfile.TemporaryDirectory(prefix="longshore-") as directory:
        return _apply(SqlitePlace(Path(directory).resolve() / "rehearsal.db"), file, keep=False)


def _apply(where: StorePlace, file: PlanFile, *, keep: bool) -> list[Applied]:
    from store.db import open_store
    from store.plan import apply_plan

    store = open_store(where)
    try:
        with store.write(actor()) as tx:
            done = apply_plan(tx, file)
            if not keep:
                tx.session.rollback()
        return done
    finally:
        store.close()


def _summary(done: list[Applied], *, dry_run: bool) -> str:
    count = Counter(str(one.put) for one in done)
    figures = ", ".join(f"{count[word]} {word}" for word in ("created", "changed", "unchanged") if count[word])
    text = figures or "The plan names nothing"
    return f"{text}. This was a dry run: nothing was changed." if dry_run else f"{text}."


def _yaml(document: dict[str, Any]) -> str:
    """YAML that people can read; in ASCII when it holds anything that a terminal would not show as itself."""
    import yaml

    text: str = yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=110)
    if all(character in "\n\\" or display(character) == character for character in text):
        return text
    ascii_text: str = yaml.safe_dump(document, sort_keys=False, width=110)
    return ascii_text
