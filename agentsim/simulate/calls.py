"""Every call to the store that a simulation makes, with its time and what it was refused with."""

from __future__ import annotations

import time
from array import array
from collections import Counter, defaultdict
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import TypeVar

from store.db import Store, Write
from store.errors import LongshoreError, StoreUnavailable
from store.reader import Reader

T = TypeVar("T")


@dataclass
class Tally:
    """What calls came to: seconds by call, and refusals by call and code."""

    seconds: defaultdict[str, array[float]] = field(default_factory=lambda: defaultdict(lambda: array("d")))
    refused: Counter[tuple[str, str]] = field(default_factory=Counter)
    """What the story had to bring about."""
    errors: Counter[tuple[str, str]] = field(default_factory=Counter)
    """What it had not."""
    sentences: dict[str, str] = field(default_factory=dict)
    """One sentence for each code of an error."""

    def add(self, other: Tally) -> None:
        """Take another thread's tally in."""
        for name, values in other.seconds.items():
            self.seconds[name].extend(values)
        self.refused.update(other.refused)
        self.errors.update(other.errors)
        self.sentences.update(other.sentences)


class Calls:
    """A thread's own way to the store: the calls of agents and admins, each in a transaction of its own."""

    def __init__(self, store: Store, reader: Reader) -> None:
        self.store = store
        self.reader = reader
        self.tally = Tally()
        self.away = 0
        """How many calls failed because the store could not be used, since the last that was written."""
        self.trouble: StoreUnavailable | None = None

    def write(
        self,
        name: str,
        actor: str,
        call: Callable[[Write], T],
        *,
        serial: bool = False,
        expected: Collection[str] = (),
    ) -> T:
        """Make one call in one transaction, and time it until it is committed.

        Args:
            name: what it is called in the summary.
            actor: who makes it.
            call: what is done.
            serial: whether it is an admin's operation.
            expected: codes of refusals that the story brings about.

        Raises:
            LongshoreError: what the store refused it with; it is counted.
        """

        def transaction() -> T:
            with self.store.write(actor, serial=serial) as tx:
                return call(tx)

        answer = self.timed(name, transaction, expected=expected)
        self.away = 0
        return answer

    def timed(self, name: str, call: Callable[[], T], *, expected: Collection[str] = ()) -> T:
        """The same for a call that opens its transaction itself."""
        begin = time.perf_counter()
        try:
            return call()
        except LongshoreError as error:
            if isinstance(error, StoreUnavailable):
                self.away, self.trouble = self.away + 1, error
            if error.code in expected:
                self.tally.refused[name, error.code] += 1
            else:
                self.tally.errors[name, error.code] += 1
                self.tally.sentences.setdefault(error.code, error.sentence)
            raise
        finally:
            self.tally.seconds[name].append(time.perf_counter() - begin)
