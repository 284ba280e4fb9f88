"""An S3 server that refuses, is busy, hangs up, damages and is killed: what comes of it is right, or said in words."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from agentsim.engine.errors import Canceled, ItemChanged, ItemFailed, RunStopped, Side
from agentsim.places import s3_client, s3_reading, s3_writing
from agentsim.places.place import Dress, Item
from agentsim.places.s3 import S3Place
from store import codes
from store.vocabulary import ItemKind
from tests.places.s3_driving import Bytes, content_of, key_of, opened, small_parts, unopened
from tests.servers.proxy import Asked, Fault, Proxy, Rule, every
from tests.servers.s3 import S3Server
from tests.servers.s3_server import ACCESS_VARIABLE, SECRET_VARIABLE

DRESS = Dress(mtime_ns=1_700_000_000_123_456_789, mode=0o640, uid=1000, gid=1001)
LARGE = b"0123456789abcdef" * ((9 << 18) // 16)
BUSY = Fault(
    status=503,
    body=b"<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>",
    headers={"Content-Type": "application/xml"},
)


@pytest.fixture
def server(s3_server: S3Server, monkeypatch: pytest.MonkeyPatch) -> S3Server:
    small_parts(monkeypatch)
    return s3_server


@pytest.fixture
def properties(server: S3Server, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    return server.fresh_place()


@pytest.fixture
def proxy(server: S3Server) -> Iterator[Proxy]:
    with Proxy(server.upstream) as proxy:
        yield proxy


@pytest.fixture
def place(server: S3Server, properties: dict[str, Any], proxy: Proxy) -> Iterator[S3Place]:
    """A place behind the proxy."""
    place = opened(server.place(key_of(properties), proxy.port))
    yield place
    place.close()


def once(method: str, fault: Fault, part: str = "") -> Rule:
    """A fault for the first request of this method whose path has this part."""
    done: list[Asked] = []

    def rule(asked: Asked) -> Fault | None:
        if done or asked.method != method or part not in asked.path:
            return None
        done.append(asked)
        return fault

    return rule


def refused(code: str, status: int) -> Fault:
    return Fault(
        status=status,
        body=f"<Error><Code>{code}</Code><Message>Words of the server</Message></Error>".encode(),
        headers={"Content-Type": "application/xml"},
    )


@pytest.mark.parametrize("variable", [ACCESS_VARIABLE, SECRET_VARIABLE])
@pytest.mark.parametrize("side", list(Side))
def test_a_wrong_key_ends_the_run_without_being_said(
    properties: dict[str, Any], monkeypatch: pytest.MonkeyPatch, variable: str, side: Side
) -> None:
    monkeypatch.setenv(variable, "WRONGCANARY")
    place = unopened(properties, side)
    place.reach()
    with pytest.raises(RunStopped) as stopped:
        place.enter()
    assert stopped.value.code == (codes.SOURCE_AUTHENTICATION if side is Side.SOURCE else codes.TARGET_AUTHENTICATION)
    assert stopped.value.target == side.value
    assert "WRONGCANARY" not in stopped.value.message
    assert stopped.value.__cause__ is None
    assert stopped.value.__context__ is None


def test_only_one_of_the_two_references_is_an_error(properties: dict[str, Any]) -> None:
    with pytest.raises(RunStopped) as stopped:
        unopened({**properties, "credentials": {"accessKeyUri": f"env:{ACCESS_VARIABLE}", "secretKeyUri": ""}})
    assert stopped.value.code == codes.CREDENTIAL_UNRESOLVED


def test_without_boto3_the_message_says_what_to_install(
    properties: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "boto3", None)
    with pytest.raises(RunStopped, match=r"pip install 'longshore\[s3\]'") as stopped:
        unopened(properties)
    assert stopped.value.code == codes.LIBRARY_MISSING


def test_a_server_whose_etags_do_not_show_parts_cannot_hold_links(
    place: S3Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(s3_writing, "made_of_parts", lambda etag: False)
    with pytest.raises(ItemFailed) as failed:
        place.make_link(b"l", b"to", DRESS, None)
    assert failed.value.code == codes.ITEM_LINK_UNSUPPORTED
    assert place.find(b"l") is None


def test_without_references_the_library_looks_for_keys_itself(
    server: S3Server, properties: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    without = {**properties, "credentials": None}
    with pytest.raises(RunStopped) as stopped:
        opened(without)
    assert stopped.value.code == codes.CREDENTIAL_UNRESOLVED
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", server.environment[ACCESS_VARIABLE])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", server.environment[SECRET_VARIABLE])
    opened(without).close()


def test_a_token_that_expires_in_mid_run_ends_it(place: S3Place, proxy: Proxy) -> None:
    place.write(b"f", Bytes(b"x"), DRESS, None)
    proxy.rule = lambda asked: refused("ExpiredToken", 400)
    for call in (lambda: place.find(b"f"), lambda: place.write(b"g", Bytes(b"x"), DRESS, None)):
        with pytest.raises(RunStopped) as stopped:
            call()
        assert stopped.value.code == codes.TARGET_AUTHENTICATION
        assert "Words of the server (ExpiredToken)" in stopped.value.message


def test_a_missing_bucket_is_a_missing_path(server: S3Server, properties: dict[str, Any]) -> None:
    for side, code in ((Side.SOURCE, codes.SOURCE_PATH_INVALID), (Side.TARGET, codes.TARGET_PATH_INVALID)):
        with pytest.raises(RunStopped) as stopped:
            opened(server.place("no-such-bucket"), side)
        assert stopped.value.code == code
        assert "NoSuchBucket" in stopped.value.message


def test_nobody_at_the_address_is_said_within_seconds(properties: dict[str, Any]) -> None:
    place = unopened({**properties, "sourceUri": "http://127.0.0.1:9/data"}, Side.SOURCE)
    with pytest.raises(RunStopped) as stopped:
        place.reach()
    assert stopped.value.code == codes.SOURCE_UNREACHABLE
    assert "127.0.0.1:9" in stopped.value.message


def test_a_listing_that_is_forbidden_ends_the_run_and_an_object_only_itself(place: S3Place, proxy: Proxy) -> None:
    place.write(b"f", Bytes(b"x"), DRESS, None)
    proxy.rule = lambda asked: refused("AccessDenied", 403)
    with pytest.raises(RunStopped) as stopped:
        place.enter()
    assert stopped.value.code == codes.TARGET_AUTHORIZATION
    proxy.rule = lambda asked: refused("AccessDenied", 403) if "list-type" not in asked.path else None
    for call in (lambda: place.find(b"f"), lambda: place.write(b"g", Bytes(b"x"), DRESS, None)):
        with pytest.raises(ItemFailed) as failed:
            call()
        assert failed.value.code == codes.ITEM_TARGET_PERMISSION


@pytest.mark.parametrize("status", [503, 429])
def test_a_busy_server_is_asked_again_and_everything_arrives(place: S3Place, proxy: Proxy, status: int) -> None:
    proxy.rule = every(3, Fault(status=status, body=BUSY.body, headers=BUSY.headers))
    for number in range(6):
        place.write(b"d/%02d" % number, Bytes(b"%d" % number), DRESS, None)
    assert len(list(place.walk(lambda path: True))) == 7
    for number in range(6):
        assert content_of(place, b"d/%02d" % number) == b"%d" % number
    assert proxy.faults >= 6


def test_a_server_that_stays_busy_fails_the_item_with_its_words(
    place: S3Place, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(s3_client, "PATIENCE_SECONDS", 0.5)
    proxy.rule = lambda asked: BUSY
    with pytest.raises(ItemFailed) as failed:
        place.write(b"f", Bytes(b"x"), DRESS, None)
    assert failed.value.code == codes.ITEM_THROTTLED
    assert "Please reduce your request rate" in failed.value.message


def test_a_run_that_is_canceled_does_not_wait_for_a_busy_server(place: S3Place, proxy: Proxy) -> None:
    caught: list[BaseException] = []

    def write() -> None:
        try:
            place.write(b"f", Bytes(b"x"), DRESS, None)
        except BaseException as error:
            caught.append(error)

    seen = threading.Event()
    busy = Fault(status=503, body=BUSY.body, headers={**BUSY.headers, "Retry-After": "60"})

    def rule(asked: Asked) -> Fault:
        seen.set()
        return busy

    proxy.rule = rule
    thread = threading.Thread(target=write)
    thread.start()
    assert seen.wait(60)
    place.opening.lease.stop()
    thread.join(30)
    assert [type(error) for error in caught] == [Canceled]


@pytest.mark.parametrize("cut", [0, 150, 400])
def test_a_listing_that_is_cut_is_never_taken_for_a_shorter_one(place: S3Place, proxy: Proxy, cut: int) -> None:
    for number in range(3):
        place.write(b"%d" % number, Bytes(b"x"), DRESS, None)
    proxy.rule = once("GET", Fault(cut_after=cut), "list-type")
    assert len(list(place.walk(lambda path: True))) == 3
    assert proxy.faults == 1
    proxy.rule = once("GET", Fault(status=200, body=b"<html><body>Sign in</body></html>"), "list-type")
    with pytest.raises(RunStopped, match="no listing"):
        list(place.walk(lambda path: True))
    proxy.rule = once("GET", Fault(status=200, body=b"<html><body>Sign in</body></html>"), "list-type")
    with pytest.raises(ItemFailed, match="no listing"):
        place.find(b"gone")


@pytest.mark.parametrize("data", [b"small", LARGE], ids=["small", "large"])
def test_a_body_damaged_on_the_way_is_refused_by_the_server_and_sent_again(
    place: S3Place, proxy: Proxy, data: bytes
) -> None:
    proxy.rule = once("PUT", Fault(damage_request=True))
    place.write(b"f", Bytes(data), DRESS, None)
    assert proxy.faults == 1
    assert content_of(place, b"f") == data


def test_a_body_that_is_always_damaged_fails_and_leaves_nothing(place: S3Place, proxy: Proxy) -> None:
    proxy.rule = lambda asked: Fault(damage_request=True) if asked.method == "PUT" else None
    for data in (b"small", LARGE):
        with pytest.raises(ItemFailed, match="refused"):
            place.write(b"f", Bytes(data), DRESS, None)
    assert place.find(b"f") is None


def test_content_damaged_on_its_way_here_does_not_settle(place: S3Place, proxy: Proxy) -> None:
    place.write(b"f", Bytes(b"some content"), DRESS, None)
    item = place.find(b"f")
    assert item is not None
    proxy.rule = once("GET", Fault(damage_answer=True))
    with place.read(item) as content:
        content.read(100)
        with pytest.raises(ItemFailed) as failed:
            content.settle()
    assert failed.value.code == codes.ITEM_DIGEST_DIFFERS


def test_a_download_that_is_cut_goes_on_where_it_was(place: S3Place, proxy: Proxy) -> None:
    place.write(b"f", Bytes(LARGE), DRESS, None)
    cuts = iter([500_000, 1, 0, 300_000])
    proxy.rule = lambda asked: Fault(cut_after=cut) if asked.method == "GET" and (cut := next(cuts, -1)) >= 0 else None
    assert content_of(place, b"f") == LARGE
    assert proxy.faults == 4


def test_a_download_is_not_gone_on_with_in_another_version(
    server: S3Server, properties: dict[str, Any], place: S3Place, proxy: Proxy
) -> None:
    place.write(b"f", Bytes(LARGE), DRESS, None)
    item = place.find(b"f")
    assert item is not None
    proxy.rule = once("GET", Fault(cut_after=500_000))
    with place.read(item) as content:
        content.read(1 << 18)
        server.client().put_object(Bucket=key_of(properties), Key="f", Body=LARGE[1:])
        with pytest.raises(ItemChanged):
            content.read(len(LARGE))


def test_a_server_that_goes_in_mid_download_ends_the_run_after_a_while(
    place: S3Place, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(s3_client, "PATIENCE_SECONDS", 0.5)
    monkeypatch.setattr(s3_reading, "PATIENCE_SECONDS", 0.5)
    place.write(b"f", Bytes(LARGE), DRESS, None)
    item = place.find(b"f")
    assert item is not None
    proxy.rule = lambda asked: Fault(cut_after=1000) if "Range" not in asked.path else None
    with place.read(item) as content:
        proxy.rule = lambda asked: Fault(cut_before=True)
        with pytest.raises(RunStopped) as stopped:
            content.read(len(LARGE))
    assert stopped.value.code == codes.TARGET_UNREACHABLE


@pytest.mark.parametrize(
    ("data", "method", "part"),
    [(b"small", "PUT", "/f"), (LARGE, "POST", "uploadId="), (LARGE, "PUT", "partNumber=2"), (LARGE, "POST", "uploads")],
    ids=["put", "complete", "part", "create"],
)
def test_an_answer_that_is_lost_does_not_make_a_write_fail(
    place: S3Place, proxy: Proxy, data: bytes, method: str, part: str
) -> None:
    proxy.rule = once(method, Fault(cut_after=0), part)
    place.write(b"f", Bytes(data), DRESS, None)
    assert proxy.faults == 1
    assert content_of(place, b"f") == data


def test_lost_answers_to_other_changes_do_no_harm_either(place: S3Place, proxy: Proxy) -> None:
    place.write(b"f", Bytes(b"x"), DRESS, None)
    for number in range(4):
        proxy.rule = once("PUT", Fault(cut_after=0))
        if number == 0:
            place.make_directory(b"d", DRESS)
        elif number == 1:
            place.make_link(b"l", b"to", DRESS, None)
        item = place.find(b"f")
        assert item is not None
        if number == 2:
            place.set_dress(item, Dress(mtime_ns=3))
        elif number == 3:
            proxy.rule = once("DELETE", Fault(cut_after=0))
            place.set_aside(item, b"t/f")
    assert [(item.path, item.kind) for item in place.walk(lambda path: True) if isinstance(item, Item)] == [
        (b"d", ItemKind.DIRECTORY),
        (b"l", ItemKind.SYMLINK),
        (b"t", ItemKind.DIRECTORY),
        (b"t/f", ItemKind.FILE),
    ]


def test_a_server_without_conditional_writes_is_asked_right_before(place: S3Place, proxy: Proxy) -> None:
    answered = refused("NotImplemented", 501)
    sent: list[str] = []
    place._bucket._client.meta.events.register_last(
        "before-send.s3", lambda request, **_: sent.append("if-match") if _conditional(request) else None
    )
    proxy.rule = once("PUT", answered)
    place.write(b"f", Bytes(b"1"), DRESS, None)
    assert sent == ["if-match"], "only until it is known"
    with pytest.raises(ItemChanged):
        place.write(b"f", Bytes(b"2"), DRESS, None)
    place.write(b"f", Bytes(b"3"), DRESS, place.find(b"f"))
    seen = place.find(b"f")
    assert seen is not None
    assert place.delete(seen)
    assert sent == ["if-match"]


def _conditional(request: Any) -> bool:
    return request.method != "GET" and any(name in request.headers for name in ("If-Match", "If-None-Match"))


def test_a_server_killed_while_a_file_is_sent_is_back_in_time(server: S3Server, properties: dict[str, Any]) -> None:
    place = opened(properties)

    class Killing(Bytes):
        def read(self, count: int) -> bytes:
            if self.reads == 2:
                server.kill()
                threading.Timer(1.5, server.start).start()
            return super().read(count)

    place.write(b"large", Killing(LARGE), DRESS, None)
    place.write(b"small", Bytes(b"x"), DRESS, None)
    assert content_of(place, b"large") == LARGE
    assert content_of(place, b"small") == b"x"
    place.close()


def test_a_server_that_does_not_come_back_ends_the_run_and_the_next_goes_on(
    server: S3Server, properties: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(s3_client, "PATIENCE_SECONDS", 0.5)
    place = opened(properties)
    bucket = key_of(properties)

    class Killing(Bytes):
        def settle(self) -> None:
            server.kill()

    try:
        with pytest.raises(RunStopped) as stopped:
            place.write(b"large", Killing(LARGE), DRESS, None)
        assert stopped.value.code == codes.TARGET_UNREACHABLE
        place.close()
    finally:
        server.kill()
        server.start()
    (left,) = server.client().list_multipart_uploads(Bucket=bucket)["Uploads"]
    with Proxy(server.upstream) as proxy:
        place = opened(server.place(bucket, proxy.port))
        place.write(b"large", Bytes(LARGE), DRESS, None)
        assert not [asked for asked in proxy.seen if "partNumber" in asked.path], "no part is sent again"
        assert any(left["UploadId"] in asked.path for asked in proxy.seen)
        assert content_of(place, b"large") == LARGE
        place.close()
