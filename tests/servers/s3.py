"""An S3 server on loopback: moto's, which checks signatures and digests as a real one does (``s3_server``).

Moto keeps objects in memory, so what is killed and started again is a relay in front of it: every connection is
cut, the port refuses, and what was acknowledged is still there afterwards.
"""

from __future__ import annotations

import functools
import importlib.util
import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from tests.servers.ports import free_port, wait_for
from tests.servers.s3_server import ACCESS_VARIABLE, SECRET_VARIABLE

ACCESS: Final = "AKIALONGSHORETEST"
SECRET: Final = "canary-of-the-s3-secret"

_SETTINGS: Final = {"AWS_EC2_METADATA_DISABLED": "true", "S3_UPLOAD_PART_MIN_SIZE": str(256 << 10)}
"""Parts may be small, so that stories about them need not be large; a real server wants 5 MiB."""

_ROOT: Final = Path(__file__).parents[2]


class S3Server:
    """One server; see ``tests.servers.Server``.

    Attributes:
        environment: what ``env:`` references of :meth:`fresh_place` need.
        port: on 127.0.0.1.
        upstream: port of moto itself, for a proxy that is to stand in front of it.
    """

    def __init__(self) -> None:
        self.environment = {ACCESS_VARIABLE: ACCESS, SECRET_VARIABLE: SECRET}
        self.port = free_port()
        self.upstream = 0
        self._moto: subprocess.Popen[bytes] | None = None
        self._relay: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, on the port and with the data of before, and return when it answers."""
        if self._moto is None:
            self.upstream = free_port()
            self._moto = self._process("moto", str(self.upstream))
            wait_for(self.upstream, self._moto)
        self._relay = self._process("relay", str(self.port), str(self.upstream))
        wait_for(self.port, self._relay)

    def _process(self, *arguments: str) -> subprocess.Popen[bytes]:
        # Paths only: what AWS variables the tests' own environment has is nothing to it.
        environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        return subprocess.Popen(
            [sys.executable, "-m", "tests.servers.s3_server", *arguments],
            cwd=_ROOT,
            env={**environment, **self.environment, **_SETTINGS},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def kill(self) -> None:
        """Cut every connection and refuse new ones: what it had acknowledged is there after the next start."""
        if self._relay is not None:
            self._relay.kill()
            self._relay.wait()
            self._relay = None

    def stop(self) -> None:
        """End it; its data is gone."""
        self.kill()
        if self._moto is not None:
            self._moto.kill()
            self._moto.wait()
            self._moto = None

    def fresh_place(self) -> dict[str, Any]:
        """Properties of a new and empty bucket."""
        name = f"b-{uuid.uuid4().hex[:16]}"
        self.client().create_bucket(Bucket=name)
        return self.place(name)

    def place(self, path: str, port: int = 0) -> dict[str, Any]:
        """Properties of a bucket, with a prefix or without.

        Args:
            path: bucket, or bucket/prefix.
            port: of a proxy in front; 0 for the server's own.
        """
        return {
            "endpointType": "S3WithHMAC",
            "sourceUri": f"http://127.0.0.1:{port or self.port}/{path}",
            "credentials": {"accessKeyUri": f"env:{ACCESS_VARIABLE}", "secretKeyUri": f"env:{SECRET_VARIABLE}"},
        }

    @functools.cache  # noqa: B019 - one server lives as long as its module's tests
    def client(self) -> Any:
        """Boto3's own client, to look at what is there."""
        import boto3
        from botocore.config import Config

        return boto3.client(
            "s3",
            endpoint_url=f"http://127.0.0.1:{self.port}",
            region_name="us-east-1",
            aws_access_key_id=ACCESS,
            aws_secret_access_key=SECRET,
            config=Config(s3={"addressing_style": "path"}, ignore_configured_endpoint_urls=True),
        )


def running() -> Iterator[S3Server]:
    """A started server, for a fixture to ``yield from``; skips where moto is missing."""
    if importlib.util.find_spec("moto") is None or importlib.util.find_spec("boto3") is None:
        if os.environ.get("LONGSHORE_REQUIRE_SERVERS") == "1":
            pytest.fail("moto is not installed, and LONGSHORE_REQUIRE_SERVERS is set")
        pytest.skip("moto is not installed: pip install 'moto[s3,server]'")
    server = S3Server()
    try:
        server.start()
        yield server
    finally:
        server.stop()
