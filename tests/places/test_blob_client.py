"""The client of a container: its credential, its URL, its retries, and the memory of its listings."""

from __future__ import annotations

import importlib
import math
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from azure.core.credentials import AzureSasCredential
from azure.storage.blob import ContentSettings

from agentsim.engine.errors import RunStopped, Side
from agentsim.engine.lease import Lease
from agentsim.places import blob_client
from agentsim.places.blob import BlobPlace
from agentsim.places.blob_client import Connection, connect
from agentsim.places.place import Opening, Unlisted
from store import codes
from tests.places.blob_opened import Known

KEY = "c29tZSBrZXk="
BASE = {"storageAccountResourceId": "/subscriptions/x/storageAccounts/acct", "blobContainerName": "box"}
LAST_MODIFIED = datetime(2026, 1, 1, tzinfo=UTC)
SETTINGS = ContentSettings()
# One lease for all of them, made when the tests are collected: any end of it could come before its test does.
OPENING = Opening(side=Side.SOURCE, writes=False, sub_path=b"", lease=Lease(math.inf))


def connected(secret: str = KEY, **properties: Any) -> Connection:
    """The connection of an endpoint whose references all lead to one secret."""
    names = {reference.removeprefix("env:") for reference in (properties.get("credentials") or {}).values()}
    return connect(BASE | properties, OPENING, Known(dict.fromkeys(names, secret)))


def test_the_url_is_azures_where_the_endpoint_names_no_other() -> None:
    connection = connected(credentials={"accountKeyUri": "env:K"})
    assert connection.url == "https://acct.blob.core.windows.net/box"
    assert connection.session.trust_env
    connection = connected(serviceUrl="http://localhost:10000/acct/", credentials={"accountKeyUri": "env:K"})
    assert connection.url == "http://localhost:10000/acct/box"
    assert not connection.session.trust_env


def test_a_signature_may_begin_with_a_question_mark_as_portals_show_it() -> None:
    connection = connected("?sv=1&sig=2\n", credentials={"sasTokenUri": "env:S", "accountKeyUri": ""})
    assert isinstance(connection.credential, AzureSasCredential)
    assert connection.credential.signature == "sv=1&sig=2"
    assert "sig" not in connection.url


@pytest.mark.parametrize(
    ("string", "url"),
    [
        (
            f"AccountName=acct;AccountKey={KEY};EndpointSuffix=core.chinacloudapi.cn",
            "https://acct.blob.core.chinacloudapi.cn",
        ),
        (f"DefaultEndpointsProtocol=https;AccountName=acct;AccountKey={KEY}", "https://acct.blob.core.windows.net"),
        (
            "BlobEndpoint=https://private.example.com/;SharedAccessSignature=sv=1&sig=a%3D",
            "https://private.example.com",
        ),
    ],
)
def test_connection_strings_of_each_kind(string: str, url: str) -> None:
    connection = connected(string, credentials={"connectionStringUri": "env:C"})
    assert connection.url == f"{url}/box"


@pytest.mark.parametrize("string", ["nonsense", "AccountName=acct;AccountKey=%%%"])
def test_a_broken_connection_string_is_refused_without_being_shown(string: str) -> None:
    with pytest.raises(RunStopped) as stop:
        connected(string, credentials={"connectionStringUri": "env:C"})
    assert stop.value.code == codes.SOURCE_AUTHENTICATION
    assert string not in str(stop.value)


def test_without_a_credential_it_is_azures_chain() -> None:
    connection = connected(credentials=None)
    assert type(connection.credential).__name__ == "DefaultAzureCredential"
    connection.close()


def test_nothing_shows_a_secret() -> None:
    connection = connected(credentials={"accountKeyUri": "env:K"})
    assert KEY not in repr(connection)


@pytest.mark.parametrize(
    ("headers", "failures", "least", "most"),
    [
        ({}, 1, 0.1, 0.2),
        ({}, 3, 0.4, 0.8),
        ({}, 50, 4.0, 8.0),
        ({"Retry-After": "20"}, 1, 20.0, 20.0),
        ({"retry-after-ms": "1500"}, 1, 1.5, 1.5),
        ({"Retry-After": "86400"}, 1, blob_client.PATIENCE_SECONDS, blob_client.PATIENCE_SECONDS),
    ],
)
def test_pauses_grow_and_heed_the_server_within_bounds(
    monkeypatch: pytest.MonkeyPatch, headers: dict[str, str], failures: int, least: float, most: float
) -> None:
    pauses: list[float] = []
    monkeypatch.setattr(blob_client, "pause", lambda seconds, lease: pauses.append(seconds))
    policy = blob_client._Retry(OPENING.lease)
    answer = SimpleNamespace(http_response=SimpleNamespace(headers=headers))
    policy.sleep({"history": [None] * failures}, None, answer)
    assert least <= pauses[0] <= most


def test_a_listing_of_a_hundred_thousand_needs_the_memory_of_a_page(monkeypatch: pytest.MonkeyPatch) -> None:
    place = BlobPlace(OPENING, BASE | {"credentials": {"accountKeyUri": "env:K"}}, Known({"K": KEY}))
    peaks = {}
    for count in (10_000, 100_000):
        monkeypatch.setattr(place._container, "list_blobs", lambda count=count, **_: _Pages(count))
        before = sys.getallocatedblocks()
        seen = peak = 0
        for _ in place.walk(lambda _: True):
            seen += 1
            if seen % 500 == 0:
                peak = max(peak, sys.getallocatedblocks() - before)
        assert seen == count + -(-count // 1000)
        peaks[count] = peak
    assert peaks[100_000] < 1.2 * peaks[10_000]


def test_an_empty_page_is_not_the_end_of_a_listing(monkeypatch: pytest.MonkeyPatch) -> None:
    place = BlobPlace(OPENING, BASE | {"credentials": {"accountKeyUri": "env:K"}}, Known({"K": KEY}))
    pages = SimpleNamespace(by_page=lambda: iter([iter([]), _page(0, 1), iter([]), iter([]), _page(1, 3), iter([])]))
    monkeypatch.setattr(place._container, "list_blobs", lambda **_: pages)
    monkeypatch.setattr(place, "_properties", lambda key: None)
    assert [
        item.path for item in place.walk(lambda _: True) if not isinstance(item, Unlisted) and not item.implied
    ] == [b"directory-00000/file-%08d" % number for number in range(3)]
    # Nor does a look-up take it for one: what it says is not there, a Mirror deletes.
    assert place.find(b"directory-00000") is not None


def test_a_missing_library_is_told_with_the_command_that_brings_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("agentsim.places.blob")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "azure.storage.blob", None)
    with pytest.raises(RunStopped, match=r"azure.storage.blob is missing: pip install 'longshore\[azure\]'") as stop:
        importlib.import_module("agentsim.places.blob")
    assert stop.value.code == codes.LIBRARY_MISSING


class _Pages:
    """What the library answers: pages of blobs, each made when it is asked for."""

    def __init__(self, count: int) -> None:
        self._count = count

    def by_page(self) -> Iterator[Iterator[SimpleNamespace]]:
        for start in range(0, self._count, 5000):
            yield _page(start, min(start + 5000, self._count))


def _page(start: int, end: int) -> Iterator[SimpleNamespace]:
    for number in range(start, end):
        yield SimpleNamespace(
            name=f"directory-{number // 1000:05d}/file-{number:08d}",
            size=number,
            etag=f"0x{number:X}",
            last_modified=LAST_MODIFIED,
            content_settings=SETTINGS,
            metadata={"modtime": str(number), "permissions": "33188"},
        )
