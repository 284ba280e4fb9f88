"""The client of one blob container: which URL, which credential, how long it tries."""

from __future__ import annotations

import base64
import binascii
import ipaddress
import logging
import random
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote, urlsplit

import requests
from azure.core.credentials import AzureSasCredential
from azure.core.pipeline.policies import RetryPolicy
from azure.core.pipeline.transport import RequestsTransport
from azure.storage.blob import ContainerClient
from requests.adapters import HTTPAdapter

from agentsim.engine.errors import RunStopped, Side
from agentsim.engine.lease import Lease
from agentsim.places.blob_errors import unreachable
from agentsim.places.place import Opening
from agentsim.places.secrets import Secrets
from store import codes

PATIENCE_SECONDS: Final = 75.0
"""How long a request is tried again from its first failure on: a server that is restarted is back by then."""

_FIRST_PAUSE: Final = 0.1
_LONGEST_PAUSE: Final = 8.0
_CONNECTIONS: Final = 48
"""Kept open; with fewer than there are threads, connections would be thrown away and made again."""

_TIMEOUT_SECONDS: Final = 60
_REACH_TIMEOUT: Final = (5.0, 10.0)
_REACH_TRIES: Final = 3
_SEND_BLOCK: Final = 256 << 10
_NO_KEY: Final = {Side.SOURCE: codes.SOURCE_AUTHENTICATION, Side.TARGET: codes.TARGET_AUTHENTICATION}
_NO_PATH: Final = {Side.SOURCE: codes.SOURCE_PATH_INVALID, Side.TARGET: codes.TARGET_PATH_INVALID}


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Connection:
    """An open client, and what belongs to it.

    Attributes:
        container: the library's client.
        url: of the container, without a query.
        session: the connections below the client.
        credential: what may have to be closed.
    """

    container: ContainerClient
    url: str
    session: requests.Session
    credential: Any

    def reach(self, lease: Lease, side: Side) -> None:
        """Ask the server for anything; whatever it answers, it is there.

        Raises:
            RunStopped: it cannot be reached.
        """
        parts = urlsplit(self.url)
        for attempt in range(1, _REACH_TRIES + 1):
            try:
                self.session.head(f"{parts.scheme}://{parts.netloc}/", timeout=_REACH_TIMEOUT, allow_redirects=False)
                return
            except requests.RequestException as error:
                if attempt == _REACH_TRIES:
                    raise unreachable(error, side, f"reaching {parts.netloc}") from None
                pause(1.0, lease)

    def close(self) -> None:
        """Let connections and the credential go."""
        self.session.close()
        close = getattr(self.credential, "close", None)
        if close is not None:
            close()


def connect(properties: Mapping[str, Any], opening: Opening, secrets: Secrets) -> Connection:
    """The client of an endpoint; nothing is asked of the server yet.

    Args:
        properties: the endpoint's, as ARM names them.
        opening: the side and the lease.
        secrets: resolves the credential.

    Raises:
        RunStopped: a secret cannot be resolved, or a property cannot be used.
    """
    _quiet()
    side = opening.side
    account = str(properties["storageAccountResourceId"]).rstrip("/").rpartition("/")[2]
    key, sas, own_url = _secret(properties.get("credentials") or {}, account, side, secrets)
    url = str(properties.get("serviceUrl") or own_url or f"https://{account}.blob.core.windows.net").rstrip("/")
    is_loopback = _checked(url, side, has_secret=bool(key or sas))
    credential: Any
    if key:
        credential = {"account_name": account, "account_key": key}
    elif sas:
        credential = AzureSasCredential(sas)
    else:
        credential = _default_credential(side)
    session = requests.Session()
    # A proxy from the environment, or a password from ~/.netrc, is nothing for this machine itself.
    session.trust_env = not is_loopback
    adapter = HTTPAdapter(pool_connections=2, pool_maxsize=_CONNECTIONS, max_retries=0)
    adapter.init_poolmanager(2, _CONNECTIONS, blocksize=_SEND_BLOCK)
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    container = ContainerClient(
        url,
        str(properties["blobContainerName"]),
        credential=credential,
        transport=RequestsTransport(
            session=session, connection_timeout=_TIMEOUT_SECONDS, read_timeout=_TIMEOUT_SECONDS
        ),
        retry_policy=_Retry(opening.lease),
    )
    return Connection(
        container=container,
        url=f"{url}/{quote(str(properties['blobContainerName']))}",
        session=session,
        credential=credential,
    )


class _Retry(RetryPolicy):  # type: ignore[type-arg]
    """The library's retries, with pauses that end when the run is canceled and an end after :data:`PATIENCE_SECONDS`.

    Storage's own policy does not retry 429, and takes no notice of Retry-After.
    """

    def __init__(self, lease: Lease) -> None:
        super().__init__(retry_total=100, retry_connect=100, retry_read=100, retry_status=100)
        self._lease = lease

    def send(self, request: Any) -> Any:
        options = request.context.options
        mode = options.pop("location_mode", None)
        for name in ("hosts", "retry_to_secondary"):
            options.pop(name, None)
        response = super().send(request)
        # The clients of storage read it from each answer.
        response.http_response.location_mode = mode
        return response

    def increment(self, settings: dict[str, Any], response: Any = None, error: Exception | None = None) -> bool:
        first = settings.setdefault("first_failure", time.monotonic())
        if time.monotonic() - first > PATIENCE_SECONDS:
            return False
        return super().increment(settings, response=response, error=error)

    def sleep(self, settings: dict[str, Any], transport: Any, response: Any = None) -> None:
        asked = (self.get_retry_after(response) or 0.0) if response is not None else 0.0
        growing = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2 ** len(settings["history"])) * random.uniform(0.5, 1.0)
        pause(min(PATIENCE_SECONDS, max(asked, growing)), self._lease)


def pause(seconds: float, lease: Lease) -> None:
    """Sleep, asking every moment whether the run still is to go on."""
    until = time.monotonic() + seconds
    lease.check()
    while (left := until - time.monotonic()) > 0:
        time.sleep(min(0.2, left))
        lease.check()


def _quiet() -> None:
    """Libraries warn of some things with the whole URL, which can hold a signature; what matters is raised."""
    for name in ("azure", "msal", "urllib3"):
        logging.getLogger(name).setLevel(logging.CRITICAL)


def _secret(credentials: Mapping[str, Any], account: str, side: Side, secrets: Secrets) -> tuple[str, str, str]:
    """An account key or a shared access signature, and a URL where a connection string names one."""
    if reference := credentials.get("connectionStringUri"):
        return _from_connection_string(secrets.resolve(str(reference), side), account, side)
    if reference := credentials.get("accountKeyUri"):
        return _as_key(secrets.resolve(str(reference), side), side), "", ""
    if reference := credentials.get("sasTokenUri"):
        return "", secrets.resolve(str(reference), side).strip().lstrip("?"), ""
    return "", "", ""


def _from_connection_string(text: str, account: str, side: Side) -> tuple[str, str, str]:
    found = {
        name.strip().lower(): value.strip()
        for name, separator, value in (part.partition("=") for part in text.split(";"))
        if separator
    }
    if found.get("accountname", account) != account:
        raise RunStopped(_NO_KEY[side], "The connection string is of another storage account", side.value)
    sas = found.get("sharedaccesssignature", "").lstrip("?")
    key = "" if sas else _as_key(found.get("accountkey", ""), side)
    url = found.get("blobendpoint", "")
    if not url and "endpointsuffix" in found:
        url = f"{found.get('defaultendpointsprotocol', 'https')}://{account}.blob.{found['endpointsuffix']}"
    return key, sas, url


def _as_key(text: str, side: Side) -> str:
    key = text.strip()
    try:
        sound = bool(base64.b64decode(key, validate=True))
    except (binascii.Error, ValueError):
        sound = False
    if not sound:
        raise RunStopped(_NO_KEY[side], "What the reference leads to is no account key: it is not base64", side.value)
    return key


def _checked(url: str, side: Side, *, has_secret: bool) -> bool:
    """Whether the service is on this machine; refuses a URL that would show what is sent to others."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    try:
        is_loopback = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        is_loopback = False
    if parts.scheme not in ("http", "https") or not host or parts.query or parts.fragment or parts.username:
        raise RunStopped(_NO_PATH[side], "The serviceUrl is not a plain http or https URL", side.value)
    if parts.scheme == "http" and not (is_loopback and has_secret):
        raise RunStopped(
            _NO_PATH[side],
            "The serviceUrl is http, which is only for an emulator on this machine: use https",
            side.value,
        )
    return is_loopback


def _default_credential(side: Side) -> Any:
    try:
        from azure.identity import DefaultAzureCredential
    except ImportError:
        raise RunStopped(
            codes.LIBRARY_MISSING, "azure-identity is missing: pip install 'longshore[azure]'", side.value
        ) from None
    return DefaultAzureCredential()
