"""Where an SMB endpoint is, and as whom it is opened: its properties, read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from agentsim.engine.errors import Side
from agentsim.places.secrets import Secrets
from store.vocabulary import EndpointType

PORT = 445


@dataclass(frozen=True, slots=True)
class Server:
    """A share and a user.

    Attributes:
        host: name or address.
        port: TCP port.
        share: the share's name.
        user: ``name``, ``DOMAIN\\name`` or ``name@domain``; None for the agent's own Kerberos ticket.
        password: of the user.
        encrypt: demand encryption, even of a server that does not.
    """

    host: str
    port: int
    share: str
    user: str | None
    password: str | None = field(repr=False)
    encrypt: bool = False

    @property
    def where(self) -> str:
        """The server in words."""
        return self.host if self.port == PORT else f"{self.host}:{self.port}"

    @property
    def unc(self) -> str:
        """The share as SMB names it."""
        return rf"\\{self.host}\{self.share}"


def server_of(properties: Mapping[str, Any], secrets: Secrets, side: Side) -> Server:
    """The server of an SMB endpoint, with its secrets resolved.

    Raises:
        RunStopped: a reference leads nowhere.
    """
    credentials = properties.get("credentials") or {}

    def secret(name: str) -> str | None:
        reference = credentials.get(name)
        return secrets.resolve(reference, side) if reference else None

    if properties["endpointType"] == EndpointType.AZURE_STORAGE_SMB_FILE_SHARE.value:
        account = str(properties["storageAccountResourceId"]).rstrip("/").rsplit("/", 1)[-1]
        host, port = _host_and_port(properties.get("serviceUrl") or f"{account}.file.core.windows.net")
        key = secret("accountKeyUri")
        return Server(host, port, properties["fileShareName"], account if key else None, key, encrypt=True)
    host, port = str(properties["host"]), int(properties.get("port") or PORT)
    return Server(host, port, properties["shareName"], secret("usernameUri"), secret("passwordUri"))


def _host_and_port(service: str) -> tuple[str, int]:
    parts = urlsplit(service if "://" in service else f"//{service}")
    return parts.hostname or service, parts.port or PORT
