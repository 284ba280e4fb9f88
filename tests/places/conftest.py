"""One server of each kind for all stories of a process that need it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.servers import s3, samba


@pytest.fixture(scope="session")
def s3_server() -> Iterator[s3.S3Server]:
    """A started S3 server; the stories leave it running."""
    yield from s3.running()


@pytest.fixture(scope="session")
def smbd() -> Iterator[samba.Samba]:
    """A started server; the stories leave it running."""
    yield from samba.running()
