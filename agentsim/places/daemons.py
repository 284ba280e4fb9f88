"""Threads for several requests at once that never keep a process from ending."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from typing import TypeVar

T = TypeVar("T")
A = TypeVar("A")


class Daemons:
    """A pool like ``ThreadPoolExecutor``, whose threads the interpreter does not wait for.

    A request can hang for as long as its time-out, and a canceled worker is to end before.

    Args:
        count: threads; they start with the first task.
    """

    def __init__(self, count: int) -> None:
        self._count = count
        self._tasks: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._started = False

    def submit(self, call: Callable[[], T]) -> Future[T]:
        """Have it called; its result, or what it raised, is the future's."""
        future: Future[T] = Future()

        def run() -> None:
            if not future.set_running_or_notify_cancel():
                return
            try:
                future.set_result(call())
            except BaseException as error:
                future.set_exception(error)

        self._start()
        self._tasks.put(run)
        return future

    def map(self, call: Callable[[A], T], values: Iterable[A]) -> list[T]:
        """All results in the order of the values; the first exception is raised when all have ended."""
        futures = [self.submit(lambda value=value: call(value)) for value in values]  # type: ignore[misc]
        for future in futures:
            future.exception()
        return [future.result() for future in futures]

    def close(self) -> None:
        """Let the threads end when they have done what was asked; nothing more may be."""
        for _ in range(self._count if self._started else 0):
            self._tasks.put(None)

    def _start(self) -> None:
        with self._lock:
            if self._started:
                return
            self._started = True
        for number in range(self._count):
            threading.Thread(target=self._serve, name=f"requests-{number}", daemon=True).start()

    def _serve(self) -> None:
        while (task := self._tasks.get()) is not None:
            task()
            # Else an idle thread would hold on to the bytes of its last request.
            del task
