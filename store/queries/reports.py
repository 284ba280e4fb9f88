"""The full report of a run, chunk by chunk: what a report command exports, and what a plan consists of."""

from __future__ import annotations

from typing import NamedTuple

from store.reader import Reader


class ReportChunk(NamedTuple):
    """Packed lines of ``store.report_lines``; ``final`` says that the run's last attempt wrote them."""

    id: int
    fence: int
    final: bool
    items: int
    data: bytes


_CHUNKS = """SELECT c.id, c.fence, c.fence = r.fence AS final, c.items, c.data
    FROM run_report c JOIN job_run r ON r.id = c.run_id WHERE c.run_id = :run AND c.id > :after"""


def report_chunks(reader: Reader, run_id: int, after_id: int, limit: int) -> list[ReportChunk]:
    """The chunks of all attempts of a run in the order of their recording, beginning after one of them.

    Args:
        reader: the store.
        run_id: the run.
        after_id: id of the last chunk that is known, 0 for the start.
        limit: chunks at most; each holds a few hundred kilobytes of lines when unpacked.
    """
    rows = reader.rows(f"{_CHUNKS} ORDER BY c.id LIMIT :limit", {"run": run_id, "after": after_id, "limit": limit})
    return [ReportChunk(row["id"], row["fence"], bool(row["final"]), row["items"], row["data"]) for row in rows]


def plan_chunks(reader: Reader, run_id: int, after_id: int, limit: int) -> list[tuple[int, bytes]]:
    """The plan that a preview has made: ids and data of the chunks of its last attempt, in their order."""
    rows = reader.rows(
        f"{_CHUNKS} AND c.fence = r.fence ORDER BY c.id LIMIT :limit",
        {"run": run_id, "after": after_id, "limit": limit},
    )
    return [(row["id"], row["data"]) for row in rows]


def reported_items(reader: Reader, run_id: int) -> int:
    """How many lines a run's report has, over all attempts."""
    return int(reader.value("SELECT coalesce(sum(items), 0) FROM run_report WHERE run_id = :run", {"run": run_id}))
