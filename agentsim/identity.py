"""An agent's state directory: its identity and credential (0600), and the lock that makes it the only one."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import socket
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from store import __version__
from store.errors import InvalidInput, TrustRefused
from store.execution.trust import AgentFacts

IDENTITY = "identity.json"


@dataclass(frozen=True)
class Identity:
    """Who this agent is, where its store is, and the credential that proves it."""

    store: str
    mover: str
    agent: str
    credential: str

    def __repr__(self) -> str:
        return f"Identity({self.mover}/{self.agent})"


class StateDirectory:
    """A directory that belongs to one agent."""

    def __init__(self, path: Path) -> None:
        self.path = path.expanduser().absolute()

    def prepare(self) -> None:
        """Make the directory for a new registration.

        Raises:
            InvalidInput: it cannot be made, or holds an identity already.
        """
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise InvalidInput(
                f"The state directory '{self.path}' cannot be made ({error.strerror}): name another with --state."
            ) from error
        if (self.path / IDENTITY).exists():
            raise InvalidInput(
                f"The state directory '{self.path}' holds an agent's identity already: name another with --state.",
                code="StateInUse",
            )

    def save(self, identity: Identity) -> None:
        """Write the identity so that only its owner can read it, durably.

        Raises:
            InvalidInput: it cannot be written; nothing of it is left.
        """
        try:
            descriptor = os.open(self.path / IDENTITY, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise self._unwritable(error) from error
        try:
            with os.fdopen(descriptor, "w") as file:
                json.dump(asdict(identity), file)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            self.forget()
            raise self._unwritable(error) from error

    def _unwritable(self, error: OSError) -> InvalidInput:
        return InvalidInput(
            f"The agent's identity cannot be written to '{self.path}' ({error.strerror}): name another directory "
            "with --state."
        )

    def forget(self) -> None:
        """Undo :meth:`save`, for a registration that failed after it."""
        (self.path / IDENTITY).unlink(missing_ok=True)

    def load(self) -> Identity:
        """Read the identity.

        Raises:
            InvalidInput: there is none. TrustRefused: others than the owner can read it.
        """
        path = self.path / IDENTITY
        try:
            with open(path) as file:
                mode = os.fstat(file.fileno()).st_mode
                values = json.load(file)
        except FileNotFoundError:
            raise InvalidInput(
                f"There is no agent in '{self.path}': register one with 'longshore-agent register --state {self.path}'."
            ) from None
        except (OSError, ValueError) as error:
            raise InvalidInput(f"The agent's identity '{path}' cannot be read ({error}): register it again.") from error
        if mode & 0o077:
            raise TrustRefused(
                f"Others can read the agent's credential: run 'chmod 600 {path}', or register it again.",
                code="CredentialExposed",
            )
        try:
            return Identity(**values)
        except TypeError:
            raise InvalidInput(f"The agent's identity '{path}' is not complete: register the agent again.") from None

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the directory: the proof that no other process of this agent lives on this host."""
        descriptor = os.open(self.path / "lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            raise TrustRefused(
                f"The agent in '{self.path}' is already running on this host: stop it first.", code="AlreadyRunning"
            ) from None
        try:
            yield
        finally:
            os.close(descriptor)

    def host_key(self) -> str:
        """Machine, boot and directory in one word: equal only for a restart in the same place."""
        parts = []
        for source in ("/etc/machine-id", "/proc/sys/kernel/random/boot_id"):
            with contextlib.suppress(OSError):
                parts.append(Path(source).read_text().strip())
        found = self.path.stat()
        return ":".join((*parts, f"{found.st_dev}-{found.st_ino}"))


def host_facts() -> AgentFacts:
    """What this host is, for the agent's resource."""
    pages, page = os.sysconf("SC_PHYS_PAGES"), os.sysconf("SC_PAGE_SIZE")
    return AgentFacts(
        agent_version=__version__,
        host=socket.gethostname(),
        local_ip_address=_address(),
        time_zone=time.strftime("%Z"),
        memory_in_mb=pages * page // (1 << 20),
        number_of_cores=os.cpu_count() or 1,
    )


def _address() -> str:
    with contextlib.suppress(OSError):
        return socket.gethostbyname(socket.gethostname())
    return ""
