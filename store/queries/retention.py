"""What retention has removed of a run, so that an empty list is not taken for a run without failures."""

from __future__ import annotations

from typing import NamedTuple

from store.reader import Reader


class Expired(NamedTuple):
    """When retention removed each kind of detail of a run, store time; None for what it left."""

    items: int | None = None
    report: int | None = None
    samples: int | None = None


def expired(reader: Reader, run_id: int) -> Expired:
    """What is gone of a run; nothing for one that is not there."""
    row = reader.row(
        "SELECT expired_at, report_expired_at, samples_expired_at FROM job_run WHERE id = :id", {"id": run_id}
    )
    return Expired() if row is None else Expired(row[0], row[1], row[2])
