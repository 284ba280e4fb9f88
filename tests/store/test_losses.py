"""What a pair of types loses: nothing between two directories, and what each other pair is known for."""

from __future__ import annotations

from itertools import product

import pytest

from store.losses import losses
from store.settings import CopySettings
from store.vocabulary import EndpointType as Type

DIRECTORIES = (Type.LOCAL_PATH, Type.NFS_MOUNT, Type.AZURE_STORAGE_NFS_FILE_SHARE)
SHARES = (Type.SMB_MOUNT, Type.AZURE_STORAGE_SMB_FILE_SHARE)
OBJECTS = tuple(one for one in Type if one not in DIRECTORIES + SHARES)


def told(source: Type, target: Type, settings: CopySettings | None = None) -> str:
    return " ".join(losses(source, target, settings or CopySettings()))


@pytest.mark.parametrize(("source", "target"), product(DIRECTORIES, DIRECTORIES))
def test_a_directory_in_a_directory_loses_nothing_but_what_nfs_may_lack(source: Type, target: Type) -> None:
    words = told(source, target)
    expected = source == Type.LOCAL_PATH and target != Type.LOCAL_PATH
    assert words.startswith("Extended attributes") if expected else not words


@pytest.mark.parametrize(("source", "target"), product(DIRECTORIES, OBJECTS))
def test_a_directory_in_a_bucket(source: Type, target: Type) -> None:
    words = told(source, target)
    for part in ("Hard links become", "metadata that nothing enforces", "Extended attributes", "KiB", "UTF-8", "mark"):
        assert part in words
    assert ("4 KiB" in words) == (target == Type.AZURE_STORAGE_BLOB_CONTAINER)
    assert "Symbolic links" not in words


@pytest.mark.parametrize(("source", "target"), product(DIRECTORIES, SHARES))
def test_a_directory_in_a_windows_share(source: Type, target: Type) -> None:
    words = told(source, target)
    for part in ("Symbolic links", "case only", "Windows refuses", "Permissions and owners stay behind", "100 ns"):
        assert part in words


@pytest.mark.parametrize(("source", "target"), product(SHARES, DIRECTORIES + OBJECTS))
def test_a_windows_share_elsewhere(source: Type, target: Type) -> None:
    words = told(source, target)
    assert "Windows access control lists" in words
    assert "case only" not in words


@pytest.mark.parametrize(("source", "target"), product(OBJECTS, Type))
def test_a_bucket_anywhere(source: Type, target: Type) -> None:
    words = told(source, target)
    assert "Keys that no path can be" in words
    assert ("Symbolic links" in words) == (target in SHARES)


@pytest.mark.parametrize(("source", "target"), product(SHARES, SHARES))
def test_two_shares_lose_nothing(source: Type, target: Type) -> None:
    assert not told(source, target)


def test_what_the_definition_leaves_behind_is_no_loss_of_the_target() -> None:
    words = told(Type.LOCAL_PATH, Type.SMB_MOUNT, CopySettings(preserve_permissions=False))
    assert "Permissions" not in words
    assert "Symbolic links" in words


@pytest.mark.parametrize(("source", "target"), product(Type, Type))
def test_each_is_a_plain_sentence(source: Type, target: Type) -> None:
    for sentence in losses(source, target, CopySettings()):
        assert sentence[0].isupper()
        assert sentence.endswith(".")
        assert len(sentence) <= 110


def test_a_type_of_a_newer_version_is_no_error() -> None:
    assert losses("Floppy", Type.LOCAL_PATH, CopySettings()) == ()
