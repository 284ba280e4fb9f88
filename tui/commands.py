"""What the screen asks of the store: each call is one operation, run in a thread.

The ORM is imported here, inside the calls: it takes half a second, and the first frame does not
wait for it. ``warm_up`` does it in the background.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from store.clock import Clock
from store.errors import InvalidInput, NotFound, StoreUnavailable
from store.place import StorePlace
from store.vocabulary import CopyMode, Guard, RunKind
from tui.actor import actor

if TYPE_CHECKING:
    from sqlmodel import Session

    from store.db import Store, Write

Asked = TypeVar("Asked")
Result = TypeVar("Result")


class Launch(NamedTuple):
    """The run that an admin chose to start."""

    agent: str
    kind: RunKind
    mode: CopyMode
    plan_id: int | None
    """The preview to carry out, and nothing else."""
    overrides: tuple[Guard, ...]
    """Guards whose names were typed: they are not to stop it."""


class Commands:
    """The writes of one screen. Calls may come from any thread, one at a time."""

    def __init__(self, place: StorePlace, *, read_only: bool, clock: Clock | None = None) -> None:
        """Open nothing yet; ``clock`` is another than the store's."""
        self._place = place
        self._clock = clock
        self._read_only = read_only
        self._store: Store | None = None
        self._identity: tuple[int, int] | str | None = None
        self._lock = threading.Lock()

    def warm_up(self) -> None:
        """Open the store for writing before anybody waits for it."""
        if not self._read_only:
            with self._lock:
                self._open()

    def write(self, change: Callable[[Write, Asked], Result], asked: Asked) -> Result:
        """Change what ``asked`` says, in one transaction.

        Raises:
            LongshoreError: the store refused; the sentence says why, and nothing was changed.
        """
        with self.writing() as tx:
            return change(tx, asked)

    def read(self, query: Callable[..., Result], *arguments: object) -> Result:
        """Read single resources that are to be changed.

        Raises:
            LongshoreError: there is no such resource, or the store is out of reach.
        """
        with self.reading() as (session, _):
            return query(session, *arguments)

    def start_run(self, mover: str, definition: str, launch: Launch) -> tuple[int, str]:
        """Start a run; its id and its label ``PROJECT/DEFINITION#NUMBER``.

        Raises:
            LongshoreError: the store refused; the sentence says why.
        """
        from store.models import JobRun
        from store.resources.common import find_mover
        from store.resources.runs import run_label, start_run

        with self.writing() as tx:
            plan = None if launch.plan_id is None else tx.session.get(JobRun, launch.plan_id)
            if launch.plan_id is not None and plan is None:
                # Without this, a copy that was to do what is listed would do whatever it finds.
                raise NotFound("The preview is there no more, and its plan with it: make a new one.")
            run = start_run(
                tx,
                find_mover(tx.session, mover),
                definition,
                agent_name=launch.agent,
                copy_mode=launch.mode,
                kind=launch.kind,
                plan=plan,
                overrides=launch.overrides,
            )
            return run.id, run_label(tx.session, run)

    def stop_run(self, mover: str, label: str) -> None:
        """Request the end of a run.

        Raises:
            LongshoreError: the run has ended, or is being canceled.
        """
        from store.resources.common import find_mover
        from store.resources.runs import find_run, request_cancel

        with self.writing() as tx:
            _, _, run = find_run(tx.session, find_mover(tx.session, mover), label)
            request_cancel(tx, run)

    @contextmanager
    def writing(self) -> Iterator[Write]:
        """One operation of the store, for the commands that are elsewhere."""
        with self._lock, self._open().write(actor()) as tx:
            yield tx

    @contextmanager
    def reading(self) -> Iterator[tuple[Session, int]]:
        """The store's own rules asked, and nothing written: a session, and the store's time."""
        with self._lock:
            store = self._open()
            with store.read() as session:
                yield session, store.clock.now()

    def sweep(self) -> None:
        """Let the store end the runs whose cancel deadline has passed."""
        if self._read_only:
            return
        from store.resources.runs import sweep

        with self._lock:
            sweep(self._open())

    def maintain(self) -> None:
        """Do a little of the store's upkeep; on a server nobody does it but the admins' screens."""
        if self._read_only:
            return
        from store.maintenance import maintain

        with self._lock:
            maintain(self._open())

    def close(self) -> None:
        if self._store is not None:
            self._store.close()

    def _open(self) -> Store:
        from store.db import open_store

        if self._read_only:
            raise InvalidInput("This screen was opened with --read-only: open it without to change anything.")
        if self._store is not None and not self._usable(self._store):
            self._store.close()
            self._store = None
        if self._store is None:
            if not self._place.exists:
                raise StoreUnavailable(
                    f"The store '{self._place.url}' is gone: put it back; nothing was changed.", code="StoreMissing"
                )
            self._store = open_store(self._place, clock=self._clock)
            self._identity = self._place.identity
        return self._store

    def _usable(self, store: Store) -> bool:
        """Whether an open store is still the one at its place: a lost connection and a new schema are found, too.

        Writing into a file that was replaced would be lost, and an older program's rows would harm a newer schema.
        """
        from store.head import HEAD
        from store.schema import schema_version

        if self._place.identity != self._identity:
            return False
        try:
            with store.connect() as connection:
                return schema_version(self._place, lambda sql: connection.exec_driver_sql(sql).scalar()) == HEAD
        except StoreUnavailable:
            return False
