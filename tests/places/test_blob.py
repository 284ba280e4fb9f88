"""Azure Blob as a place, on a real Azurite."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from azure.storage.blob import BlobBlock, BlobClient, ContentSettings

from agentsim.engine.errors import Canceled, ItemChanged, ItemFailed, RunStopped, Side
from agentsim.engine.lease import Lease, now
from agentsim.places.blob import BlobPlace
from agentsim.places.blob_upload import BLOCK, SINGLE
from agentsim.places.in_flight import UPLOADS
from agentsim.places.place import Dress, Item, Written, walk_key
from store import codes
from store.vocabulary import ItemKind
from tests.places.blob_opened import Bytes, content_of, everything, md5, opened, put
from tests.servers.azurite import Azurite, running

DRESS = Dress(mtime_ns=1_700_000_000_123_456_789, atime_ns=-5, mode=0o6750, uid=4_000_000_000, gid=0)


@pytest.fixture(scope="module")
def azurite() -> Iterator[Azurite]:
    yield from running()


@pytest.fixture
def container(azurite: Azurite) -> dict[str, Any]:
    return azurite.fresh_place()


@pytest.fixture
def place(azurite: Azurite, container: dict[str, Any]) -> Iterator[BlobPlace]:
    with opened(azurite, container) as found:
        yield found


def raw(azurite: Azurite, container: dict[str, Any], name: str, data: bytes = b"", **metadata: str) -> None:
    """A blob as another tool would leave it."""
    azurite.container(container["blobContainerName"]).upload_blob(name, data, metadata=metadata, overwrite=True)


def test_a_file_comes_back_with_its_bytes_and_all_that_it_wore(place: BlobPlace) -> None:
    source = Bytes(b"hello")
    written = place.write(b"a/b", source, DRESS, None)
    item = place.find(b"a/b")
    assert source.settled == 1
    assert item == Item(
        path=b"a/b", kind=ItemKind.FILE, size=5, dress=DRESS, version=written.version, md5=md5(b"hello")
    )
    assert written == Written(size=5, md5=md5(b"hello"), version=item.version)
    assert content_of(place, item) == b"hello"
    assert everything(place) == [Item(path=b"a", kind=ItemKind.DIRECTORY, implied=True), item]


@pytest.mark.parametrize("size", [0, 1, SINGLE, SINGLE + 1, BLOCK, BLOCK + 1, 3 * BLOCK + 5], ids=str)
def test_files_of_every_size_are_whole_with_the_digest_of_all_of_it(place: BlobPlace, size: int) -> None:
    data = random.Random(size).randbytes(size)
    item = put(place, b"file", data, DRESS)
    assert (item.size, item.md5, item.dress) == (size, md5(data), DRESS)
    assert content_of(place, item) == data
    assert UPLOADS._left == UPLOADS._size


def test_names_survive_whatever_is_in_them(place: BlobPlace) -> None:
    names = [
        "emoji \U0001f6a2",
        "combining e\u0301",
        "composed \u00e9",
        "[/red]",
        "per%20cent",
        "ques?tion#hash&amp;<xml>",
        "plus+and space ",
        "~tilde",
        "case",
        "CASE",
        "x" * 200,
        "/".join("deep" for _ in range(100)),
        "\"quoted\" 'names'",
        "-dash",
        "a:b*c|d",
        "\ue000",
        "\u2028line",
    ]
    for name in names:
        assert place.refuses(name.encode(), ItemKind.FILE) == ""
        put(place, name.encode(), name.encode())
    files = [item for item in everything(place) if item.kind is ItemKind.FILE]
    assert {item.path.decode() for item in files} == set(names)
    for item in files:
        assert content_of(place, item) == item.path
        assert place.find(item.path) == item


def test_a_walk_is_sorted_with_directories_before_what_is_in_them(place: BlobPlace) -> None:
    for path in (b"a/b/c", b"a-b", b"a.b/x", b"a0", b"z"):
        put(place, path, b"")
    place.make_directory(b"a", DRESS)
    place.make_directory(b"empty", DRESS)
    items = everything(place)
    assert [item.path for item in items] == [b"a-b", b"a.b", b"a.b/x", b"a", b"a/b", b"a/b/c", b"a0", b"empty", b"z"]
    assert items == sorted(items, key=lambda item: walk_key(item.path, item.kind))
    assert [item.path for item in items if item.implied] == [b"a.b", b"a/b"]
    assert [item.dress for item in items if item.path in (b"a", b"empty")] == [DRESS, DRESS]


def test_a_long_listing_comes_page_by_page(
    azurite: Azurite, container: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agentsim.places.blob._PAGE", 7)
    with opened(azurite, container) as place:
        for number in range(30):
            put(place, b"%02d/file" % number, b"")
        assert [item.path for item in everything(place) if not item.implied] == [
            b"%02d/file" % number for number in range(30)
        ]


def test_a_sub_path_is_a_root_of_its_own(azurite: Azurite, container: dict[str, Any]) -> None:
    raw(azurite, container, "subway", b"not below it")
    with opened(azurite, container, sub_path=b"sub/way") as place:
        put(place, b"x", b"1")
        assert [item.path for item in everything(place)] == [b"x"]
        assert place.identity().endswith(f"/{container['blobContainerName']}/sub/way")
    names = [blob.name for blob in azurite.container(container["blobContainerName"]).list_blobs()]
    assert names == ["sub/way", "sub/way/x", "subway"]


def test_a_preview_makes_nothing_not_even_the_sub_path(azurite: Azurite, container: dict[str, Any]) -> None:
    with opened(azurite, container, sub_path=b"sub", writes=False) as place:
        with pytest.raises(RunStopped, match="may not write"):
            place.write(b"x", Bytes(b""), DRESS, None)
        assert everything(place) == []
    assert list(azurite.container(container["blobContainerName"]).list_blobs()) == []


@pytest.mark.parametrize("sub_path", [b"missing", b"file"])
def test_a_source_whose_sub_path_is_not_there_is_refused(
    azurite: Azurite, container: dict[str, Any], sub_path: bytes
) -> None:
    raw(azurite, container, "file", b"1")
    with (
        pytest.raises(RunStopped) as stop,
        opened(azurite, container, side=Side.SOURCE, writes=False, sub_path=sub_path),
    ):
        pass
    assert stop.value.code == codes.SOURCE_PATH_INVALID


def test_an_empty_sub_path_that_has_a_marker_is_there(azurite: Azurite, container: dict[str, Any]) -> None:
    raw(azurite, container, "empty", hdi_isfolder="true")
    with opened(azurite, container, side=Side.SOURCE, writes=False, sub_path=b"empty") as place:
        assert everything(place) == []


def test_a_replacement_needs_the_version_that_was_compared(place: BlobPlace) -> None:
    old = put(place, b"file", b"old")
    newer = put(place, b"file", b"newer")
    for attempt in (old, None):
        with pytest.raises(ItemChanged):
            place.write(b"file", Bytes(b"mine"), DRESS, attempt)
    assert content_of(place, newer) == b"newer"
    place.write(b"file", Bytes(b"mine"), DRESS, newer)
    found = place.find(b"file")
    assert found is not None
    assert content_of(place, found) == b"mine"


def test_a_large_replacement_needs_it_too_and_a_source_that_changed_leaves_the_old_one(place: BlobPlace) -> None:
    old = put(place, b"file", b"old")

    class Moving(Bytes):
        def settle(self) -> None:
            raise ItemChanged(codes.ITEM_CHANGED, "written meanwhile")

    for size in (10, BLOCK + 1):
        with pytest.raises(ItemChanged, match="written meanwhile"):
            place.write(b"file", Moving(bytes(size)), DRESS, old)
        with pytest.raises(ItemChanged):
            place.write(b"file", Bytes(bytes(size)), DRESS, replace(old, version='"0x1"'))
    assert everything(place) == [old]


def test_a_write_whose_answer_was_lost_is_known_by_what_is_there(place: BlobPlace) -> None:
    data = bytes(BLOCK + 1)
    for content in (b"small", data):
        first = place.write(b"file", Bytes(content), DRESS, place.find(b"file"))
        # The same request again, as a retry sends it, meets its own work.
        again = place.write(b"file", Bytes(content), DRESS, None)
        assert again == first
    with pytest.raises(ItemChanged):
        place.write(b"file", Bytes(data), replace(DRESS, mode=0), None)


def test_blocks_that_a_killed_run_sent_are_not_sent_again(
    azurite: Azurite, container: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    data = random.Random(1).randbytes(3 * BLOCK + 1)

    class Killed(Bytes):
        def settle(self) -> None:
            raise Canceled

    sent: list[int] = []
    with opened(azurite, container) as place:
        with pytest.raises(Canceled):
            place.write(b"file", Killed(data), DRESS, None)
        assert place.find(b"file") is None
        assert everything(place) == []
        stage = BlobClient.stage_block

        def watched(self: BlobClient, name: str, *args: Any, **more: Any) -> Any:
            sent.append(int(name[:5]))
            return stage(self, name, *args, **more)

        monkeypatch.setattr(BlobClient, "stage_block", watched)
        # One block is of other bytes than before: that one is sent.
        changed = data[:BLOCK] + b"x" * BLOCK + data[2 * BLOCK :]
        item = put(place, b"file", changed)
    assert sent == [1]
    with opened(azurite, container) as place:
        assert content_of(place, item) == changed
        assert item.md5 == md5(changed)


def test_a_link_is_its_text(place: BlobPlace) -> None:
    written = place.make_link(b"link", b"../\xc3\xa4/target", DRESS, None)
    item = place.find(b"link")
    assert item is not None
    assert (item.kind, item.size, item.dress, item.version) == (ItemKind.SYMLINK, 0, DRESS, written.version)
    assert place.read_link(item) == b"../\xc3\xa4/target"
    place.make_link(b"link", b"elsewhere", DRESS, item)
    with pytest.raises(ItemChanged):
        place.read_link(item)
    assert everything(place)[0].kind is ItemKind.SYMLINK


def test_a_directory_is_a_marker_that_can_be_made_twice_and_dressed(place: BlobPlace) -> None:
    assert place.make_directory(b"d", Dress(mode=0o700)) == ""
    assert place.make_directory(b"d", DRESS) == ""
    item = place.find(b"d")
    assert item is not None
    assert (item.kind, item.dress, item.implied) == (ItemKind.DIRECTORY, DRESS, False)
    place.set_dress(item, Dress(mode=0o711))
    found = place.find(b"d")
    assert found is not None
    assert found.dress == replace(DRESS, mode=0o711)
    put(place, b"file", b"")
    with pytest.raises(ItemFailed):
        place.make_directory(b"file", DRESS)


def test_only_an_empty_directory_is_deleted_and_an_implied_one_goes_by_itself(place: BlobPlace) -> None:
    place.make_directory(b"d", DRESS)
    inside = put(place, b"d/x", b"1")
    directory = place.find(b"d")
    assert directory is not None
    with pytest.raises(ItemFailed) as failed:
        place.delete(directory)
    assert failed.value.code == codes.DELETE_NOT_EMPTY
    assert place.delete(inside)
    assert place.delete(directory)
    assert not place.delete(directory)
    file = put(place, b"implied/x", b"1")
    implied = place.find(b"implied")
    assert implied is not None
    assert implied.implied
    assert place.delete(file)
    assert not place.delete(implied)
    assert everything(place) == []


def test_a_file_beside_a_directory_of_the_same_name_is_not_taken_for_its_marker(place: BlobPlace) -> None:
    file = put(place, b"twin", b"a file")
    below = put(place, b"twin/x", b"1")
    directory = Item(path=b"twin", kind=ItemKind.DIRECTORY, implied=True)
    assert [(item.path, item.kind) for item in everything(place)] == [
        (b"twin", ItemKind.FILE),
        (b"twin", ItemKind.DIRECTORY),
        (b"twin/x", ItemKind.FILE),
    ]
    place.delete(below)
    assert not place.delete(directory)
    with pytest.raises(ItemFailed):
        place.set_dress(directory, DRESS)
    assert place.find(b"twin") == file


def test_placeholders_of_other_tools_are_directories(azurite: Azurite, container: dict[str, Any]) -> None:
    raw(azurite, container, "tool/", mode="x")
    raw(azurite, container, "tool/file", b"1")
    raw(azurite, container, "empty/", permissions="16832")
    with opened(azurite, container) as place:
        assert [(item.path, item.kind) for item in everything(place)] == [
            (b"empty", ItemKind.DIRECTORY),
            (b"tool", ItemKind.DIRECTORY),
            (b"tool/file", ItemKind.FILE),
        ]
        empty = place.find(b"empty")
        assert empty is not None
        assert (empty.kind, empty.dress.mode) == (ItemKind.DIRECTORY, 0o700)
        place.set_dress(empty, Dress(mode=0o750))
        assert [item.dress.mode for item in everything(place)] == [0o750, None, None]
        assert place.delete(empty)
        assert place.find(b"empty") is None


def test_blobs_whose_names_can_be_no_path_are_told_and_never_lost(azurite: Azurite, container: dict[str, Any]) -> None:
    for name in ("a//b", "/rooted"):
        raw(azurite, container, name, b"1")
    with opened(azurite, container, side=Side.SOURCE, writes=False) as place:
        special = {item.path: item.extras for item in everything(place) if item.kind is ItemKind.SPECIAL}
    assert set(special) == {b"a//b", b"/rooted"}
    assert all(special.values())


def test_foreign_names_that_no_blob_of_ours_would_get_are_found_and_read(
    azurite: Azurite, container: dict[str, Any]
) -> None:
    for name in ("dot.", "private \ufdd0"):
        raw(azurite, container, name, name.encode())
    with opened(azurite, container, side=Side.SOURCE, writes=False) as place:
        for item in everything(place):
            assert place.refuses(item.path, item.kind)
            assert place.find(item.path) == item
            assert content_of(place, item) == item.path


def test_a_file_that_grows_while_it_is_read_is_left_to_the_settling(place: BlobPlace) -> None:
    data = random.Random(5).randbytes(2 * BLOCK)
    for size in (0, SINGLE, SINGLE + 1, BLOCK):
        place.write(b"file", Bytes(data, size=size), DRESS, place.find(b"file"))
        found = place.find(b"file")
        assert found is not None
        assert content_of(place, found) == data
    assert UPLOADS._left == UPLOADS._size


def test_a_new_dress_leaves_content_and_what_others_wrote(azurite: Azurite, container: dict[str, Any]) -> None:
    client = azurite.container(container["blobContainerName"])
    settings = ContentSettings(content_type="text/plain", cache_control="no-store")
    client.upload_blob("file", b"hello", metadata={"Project": "Alpha", "mtime": "1.5"}, content_settings=settings)
    with opened(azurite, container) as place:
        item = place.find(b"file")
        assert item is not None
        assert place.set_dress(item, DRESS) == ""
        with pytest.raises(ItemChanged):
            place.set_dress(item, DRESS)
        found = place.find(b"file")
        assert found is not None
        assert (found.dress, found.md5) == (DRESS, md5(b"hello"))
    properties = client.get_blob_client("file").get_blob_properties()
    assert properties.metadata["Project"] == "Alpha"
    assert "mtime" not in properties.metadata
    assert properties.content_settings.content_type == "text/plain"
    assert properties.content_settings.cache_control == "no-store"


def test_the_time_of_a_foreign_blob_is_its_own_in_a_source_and_unknown_in_a_target(
    azurite: Azurite, container: dict[str, Any]
) -> None:
    raw(azurite, container, "file", b"1")
    with opened(azurite, container, side=Side.SOURCE, writes=False) as place:
        found = place.find(b"file")
        assert found is not None
        assert found.dress.mtime_ns is not None
        assert everything(place) == [found]
        with place.read(found) as content:
            assert content.item == found
    with opened(azurite, container) as place:
        found = place.find(b"file")
        assert found is not None
        assert found.dress.mtime_ns is None


def test_a_delete_needs_the_version_that_was_seen(place: BlobPlace) -> None:
    old = put(place, b"file", b"old")
    newer = put(place, b"file", b"newer")
    with pytest.raises(ItemChanged):
        place.delete(old)
    assert place.delete(newer)
    assert not place.delete(newer)


def test_what_is_set_aside_is_the_same_elsewhere(place: BlobPlace) -> None:
    data = random.Random(2).randbytes(SINGLE + 9)
    for path, content in ((b"a/file", data), (b"small", b"1")):
        item = put(place, path, content, DRESS)
        place.set_aside(item, b".longshore-trash/run/" + path)
        moved = place.find(b".longshore-trash/run/" + path)
        assert place.find(path) is None
        assert moved is not None
        assert (moved.size, moved.md5, moved.dress, moved.kind) == (item.size, item.md5, item.dress, item.kind)
        assert content_of(place, moved) == content


def test_setting_aside_goes_on_where_a_killed_run_stopped_and_never_over_another_blob(place: BlobPlace) -> None:
    item = put(place, b"file", b"mine", DRESS)
    place.write(b"trash/file", Bytes(b"mine"), DRESS, None)
    place.set_aside(item, b"trash/file")
    assert place.find(b"file") is None
    item = put(place, b"file", b"other", DRESS)
    with pytest.raises(ItemFailed):
        place.set_aside(item, b"trash/file")
    put(place, b"file", b"newer")
    with pytest.raises(ItemChanged):
        place.set_aside(item, b"trash/new")
    assert [item.path for item in everything(place)] == [b"file", b"trash", b"trash/file"]


def test_a_blob_that_is_replaced_while_it_is_read_is_changed(place: BlobPlace) -> None:
    item = put(place, b"file", random.Random(3).randbytes(5 * SINGLE))
    with place.read(item) as content:
        content.read(10)
        put(place, b"file", random.Random(4).randbytes(5 * SINGLE))
        with pytest.raises(ItemChanged):
            list(iter(lambda: content.read(1 << 20), b""))
    with pytest.raises(ItemChanged):
        place.read(item)


def test_content_that_is_not_its_digest_is_not_settled(azurite: Azurite, container: dict[str, Any]) -> None:
    client = azurite.container(container["blobContainerName"]).get_blob_client("file")
    client.stage_block("0", b"damaged on disk")
    client.commit_block_list([BlobBlock("0")], content_settings=ContentSettings(content_md5=bytearray(16)))
    with opened(azurite, container, side=Side.SOURCE, writes=False) as place:
        item = place.find(b"file")
        assert item is not None
        with place.read(item) as content:
            assert content.read(100) == b"damaged on disk"
            with pytest.raises(ItemFailed) as failed:
                content.settle()
    assert failed.value.code == codes.ITEM_DIGEST_DIFFERS


@pytest.mark.parametrize("kind", ["append", "page"])
def test_blobs_of_other_kinds_can_be_read_and_replaced(azurite: Azurite, container: dict[str, Any], kind: str) -> None:
    client = azurite.container(container["blobContainerName"]).get_blob_client("file")
    if kind == "append":
        client.create_append_blob()
        client.append_block(b"x" * 512)
    else:
        client.create_page_blob(512)
        client.upload_page(b"x" * 512, 0, 512)
    with opened(azurite, container) as place:
        item = place.find(b"file")
        assert item is not None
        assert content_of(place, item) == b"x" * 512
        assert put(place, b"file", b"mine").size == 4


def test_an_archived_blob_says_that_it_is(azurite: Azurite, container: dict[str, Any]) -> None:
    raw(azurite, container, "file", b"1")
    azurite.container(container["blobContainerName"]).get_blob_client("file").set_standard_blob_tier("Archive")
    with opened(azurite, container, side=Side.SOURCE, writes=False) as place:
        item = place.find(b"file")
        assert item is not None
        with pytest.raises(ItemFailed, match="rehydrate it first") as failed:
            place.read(item)
    assert failed.value.code == codes.ITEM_FAILED


def test_a_canceled_run_stops_before_it_changes_anything(azurite: Azurite, container: dict[str, Any]) -> None:
    lease = Lease(now() + 600)
    with opened(azurite, container, lease=lease) as place:
        item = put(place, b"file", b"1")
        lease.stop()
        for call in (
            lambda: place.write(b"new", Bytes(b"1"), DRESS, None),
            lambda: place.write(b"large", Bytes(bytes(BLOCK + 1)), DRESS, None),
            lambda: place.make_directory(b"d", DRESS),
            lambda: place.set_dress(item, DRESS),
            lambda: place.set_aside(item, b"there"),
            lambda: place.delete(item),
        ):
            with pytest.raises(Canceled):
                call()
    with opened(azurite, container) as place:
        assert everything(place) == [item]
    assert UPLOADS._left == UPLOADS._size


def test_a_connection_string_is_enough(azurite: Azurite, container: dict[str, Any]) -> None:
    string = f"AccountName=longshoretest;AccountKey={azurite.key};BlobEndpoint={azurite.url};"
    properties = {**container, "credentials": {"connectionStringUri": "env:STRING"}}
    del properties["serviceUrl"]
    with opened(azurite, properties, secrets={"STRING": string}) as place:
        assert put(place, b"file", b"1").size == 1
    with (
        pytest.raises(RunStopped, match="another storage account"),
        opened(azurite, properties, secrets={"STRING": string.replace("longshoretest", "other")}),
    ):
        pass


def test_a_signature_is_enough_and_copies_within_the_container(azurite: Azurite, container: dict[str, Any]) -> None:
    properties = {**container, "credentials": {"sasTokenUri": "env:SAS"}}
    with opened(azurite, properties, secrets={"SAS": "?" + azurite.sas()}) as place:
        place.set_aside(put(place, b"file", b"1"), b"there")
        assert [item.path for item in everything(place)] == [b"there"]
