"""What networks, servers and admins do to a Blob place in the middle of a run, and what comes of it."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from agentsim.engine.errors import Canceled, ItemChanged, ItemFailed, RunStopped, Side
from agentsim.engine.lease import Lease, now
from agentsim.places.blob_upload import BLOCK
from agentsim.places.place import Dress
from store import codes
from tests.places.blob_opened import Bytes, content_of, everything, opened, put
from tests.servers.azurite import Azurite, running
from tests.servers.ports import free_port
from tests.servers.proxy import Asked, Fault, Proxy, every

DATA = random.Random(1).randbytes(2 * BLOCK + 17)
DRESS = Dress(mtime_ns=7, mode=0o640)
BUSY = Fault(status=503, headers={"x-ms-error-code": "ServerBusy"})


@pytest.fixture(scope="module")
def azurite() -> Iterator[Azurite]:
    yield from running()


@pytest.fixture
def container(azurite: Azurite) -> dict[str, Any]:
    return azurite.fresh_place()


def stop_code(azurite: Azurite, properties: dict[str, Any], side: Side = Side.TARGET, **secrets: str) -> str:
    """The code with which entering a place ends a run."""
    with pytest.raises(RunStopped) as stop, opened(azurite, properties, side=side, secrets=secrets or None):
        pass
    assert stop.value.target == side.value
    assert not any(secret in str(stop.value) for secret in (azurite.key, *secrets.values()))
    return stop.value.code


def test_a_wrong_key_an_expired_signature_and_one_that_may_not_list_are_told_apart(
    azurite: Azurite, container: dict[str, Any]
) -> None:
    wrong = "d3Jvbmc=" * 8
    assert stop_code(azurite, container, LONGSHORE_TEST_AZURITE_KEY=wrong) == codes.TARGET_AUTHENTICATION
    assert stop_code(azurite, container, LONGSHORE_TEST_AZURITE_KEY="no base64") == codes.TARGET_AUTHENTICATION
    by_sas = {**container, "credentials": {"sasTokenUri": "env:SAS"}}
    expired = azurite.sas(valid=timedelta(seconds=-5))
    assert stop_code(azurite, by_sas, Side.SOURCE, SAS=expired) == codes.SOURCE_AUTHENTICATION
    assert stop_code(azurite, by_sas, Side.SOURCE, SAS=azurite.sas("w")) == codes.SOURCE_AUTHORIZATION


def test_a_signature_that_may_only_read_writes_nothing_and_ends_the_run(
    azurite: Azurite, container: dict[str, Any]
) -> None:
    by_sas = {**container, "credentials": {"sasTokenUri": "env:SAS"}}
    with opened(azurite, by_sas, secrets={"SAS": azurite.sas("rl")}) as place:
        for size in (1, BLOCK + 1):
            with pytest.raises(RunStopped) as stop:
                place.write(b"file", Bytes(bytes(size)), DRESS, None)
            assert stop.value.code == codes.TARGET_AUTHORIZATION
        assert everything(place) == []


@pytest.mark.parametrize(
    ("side", "code"), [(Side.SOURCE, codes.SOURCE_PATH_INVALID), (Side.TARGET, codes.TARGET_PATH_INVALID)]
)
def test_a_container_that_is_not_there_is_never_made(
    azurite: Azurite, container: dict[str, Any], side: Side, code: str
) -> None:
    assert stop_code(azurite, {**container, "blobContainerName": "missing"}, side) == code
    assert not azurite.container("missing").exists()


def test_a_container_that_is_deleted_in_mid_walk_ends_the_walk_and_lists_nothing_as_gone(
    azurite: Azurite, container: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agentsim.places.blob._PAGE", 3)
    with opened(azurite, container) as place:
        items = [put(place, b"%d" % number, b"1") for number in range(9)]
        walk = place.walk(lambda _: True)
        next(walk)
        azurite.container(container["blobContainerName"]).delete_container()
        with pytest.raises(RunStopped) as stop:
            list(walk)
        assert stop.value.code == codes.TARGET_PATH_INVALID
        # Nor is any item said to be gone, which a Mirror would take for a reason to delete.
        with pytest.raises(RunStopped):
            place.find(items[-1].path)
        with pytest.raises(RunStopped):
            place.delete(items[-1])


def test_nobody_listening_is_told_within_bounded_time(azurite: Azurite, container: dict[str, Any]) -> None:
    with pytest.raises(RunStopped, match="Connection refused") as stop, opened(azurite, container, port=free_port()):
        pass
    assert stop.value.code == codes.TARGET_UNREACHABLE


@pytest.mark.parametrize(
    "url", ["http://storage.example.com", "http://192.0.2.1:10000/acct", "ftp://127.0.0.1/acct", "https://a?sig=SECRET"]
)
def test_a_url_that_would_show_the_credential_to_others_is_refused(
    azurite: Azurite, container: dict[str, Any], url: str
) -> None:
    assert stop_code(azurite, {**container, "serviceUrl": url}) == codes.TARGET_PATH_INVALID


def test_without_a_credential_nothing_goes_over_plain_http(azurite: Azurite, container: dict[str, Any]) -> None:
    assert stop_code(azurite, {**container, "credentials": None}) == codes.TARGET_PATH_INVALID


@pytest.mark.parametrize(
    "fault",
    [
        BUSY,
        Fault(status=429),
        Fault(status=500, headers={"x-ms-error-code": "InternalError"}),
        Fault(cut_before=True),
        Fault(cut_after=10),
        Fault(cut_after=0),
    ],
    ids=["503", "429", "500", "cut", "answer cut", "answer lost"],
)
def test_a_busy_server_and_a_bad_line_only_cost_time(azurite: Azurite, container: dict[str, Any], fault: Fault) -> None:
    with Proxy(azurite.port) as proxy, opened(azurite, container, port=proxy.port) as place:
        proxy.rule = every(3, fault)
        large = place.write(b"large", Bytes(DATA), DRESS, None)
        small = place.write(b"d/small", Bytes(b"1"), DRESS, None)
        place.make_directory(b"d", DRESS)
        place.make_link(b"link", b"text", DRESS, None)
        items = {item.path: item for item in everything(place)}
        assert set(items) == {b"d", b"d/small", b"large", b"link"}
        assert (items[b"large"].version, items[b"d/small"].version) == (large.version, small.version)
        assert content_of(place, items[b"large"]) == DATA
        place.set_dress(items[b"d/small"], Dress(mode=0o600))
        place.set_aside(items[b"link"], b"aside")
        found = place.find(b"d/small")
        assert found is not None
        assert found.dress.mode == 0o600
        place.delete(found)
        assert [item.path for item in everything(place)] == [b"aside", b"d", b"large"]
        assert proxy.faults > 3


def test_a_server_that_stays_busy_fails_the_item_and_not_the_run(
    azurite: Azurite, container: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agentsim.places.blob_client.PATIENCE_SECONDS", 0.5)
    with Proxy(azurite.port) as proxy, opened(azurite, container, port=proxy.port) as place:
        proxy.rule = every(1, Fault(status=503, headers={"x-ms-error-code": "ServerBusy"}))
        with pytest.raises(ItemFailed) as failed:
            place.write(b"file", Bytes(b"1"), DRESS, None)
        assert failed.value.code == codes.ITEM_THROTTLED
        with pytest.raises(RunStopped) as stop:
            everything(place)
        assert stop.value.code == codes.TARGET_UNREACHABLE


def test_a_server_that_stays_away_ends_the_run(
    azurite: Azurite, container: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agentsim.places.blob_client.PATIENCE_SECONDS", 0.5)
    with Proxy(azurite.port) as proxy, opened(azurite, container, port=proxy.port) as place:
        item = put(place, b"file", DATA)
        proxy.rule = every(1, Fault(cut_before=True))
        for call in (
            lambda: place.write(b"new", Bytes(b"1"), DRESS, None),
            lambda: place.write(b"new", Bytes(DATA), DRESS, None),
            lambda: content_of(place, item),
            lambda: place.find(b"file"),
        ):
            with pytest.raises(RunStopped) as stop:
                call()
            assert stop.value.code == codes.TARGET_UNREACHABLE


def test_a_cancel_does_not_wait_for_the_retries(azurite: Azurite, container: dict[str, Any]) -> None:
    lease = Lease(now() + 600)
    with Proxy(azurite.port) as proxy, opened(azurite, container, port=proxy.port, lease=lease) as place:
        busy = threading.Event()

        def rule(asked: Asked) -> Fault:
            busy.set()
            return Fault(status=503, headers={"Retry-After": "60"})

        proxy.rule = rule
        ended: list[BaseException] = []

        def write() -> None:
            try:
                place.write(b"file", Bytes(b"1"), DRESS, None)
            except Canceled as error:
                ended.append(error)

        thread = threading.Thread(target=write)
        thread.start()
        assert busy.wait(30)
        lease.stop()
        thread.join(30)
        assert ended


def test_bytes_damaged_on_the_way_there_are_refused_by_the_server_and_sent_again(
    azurite: Azurite, container: dict[str, Any]
) -> None:
    damaged: set[str] = set()

    def once_per_path(asked: Asked) -> Fault | None:
        if asked.method != "PUT" or asked.size < 1000 or asked.path in damaged:
            return None
        damaged.add(asked.path)
        return Fault(damage_request=True)

    with Proxy(azurite.port, once_per_path) as proxy, opened(azurite, container, port=proxy.port) as place:
        for path, data in ((b"small", DATA[:5000]), (b"large", DATA)):
            item = put(place, path, data)
            assert content_of(place, item) == data
        assert proxy.faults == 3


def test_bytes_that_are_damaged_each_time_never_become_visible(azurite: Azurite, container: dict[str, Any]) -> None:
    def always(asked: Asked) -> Fault | None:
        return Fault(damage_request=True) if asked.method == "PUT" and asked.size > 1000 else None

    with Proxy(azurite.port, always) as proxy, opened(azurite, container, port=proxy.port) as place:
        for data in (DATA[:5000], DATA):
            with pytest.raises(ItemFailed) as failed:
                place.write(b"file", Bytes(data), DRESS, None)
            assert failed.value.code == codes.ITEM_DIGEST_DIFFERS
        assert everything(place) == []


@pytest.mark.parametrize("size", [5000, len(DATA)], ids=["small", "large"])
def test_bytes_damaged_on_the_way_back_are_noticed_before_they_are_settled(
    azurite: Azurite, container: dict[str, Any], size: int
) -> None:
    with Proxy(azurite.port) as proxy, opened(azurite, container, side=Side.SOURCE, port=proxy.port) as place:
        item = put(place, b"file", DATA[:size])
        proxy.rule = lambda asked: Fault(damage_answer=True) if asked.method == "GET" else None
        with pytest.raises(ItemFailed) as failed:
            content_of(place, item)
        assert failed.value.code == codes.ITEM_DIGEST_DIFFERS


def test_a_server_that_is_killed_and_started_again_in_mid_write_only_costs_time(
    azurite: Azurite, container: dict[str, Any]
) -> None:
    class KillingOnTheWay(Bytes):
        """Kills the server when some of the content is read, and starts it again a moment later."""

        starter: threading.Thread | None = None

        def read(self, count: int) -> bytes:
            if self._left.nbytes < len(DATA) and self.starter is None:
                azurite.kill()
                self.starter = threading.Timer(0.5, azurite.start)
                self.starter.start()
            return super().read(count)

    with opened(azurite, container) as place:
        before = put(place, b"before", b"1")
        content = KillingOnTheWay(DATA)
        place.write(b"file", content, DRESS, None)
        assert content.starter is not None
        content.starter.join()
        items = everything(place)
        assert [item.path for item in items] == [b"before", b"file"]
        assert items[0] == before
        assert content_of(place, items[1]) == DATA
        with place.read(items[1]) as reading:
            first = reading.read(100)
            azurite.kill()
            azurite.start()
            rest = b"".join(iter(lambda: reading.read(1 << 20), b""))
            reading.settle()
        assert first + rest == DATA


def test_a_leased_blob_fails_alone(azurite: Azurite, container: dict[str, Any]) -> None:
    with opened(azurite, container) as place:
        item = put(place, b"file", b"old")
        azurite.container(container["blobContainerName"]).get_blob_client("file").acquire_lease()
        with pytest.raises(ItemFailed, match="lease"):
            place.write(b"file", Bytes(b"new"), DRESS, item)
        with pytest.raises(ItemFailed, match="lease"):
            place.delete(item)
        assert content_of(place, item) == b"old"


def test_a_blob_with_snapshots_is_not_deleted(azurite: Azurite, container: dict[str, Any]) -> None:
    with opened(azurite, container) as place:
        item = put(place, b"file", b"1")
        azurite.container(container["blobContainerName"]).get_blob_client("file").create_snapshot()
        with pytest.raises(ItemFailed) as failed:
            place.delete(item)
        assert failed.value.code == codes.ITEM_TARGET_PERMISSION
        with pytest.raises(ItemChanged):
            place.write(b"file", Bytes(b"2"), DRESS, None)
