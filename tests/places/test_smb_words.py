"""What is decided about SMB without a server: names, times, entries of listings, statuses."""

from __future__ import annotations

import struct
import subprocess
import sys

import pytest

from agentsim.engine.errors import ItemChanged, ItemFailed, RunStopped, Side
from agentsim.places.place import Dress
from agentsim.places.secrets import Secrets
from agentsim.places.smb_entries import (
    DACL,
    OWNER,
    Facts,
    acl_parts,
    basic_information,
    canonical,
    entries,
    from_ns,
    item_of,
    rename_information,
    stream_names,
    to_ns,
)
from agentsim.places.smb_names import from_wire, refusal, to_wire
from agentsim.places.smb_server import server_of
from agentsim.places.smb_status import ConnectionLost, of_item, of_log_in, of_root, of_share, words
from store import codes
from store.vocabulary import ItemKind


class NoSecrets(Secrets):
    """References stand for themselves."""

    def resolve(self, reference: str, side: Side) -> str:
        return f"secret of {reference}"


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("a:b", "allows no :"),
        ("what?", "allows no ?"),
        ("back\\slash", "allows no \\"),
        ("bell\a", "control character 0x07"),
        ("dot.", "at the end"),
        ("space ", "at the end"),
        ("nul", "for a device"),
        ("Com1.txt", "for a device"),
        ("aux .tar.gz", "for a device"),
        ("x" * 256, "longer than the 255"),
        ("\U0001f600" * 128, "longer than the 255"),
    ],
)
def test_a_name_that_windows_cannot_hold_is_refused_with_the_reason(name: str, why: str) -> None:
    assert why in refusal(f"docs/{name}".encode())
    assert why in refusal(f"{name}/below".encode())


@pytest.mark.parametrize(
    "name", ["a b", ".hidden", "console", "com10", "é" * 255, "x" * 255, "\U0001f600" * 127, "a'b%c"]
)
def test_other_names_are_not_refused(name: str) -> None:
    assert refusal(f"docs/{name}".encode()) == ""


def test_names_that_are_no_utf8_and_paths_without_end_are_refused() -> None:
    assert refusal(b"caf\xe9") == "the name is not UTF-8"
    assert "32,760" in refusal(b"/".join([b"x" * 250] * 140))


def test_a_listed_name_leads_back_to_itself_even_when_it_is_no_proper_utf16() -> None:
    for wire in ("naïve.txt".encode("utf-16-le"), b"a\0\x00\xd8b\0"):
        name = from_wire(wire)
        assert name is not None
        assert to_wire(name) == wire
    assert refusal(from_wire(b"\x00\xd8") or b"") == "the name is not UTF-8"


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "a\\b", "a\0b"])
def test_a_server_cannot_list_a_name_that_leads_elsewhere(name: str) -> None:
    assert from_wire(name.encode("utf-16-le")) is None


def entry(name: str, *, following: int = 0, tag: int = 0, attributes: int = 0x20) -> bytes:
    """One FileIdFullDirectoryInformation."""
    raw = name.encode("utf-16-le")
    numbers = (following, 0, 1, 2, 3, 4, 5, 6, attributes, len(raw), tag)
    return struct.pack("<IIQQQQQQIIIIQ", *numbers, 0, 77) + raw


def test_a_page_of_a_listing_is_read() -> None:
    first = entry("..", following=88)
    page = first.ljust(88, b"\0") + entry("readme")
    assert list(entries(page, with_ids=True)) == [Facts(b"readme", 2, 3, 4, 5, 0x20, 0, 77)]


def test_a_page_that_is_cut_off_is_refused_and_not_half_believed() -> None:
    with pytest.raises(ValueError, match="cut off"):
        list(entries(entry("readme")[:-1], with_ids=True))
    with pytest.raises(ValueError, match="cut off"):
        list(entries(b"\0" * 30, with_ids=True))


@pytest.mark.parametrize(
    ("tag", "attributes", "kind"),
    [
        (0xA000000C, 0x400, ItemKind.SYMLINK),
        (0xA000000C, 0x410, ItemKind.SYMLINK),
        (0xA0000003, 0x410, ItemKind.SPECIAL),
        (0x80000024, 0x400, ItemKind.SPECIAL),
        (0x80000013, 0x420, ItemKind.FILE),
        (0x9000001A, 0x410, ItemKind.DIRECTORY),
    ],
    ids=["link", "link to a directory", "junction", "FIFO", "deduplicated file", "cloud directory"],
)
def test_a_reparse_point_is_what_its_tag_says_and_a_junction_is_never_walked_into(
    tag: int, attributes: int, kind: ItemKind
) -> None:
    facts = next(iter(entries(entry("x", tag=tag, attributes=attributes), with_ids=True)))
    assert facts is not None
    assert item_of(facts, b"x").kind is kind
    assert (kind is ItemKind.SPECIAL) == bool(item_of(facts, b"x").extras)


def test_times_survive_in_steps_of_a_hundred_nanoseconds() -> None:
    assert to_ns(from_ns(1_700_000_000_123_456_789)) == 1_700_000_000_123_456_700
    assert to_ns(from_ns(-1)) == -100, "before 1970 too"
    assert to_ns(0) is None
    assert from_ns(None) == from_ns(-(10**30)) == 0, "what cannot be said is left alone"


def test_a_version_is_another_when_the_content_may_be_and_a_directorys_only_when_it_is_another() -> None:
    file = Facts(b"", 1, 2, 3, 4, 0x20, 0, 9)
    assert len({file.version, file._replace(changed=5).version, file._replace(size=5).version}) == 3
    directory = Facts(b"", 1, 2, 3, 0, 0x10, 0, 9)
    assert directory.version == directory._replace(changed=8).version != directory._replace(file_id=10).version


def test_attributes_are_set_without_losing_those_that_are_not_ours() -> None:
    bits = struct.unpack_from("<32xI", basic_information(Dress(dos=1), 0x2030))[0]
    assert bits == 0x2011
    assert struct.unpack_from("<32xI", basic_information(Dress(dos=0), None))[0] == 0x80, "0 would change nothing"
    assert basic_information(Dress(mode=0o644), 0x20) == b""


def test_a_rename_says_whether_it_may_replace() -> None:
    assert rename_information(b"a\0", replace=False)[0] == 0
    assert rename_information(b"a\0", replace=True)[0] == 1
    assert len(rename_information(b"a\0", replace=True)) == 24, "the least that servers take"


def test_an_acl_is_set_with_the_parts_it_has_and_stays_inherited() -> None:
    descriptor = struct.pack("<BBHIIII", 1, 0, 0x8404, 20, 0, 0, 32) + bytes(40)
    ready, parts = acl_parts(descriptor)
    assert parts == OWNER | DACL
    assert struct.unpack_from("<H", ready, 2)[0] == 0x8504
    with pytest.raises(ValueError, match="cut off"):
        acl_parts(b"\1\0")


def test_acls_compare_whatever_order_a_server_keeps_their_parts_in() -> None:
    owner, group = bytes.fromhex("010100000000000512000000"), bytes.fromhex("010100000000000520000000")
    dacl = bytes.fromhex("0200080000000000")

    def descriptor(control: int, *parts: bytes) -> bytes:
        at = {part: 20 + sum(map(len, parts[:number])) for number, part in enumerate(parts)}
        return struct.pack("<BxHIIII", 1, control, at[owner], at[group], 0, at[dacl]) + b"".join(parts)

    one = descriptor(0x8404, owner, group, dacl)
    assert canonical(descriptor(0x8504, dacl, group, owner)) == canonical(one) == one
    assert canonical(descriptor(0x9404, owner, group, dacl)) != one, "a protected list is another"


def test_data_streams_are_named_without_the_content() -> None:
    def stream(name: str, following: int) -> bytes:
        raw = name.encode("utf-16-le")
        return struct.pack("<IIQQ", following, len(raw), 1, 1) + raw

    first = stream("::$DATA", 40)
    assert stream_names(first.ljust(40, b"\0") + stream(":Zone.Identifier:$DATA", 0)) == ["Zone.Identifier"]


def test_statuses_become_the_codes_of_the_side() -> None:
    def code(status: int, side: Side) -> str:
        error = of_item(status, side, "trying")
        assert isinstance(error, (ItemFailed, ItemChanged, RunStopped))
        assert f"0x{status:08X}" in error.message
        return error.code

    assert code(0xC0000022, Side.SOURCE) == codes.ITEM_SOURCE_PERMISSION
    assert code(0xC0000022, Side.TARGET) == codes.ITEM_TARGET_PERMISSION
    assert code(0xC0000034, Side.SOURCE) == codes.ITEM_VANISHED
    assert code(0xC000007F, Side.TARGET) == codes.TARGET_FULL
    assert code(0xC0000044, Side.TARGET) == codes.TARGET_QUOTA
    assert code(0xC00000A2, Side.TARGET) == codes.TARGET_READ_ONLY
    assert code(0xC0000035, Side.TARGET) == codes.ITEM_CHANGED
    assert code(0xC0000101, Side.TARGET) == codes.DELETE_NOT_EMPTY
    assert code(0xC0000033, Side.TARGET) == codes.ITEM_NAME_UNSUPPORTED
    assert code(0xC0000106, Side.TARGET) == codes.ITEM_NAME_TOO_LONG
    assert code(0xC0000185, Side.SOURCE) == codes.ITEM_SOURCE_IO
    assert code(0xC0DEC0DE, Side.TARGET) == codes.ITEM_FAILED


@pytest.mark.parametrize("status", [0xC000006D, 0xC0000071, 0xC0000234, 0xC0000072, 0xC000015B, 0xC0000022])
def test_a_refused_log_in_is_the_credentials(status: int) -> None:
    error = of_log_in(status, Side.TARGET, "nas1")
    assert isinstance(error, RunStopped)
    assert error.code == codes.TARGET_AUTHENTICATION
    assert "nas1 refuses the credential" in error.message


def test_a_share_that_is_missing_or_closed_is_told_from_a_root_that_is() -> None:
    share = r"\\nas1\hr"
    found = [of_share(0xC00000CC, Side.SOURCE, share), of_share(0xC0000022, Side.SOURCE, share)]
    found += [of_root(0xC0000034, Side.SOURCE, share), of_root(0xC0000022, Side.SOURCE, share)]
    assert [error.code for error in found if isinstance(error, RunStopped)] == [
        codes.SOURCE_PATH_INVALID,
        codes.SOURCE_AUTHORIZATION,
        codes.SOURCE_PATH_INVALID,
        codes.SOURCE_PERMISSION,
    ]
    assert isinstance(of_share(0xC00000C9, Side.SOURCE, share), ConnectionLost)


def test_an_unknown_status_keeps_its_number() -> None:
    assert words(0xC0001234) == "the server reports an error (0xC0001234)"


def test_an_azure_share_is_opened_as_its_account_and_sealed() -> None:
    account = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Storage/storageAccounts/acct"
    properties = {
        "endpointType": "AzureStorageSmbFileShare",
        "storageAccountResourceId": account,
        "fileShareName": "hr",
        "credentials": {"type": "AzureStorageAccount", "accountKeyUri": "env:KEY"},
    }
    server = server_of(properties, NoSecrets(), Side.TARGET)
    assert (server.host, server.port, server.user, server.encrypt) == ("acct.file.core.windows.net", 445, "acct", True)
    assert server.password == "secret of env:KEY"
    assert "secret of" not in repr(server)
    elsewhere = server_of({**properties, "serviceUrl": "127.0.0.1:4450"}, NoSecrets(), Side.TARGET)
    assert (elsewhere.host, elsewhere.port) == ("127.0.0.1", 4450)


def test_without_its_library_the_run_stops_and_says_what_to_install() -> None:
    script = (
        "import sys; sys.modules['smbprotocol'] = None\n"
        "from agentsim.engine.errors import RunStopped\n"
        "try:\n    import agentsim.places.smb\n"
        "except RunStopped as error:\n    print(error.code, error.message)\n"
    )
    said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert said.startswith(codes.LIBRARY_MISSING)
    assert "pip install 'longshore[smb]'" in said
