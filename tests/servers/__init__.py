"""Real servers for the tests, on loopback: Azurite, moto's S3, Samba; skipped, with the reason, where missing."""

from __future__ import annotations

from typing import Any, Protocol


class Server(Protocol):
    """One server process with its data in a directory of the test's.

    Attributes:
        environment: variables that credential references of :meth:`fresh_place` name; they hold the secrets.
    """

    environment: dict[str, str]

    def start(self) -> None:
        """Start it, on the port and with the data of before, and return when it answers."""

    def kill(self) -> None:
        """SIGKILL: what it had acknowledged is there after the next start."""

    def stop(self) -> None:
        """End it and remove its data."""

    def fresh_place(self) -> dict[str, Any]:
        """Properties (ARM's names, ``endpointType`` among them) of a new and empty share, container or bucket."""
