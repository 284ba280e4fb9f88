"""The plan of a preview, item by item, for a run that is to do exactly that."""

from __future__ import annotations

import json
import os
import sqlite3
import tempfile
from collections.abc import Iterator
from typing import NamedTuple

from agentsim.engine.errors import RunStopped, describe
from agentsim.engine.report import Look, facts
from store import codes
from store.display import undisplay
from store.report_lines import read
from store.vocabulary import PlannedAction

_SCHEMA = """
CREATE TABLE item (path BLOB, removal INTEGER, action TEXT, source TEXT, target TEXT,
                   PRIMARY KEY (path, removal)) WITHOUT ROWID
"""
_OPTIONS = "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -4000;"


class Planned(NamedTuple):
    """What a plan says of one item; a side is a text to compare."""

    action: PlannedAction
    source: str
    target: str

    def still_so(self, source: Look, target: Look) -> bool:
        """Whether both sides are as they were when the plan was made."""
        return self.source == json.dumps(facts(source)) and self.target == json.dumps(facts(target))


class Plan:
    """An index of a plan's items by path, in a temporary file: memory stays bounded.

    The coordinator fills it before the helpers are forked; each of them opens it for itself.
    """

    def __init__(self) -> None:
        """Make an empty one.

        Raises:
            RunStopped: no space for temporary files on the agent's host.
        """
        try:
            handle, self._file = tempfile.mkstemp(prefix="longshore-plan-")
            os.close(handle)
        except OSError as error:
            raise RunStopped(codes.AGENT_FULL, describe(error, "keeping the plan")) from error
        self._database: sqlite3.Connection | None = sqlite3.connect(self._file)
        self._database.executescript(_OPTIONS + _SCHEMA)

    def add(self, chunk: bytes) -> None:
        """Take in one part of the preview's report.

        Raises:
            RunStopped: it cannot be read, or not be kept.
        """
        assert self._database is not None
        try:
            rows = [_row(line) for line in read(chunk)]
        except (ValueError, KeyError, TypeError) as error:
            raise RunStopped(codes.PLAN_INCOMPLETE, f"A part of the plan cannot be read ({error})") from error
        try:
            self._database.executemany("INSERT OR REPLACE INTO item VALUES (?, ?, ?, ?, ?)", rows)
        except sqlite3.Error as error:
            raise RunStopped(codes.AGENT_FULL, f"The plan cannot be kept on the agent's host ({error})") from error

    def complete(self) -> None:
        """Everything has been added.

        Raises:
            RunStopped: the plan is empty: it was not a preview's, or is gone.
        """
        assert self._database is not None
        self._database.commit()
        if self._database.execute("SELECT 1 FROM item LIMIT 1").fetchone() is None:
            raise RunStopped(codes.PLAN_INCOMPLETE, "The plan holds no item")
        self._database.close()
        self._database = None

    def find(self, path: bytes, *, removal: bool = False) -> Planned | None:
        """What is planned for an item (with ``removal``: for the target item of that path), if anything."""
        row = (
            self._open()
            .execute("SELECT action, source, target FROM item WHERE path = ? AND removal = ?", (path, removal))
            .fetchone()
        )
        return None if row is None else Planned(PlannedAction(row[0]), row[1], row[2])

    def items(self) -> Iterator[tuple[bytes, Planned]]:
        """What is to be made or changed, in the order of paths."""
        query = "SELECT path, action, source, target FROM item WHERE removal = 0 AND action <> 'skip' ORDER BY path"
        for path, action, source, target in self._open().execute(query):
            yield path, Planned(PlannedAction(action), source, target)

    def remove(self) -> None:
        """Delete the file."""
        os.unlink(self._file)

    def _open(self) -> sqlite3.Connection:
        if self._database is None:
            self._database = sqlite3.connect(f"file:{self._file}?mode=ro&immutable=1", uri=True)
        return self._database


def _row(line: dict[str, object]) -> tuple[bytes, bool, str, str, str]:
    action = PlannedAction(str(line.get("action", PlannedAction.SKIP)))
    removal = action in (PlannedAction.DELETE, PlannedAction.KEEP)
    source, target = (json.dumps(line.get(side)) for side in ("source", "target"))
    return undisplay(str(line["path"])), removal, action.value, source, target
