"""Azurite: Microsoft's emulator of the Blob service, on loopback, with its data in a temporary directory."""

from __future__ import annotations

import base64
import os
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest
from azure.storage.blob import AccountSasPermissions, ContainerClient, ResourceTypes, generate_account_sas

from tests.servers.ports import free_port, wait_for

ACCOUNT: Final = "longshoretest"
KEY_VARIABLE: Final = "LONGSHORE_TEST_AZURITE_KEY"
RESOURCE_ID: Final = (
    "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg/providers/Microsoft.Storage"
    f"/storageAccounts/{ACCOUNT}"
)


def program() -> str | None:
    """Where Azurite is; None where it is not installed."""
    named = os.environ.get("LONGSHORE_AZURITE")
    return named if named and Path(named).exists() else shutil.which("azurite-blob")


class Azurite:
    """One server; see ``tests.servers.Server``.

    Attributes:
        key: the account's key, base64.
        environment: what ``env:`` references of :meth:`fresh_place` need.
        url: the service's, with the account, without a slash at its end.
        port: on 127.0.0.1.
    """

    def __init__(self, key: bytes = b"a key for tests of Longshore only", base: Path | None = None) -> None:
        """Choose a port and make a directory for the data, below ``base`` where it is given; nothing is started."""
        self.key = base64.b64encode(key).decode()
        self.environment = {KEY_VARIABLE: self.key}
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}/{ACCOUNT}"
        self._directory = Path(tempfile.mkdtemp(prefix="azurite-", dir=base))
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, on the port and with the data of before, and return when it answers."""
        found = program()
        if found is None:
            raise RuntimeError("Azurite is not installed: npm install azurite")
        options = ["--silent", "--skipApiVersionCheck", "--disableTelemetry", "--blobHost", "127.0.0.1"]
        self._process = subprocess.Popen(
            [found, *options, "--blobPort", str(self.port), "-l", str(self._directory)],
            env={**os.environ, "AZURITE_ACCOUNTS": f"{ACCOUNT}:{self.key}"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        wait_for(self.port, self._process)

    def kill(self) -> None:
        """End it; what it had acknowledged is there after the next start.

        Azurite keeps its index in memory for up to five seconds: SIGKILL would undo what it acknowledged, as the
        service itself never does. Connections are cut all the same.
        """
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(15)
            except subprocess.TimeoutExpired:
                self._process.kill()
            self._process.wait()
            self._process = None

    def stop(self) -> None:
        """End it and remove its data."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
        shutil.rmtree(self._directory, ignore_errors=True)

    def fresh_place(self) -> dict[str, Any]:
        """Properties of a new and empty container."""
        name = f"c-{uuid.uuid4().hex[:16]}"
        self.container(name).create_container()
        return {
            "endpointType": "AzureStorageBlobContainer",
            "storageAccountResourceId": RESOURCE_ID,
            "blobContainerName": name,
            "serviceUrl": self.url,
            "credentials": {"type": "AzureStorageAccount", "accountKeyUri": f"env:{KEY_VARIABLE}"},
        }

    def container(self, name: str) -> ContainerClient:
        """A client of its own of one container, to look at what is there."""
        return ContainerClient(self.url, name, credential={"account_name": ACCOUNT, "account_key": self.key})

    def sas(self, permissions: str = "racwdl", valid: timedelta = timedelta(hours=1)) -> str:
        """A shared access signature of the account.

        Args:
            permissions: the service's letters.
            valid: from now on; less than nothing for one that has expired.
        """
        return generate_account_sas(
            ACCOUNT,
            self.key,
            resource_types=ResourceTypes(service=True, container=True, object=True),
            permission=AccountSasPermissions.from_string(permissions),  # type: ignore[no-untyped-call]
            start=datetime.now(UTC) - timedelta(days=1),
            expiry=datetime.now(UTC) + valid,
            protocol="https,http",
        )


def running() -> Iterator[Azurite]:
    """A started server, for a fixture to ``yield from``; skips where Azurite is missing."""
    if program() is None:
        if os.environ.get("LONGSHORE_REQUIRE_SERVERS") == "1":
            pytest.fail("Azurite is not installed, and LONGSHORE_REQUIRE_SERVERS is set")
        pytest.skip("Azurite is not installed: npm install azurite, and LONGSHORE_AZURITE=…/azurite-blob")
    server = Azurite()
    try:
        server.start()
        yield server
    finally:
        server.stop()
