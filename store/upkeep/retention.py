"""Retention: details of runs go by age, runs and events stay.

Samples thin out to one a minute a day after a run's end. Samples, items and report go when they are as
old as the policy says. A run is marked in the transaction that deletes the first of its details: half a
report is never taken for a plan. Work is found through partial indexes of ``job_run``, a batch for each
transaction (measurements-store §8), so that nobody waits for it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final, NamedTuple

from sqlalchemy import CursorResult, bindparam, text
from sqlmodel import Session

from store.db import Store, Write
from store.errors import InvalidInput
from store.lifecycle import ENDED
from store.models import Retention
from store.resources.runs import STORE_ACTOR

DAY_MS: Final = 86_400_000
MINUTE_MS: Final = 60_000
THIN_AFTER_MS: Final = DAY_MS
"""Age of a run's end at which its samples thin out to one a minute."""

ROWS: Final = 2_000
"""Rows that one transaction deletes at most: some tens of milliseconds, with the lists' indexes of them."""

CHUNKS: Final = 100
"""Report chunks that one transaction deletes at most: each is a hundred kilobytes or so."""

RUNS: Final = 200
"""Runs that one transaction looks at, at most."""

MAX_DAYS: Final = 36_500


class Policy(NamedTuple):
    """For how many days after a run's end its details are kept; 0 is for ever."""

    items_days: int
    reports_days: int
    samples_days: int


class Removed(NamedTuple):
    """What retention removed: rows of each kind, and the runs that it did something to."""

    items: int = 0
    chunks: int = 0
    samples: int = 0
    runs: int = 0

    def plus(self, other: Removed) -> Removed:
        return Removed(*(one + more for one, more in zip(self, other, strict=True)))


class _Detail(NamedTuple):
    """A kind of detail.

    Attributes:
        name: what it is called here.
        table: where it is.
        key: what tells a row from others of its run.
        mark: the column of a run that keeps when it was removed.
        days: the policy's column.
        most: rows that one transaction deletes at most.
    """

    name: str
    table: str
    key: str
    mark: str
    days: str
    most: int


_ITEMS = _Detail("items", "run_item", "id", "expired_at", "items_days", ROWS)
_CHUNKS = _Detail("chunks", "run_report", "id", "report_expired_at", "reports_days", CHUNKS)
_SAMPLES = _Detail("samples", "progress_sample", "at", "samples_expired_at", "samples_days", ROWS)
_DETAILS = (_ITEMS, _CHUNKS, _SAMPLES)

_ENDED_STATUSES = ", ".join(f"'{status}'" for status in sorted(ENDED))
_NO_PLAN_IN_USE = (
    f"id NOT IN (SELECT plan_run_id FROM job_run WHERE status NOT IN ({_ENDED_STATUSES}) AND plan_run_id IS NOT NULL)"
)


def _ended(mark: str, before: str) -> str:
    # In the words of the partial indexes; and by the status too, since no run that goes on is ever touched.
    return (
        f"{mark} IS NULL AND execution_end_time IS NOT NULL AND execution_end_time < {before} "
        f"AND status IN ({_ENDED_STATUSES})"
    )


def _too_old(detail: _Detail) -> str:
    # Nothing ended before the beginning of time: that is what is kept for ever.
    before = f"CASE WHEN {detail.days} = 0 THEN 0 ELSE :now - CAST({detail.days} AS bigint) * {DAY_MS} END"
    return _ended(detail.mark, f"(SELECT {before} FROM retention)")


_DUE: Final = {
    "items": _too_old(_ITEMS),
    "chunks": f"{_too_old(_CHUNKS)} AND {_NO_PLAN_IN_USE}",
    "samples": _too_old(_SAMPLES),
}
_THINS: Final = _ended("thinned_at", f":now - {THIN_AFTER_MS}")
_EACH: Final = ("expiring", *_DUE.values(), _THINS)
# One look for each, so that each goes by its own index.
_IS_DUE: Final = text(
    f"SELECT 1 WHERE {' OR '.join(f'EXISTS (SELECT 1 FROM job_run WHERE {condition})' for condition in _EACH)}"
)


def policy(session: Session) -> Policy:
    """The policy in force."""
    row = session.get_one(Retention, 1)
    return Policy(row.items_days, row.reports_days, row.samples_days)


def set_policy(
    tx: Write, *, items_days: int | None = None, reports_days: int | None = None, samples_days: int | None = None
) -> Policy:
    """Change what is given, with an event that says so; nothing is removed yet.

    Raises:
        InvalidInput: a number of days that is none.
    """
    row = tx.session.get_one(Retention, 1)
    before = policy(tx.session)
    for name, days in (("items_days", items_days), ("reports_days", reports_days), ("samples_days", samples_days)):
        if days is None:
            continue
        if not 0 <= days <= MAX_DAYS:
            raise InvalidInput(f"Details cannot be kept for {days} days: write 0 (for ever) to {MAX_DAYS:,}.")
        setattr(row, name, days)
    after = Policy(row.items_days, row.reports_days, row.samples_days)
    if after != before:
        tx.session.add(row)
        words = (f"{name.removesuffix('_days')} {days or 'for ever'}" for name, days in after._asdict().items())
        tx.event("retention", 1, "retention", "changed", mover_id=None, detail=f"days: {', '.join(words)}")
    return after


def prune_details(store: Store, batches: int | None = None) -> Removed:
    """Remove what is due by the policy in force.

    Args:
        store: the store.
        batches: transactions at most, None for as many as it takes.

    Raises:
        StoreUnavailable: the store cannot be written; what was committed until then is gone.
    """
    removed, done = Removed(), 0
    while (batches is None or done < batches) and _is_due(store):
        done += 1
        with store.write(STORE_ACTOR) as tx:
            expired = _expire(tx)
            removed = removed.plus(expired if expired.runs else _thin(tx))
    return removed


def due(store: Store) -> Removed:
    """What :func:`prune_details` would remove now."""
    with store.read() as session:
        now = {"now": store.clock.now()}

        def count(rows: str) -> int:
            return int(session.execute(text(f"SELECT count(*) FROM {rows}"), now).scalar_one())

        found = {}
        for detail in _DETAILS:
            unfinished = f"(expiring AND {detail.mark} IS NOT NULL)"
            doomed = f"SELECT id FROM job_run WHERE {unfinished} OR ({_DUE[detail.name]})"
            found[detail.name] = count(f"{detail.table} WHERE run_id IN ({doomed})")
        thins = f"{_THINS} AND NOT ({_DUE['samples']})"
        excess = f"""(SELECT at, lag(at) OVER one_run AS earlier, lead(at) OVER one_run AS later
            FROM progress_sample WHERE run_id IN (SELECT id FROM job_run WHERE {thins})
            WINDOW one_run AS (PARTITION BY run_id ORDER BY at)) AS samples
            WHERE earlier / {MINUTE_MS} = at / {MINUTE_MS} AND later IS NOT NULL"""
        found["samples"] += count(excess)
        any_of = " OR ".join(f"({condition})" for condition in ("expiring", *_DUE.values(), thins))
        return Removed(**found, runs=count(f"job_run WHERE {any_of}"))


def _is_due(store: Store) -> bool:
    with store.read() as session:
        return session.execute(_IS_DUE, {"now": store.clock.now()}).first() is not None


def _expire(tx: Write) -> Removed:
    """Delete up to a batch of what is due, and mark the runs that it was of."""
    due_of = {name: set(_oldest(tx, condition)) for name, condition in _DUE.items()}
    columns = ", ".join(detail.mark for detail in _DETAILS)
    unfinished = tx.session.execute(text(f"SELECT id, {columns} FROM job_run WHERE expiring LIMIT {RUNS}"))
    begun = {
        row[0]: {detail.name for detail, at in zip(_DETAILS, row[1:], strict=True) if at is not None}
        for row in unfinished
    }
    runs = sorted(set(begun).union(*due_of.values()))
    holders = {detail.name: _holders(tx, detail, runs) for detail in _DETAILS}
    counts = dict.fromkeys(due_of, 0)
    whole: dict[int, bool] = {}
    budget = 1.0
    for run_id in runs:
        if budget <= 0:
            break
        whole[run_id] = True
        for detail in _DETAILS:
            wanted = run_id in due_of[detail.name] or detail.name in begun.get(run_id, ())
            if wanted and run_id in holders[detail.name]:
                most = max(1, int(budget * detail.most))
                gone = _delete(tx, detail, run_id, most)
                counts[detail.name] += gone
                budget -= gone / detail.most
                whole[run_id] = whole[run_id] and gone < most
    _mark(tx, due_of, whole)
    return Removed(**counts, runs=len(whole))


def _mark(tx: Write, due_of: Mapping[str, Collection[int]], whole: Mapping[int, bool]) -> None:
    """One update for the runs that are to be marked alike."""
    alike: dict[tuple[tuple[str, ...], bool], list[int]] = {}
    for run_id, done in whole.items():
        marks = tuple(detail.mark for detail in _DETAILS if run_id in due_of[detail.name])
        alike.setdefault((marks, done), []).append(run_id)
    for (marks, done), runs in alike.items():
        thinned = ("thinned_at",) if _SAMPLES.mark in marks else ()
        _update(tx, runs, {**dict.fromkeys((*marks, *thinned), tx.now), "expiring": not done})


def _thin(tx: Write) -> Removed:
    """Thin the samples of some runs, up to a batch of rows, and mark those that are done."""
    runs = _oldest(tx, _THINS)
    holders = _holders(tx, _SAMPLES, runs)
    removed, done = 0, []
    for run_id in runs:
        gone, whole = _thin_run(tx, run_id, ROWS - removed) if run_id in holders else (0, True)
        removed += gone
        if not whole:
            break
        done.append(run_id)
    _update(tx, done, {"thinned_at": tx.now})
    return Removed(samples=removed, runs=len(done))


_PIECE = "FROM progress_sample WHERE run_id = :run AND at >= :start ORDER BY at LIMIT :rows"
_END_OF_PIECE = text(f"SELECT max(at), count(*) FROM (SELECT at {_PIECE}) AS piece")
_LAST = text("SELECT max(at) FROM progress_sample WHERE run_id = :run")
_THIN = text(
    f"""DELETE FROM progress_sample WHERE run_id = :run AND at IN (
        SELECT at FROM (SELECT at, lag(at) OVER (ORDER BY at) AS earlier FROM (SELECT at {_PIECE}) AS piece) AS pairs
        WHERE earlier / {MINUTE_MS} = at / {MINUTE_MS} AND at < :last)"""
)


def _thin_run(tx: Write, run_id: int, budget: int) -> tuple[int, bool]:
    """Keep the first sample of each minute and the last of all.

    Returns:
        How many samples were deleted, and whether that was all.
    """
    last = tx.session.execute(_LAST, {"run": run_id}).scalar_one()
    start = removed = 0
    while removed < budget:
        piece = {"run": run_id, "start": start, "rows": ROWS}
        end, rows = tx.session.execute(_END_OF_PIECE, piece).one()
        removed += _rows_of(tx.session.execute(_THIN, {**piece, "last": last}))
        if rows < ROWS:
            return removed, True
        # From the beginning of a minute, so that its first sample is known for that.
        start = end // MINUTE_MS * MINUTE_MS
    return removed, False


def _oldest(tx: Write, condition: str) -> list[int]:
    statement = f"SELECT id FROM job_run WHERE {condition} ORDER BY execution_end_time, id LIMIT {RUNS}"
    return list(tx.session.execute(text(statement), {"now": tx.now}).scalars())


def _holders(tx: Write, detail: _Detail, runs: Collection[int]) -> set[int]:
    """Those of the runs that have any of a detail: most have none, and cost no statement of their own."""
    has = f"EXISTS (SELECT 1 FROM {detail.table} d WHERE d.run_id = job_run.id)"
    statement = text(f"SELECT id FROM job_run WHERE id IN :runs AND {has}")
    found = tx.session.execute(statement.bindparams(bindparam("runs", expanding=True)), {"runs": list(runs)})
    return set(found.scalars())


def _delete(tx: Write, detail: _Detail, run_id: int, most: int) -> int:
    table, key = detail.table, detail.key
    some = f"SELECT {key} FROM {table} WHERE run_id = :run ORDER BY {key} LIMIT :most"
    statement = text(f"DELETE FROM {table} WHERE run_id = :run AND {key} IN ({some})")
    return _rows_of(tx.session.execute(statement, {"run": run_id, "most": most}))


def _update(tx: Write, runs: Collection[int], values: Mapping[str, Any]) -> None:
    if runs:
        settings = ", ".join(f"{name} = :{name}" for name in values)
        statement = text(f"UPDATE job_run SET {settings} WHERE id IN :runs").bindparams(
            bindparam("runs", expanding=True)
        )
        tx.session.execute(statement, {**values, "runs": list(runs)})


def _rows_of(result: Any) -> int:
    return int(result.rowcount) if isinstance(result, CursorResult) else 0
