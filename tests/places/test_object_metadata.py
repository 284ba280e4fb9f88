"""The metadata that AzCopy, rclone and Longshore leave on objects, and what each reads of the others'."""

from __future__ import annotations

import stat

import pytest
from hypothesis import given
from hypothesis import strategies as some

from agentsim.places.object_metadata import dress_of, fitted, kind_of, metadata_of, redressed
from agentsim.places.place import Dress
from store.vocabulary import ItemKind

DRESSES = some.builds(
    Dress,
    mtime_ns=some.none() | some.integers(-(2**63), 2**63 - 1),
    atime_ns=some.none() | some.integers(-(2**63), 2**63 - 1),
    mode=some.none() | some.integers(0, 0o7777),
    uid=some.none() | some.integers(0, 2**32 - 1),
    gid=some.none() | some.integers(0, 2**32 - 1),
)
KINDS = some.sampled_from([ItemKind.FILE, ItemKind.DIRECTORY, ItemKind.SYMLINK])


@given(KINDS, DRESSES)
def test_what_is_written_is_read_back(kind: ItemKind, dress: Dress) -> None:
    metadata = metadata_of(kind, dress)
    assert (kind_of(metadata), dress_of(metadata)) == (kind, dress)


@given(KINDS, DRESSES, DRESSES, some.sampled_from(["", "owner", "group"]))
def test_a_new_dress_goes_over_the_old_one_and_leaves_what_is_not_ours(
    kind: ItemKind, old: Dress, new: Dress, lustre: str
) -> None:
    before = metadata_of(kind, old) | {"Project": "Alpha"}
    if lustre:
        before[lustre] = "12"
        before["permissions"] = "0640"
    after = redressed(before, kind, new)
    worn = dress_of(before)
    assert after["Project"] == "Alpha"
    assert kind_of(after) is kind
    assert dress_of(after) == Dress(
        **{
            name: getattr(worn if getattr(new, name) is None else new, name)
            for name in ("mtime_ns", "atime_ns", "mode", "uid", "gid")
        }
    )


def test_permissions_are_st_mode_in_decimal_as_azcopy_writes_them() -> None:
    metadata = metadata_of(ItemKind.FILE, Dress(mode=0o640, uid=1000, gid=100, mtime_ns=1_700_000_000_123_456_789))
    assert metadata == {
        "permissions": str(stat.S_IFREG | 0o640),
        "posix_owner": "1000",
        "posix_group": "100",
        "modtime": "1700000000123456789",
    }


@pytest.mark.parametrize(
    ("metadata", "dress"),
    [
        # AzCopy, for Lustre: octal permissions and a date.
        (
            {"owner": "7", "group": "8", "permissions": "0750", "modtime": "2026-01-02 03:04:05 +0000"},
            Dress(uid=7, gid=8, mode=0o750, mtime_ns=1_767_323_045_000_000_000),
        ),
        ({"permissions": "33188"}, Dress(mode=0o644)),
        # Rclone, to Azure and to S3.
        ({"mtime": "2026-01-02T03:04:05.123456789Z"}, Dress(mtime_ns=1_767_323_045_123_456_789)),
        ({"mtime": "2026-01-02T04:04:05.5+01:00"}, Dress(mtime_ns=1_767_323_045_500_000_000)),
        ({"Mtime": "1767323045.25"}, Dress(mtime_ns=1_767_323_045_250_000_000)),
        ({"mtime": "1767323045"}, Dress(mtime_ns=1_767_323_045_000_000_000)),
        # Ours is the better answer where both are there.
        ({"modtime": "5", "mtime": "1767323045"}, Dress(mtime_ns=5)),
        ({"modtime": "-1"}, Dress(mtime_ns=-1)),
        ({"Permissions": "33188", "MODTIME": "9"}, Dress(mode=0o644, mtime_ns=9)),
    ],
)
def test_what_other_tools_wrote_is_understood(metadata: dict[str, str], dress: Dress) -> None:
    assert dress_of(metadata) == dress


@given(some.dictionaries(some.sampled_from(["permissions", "modtime", "mtime", "owner", "posix_group"]), some.text()))
def test_nonsense_is_not_known_and_never_an_error(metadata: dict[str, str]) -> None:
    dress = dress_of(metadata)
    assert dress.mode is None or 0 <= dress.mode <= 0o7777
    assert dress.uid is None or 0 <= dress.uid < 2**32


@pytest.mark.parametrize("key", ["is_fifo", "is_socket", "is_block_dev", "is_char_dev"])
def test_azcopys_placeholders_of_special_files_are_special(key: str) -> None:
    assert kind_of({key: "true"}) is ItemKind.SPECIAL


def test_what_matters_is_kept_first_and_the_rest_is_told() -> None:
    metadata = metadata_of(ItemKind.FILE, Dress(mtime_ns=1, mode=0o600, uid=1, gid=2))
    kept, remark = fitted(metadata | {"a": "x" * 4000, "note": "caf\u00e9", "b": "y"}, limit=200)
    assert kept == metadata | {"b": "y"}
    assert remark == "metadata that does not fit in 200 bytes of ASCII: a, note"
    assert fitted(metadata, limit=200) == (metadata, "")
