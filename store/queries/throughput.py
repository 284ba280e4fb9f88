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


def copied(reader: Reader, run_ids: Collection[int], since: int, until: int, step_ms: int) -> list[int]:
    """Bytes that these runs copied in each step from a time (not included) to a time (included), the first step first.

    What a resumed run counts anew from zero is no copying: only what was added from one sample to the next is summed.
    """
    steps = [0] * max(0, -(-(until - since) // step_ms))
    numbers = ", ".join(str(int(number)) for number in run_ids)
    if not numbers or not steps:
        return steps
    rows = reader.rows(
        f"""SELECT (at - :after) / {int(step_ms)} AS step, sum(more) AS bytes
            FROM (SELECT at, bytes - lag(bytes) OVER (PARTITION BY run_id ORDER BY at) AS more
                  FROM progress_sample WHERE run_id IN ({numbers}) AND at > :back AND at <= :until) AS sample
            WHERE at >= :after AND more > 0 GROUP BY 1""",
        {"after": since + 1, "back": since - LOOK_BACK_MS, "until": until},
    )
    for row in rows:
        # Sums of a server's great integers are decimals.
        steps[int(row["step"])] = int(row["bytes"])
    return steps
