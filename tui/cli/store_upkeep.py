"""``store``: what keeps a store in order."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from store.display import display
from tui.actor import actor
from tui.cli import context, exit_codes, output
from tui.presentation import format as figures

if TYPE_CHECKING:
    from store.upkeep.check.invariant import Checked
    from store.upkeep.retention import Policy, Removed


def retention(options: argparse.Namespace) -> int:
    """Show for how long details of runs are kept, or change it."""
    changes = {
        name: getattr(options, name)
        for name in ("items_days", "reports_days", "samples_days")
        if getattr(options, name) is not None
    }
    with context.existing_store(options, writes=bool(changes)) as store:
        from store.upkeep.retention import policy, set_policy

        if changes:
            with store.write(actor()) as tx:
                in_force = set_policy(tx, **changes)
        else:
            with store.read() as session:
                in_force = policy(session)
    if options.json:
        output.json_data(_policy_resource(in_force))
    else:
        output.properties(
            (
                ("items", _kept(in_force.items_days)),
                ("reports", _kept(in_force.reports_days)),
                ("samples", f"all for a day, then one a minute; {_kept(in_force.samples_days)}"),
            )
        )
    if changes:
        output.say("What is too old by this goes little by little, or at once with 'longshore store prune'.")
    return 0


def prune(options: argparse.Namespace) -> int:
    """Remove at once what retention would remove little by little."""
    with context.existing_store(options, writes=not options.dry_run) as store:
        if options.dry_run:
            from store.upkeep.retention import due

            details, changes, freed = due(store), None, None
        else:
            from store.maintenance import prune as prune_store

            details, changes, freed = prune_store(store)
    if options.json:
        output.json_data({**_removed_resource(details), "feedChanges": changes, "bytesFreed": freed})
        return 0
    output.properties(
        (
            ("items", f"{details.items:,}"),
            ("report parts", f"{details.chunks:,}"),
            ("samples", f"{details.samples:,}"),
            ("of runs", f"{details.runs:,}"),
            ("feed changes", "" if changes is None else f"{changes:,}"),
            ("given back", "" if not freed else figures.size(freed)),
        )
    )
    output.say("Nothing was removed: this is what would be." if options.dry_run else "Runs and events stay.")
    return 0


def check(options: argparse.Namespace) -> int:
    """Look whether all that must hold of the store does; nothing is changed."""
    from store.reader import Reader
    from store.upkeep.check.run import check as check_store

    problems = 0

    def counted() -> Iterator[Checked]:
        nonlocal problems
        for checked in check_store(reader):
            problems += sum(not finding.note for finding in checked.findings)
            yield checked

    # Not through the context's reader, which brings an older store up to date.
    with Reader(context.place(options)) as reader:
        if options.json:
            output.json_list(_checked_resource(checked) for checked in counted())
        else:
            for checked in counted():
                _print_checked(checked)
    if problems:
        output.say(f"{problems} {'problem' if problems == 1 else 'problems'}: see what each line says to do.")
        return exit_codes.STORE_UNUSABLE
    output.say("All that must hold of this store does.")
    return exit_codes.FINE


def backup(options: argparse.Namespace) -> int:
    """Make a backup of the store while it is in use."""
    from store.upkeep.backup import back_up

    place = context.place(options)
    size = back_up(place, Path(options.file), replace=options.force)
    output.say(
        f"Backed up '{place.url}' as '{options.file}' ({figures.size(size)}). It is a store itself: put it in the "
        f"place of one that was lost, or carry it over with 'longshore store copy {options.file} TO'."
    )
    return exit_codes.FINE


def upgrade(options: argparse.Namespace) -> int:
    """Bring the store's schema up to date now."""
    from store.upkeep.upgrading import planned, upgrade_now

    if not options.dry_run:
        context.refuse_read_only(options)
    place = context.place(options)
    found = planned(place) if options.dry_run else upgrade_now(place)
    if not found.needed:
        output.say(f"The store '{place.url}' is up to date (schema {found.after}): there is nothing to do.")
        return exit_codes.FINE
    would = "would go" if options.dry_run else "went"
    output.say(f"The store '{place.url}' {would} from schema {found.before} to {found.after}.")
    if found.backup is not None:
        kept = "would be kept" if options.dry_run else "is kept"
        output.say(f"The one before it {kept} as '{found.backup}'.")
    elif options.dry_run:
        output.say("It is one transaction on the server; have its administrator make a backup first.")
    return exit_codes.FINE


def copy(options: argparse.Namespace) -> int:
    """Carry everything that a store holds into another, empty one."""
    from store.place import locate
    from store.upkeep.copying import copy_store

    context.refuse_read_only(options)
    origin, destination = locate(options.origin), locate(options.destination)
    live = output.LiveLine(term=os.environ.get("TERM", ""))
    try:
        done = copy_store(origin, destination, told=lambda table: live.show(f"{table}…") if live.live else None)
    finally:
        if live.live:
            live.clear()
    if options.json:
        output.json_list(
            {"table": each.table, "rows": each.target.rows, "source": each.source.digest, "target": each.target.digest}
            for each in done
        )
    else:
        output.table(
            ("TABLE", "ROWS", "THERE", "DIGEST", "THERE"),
            [
                (
                    each.table,
                    f"{each.source.rows:,}",
                    f"{each.target.rows:,}",
                    each.source.digest[:16],
                    each.target.digest[:16],
                )
                for each in done
            ],
        )
    output.say(f"'{destination.url}' holds what '{origin.url}' held: counts and digests of every table are equal.")
    output.say(
        "Agents go on with the old one until they register again: 'longshore --store "
        f"{destination.url} agent token MOVER --agent NAME' makes a token for each."
    )
    return exit_codes.FINE


def _print_checked(checked: Checked) -> None:
    if not checked.findings:
        output.data(f"ok       {checked.name}: {checked.sentence}")
    for finding in checked.findings:
        output.data(f"{'note' if finding.note else 'problem':<8} {checked.name}: {finding.sentence}")


def _checked_resource(checked: Checked) -> dict[str, Any]:
    return {
        "name": checked.name,
        "sentence": checked.sentence,
        "holds": checked.holds,
        "findings": [
            {"sentence": display(finding.sentence), "level": "note" if finding.note else "problem"}
            for finding in checked.findings
        ],
    }


def _kept(days: int) -> str:
    return f"kept for {days:,} days after the run's end" if days else "kept for ever"


def _policy_resource(in_force: Policy) -> dict[str, int]:
    return {
        "itemsDays": in_force.items_days,
        "reportsDays": in_force.reports_days,
        "samplesDays": in_force.samples_days,
    }


def _removed_resource(details: Removed) -> dict[str, int]:
    return {
        "items": details.items,
        "reportParts": details.chunks,
        "samples": details.samples,
        "runs": details.runs,
    }
