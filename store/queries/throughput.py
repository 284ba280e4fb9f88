"""How much was copied, and when: the samples of a mover's or an agent's runs, summed up in steps of time."""

from __future__ import annotations

from collections.abc import Collection

from store.lifecycle import ENDED
from store.queries.scope import Scope
from store.queries.window import quoted
from store.reader import Reader

LOOK_BACK_MS = 15_000
"""How far before a time the sample is looked for that the first one after it is compared to."""

MOST_RUNS = 500
"""Runs whose samples are summed up: those that started last."""

_IS_ACTIVE = f"r.status NOT IN ({quoted(sorted(ENDED))})"
_COLUMNS = {"mover": "r.mover_id", "agent": "r.agent_id"}


def copying(reader: Reader, scope: Scope, since: int) -> list[int]:
    """The copies of a mover or an agent that are on, or ended after a time, which is not long ago."""
    column = _COLUMNS[scope.kind]
    ours = f"{'+' if scope.kind == 'mover' else ''}{column} = :id AND r.kind = 'Copy'"
    active = reader.rows(
        f"SELECT r.id FROM job_run r WHERE {_IS_ACTIVE} AND {ours} AND r.status <> 'Queued'", {"id": scope.id}
    )
    # By the index of what retention has not looked at yet, which begins with the end: so new ones are not thinned yet.
    ended = reader.rows(
        f"""SELECT r.id FROM job_run r WHERE r.thinned_at IS NULL AND r.execution_end_time IS NOT NULL
            AND r.execution_end_time > :since AND +{column} = :id AND r.kind = 'Copy' LIMIT {MOST_RUNS}""",
        {"id": scope.id, "since": since},
    )
    return sorted({row[0] for row in (*active, *ended)}, reverse=True)[:MOST_RUNS]


def copied(reader: Reader, run_ids: Collection[int], since: int, until: int, step_ms: int) -> list[float]:
    """Bytes that these runs copied in each step from a time (not included) to a time (included), the first step first.

    What a resumed run counts anew from zero is no copying: only what was added from one sample to the next is summed,
    in the later one's step, or evenly over all that have begun since the earlier one's. Its start and its end count as
    samples, so that a run of a second is not lost.
    """
    steps = [0.0] * max(0, -(-(until - since) // step_ms))
    numbers = ", ".join(str(int(number)) for number in run_ids)
    if not numbers or not steps:
        return steps
    # The steps of what lies before the first one are negative only if the division cannot round them up to it.
    ahead = -(-LOOK_BACK_MS // step_ms)
    rows = reader.rows(
        f"""SELECT step - {ahead} AS step, earlier - {ahead} AS earlier, sum(more * 1.0) AS bytes
            FROM (SELECT at, (at - :zero) / {int(step_ms)} AS step,
                         (lag(at) OVER one - :zero) / {int(step_ms)} AS earlier, bytes - lag(bytes) OVER one AS more
                  FROM (SELECT run_id, at, bytes FROM progress_sample
                        WHERE run_id IN ({numbers}) AND at > :back AND at <= :until
                        UNION ALL SELECT id, execution_start_time, 0 FROM job_run
                        WHERE id IN ({numbers}) AND execution_start_time > :back AND execution_start_time <= :until
                        UNION ALL SELECT id, execution_end_time, bytes_transferred FROM job_run
                        WHERE id IN ({numbers}) AND execution_end_time > :back AND execution_end_time <= :until) AS dot
                  WINDOW one AS (PARTITION BY run_id ORDER BY at, bytes)) AS sample
            WHERE at > :since AND more > 0 GROUP BY 1, 2""",
        {"zero": since + 1 - ahead * step_ms, "back": since - LOOK_BACK_MS, "since": since, "until": until},
    )
    for row in rows:
        step, earlier = int(row["step"]), min(int(row["earlier"]), int(row["step"]) - 1)
        for one in range(max(0, earlier + 1), step + 1):
            # Sums of a server's great integers are decimals.
            steps[one] += int(row["bytes"]) / (step - earlier)
    return steps
