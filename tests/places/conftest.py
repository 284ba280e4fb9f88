"""One Samba for all stories of a process that need it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.servers import samba


@pytest.fixture(scope="session")
def smbd() -> Iterator[samba.Samba]:
    """A started server; the stories leave it running."""
    yield from samba.running()
