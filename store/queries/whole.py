"""What a whole store holds: for telling a simulated one from a real one, and for summing up a simulation."""

from __future__ import annotations

import json
from collections.abc import Iterator

from store.reader import Reader


def tags_of_movers(reader: Reader) -> list[tuple[int, str, dict[str, str]]]:
    """Id, name and tags of every storage mover (a handful is many)."""
    rows = reader.rows("SELECT id, name, tags FROM storage_mover ORDER BY id")
    return [(row["id"], row["name"], dict(json.loads(row["tags"]))) for row in rows]


def movers_with_events(reader: Reader) -> Iterator[int]:
    """The ids of all movers that anything ever happened to, deleted ones too: by an index, however many events."""
    mover = reader.value("SELECT min(mover_id) FROM event")
    while mover is not None:
        yield int(mover)
        mover = reader.value("SELECT min(mover_id) FROM event WHERE mover_id > :id", {"id": mover})


def runs_by_status(reader: Reader) -> dict[str, int]:
    """How many runs there are of each status. It reads all of them: no screen may ask this."""
    rows = reader.rows("SELECT status, count(*) AS runs FROM job_run GROUP BY status ORDER BY status")
    return {row["status"]: row["runs"] for row in rows}
