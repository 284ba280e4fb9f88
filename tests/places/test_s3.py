"""A bucket of a real S3 server as a place: what is written is read back, listed and changed as the interface says."""

from __future__ import annotations

import hashlib
import tracemalloc
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from agentsim.engine.errors import ItemChanged, ItemFailed, RunStopped, Side
from agentsim.places import s3_objects, s3_upload, s3_writing
from agentsim.places.place import Dress, Item, walk_key
from agentsim.places.s3 import S3Place
from store import codes
from store.vocabulary import ItemKind
from tests.places.s3_driving import Bytes, content_of, key_of, opened, small_parts, unopened
from tests.servers.s3 import S3Server

DRESS = Dress(mtime_ns=1_700_000_000_123_456_789, atime_ns=1_700_000_001_000_000_000, mode=0o640, uid=1000, gid=1001)
LARGE = 5 << 19
"""Bytes of a file in three parts."""

HOSTILE = [
    b" ",
    b"a b",
    b"a+b%20c",
    b"back\\slash",
    b"caf\xc3\xa9",
    b"cafe\xcc\x81",
    b"carriage\rreturn",
    b"control\x01\x1f\x7f",
    b"\xef\xbd\x9e\xf0\x9f\x90\x9f",
    b"e\xef\xbf\xbf",
    b"query?x=1&y#z",
    b"quote'\"`$(x)",
    b"tab\t",
    b"trailing.",
    b"trailing ",
    b"...",
    b"x" * 255,
]


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
def place(properties: dict[str, Any]) -> Iterator[S3Place]:
    place = opened(properties)
    yield place
    place.close()


def walked(place: S3Place) -> list[Item]:
    items = list(place.walk(lambda path: True))
    assert all(isinstance(item, Item) for item in items)
    return [item for item in items if isinstance(item, Item)]


def test_a_file_comes_back_as_it_was_written(place: S3Place) -> None:
    content = Bytes(b"hello")
    written = place.write(b"d/f", content, DRESS, None)
    assert content.settled
    assert (written.size, written.md5, written.remark) == (5, hashlib.md5(b"hello").hexdigest(), "")
    found = place.find(b"d/f")
    assert found is not None
    assert (found.kind, found.size, found.dress, found.detailed) == (ItemKind.FILE, 5, DRESS, True)
    assert (found.version, found.md5) == (written.version, written.md5)
    assert content_of(place, b"d/f") == b"hello"


def test_a_listing_has_size_digest_and_version_of_files_and_all_of_directories(place: S3Place) -> None:
    place.make_directory(b"d", DRESS)
    written = place.write(b"d/f", Bytes(b"hello"), DRESS, None)
    place.write(b"i/f", Bytes(b""), DRESS, None)
    directory, file, implied, empty = walked(place)
    assert (directory.path, directory.kind, directory.dress, directory.detailed) == (
        b"d",
        ItemKind.DIRECTORY,
        DRESS,
        True,
    )
    assert (file.path, file.size, file.md5, file.version) == (b"d/f", 5, written.md5, written.version)
    assert not file.detailed
    assert (implied.path, implied.implied) == (b"i", True)
    assert (empty.path, empty.size) == (b"i/f", 0)


def test_names_that_keys_can_hold_come_back_byte_for_byte(place: S3Place) -> None:
    assert [place.refuses(name, ItemKind.FILE) for name in HOSTILE] == [""] * len(HOSTILE)
    for name in HOSTILE:
        place.write(b"d/" + name, Bytes(name), DRESS, None)
    items = walked(place)
    assert [item.path for item in items[1:]] == sorted(b"d/" + name for name in HOSTILE)
    for name in HOSTILE:
        assert content_of(place, b"d/" + name) == name


def test_names_that_no_key_can_hold_are_refused_with_the_reason(properties: dict[str, Any]) -> None:
    place = unopened({**properties, "sourceUri": properties["sourceUri"] + "/pre"})
    assert "UTF-8" in place.refuses(b"a\xff", ItemKind.FILE)
    assert place.refuses(b"d/" * 509 + b"ab", ItemKind.FILE) == ""
    assert "1025 bytes" in place.refuses(b"d/" * 509 + b"ab", ItemKind.DIRECTORY)
    assert "1025 bytes" in place.refuses(b"d/" * 509 + b"abc", ItemKind.FILE)


def test_keys_that_no_path_can_be_are_listed_and_can_be_found_read_and_deleted(
    server: S3Server, properties: dict[str, Any], place: S3Place
) -> None:
    raw = ["/a", "a//b", "b/./c", "b/.."]
    for key in raw:
        server.client().put_object(Bucket=key_of(properties), Key=key, Body=b"x")
    special = [item for item in walked(place) if item.kind is ItemKind.SPECIAL]
    assert [item.path.decode() for item in special] == sorted(raw)
    assert all(item.extras for item in special)
    found = place.find(b"a//b")
    assert found is not None
    assert found.kind is ItemKind.SPECIAL
    assert place.delete(special[0])
    assert len([item for item in walked(place) if item.kind is ItemKind.SPECIAL]) == 3


def test_a_walk_over_several_pages_is_in_order(place: S3Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agentsim.places.s3._PAGE", 7)
    place.make_directory(b"d", DRESS)
    place.make_link(b"d-link", b"to", DRESS, None)
    for number in range(20):
        place.write(b"d/%02d" % number, Bytes(b""), DRESS, None)
        place.write(b"d.%02d" % number, Bytes(b""), DRESS, None)
    items = walked(place)
    assert len(items) == 42
    keys = [walk_key(item.path, item.kind) for item in items]
    assert keys == sorted(keys)
    assert next(item for item in items if item.path == b"d-link").kind is ItemKind.SYMLINK


def test_a_walk_takes_the_memory_of_a_page(properties: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    place = unopened(properties)
    moment = datetime.now(UTC)

    def page(operation: str, doing: str, **arguments: Any) -> dict[str, Any]:
        assert operation == "list_objects_v2"
        start = int(arguments.get("ContinuationToken", "0"))
        entries = [
            {"Key": f"d{number // 5000:03}/f{number:07}", "ETag": f'"{number:032x}"', "Size": 5, "LastModified": moment}
            for number in range(start, start + 1000)
        ]
        return {"Contents": entries, "IsTruncated": start < 19_000, "NextContinuationToken": str(start + 1000)}

    monkeypatch.setattr(place._bucket, "call", page)
    walk = place.walk(lambda path: True)
    for _ in range(3000):
        next(walk)
    tracemalloc.start()
    count = 3000 + sum(1 for _ in walk)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count == 20_000 + 4
    assert peak < 4 << 20, f"{peak} bytes for pages of 1,000"


@pytest.mark.parametrize("token", ["", "same"])
def test_a_listing_that_does_not_go_on_is_not_taken_for_a_whole_one(
    properties: dict[str, Any], monkeypatch: pytest.MonkeyPatch, token: str
) -> None:
    place = unopened(properties)
    page = {"Contents": [], "IsTruncated": True, "NextContinuationToken": token}
    monkeypatch.setattr(place._bucket, "call", lambda *_, **__: page)
    with pytest.raises(RunStopped, match="does not go on"):
        walked(place)


def test_an_empty_page_is_not_the_end_of_what_lies_below(
    properties: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A Mirror asks the source for a directory before it deletes the target's: a wrong no would be believed."""
    place = unopened(properties)

    def call(operation: str, doing: str, **arguments: Any) -> dict[str, Any] | None:
        if operation == "head_object":
            return None
        if "ContinuationToken" in arguments:
            return {"Contents": [{"Key": "d/f"}], "IsTruncated": False}
        return {"IsTruncated": True, "NextContinuationToken": "on"}

    monkeypatch.setattr(place._bucket, "call", call)
    assert place._below("d/", 1) == ["d/f"]
    monkeypatch.setattr(place._bucket, "call", lambda *_, **__: {"IsTruncated": True})
    with pytest.raises(RunStopped, match="does not go on"):
        place._below("d/", 1)


def test_a_place_below_a_prefix_and_a_sub_path_sees_nothing_else(
    server: S3Server, properties: dict[str, Any], place: S3Place
) -> None:
    place.write(b"pre/sub/f", Bytes(b"1"), DRESS, None)
    place.write(b"pre/sub-other", Bytes(b"2"), DRESS, None)
    inner = opened({**properties, "sourceUri": properties["sourceUri"] + "/pre/"}, Side.SOURCE, b"sub")
    assert [item.path for item in walked(inner)] == [b"f"]
    assert content_of(inner, b"f") == b"1"
    assert inner.identity() == f"type:s3 place:http://127.0.0.1:{server.port}/{key_of(properties)}/pre/sub"
    inner.close()


def test_a_source_below_which_nothing_lies_is_an_error(properties: dict[str, Any]) -> None:
    opened(properties, Side.SOURCE).close()
    with pytest.raises(RunStopped) as stopped:
        opened(properties, Side.SOURCE, b"mistyped")
    assert stopped.value.code == codes.SOURCE_PATH_INVALID


def test_a_link_is_a_link_in_listings_when_found_and_after_its_time_was_set(place: S3Place) -> None:
    place.write(b"plain", Bytes(b"../to"), DRESS, None)
    place.make_link(b"l", b"../to\xff", DRESS, None)
    for item in (walked(place)[0], place.find(b"l")):
        assert item is not None
        assert (item.kind, item.size, item.dress, item.detailed) == (ItemKind.SYMLINK, 0, DRESS, True)
        assert place.read_link(item) == b"../to\xff"
    item = walked(place)[0]
    place.set_dress(item, Dress(mtime_ns=7))
    item = walked(place)[0]
    assert (item.kind, item.dress.mtime_ns, item.dress.mode) == (ItemKind.SYMLINK, 7, 0o640)
    assert place.read_link(item) == b"../to\xff"


def test_a_link_and_a_file_replace_each_other(place: S3Place) -> None:
    place.write(b"x", Bytes(b"file"), DRESS, None)
    place.make_link(b"x", b"to", DRESS, place.find(b"x"))
    link = walked(place)[0]
    assert link.kind is ItemKind.SYMLINK
    place.write(b"x", Bytes(b"again"), DRESS, link)
    assert content_of(place, b"x") == b"again"


def test_a_new_file_does_not_replace_one_that_came_meanwhile(place: S3Place) -> None:
    place.write(b"f", Bytes(b"theirs"), DRESS, None)
    with pytest.raises(ItemChanged):
        place.write(b"f", Bytes(b"ours"), DRESS, None)
    assert content_of(place, b"f") == b"theirs"


@pytest.mark.parametrize("size", [4, LARGE])
def test_a_file_is_replaced_only_if_it_is_the_one_that_was_compared(place: S3Place, size: int) -> None:
    place.write(b"f", Bytes(b"old"), DRESS, None)
    seen = place.find(b"f")
    place.write(b"f", Bytes(b"theirs"), DRESS, seen)
    with pytest.raises(ItemChanged):
        place.write(b"f", Bytes(b"x" * size), DRESS, seen)
    assert content_of(place, b"f") == b"theirs"


@pytest.mark.parametrize("size", [4, LARGE])
def test_a_source_that_changed_leaves_what_was_there_and_no_upload(
    server: S3Server, properties: dict[str, Any], place: S3Place, size: int
) -> None:
    place.write(b"f", Bytes(b"old"), DRESS, None)
    changed = ItemChanged(codes.ITEM_CHANGED, "it changed")
    for content in (
        Bytes(b"n" * size, error=changed),
        Bytes(b"n" * size, told=size - 1),
        Bytes(b"n" * size, told=size + 1),
    ):
        with pytest.raises(ItemChanged):
            place.write(b"f", content, DRESS, place.find(b"f"))
    assert content_of(place, b"f") == b"old"
    assert "Uploads" not in server.client().list_multipart_uploads(Bucket=key_of(properties))


def test_a_large_file_goes_in_parts_and_keeps_the_digest_that_its_source_had(
    place: S3Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    small_parts(monkeypatch, 8 << 20)
    data = bytes(range(256)) * (17 << 12) + b"end"
    md5 = hashlib.md5(data).hexdigest()
    written = place.write(b"large", Bytes(data, md5=md5), DRESS, None)
    assert (written.size, written.md5) == (len(data), md5)
    assert s3_objects.made_of_parts(written.version)
    found = place.find(b"large")
    assert found is not None
    assert (found.md5, found.version, found.dress) == (md5, written.version, DRESS)
    assert content_of(place, b"large") == data


def test_parts_grow_so_that_there_are_not_too_many() -> None:
    for size in (0, 9 << 20, 79 << 30, 1 << 40, s3_upload.LARGEST):
        step = s3_upload.part_size(size)
        assert step >= 8 << 20
        assert -(-size // step) <= s3_upload.MOST_PARTS


def test_parts_too_large_for_memory_wait_in_a_file(place: S3Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(s3_upload, "_IN_MEMORY", 1)
    data = b"0123456789abcdef" * (LARGE // 16)
    place.write(b"large", Bytes(data), DRESS, None)
    assert content_of(place, b"large") == data


def test_parts_that_a_dead_run_sent_are_not_sent_again(
    server: S3Server, properties: dict[str, Any], place: S3Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket, client = key_of(properties), server.client()
    data = b"a" * (1 << 20) + b"b" * (1 << 20) + b"c" * 100
    for number, body in ((1, data[: 1 << 20]), (2, b"other" * 200_000)):
        if number == 1:
            upload = client.create_multipart_upload(Bucket=bucket, Key="f", Metadata={"modtime": "1"})["UploadId"]
        client.upload_part(Bucket=bucket, Key="f", UploadId=upload, PartNumber=number, Body=body)
    stale = client.create_multipart_upload(Bucket=bucket, Key="f")["UploadId"]
    client.create_multipart_upload(Bucket=bucket, Key="f-other")
    sent: list[int] = []
    send = s3_upload.Upload._send_part

    def counted(upload: s3_upload.Upload, part: s3_upload._Part) -> None:
        sent.append(part.number)
        send(upload, part)

    monkeypatch.setattr(s3_upload.Upload, "_send_part", counted)
    place.write(b"f", Bytes(data), DRESS, None)
    assert sorted(sent) == [2, 3]
    assert content_of(place, b"f") == data
    found = place.find(b"f")
    assert found is not None
    assert found.dress == DRESS, "the metadata is this run's"
    left = client.list_multipart_uploads(Bucket=bucket)["Uploads"]
    assert stale not in {entry["UploadId"] for entry in left}
    assert [entry["Key"] for entry in left] == ["f-other"]


def test_metadata_is_changed_and_what_others_wrote_is_kept(
    server: S3Server, properties: dict[str, Any], place: S3Place
) -> None:
    server.client().put_object(
        Bucket=key_of(properties),
        Key="f",
        Body=b"data",
        Metadata={"theirs": "kept", "modtime": "5"},
        ContentType="text/x-theirs",
        CacheControl="max-age=1",
        StorageClass="STANDARD_IA",
    )
    item = walked(place)[0]
    assert place.set_dress(item, DRESS) == ""
    head = server.client().head_object(Bucket=key_of(properties), Key="f")
    assert head["Metadata"]["theirs"] == "kept"
    assert (head["ContentType"], head["CacheControl"], head["StorageClass"]) == (
        "text/x-theirs",
        "max-age=1",
        "STANDARD_IA",
    )
    found = place.find(b"f")
    assert found is not None
    assert found.dress == DRESS
    assert content_of(place, b"f") == b"data"


def test_metadata_of_another_version_is_not_touched(place: S3Place) -> None:
    place.write(b"f", Bytes(b"one"), DRESS, None)
    seen = place.find(b"f")
    assert seen is not None
    place.write(b"f", Bytes(b"two"), DRESS, seen)
    with pytest.raises(ItemChanged):
        place.set_dress(seen, Dress(mtime_ns=1))
    with pytest.raises(ItemChanged):
        place.set_aside(seen, b".longshore-trash/f")
    with pytest.raises(ItemChanged):
        place.delete(seen)
    assert content_of(place, b"f") == b"two"


def test_an_object_too_large_for_one_copy_is_copied_in_parts(place: S3Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(s3_writing, "LARGEST_COPY", 1 << 20)
    monkeypatch.setattr(s3_writing, "_COPIED_PART", 1 << 20)
    data = bytes(range(256)) * (LARGE // 256)
    place.write(b"large", Bytes(data), DRESS, None)
    item = place.find(b"large")
    assert item is not None
    place.set_dress(item, Dress(mtime_ns=9))
    found = place.find(b"large")
    assert found is not None
    assert (found.dress.mtime_ns, found.dress.mode) == (9, 0o640)
    place.set_aside(found, b".longshore-trash/run/large")
    assert place.find(b"large") is None
    assert content_of(place, b".longshore-trash/run/large") == data


def test_files_and_links_are_set_aside_with_all_that_they_have(place: S3Place) -> None:
    place.write(b"f", Bytes(b"data"), DRESS, None)
    place.make_link(b"l", b"to", DRESS, None)
    for item in walked(place):
        place.set_aside(item, b"t/" + item.path)
    _, file, link = walked(place)
    found = place.find(b"t/f")
    assert (file.path, found and found.dress) == (b"t/f", DRESS)
    assert (link.path, link.kind, link.dress, place.read_link(link)) == (b"t/l", ItemKind.SYMLINK, DRESS, b"to")


def test_directories_are_made_found_dressed_and_deleted_when_empty(place: S3Place) -> None:
    assert place.make_directory(b"d", Dress()) == ""
    assert place.make_directory(b"d", DRESS) == ""
    found = place.find(b"d")
    assert found is not None
    assert (found.kind, found.dress, found.implied) == (ItemKind.DIRECTORY, DRESS, False)
    place.write(b"d/f", Bytes(b""), DRESS, None)
    with pytest.raises(ItemFailed, match="not empty"):
        place.delete(found)
    file = place.find(b"d/f")
    assert file is not None
    assert place.delete(file)
    assert not place.delete(file)
    assert place.delete(found)
    assert not place.delete(found)
    assert walked(place) == []


def test_an_implied_directory_is_found_and_gets_metadata_of_its_own(place: S3Place) -> None:
    place.write(b"d/f", Bytes(b""), DRESS, None)
    implied = place.find(b"d")
    assert implied is not None
    assert implied.implied
    place.set_dress(implied, DRESS)
    found = place.find(b"d")
    assert found is not None
    assert (found.implied, found.dress) == (False, DRESS)


def test_what_is_not_there_is_not_found(place: S3Place) -> None:
    place.write(b"d-/f", Bytes(b""), DRESS, None)
    assert place.find(b"d") is None
    assert place.find(b"d-/g") is None
    assert place.find(b"\xff") is None


def test_an_object_without_a_time_of_its_own_has_that_of_its_upload(
    server: S3Server, properties: dict[str, Any], place: S3Place
) -> None:
    server.client().put_object(Bucket=key_of(properties), Key="f", Body=b"x")
    head = server.client().head_object(Bucket=key_of(properties), Key="f")
    found = place.find(b"f")
    assert found is not None
    assert found.dress.mtime_ns == int(head["LastModified"].timestamp()) * 10**9


def test_with_a_key_of_ones_own_the_etag_is_no_digest(
    server: S3Server, properties: dict[str, Any], place: S3Place
) -> None:
    server.client().put_object(Bucket=key_of(properties), Key="f", Body=b"x", ServerSideEncryption="aws:kms")
    found = place.find(b"f")
    assert found is not None
    assert found.md5 == ""
    assert content_of(place, b"f") == b"x"


def test_an_archived_object_says_that_it_has_to_be_restored(
    server: S3Server, properties: dict[str, Any], place: S3Place
) -> None:
    server.client().put_object(Bucket=key_of(properties), Key="f", Body=b"x", StorageClass="GLACIER")
    with pytest.raises(ItemFailed, match="restore it first"):
        place.read(walked(place)[0])


def test_reading_a_version_that_is_gone_says_so(place: S3Place) -> None:
    place.write(b"f", Bytes(b"one"), DRESS, None)
    seen = walked(place)[0]
    place.write(b"f", Bytes(b"two"), DRESS, seen)
    with pytest.raises(ItemChanged) as changed:
        place.read(seen)
    assert changed.value.code == codes.ITEM_CHANGED
    assert place.delete(walked(place)[0])
    with pytest.raises(ItemChanged) as changed:
        place.read(seen)
    assert changed.value.code == codes.ITEM_VANISHED


def test_a_bucket_of_the_multicloud_connector_is_the_same_place(properties: dict[str, Any], server: S3Server) -> None:
    place = opened(
        {
            "endpointType": "AzureMultiCloudConnector",
            "awsS3BucketId": "/subscriptions/s/providers/Microsoft.AwsConnector/s3Buckets/" + key_of(properties),
            "serviceUrl": f"http://127.0.0.1:{server.port}",
            "credentials": properties["credentials"],
        }
    )
    place.write(b"f", Bytes(b"x"), DRESS, None)
    assert content_of(place, b"f") == b"x"
    place.close()
