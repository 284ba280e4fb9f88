"""A secret that is looked for: in files, in the processes of a run, and in what is shown."""

from __future__ import annotations

import base64
import contextlib
import os
import stat
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from urllib.parse import quote, quote_plus

LEAST = 8
"""Letters of a secret that nobody writes by chance."""


class Canaries:
    """Some secrets, in every form in which they could get out."""

    def __init__(self, secrets: Iterable[str]) -> None:
        self._forms = {form: secret[:4] + "…" for secret in secrets for form in forms(secret)}

    def found_in(self, data: bytes) -> list[str]:
        """Which of them are in there, by their first letters."""
        return sorted({name for form, name in self._forms.items() if form in data})

    def found_below(self, *roots: Path, but: Iterable[Path] = ()) -> list[str]:
        """Files, and names and links, that hold one."""
        kept, found = set(but), []
        for root in roots:
            for path in [root, *root.rglob("*")]:
                if path in kept or any(parent in kept for parent in path.parents):
                    continue
                status = path.lstat()
                data = os.fsencode(path.name)
                if stat.S_ISLNK(status.st_mode):
                    data += os.readlink(os.fsencode(path))
                elif stat.S_ISREG(status.st_mode):
                    data += path.read_bytes()
                if names := self.found_in(data):
                    found.append(f"{path} holds {names}")
        return found


class Watch:
    """Looks at every process for as long as it runs.

    A secret may stand in the environment of the agent and of its workers, into which the admin has put it, and of
    those processes that are told; never in an argument, nor in a file without a name.

    Attributes:
        leaks: what it found.
        seen: command lines of the workers that it saw, so that a test knows that it looked.
    """

    def __init__(self, canaries: Canaries, may_know: Iterable[int] = ()) -> None:
        self.leaks: set[str] = set()
        self.seen: set[bytes] = set()
        self._canaries = canaries
        self._may_know = set(may_know)
        self._known: set[tuple[str, bytes]] = set()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._look_on, daemon=True)

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stop.set()
        self._thread.join()

    def _look_on(self) -> None:
        while not self._stop.wait(0.1):
            for entry in Path("/proc").iterdir():
                if entry.name.isdecimal():
                    # Processes end while they are looked at; those of others cannot be.
                    with contextlib.suppress(OSError):
                        self._look_at(entry)

    def _look_at(self, process: Path) -> None:
        line = (process / "cmdline").read_bytes()
        ours = b"agentsim" in line
        if b"agentsim.worker" in line:
            self.seen.add(line)
        if ours:
            for name in _files_without_a_name(process):
                if names := self._canaries.found_in(name.read_bytes()):
                    self.leaks.add(f"{os.readlink(name)} of {line[:40]!r} holds {names}")
        if (process.name, line) in self._known:
            return
        self._known.add((process.name, line))
        if names := self._canaries.found_in(line):
            self.leaks.add(f"argv of {line[:40]!r} holds {names}")
        if not ours and int(process.name) not in self._may_know:
            names = self._canaries.found_in((process / "environ").read_bytes())
            if names:
                self.leaks.add(f"environment of {line[:200]!r} holds {names}")


def forms(secret: str) -> Iterator[bytes]:
    """The bytes by which a secret can be told: itself, and as it is written in URLs, in base64, in hex, in UTF-16."""
    assert len(secret) >= LEAST
    raw = [secret.encode()]
    with contextlib.suppress(ValueError):
        # A key of Azure's is base64 of what it is.
        decoded = base64.b64decode(secret, validate=True)
        raw += [decoded] if len(decoded) >= LEAST else []
    for data in raw:
        yield data
        yield data.hex().encode()
        yield data.hex().upper().encode()
        for shift in range(3):
            # Without the letters that hold bits of a neighbour.
            yield base64.b64encode(b"\0" * shift + data)[4 if shift else 0 : -4]
            yield base64.urlsafe_b64encode(b"\0" * shift + data)[4 if shift else 0 : -4]
    yield secret.encode("utf-16-le")
    yield secret.encode("utf-16-be")
    yield quote(secret, safe="").encode()
    yield quote_plus(secret).encode()
    yield quote(secret).encode()


def _files_without_a_name(process: Path) -> Iterator[Path]:
    """Open regular files that no directory has any more."""
    for name in (process / "fd").iterdir():
        with contextlib.suppress(OSError):
            if os.readlink(name).endswith("(deleted)") and stat.S_ISREG(name.stat().st_mode):
                yield name
