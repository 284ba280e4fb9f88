"""What must hold of the rows of a store: each invariant is one statement, the same for both kinds of store.

A statement tells what breaks its invariant, by name. Being one, it sees one moment of a store that others
write to, and being bounded, it never brings a history into memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Final

from store.lifecycle import ENDED
from store.queries.fleet import COUNTERS as COUNTER_FIELDS
from store.reader import Reader
from store.upkeep.check.invariant import SHOWN, Finding, Invariant
from store.vocabulary import SCANNED_OUTCOMES, DefinitionState, JobRunStatus, Outcome

_REPORT: Final = (
    "restore a backup from before, or report it with what 'longshore store check --json' prints: only a fault does this"
)
_ENDED = ", ".join(f"'{status}'" for status in sorted(ENDED))
_IS_ACTIVE = f"r.status NOT IN ({_ENDED})"
_HAS_ENDED = f"r.status IN ({_ENDED})"
_RUN = "p.name || '/' || d.name || '#' || r.number"
_OF_RUN = "JOIN job_definition d ON d.id = r.definition_id JOIN project p ON p.id = r.project_id"
_DEFINITION = "p.name || '/' || d.name"
_OF_DEFINITION = "job_definition d JOIN project p ON p.id = d.project_id"

_COLUMNS: Final = {
    Outcome.TRANSFERRED: "transferred",
    Outcome.NO_TRANSFER_NEEDED: "no_transfer_needed",
    Outcome.EXCLUDED: "excluded",
    Outcome.UNSUPPORTED: "unsupported",
    Outcome.FAILED: "failed",
    Outcome.CHANGED: "changed",
}
"""The source's outcomes, each with the word of its counters."""


def _sum(unit: str) -> str:
    return " + ".join(f"r.{unit}_{_COLUMNS[outcome]}" for outcome in SCANNED_OUTCOMES)


_LESS: Final = ", ".join(f"-sum(r.{name})" for name in COUNTER_FIELDS)


def _runs(condition: str, *, joins: str = "") -> str:
    return f"SELECT {_RUN} FROM job_run r {_OF_RUN} {joins} WHERE {condition}"


def _details(mark: str, table: str) -> str:
    there = f"EXISTS (SELECT 1 FROM {table} x WHERE x.run_id = r.id)"
    return f"r.{mark} IS NOT NULL AND NOT r.expiring AND {there}"


_STATEMENTS: Final = (
    (
        "latest-run",
        "A definition's latest run is the last one that was started.",
        f"""SELECT {_DEFINITION} FROM {_OF_DEFINITION} WHERE coalesce(d.latest_run_id, 0)
            <> coalesce((SELECT max(r.id) FROM job_run r WHERE r.definition_id = d.id), 0)""",
        "The latest run of {} is not its last one: start a run of it, which sets that right.",
    ),
    (
        "run-numbers",
        "The runs of a definition are numbered from 1 without a gap, and it knows how many there are.",
        f"""SELECT {_DEFINITION} FROM {_OF_DEFINITION} LEFT JOIN
            (SELECT definition_id, count(*) AS runs, min(number) AS lowest, max(number) AS highest
             FROM job_run GROUP BY definition_id) n ON n.definition_id = d.id
            WHERE coalesce(n.runs, 0) <> d.run_count OR coalesce(n.highest, 0) <> d.run_count
            OR coalesce(n.lowest, 1) <> 1""",
        f"The runs of {{}} are not numbered without a gap: {_REPORT}.",
    ),
    (
        "one-active-run",
        "A definition has one active run at most.",
        f"""SELECT {_DEFINITION} FROM {_OF_DEFINITION} WHERE d.id IN (SELECT r.definition_id FROM job_run r
            WHERE {_IS_ACTIVE} GROUP BY r.definition_id HAVING count(*) > 1)""",
        "{} has more than one active run: stop all but one with 'longshore run stop'.",
    ),
    (
        "one-run-per-target",
        "A target has one active run at most.",
        f"""SELECT a.target_key FROM (SELECT r.target_key, count(*) AS runs FROM job_run r
            WHERE {_IS_ACTIVE} GROUP BY r.target_key) a WHERE a.runs > 1""",
        "The target '{}' has more than one active run: stop all but one with 'longshore run stop'.",
    ),
    (
        "ends",
        "A run has the time of its end when it has ended, and none before.",
        _runs(
            f"({_HAS_ENDED} AND r.execution_end_time IS NULL) OR ({_IS_ACTIVE} AND r.execution_end_time IS NOT NULL)"
        ),
        f"The status of {{}} and the time of its end do not fit: {_REPORT}.",
    ),
    (
        "grants-of-active-runs",
        "The agent of an active run holds two grants for it: on its source and on its target.",
        _runs(
            f"""{_IS_ACTIVE} AND (SELECT count(*) FROM access_grant g
                WHERE g.run_id = r.id AND g.agent_id = r.agent_id AND g.ended_at IS NULL) <> 2"""
        ),
        "The agent of {} does not hold the grants of the run: stop it and start it again.",
    ),
    (
        "grants-of-ended-runs",
        "The grants of a run end with it.",
        _runs(f"{_HAS_ENDED} AND g.ended_at IS NULL", joins="JOIN access_grant g ON g.run_id = r.id"),
        f"A grant of {{}} has outlived the run: {_REPORT}.",
    ),
    (
        "leases-of-ended-runs",
        "Nobody holds a run that has ended.",
        _runs(_HAS_ENDED, joins="JOIN run_lease l ON l.run_id = r.id"),
        f"{{}} has ended and still has a lease: {_REPORT}.",
    ),
    (
        "fences",
        "Who holds a run holds it with the run's own fence, and is the run's agent.",
        _runs(
            "l.fence <> r.fence OR l.agent_id <> coalesce(r.agent_id, 0)", joins="JOIN run_lease l ON l.run_id = r.id"
        ),
        f"The lease of {{}} is not of its agent and fence: {_REPORT}.",
    ),
    (
        "counters",
        "Of a run that succeeded, what was scanned is the sum of what became of it, in items and in bytes.",
        _runs(
            f"""r.status = '{JobRunStatus.SUCCEEDED}'
                AND (r.items_scanned <> {_sum("items")} OR r.bytes_scanned <> {_sum("bytes")})"""
        ),
        "The counters of {} do not add up: run a verify of its definition, and report it as a fault.",
    ),
    (
        "totals",
        "The totals of ended runs are the sums of those runs.",
        f"""SELECT m.name || ' ' || x.kind || ' ' || x.status FROM (SELECT mover_id, kind, status
            FROM (SELECT mover_id, kind, status, runs, {", ".join(COUNTER_FIELDS)} FROM run_totals
                  UNION ALL SELECT r.mover_id, r.kind, r.status, -count(*), {_LESS} FROM job_run r
                  WHERE {_HAS_ENDED} GROUP BY r.mover_id, r.kind, r.status) AS both_of_them
            GROUP BY mover_id, kind, status
            HAVING {" OR ".join(f"sum({name}) <> 0" for name in ("runs", *COUNTER_FIELDS))}) x
            JOIN storage_mover m ON m.id = x.mover_id""",
        f"The totals of {{}} are not the sums of its runs: {_REPORT}.",
    ),
    (
        "latest-state",
        "A definition knows what came of its latest run, and the name of its project.",
        f"""SELECT {_DEFINITION} FROM {_OF_DEFINITION} LEFT JOIN job_run r ON r.id = d.latest_run_id
            WHERE d.project_name <> p.name OR d.latest_state <> CASE WHEN r.id IS NULL THEN '{DefinitionState.NEVER}'
            WHEN {_HAS_ENDED} THEN r.status ELSE '{DefinitionState.ACTIVE}' END""",
        "{} is listed as something that it is not: start a run of it, which sets that right.",
    ),
    (
        "endpoints-of-runs",
        "A run is listed under the endpoints of its definition.",
        _runs("r.source_id <> d.source_id OR r.target_id <> d.target_id"),
        f"{{}} is not listed under the endpoints of its definition: {_REPORT}.",
    ),
    (
        "movers",
        "What belongs together belongs to one storage mover: definitions, endpoints, runs and their agents.",
        f"""SELECT {_DEFINITION} FROM {_OF_DEFINITION} JOIN endpoint s ON s.id = d.source_id
            JOIN endpoint t ON t.id = d.target_id
            WHERE d.mover_id <> p.mover_id OR s.mover_id <> d.mover_id OR t.mover_id <> d.mover_id
            UNION ALL {
            _runs(
                "r.mover_id <> d.mover_id OR r.project_id <> d.project_id OR a.mover_id <> r.mover_id",
                joins="LEFT JOIN agent a ON a.id = r.agent_id",
            )
        }""",
        f"{{}} reaches into another storage mover: {_REPORT}.",
    ),
    (
        "expired-items",
        "A run whose items retention has removed has none.",
        _runs(_details("expired_at", "run_item")),
        "Items of {} came after retention had removed them: report it as a fault.",
    ),
    (
        "expired-reports",
        "A run whose report retention has removed has none.",
        _runs(_details("report_expired_at", "run_report")),
        "A report of {} came after retention had removed it: report it as a fault.",
    ),
    (
        "expired-samples",
        "A run whose samples retention has removed has none.",
        _runs(_details("samples_expired_at", "progress_sample")),
        "Samples of {} came after retention had removed them: report it as a fault.",
    ),
    (
        "plans",
        "The plan of an active run is there.",
        _runs(f"{_IS_ACTIVE} AND v.report_expired_at IS NOT NULL", joins="JOIN job_run v ON v.id = r.plan_run_id"),
        "The plan of {} is gone: stop the run, and make a new preview.",
    ),
    (
        "retention",
        "There is one retention policy.",
        "SELECT count(*) FROM retention HAVING count(*) <> 1",
        f"There are {{}} retention policies: {_REPORT}.",
    ),
    (
        "feed",
        "The feed has one state with an epoch, by which readers tell this store from another.",
        "SELECT count(*) FROM feed_state HAVING count(*) <> 1 OR min(length(epoch)) = 0",
        f"The feed has {{}} states, or one without an epoch: {_REPORT}.",
    ),
)


def _find(statement: str, told: str, reader: Reader) -> Iterator[Finding]:
    rows = reader.rows(f"SELECT * FROM ({statement}) AS broken LIMIT {SHOWN + 1}")
    for row in rows[:SHOWN]:
        yield Finding(told.format(row[0]))
    if len(rows) > SHOWN:
        yield Finding(f"There are more than these {SHOWN}: mend them first, and check again.")


CONTENT: Final = tuple(
    Invariant(name, sentence, partial(_find, statement, told)) for name, sentence, statement, told in _STATEMENTS
)
