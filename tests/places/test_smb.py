"""SMB places on a real Samba: what is written is there, what changed is not overwritten, nothing is left behind."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from smbprotocol.exceptions import SMBException

from agentsim.engine.errors import Canceled, ItemChanged, ItemFailed, RunStopped, Side
from agentsim.engine.source_identity import same_source
from agentsim.places import smb_listing
from agentsim.places import smb_messages as sm
from agentsim.places.place import Dress, Item, Unlisted, walk_key
from agentsim.places.smb import SmbPlace
from agentsim.places.smb_names import to_wire
from agentsim.places.smb_server import Server
from agentsim.places.smb_wire import _Watched
from agentsim.places.sorting import in_order
from store import codes
from store.vocabulary import ItemKind
from tests.places.smb_scene import Bytes, a_lease, content_of, entered, leftovers, made, put, there, walked
from tests.servers import samba
from tests.servers.samba import Samba

MOMENT = 1_600_000_000_123_456_700


@pytest.fixture
def share(smbd: Samba) -> str:
    """A share of the test's own."""
    return str(smbd.fresh_place()["shareName"])


@pytest.fixture
def place(smbd: Samba, share: str) -> Iterator[SmbPlace]:
    """It, as a target."""
    opened = entered(smbd, smbd.properties(share))
    yield opened
    opened.close()


def test_what_is_written_is_there_with_its_times_and_attributes(smbd: Samba, share: str, place: SmbPlace) -> None:
    place.make_directory(b"docs", Dress())
    written = place.write(b"docs/report", Bytes(b"figures"), Dress(mtime_ns=MOMENT + 45, dos=0x22), None)
    place.set_dress(there(place, "docs"), Dress(mtime_ns=MOMENT - 100))

    item = there(place, "docs/report")
    assert (item.kind, item.size, item.version) == (ItemKind.FILE, 7, written.version)
    assert (item.dress.mtime_ns, item.dress.dos) == (MOMENT, 0x22)
    assert written.remark == ""
    assert there(place, "docs").dress.mtime_ns == MOMENT - 100
    assert (smbd.path(share) / "docs/report").read_bytes() == b"figures"
    assert content_of(place, "docs/report") == b"figures"
    assert place.find(b"docs/nothing") is None
    assert place.find(b"docs/report/below") is None
    assert leftovers(smbd, share) == []


def test_every_length_around_a_chunk_comes_back_as_it_went(place: SmbPlace) -> None:
    for length in (0, 1, (1 << 20) - 1, 1 << 20, (1 << 20) + 1, (9 << 20) + 17):
        data = os.urandom(length)
        put(place, f"file-{length}", data)
        assert content_of(place, f"file-{length}") == data


def test_a_walk_comes_in_the_order_of_the_keys_with_hostile_names(place: SmbPlace) -> None:
    names = [
        "a",
        "a b",
        "a-b",
        "a.txt",
        "'q'",
        "%s",
        "é",
        "e\u0301",
        "日本",
        "\U0001f600",
        ".hidden",
        "~",
        "A",
        "x" * 240,
    ]
    for name in names:
        assert place.refuses(name.encode(), ItemKind.FILE) == ""
        put(place, name)
    for directory in ("a!", "a0", "dir", "dir/inner", "empty"):
        place.make_directory(directory.encode(), Dress())
    put(place, "dir/inner/file")
    put(place, "dir-x")

    items = [item for item in place.walk(lambda path: True) if isinstance(item, Item)]
    keys = [walk_key(item.path, item.kind) for item in items]
    assert all(one < other for one, other in pairwise(keys))
    assert {item.path.decode() for item in items} == {
        *names,
        "a!",
        "a0",
        "dir",
        "dir/inner",
        "dir/inner/file",
        "dir-x",
        "empty",
    }
    only = [item.path for item in place.walk(lambda path: path != b"dir") if isinstance(item, Item)]
    assert b"dir" in only
    assert b"dir/inner" not in only


def test_a_long_directory_is_sorted_on_disk_and_nothing_is_missing(
    smbd: Samba, share: str, place: SmbPlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(smb_listing, "in_order", lambda items, key: in_order(items, key, 500))
    for number in range(2_000):
        (smbd.path(share) / f"{number * 7919 % 2_000:05} and so on to make it longer").touch()
    found = walked(place)
    assert found == sorted(found)
    assert len(found) == 2_000


def test_a_directory_that_vanishes_from_a_walk_is_told_and_the_rest_goes_on(
    smbd: Samba, share: str, place: SmbPlace
) -> None:
    for name in ("before", "gone", "last"):
        place.make_directory(name.encode(), Dress())

    def descend(path: bytes) -> bool:
        if path == b"gone":
            (smbd.path(share) / "gone").rmdir()
        return True

    found = list(place.walk(descend))
    assert [item.path for item in found if isinstance(item, Unlisted)] == [b"gone"]
    assert found[-1].path == b"last"


def test_what_somebody_else_wrote_meanwhile_is_not_overwritten(smbd: Samba, share: str, place: SmbPlace) -> None:
    seen = put(place, "file", b"old")
    (smbd.path(share) / "file").write_bytes(b"by somebody else")
    with pytest.raises(ItemChanged) as changed:
        place.write(b"file", Bytes(b"new"), Dress(), seen)
    assert changed.value.code == codes.ITEM_CHANGED
    with pytest.raises(ItemChanged):
        place.write(b"file", Bytes(b"new"), Dress(), None)
    with pytest.raises(ItemChanged):
        place.set_dress(seen, Dress(mtime_ns=MOMENT))
    with pytest.raises(ItemChanged):
        place.delete(seen)
    with pytest.raises(ItemChanged):
        place.set_aside(seen, b".longshore-trash/file")
    assert content_of(place, "file") == b"by somebody else"
    assert leftovers(smbd, share) == []


def test_a_read_only_file_is_replaced_and_deleted_all_the_same(place: SmbPlace) -> None:
    seen = put(place, "file", b"old", dos=0x1)
    place.write(b"file", Bytes(b"new"), Dress(dos=0x1), seen)
    assert content_of(place, "file") == b"new"
    assert there(place, "file").dress.dos == 0x1
    assert place.delete(there(place, "file"))
    assert place.find(b"file") is None


def test_a_source_that_changes_while_it_is_read_is_noticed(smbd: Samba, share: str, place: SmbPlace) -> None:
    put(place, "file", bytes(3 << 20), mtime_ns=MOMENT)
    with place.read(there(place, "file")) as content:
        content.read(1 << 20)
        with (smbd.path(share) / "file").open("r+b") as file:
            file.write(b"by somebody else")
        while content.read(1 << 20):
            pass
        with pytest.raises(ItemChanged):
            content.settle()


def test_a_source_that_is_another_than_was_listed_is_not_opened(smbd: Samba, share: str, place: SmbPlace) -> None:
    listed = put(place, "file", b"old", mtime_ns=MOMENT)
    (smbd.path(share) / "file").write_bytes(b"new one")
    with pytest.raises(ItemChanged):
        place.read(listed)
    (smbd.path(share) / "file").unlink()
    with pytest.raises(ItemChanged) as gone:
        place.read(listed)
    assert gone.value.code == codes.ITEM_VANISHED


def test_what_ends_in_the_middle_leaves_the_old_file_and_nothing_else(smbd: Samba, share: str, place: SmbPlace) -> None:
    seen = put(place, "file", b"old")
    with pytest.raises(ItemChanged):
        place.write(b"file", Bytes(b"new", changes=True), Dress(), seen)
    with pytest.raises(ItemChanged):
        place.write(b"other", Bytes(bytes(5 << 20), changes=True), Dress(), None)
    assert walked(place) == ["file"]
    assert content_of(place, "file") == b"old"
    assert leftovers(smbd, share) == []


def test_a_cancel_ends_a_write_at_once_and_leaves_nothing(smbd: Samba, share: str) -> None:
    lease = a_lease()
    place = entered(smbd, smbd.properties(share), lease=lease)
    with pytest.raises(Canceled):
        place.write(b"file", Bytes(bytes(20 << 20), at=5 << 20, act=lease.stop), Dress(), None)
    assert os.listdir(smbd.path(share)) == []
    place.close()


def test_deleting_says_whether_there_was_something(place: SmbPlace) -> None:
    place.make_directory(b"full", Dress())
    file = put(place, "full/file")
    with pytest.raises(ItemFailed) as full:
        place.delete(there(place, "full"))
    assert full.value.code == codes.DELETE_NOT_EMPTY
    assert place.delete(file)
    assert not place.delete(file)
    assert place.delete(there(place, "full"))
    assert walked(place) == []


def test_the_trash_is_made_of_renames(place: SmbPlace) -> None:
    seen = put(place, "file", b"old", mtime_ns=MOMENT)
    place.set_aside(seen, b".longshore-trash/2026-01-01/deep/file")
    assert walked(place)[-1] == ".longshore-trash/2026-01-01/deep/file"
    assert content_of(place, ".longshore-trash/2026-01-01/deep/file") == b"old"
    again = put(place, "file", b"newer")
    with pytest.raises((ItemFailed, ItemChanged)):
        place.set_aside(again, b".longshore-trash/2026-01-01/deep/file")
    assert content_of(place, "file") == b"newer"


def test_an_acl_goes_from_one_share_to_another(smbd: Samba, share: str, place: SmbPlace) -> None:
    assert "nt_acl" in place.holds.attributes
    source = put(place, "file")
    acl = source.dress.nt_acl
    assert acl is not None
    # The second entry of the list gets another mask: read and execute become read.
    changed = acl.replace(b"\xa9\x00\x12\x00", b"\x89\x00\x12\x00")
    assert changed != acl
    assert place.set_dress(source, Dress(nt_acl=changed)) == ""
    other = entered(smbd, smbd.fresh_place())
    dress = there(place, "file").dress
    other.make_directory(b"dir", dress)
    assert put(other, "copy", nt_acl=dress.nt_acl).dress.nt_acl == dress.nt_acl == changed
    place.make_directory(b"dir", Dress())
    listed = {item.path: item for item in place.walk(lambda path: True) if isinstance(item, Item)}
    assert not listed[b"dir"].detailed, "a directory is to be asked for its ACL"
    assert listed[b"file"].detailed, "a file is not, unless it is copied"
    with place.read(listed[b"file"]) as content:
        assert content.item.dress.nt_acl == changed
    place.attend(frozenset({"dos"}))
    assert there(place, "file").dress.nt_acl is None, "it is not asked for where the other side has no ACLs"
    assert all(item.detailed for item in place.walk(lambda path: True) if isinstance(item, Item))
    other.close()


def test_data_streams_are_named_since_only_some_places_hold_them(place: SmbPlace) -> None:
    put(place, "file")

    def add_stream(channel: Any) -> None:
        path = to_wire(b"file") + ":Zone.Identifier".encode("utf-16-le")
        opened = channel.ask(sm.create(path, sm.WRITE_DATA, disposition=sm.OPEN_IF, options=0))
        handle = sm.handle_in(opened)
        channel.ask(sm.write(0, b"[ZoneTransfer]", handle))
        channel.forget(handle)

    place._pool.call(add_stream)
    assert there(place, "file").extras == ("the data stream Zone.Identifier",)


def test_whether_case_counts_is_found_out(smbd: Samba, share: str, place: SmbPlace) -> None:
    assert not place.holds.folds, "a file that is there for a moment tells, where nothing else is"
    assert os.listdir(smbd.path(share)) == []
    unsure = entered(smbd, smbd.properties(share), writes=False)
    assert unsure.holds.folds, "nothing may be made, and nothing is there: the safe side"
    unsure.close()
    put(place, "Letters")
    folding = entered(smbd, smbd.properties("rw"))
    assert folding.holds.folds
    folding.close()
    telling = entered(smbd, smbd.properties(str(place._server.share)), side=Side.SOURCE)
    assert not telling.holds.folds
    assert telling.find(b"lETTERS") is None
    telling.close()


def test_a_sub_path_is_the_root_and_is_made_in_a_target_alone(smbd: Samba, share: str, place: SmbPlace) -> None:
    properties = smbd.properties(share)
    with pytest.raises(RunStopped) as missing:
        entered(smbd, properties, side=Side.SOURCE, sub_path=b"one/two")
    assert missing.value.code == codes.SOURCE_PATH_INVALID
    with pytest.raises(RunStopped):
        entered(smbd, properties, writes=False, sub_path=b"one/two")
    assert walked(place) == []
    below = entered(smbd, properties, sub_path=b"one/two")
    put(below, "file")
    assert walked(place) == ["one/", "one/two/", "one/two/file"]
    put(place, "no-directory")
    with pytest.raises(RunStopped) as file:
        entered(smbd, properties, sub_path=b"no-directory")
    assert file.value.code == codes.TARGET_PATH_INVALID
    below.close()


def test_a_root_is_known_again_and_told_from_others(smbd: Samba, share: str, place: SmbPlace) -> None:
    again = entered(smbd, smbd.properties(share))
    below = entered(smbd, smbd.properties(share), sub_path=b"with space")
    assert " place:smb://127.0.0.1:" in place.identity()
    assert same_source(place.identity(), again.identity())
    assert not same_source(place.identity(), below.identity())
    assert samba.PASSWORD not in place.identity()
    for other in (again, below):
        other.close()


@pytest.mark.parametrize("share_name", ["sealed", "rw"])
def test_an_encrypted_share_and_a_signed_one_carry_a_file(smbd: Samba, share_name: str) -> None:
    place = entered(smbd, smbd.properties(share_name), sub_path=b"sealed-or-signed")
    put(place, "file", b"secret" * 1_000)
    assert content_of(place, "file") == b"secret" * 1_000
    place.delete(there(place, "file"))
    place.close()


def test_an_endpoint_that_asks_for_encryption_gets_it_of_a_server_that_does_not(smbd: Samba, share: str) -> None:
    properties = {
        "endpointType": "AzureStorageSmbFileShare",
        "storageAccountResourceId": f"/x/storageAccounts/{smbd.user}",
        "fileShareName": share,
        "serviceUrl": f"127.0.0.1:{smbd.port}",
        "credentials": {"type": "AzureStorageAccount", "accountKeyUri": "env:LONGSHORE_SMB_PASSWORD"},
    }
    place = entered(smbd, properties)
    channel = place._pool.take()
    assert channel._session.encrypt_data
    place._pool.give(channel)
    put(place, "file")
    assert (smbd.path(share) / "file").read_bytes() == b"content"
    place.close()


def test_an_answer_without_a_signature_is_not_believed(smbd: Samba) -> None:
    connection = _Watched(Server("127.0.0.1", smbd.port, "rw", None, None), a_lease())

    class Field(int):
        def get_value(self) -> int:
            return int(self)

    unsigned = {"status": Field(0), "command": Field(5), "flags": Field(1)}
    connection.session_table[7] = SimpleNamespace(encrypt_data=False, signing_required=True)
    with pytest.raises(SMBException, match="not signed"):
        connection.verify_signature(unsigned, 7)
    connection.session_table[7] = SimpleNamespace(encrypt_data=True, signing_required=False)
    with pytest.raises(SMBException, match="not encrypted"):
        connection.verify_signature(unsigned, 7)


def test_a_place_for_reading_writes_nothing(smbd: Samba, share: str) -> None:
    place = entered(smbd, smbd.properties(share), side=Side.SOURCE)
    for change in (
        lambda: place.write(b"file", Bytes(b"x"), Dress(), None),
        lambda: place.make_directory(b"dir", Dress()),
        lambda: place.delete(Item(path=b"file", kind=ItemKind.FILE)),
    ):
        with pytest.raises(RunStopped, match="reading only"):
            change()
    assert os.listdir(smbd.path(share)) == []
    place.close()


def test_a_link_out_of_the_share_leads_nowhere(smbd: Samba, share: str, place: SmbPlace, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("outside")
    (smbd.path(share) / "out").symlink_to(tmp_path)
    (smbd.path(share) / "file").symlink_to(tmp_path / "secret")
    put(place, "honest")
    assert [path for path in walked(place) if path.startswith("out/") and path != "out/"] == []
    for path in (b"out/secret", b"file"):
        try:
            item = place.find(path)
        except ItemFailed:
            continue
        assert item is None


def test_what_it_cannot_hold_is_refused_or_failed_in_words(place: SmbPlace) -> None:
    assert "allows no :" in place.refuses(b"a:b", ItemKind.FILE)
    assert not place.holds.links
    with pytest.raises(ItemFailed) as link:
        place.make_link(b"link", b"target", Dress(), None)
    assert link.value.code == codes.ITEM_LINK_UNSUPPORTED


def test_connections_are_used_again_and_closed_with_the_place(place: SmbPlace) -> None:
    for number in range(5):
        put(place, f"file{number}")
    assert len(place._pool._idle) == 1
    place.close()
    assert place._pool._idle == []


def test_a_server_that_is_not_there_is_said_at_once(smbd: Samba) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        place = made(smbd, {**smbd.properties("rw"), "port": nobody.getsockname()[1]}, side=Side.SOURCE)
        with pytest.raises(RunStopped) as unreachable:
            place.reach()
    assert unreachable.value.code == codes.SOURCE_UNREACHABLE
    assert "127.0.0.1" in unreachable.value.message
