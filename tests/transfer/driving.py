"""Runs of the engine between stores in memory, in this process."""

from __future__ import annotations

import select
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from agentsim.engine.channel import Channel, Message
from agentsim.engine.errors import Side
from agentsim.engine.order import Order
from agentsim.places.place import Opening, Place
from agentsim.transfer.conductor import Conductor
from store.display import undisplay
from store.report_lines import read
from store.vocabulary import CopyMode
from tests.engine.driver import assert_sums, order
from tests.transfer.memory_place import MemoryPlace, Store

LIMIT_SECONDS = 60.0

ADDITIVE, MIRROR = CopyMode.ADDITIVE, CopyMode.MIRROR


class Run:
    """One run, and what it has said.

    Attributes:
        done: how it ended; None while it goes on.
        rows: items that need attention, by path.
        lines: the full report, by path.
        counters: the last progress.
    """

    def __init__(
        self, task: Order, opened: Callable[[Opening], Place] | None = None, plan: Sequence[bytes] = ()
    ) -> None:
        self.channel, theirs = Channel.pair()
        self.done: dict[str, str] | None = None
        self.error: BaseException | None = None
        self.rows: list[tuple[Any, ...]] = []
        self.report: list[bytes] = []
        self.logs: list[str] = []
        self.counters: dict[str, Any] = {}
        self.identity = ""
        if task.planned:
            for chunk in plan:
                self.channel.send(("plan", chunk))
            self.channel.send(("plan_end",))

        def carry_out() -> None:
            try:
                self.done = Conductor(theirs, task, opened).run()
            except BaseException as error:
                self.error = error
            theirs.close()

        self._thread = threading.Thread(target=carry_out, daemon=True)
        self._thread.start()

    def finish(self) -> Run:
        """Go on to the end."""
        end = time.monotonic() + LIMIT_SECONDS
        while (message := self._next(end)) is not None:
            self._take(message)
        self._thread.join(LIMIT_SECONDS)
        self.channel.close()
        if self.error is not None:
            raise self.error
        return self

    def cancel(self) -> None:
        self.channel.send(("cancel",))

    def _next(self, end: float) -> Message | None:
        assert select.select([self.channel], [], [], max(0.0, end - time.monotonic()))[0], "the run did not end"
        return self.channel.recv()

    def _take(self, message: Message) -> None:
        tag, *values = message
        if tag == "items":
            self.rows += values[0]
        elif tag == "report":
            self.report.append(values[1])
        elif tag == "log":
            self.logs.append(values[1])
        elif tag == "progress":
            self.counters = values[0]
        elif tag == "started":
            self.identity = values[0]["source_identity"]

    def row(self, path: str) -> tuple[str, str, str]:
        """Outcome, code and message of the one row of an item."""
        (found,) = [row for row in self.rows if row[0] == path.encode()]
        return found[2], found[3], found[4]

    def outcomes(self) -> dict[str, str]:
        """Codes of all rows, by path."""
        return {row[0].decode(): row[3] for row in self.rows}

    @property
    def lines(self) -> dict[str, dict[str, Any]]:
        return {undisplay(line["path"]).decode(): line for chunk in self.report for line in read(chunk)}

    def count(self, name: str) -> int:
        return int(self.counters[f"items_{name}"])


def opener(source: Place | Store | Callable[[Opening], Place], target: object) -> Callable[[Opening], Place]:
    """Opens these two."""

    def opened(opening: Opening) -> Place:
        chosen = source if opening.side is Side.SOURCE else target
        if isinstance(chosen, Store):
            return MemoryPlace(opening, chosen)
        assert callable(chosen)
        place = chosen(opening)
        assert isinstance(place, Place)
        return place

    return opened


def start(source: object, target: object, mode: CopyMode = ADDITIVE, **changes: Any) -> Run:
    """Begin a run between two stores."""
    plan = changes.pop("plan", ())
    roots = {f"{side}_root": changes.pop(f"{side}_root", b"") for side in ("source", "target")}
    task = replace(order("/", "/", mode, **changes), source={}, target={}, **roots)
    return Run(task, opener(source, target), plan)  # type: ignore[arg-type]


def run(source: object, target: object, mode: CopyMode = ADDITIVE, **changes: Any) -> Run:
    """Carry out a run between two stores to its end."""
    return start(source, target, mode, **changes).finish()


def copied(source: object, target: object, mode: CopyMode = ADDITIVE, **changes: Any) -> Run:
    """As :func:`run`, and it must succeed, with counters that add up."""
    done = run(source, target, mode, **changes)
    assert done.done is not None
    assert done.done["status"] == "Succeeded", (done.done, done.rows[:5])
    assert_sums(done.counters)
    return done
