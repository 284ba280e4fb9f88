"""Completions of what is typed: names from the store, directories of this machine. Bounded, and never in the way."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from store.queries.completion import EndpointPlace, endpoint_places, names_from
from store.reader import Reader
from store.vocabulary import EndpointType

MOST = 20
"""Completions at most."""
MOST_ENTRIES = 20_000
"""Entries of a directory that are looked at: a larger one is completed by what came first."""
BETWEEN_SECONDS = 0.02
PATIENCE_SECONDS = 2.0
"""How long a directory may take to answer; one on a server that hangs may take for ever."""


class Directories:
    """Lists directories in a thread of its own. One that hangs holds up nothing but further completions."""

    def __init__(self) -> None:
        self._busy = threading.Lock()

    async def below(self, beginning: str, root: str = "") -> list[str]:
        """The directories that a beginning of a path goes on to, each ending in a slash; none while one hangs.

        Args:
            beginning: what was typed: an absolute path, or one below ``root``.
            root: where a relative one starts.
        """
        loop = asyncio.get_running_loop()
        until = loop.time() + PATIENCE_SECONDS
        while not self._busy.acquire(blocking=False):
            if loop.time() > until:
                return []
            await asyncio.sleep(BETWEEN_SECONDS)
        answer: asyncio.Future[list[str]] = loop.create_future()

        def work() -> None:
            try:
                found = directories(beginning, root)
            finally:
                self._busy.release()
            try:
                loop.call_soon_threadsafe(_give, answer, found)
            except RuntimeError:
                return  # the screen was closed meanwhile

        # Not a pool: Python waits for its threads at the end, and this one may never end.
        threading.Thread(target=work, name="directories", daemon=True).start()
        try:
            return await asyncio.wait_for(answer, PATIENCE_SECONDS)
        except TimeoutError:
            return []


def _give(answer: asyncio.Future[list[str]], found: list[str]) -> None:
    if not answer.done():
        answer.set_result(found)


def directories(beginning: str, root: str = "") -> list[str]:
    """The directories that a beginning of a path goes on to; those with a dot in front only when it was typed."""
    parent, _, start = beginning.rpartition("/")
    where = os.path.join(root, parent.lstrip("/")) if root else f"{parent}/"
    if "\0" in beginning or not os.path.isabs(where) or not (root or beginning.startswith("/")):
        return []
    found: list[str] = []
    try:
        with os.scandir(where) as entries:
            for count, entry in enumerate(entries):
                if count >= MOST_ENTRIES:
                    break
                name = entry.name
                if not name.startswith(start) or (name.startswith(".") and not start.startswith(".")):
                    continue
                if _sayable(name) and _is_directory(entry):
                    found.append(f"{parent}/{name}/" if parent or beginning.startswith("/") else f"{name}/")
    except OSError:
        return []
    return sorted(found)[:MOST]


def _is_directory(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


def _sayable(name: str) -> bool:
    """Whether the store could keep it: a name that is no UTF-8 is said by naming its parent."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


DIRECTORIES = Directories()
"""One for the process: a server that hangs costs one thread, whatever is opened and typed."""


class Completer:
    """Completes the fields of one mover's forms.

    Args:
        mover_id: the mover whose resources are named; 0 when there is none yet.
        read: runs a query on the reader thread.
    """

    def __init__(self, mover_id: int, read: Callable[..., Awaitable[Any]]) -> None:
        self._mover_id = mover_id
        self._read = read

    async def complete(self, what: str, beginning: str, texts: Mapping[str, str]) -> list[str]:
        """What a text may go on to, in order.

        Args:
            what: a field's ``completes``.
            beginning: what was typed.
            texts: the other fields: a sub-path is below their endpoint.
        """
        if what == "directory":
            return await DIRECTORIES.below(beginning)
        if what in ("source", "target"):
            root = await self._root(texts.get(f"{what}Name", ""))
            return await DIRECTORIES.below(beginning, root) if root else []
        names: list[str] = await self._read(names_from, what, self._mover_id, beginning, MOST)
        return names

    async def _root(self, endpoint: str) -> str:
        """The directory of an endpoint that is one on this machine."""
        place: EndpointPlace | None = await self._read(_place, self._mover_id, endpoint)
        return place.place if place is not None and place.endpoint_type == EndpointType.LOCAL_PATH else ""


def _place(reader: Reader, mover_id: int, name: str) -> EndpointPlace | None:
    return endpoint_places(reader, mover_id, [name]).get(name)
