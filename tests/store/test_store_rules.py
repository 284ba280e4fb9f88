"""The rules of names, descriptions, paths and references: what is taken, what is refused, and how it is said."""

from __future__ import annotations

import string
from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from store.errors import InvalidInput
from store.rules import (
    location_overlaps,
    not_found,
    valid_credential_reference,
    valid_description,
    valid_directory,
    valid_name,
    valid_sub_path,
)

LETTERS = string.ascii_letters + string.digits


@given(st.sampled_from(LETTERS), st.text(LETTERS + "-_", max_size=63))
def test_a_name_is_1_to_64_letters_digits_dashes_underscores(first: str, rest: str) -> None:
    """Storage Mover's pattern: it starts with a letter or digit."""
    assert valid_name("project", first + rest) == first + rest


@pytest.mark.parametrize(
    "name", ["", "-a", "_a", "a b", "a/b", "a.b", "a" * 65, "ä", "a\n", "\na", "a\0", "\uff11", "a%", "\udc80"]
)
def test_a_name_that_breaks_the_pattern_is_refused(name: str) -> None:
    """Also with a line end after it, which ``$`` alone would let through, and with digits of other scripts."""
    with pytest.raises(InvalidInput) as refused:
        valid_name("project", name)
    assert refused.value.code == "InvalidName"
    assert "project" in refused.value.sentence


@given(st.text(max_size=1_024).filter(lambda t: t.isprintable()))
def test_a_description_of_1024_characters_is_kept_as_it_is(text: str) -> None:
    assert valid_description(text) == text


def test_a_description_of_1025_characters_is_refused() -> None:
    assert valid_description("é" * 1_024)
    with pytest.raises(InvalidInput, match="1,025"):
        valid_description("é" * 1_025)
    with pytest.raises(InvalidInput, match="UTF-8"):
        valid_description("\udcff")


PIECES = st.lists(st.sampled_from(["", ".", "a", "b c", "..x", "...", "ü", "-", " "]), max_size=6)


@given(PIECES)
def test_a_sub_path_is_written_one_way_only(pieces: list[str]) -> None:
    """It is relative, without empty parts; naming it again changes nothing."""
    path = valid_sub_path("/".join(pieces))
    assert path.split("/") == [p for p in pieces if p not in ("", ".")] or path == ""
    assert valid_sub_path(path) == path == valid_sub_path("/" + path + "/")
    assert not path.startswith("/")


@pytest.mark.parametrize("path", ["..", "../a", "a/..", "a/../b", "/..", "a/./../b", "a\0b", "\0", "a/\udcff"])
def test_a_sub_path_never_leaves_its_endpoint(path: str) -> None:
    with pytest.raises(InvalidInput):
        valid_sub_path(path)


@given(PIECES)
def test_a_directory_is_absolute_and_written_one_way_only(pieces: list[str]) -> None:
    path = valid_directory("/" + "/".join(pieces))
    assert path == "/" + valid_sub_path("/".join(pieces))
    assert valid_directory(path) == path
    assert PurePosixPath(path).is_absolute()


@pytest.mark.parametrize("path", ["", "a", "./a", "~/a", "/a/..", "/../a", "/a\0", "C:\\x", "/\udcff"])
def test_a_directory_that_is_not_plain_is_refused(path: str) -> None:
    with pytest.raises(InvalidInput):
        valid_directory(path)


@pytest.mark.parametrize(
    "reference",
    [
        "",
        "env:NAS_PASSWORD",
        "file:/etc/longshore/nas 1",
        "keyring:nas/ann",
        "https://examples-azureKeyVault.vault.azure.net/secrets/examples-password",
        "https://kv.vault.azure.net/secrets/pw/0123456789abcdef",
    ],
)
def test_a_credential_is_a_reference(reference: str) -> None:
    assert valid_credential_reference(reference) == reference


@pytest.mark.parametrize(
    "secret",
    [
        "hunter2",
        "env:",
        "env:1A",
        "env:A B",
        "env:A\n",
        "file:relative",
        "file:/",
        "keyring:nas",
        "http://kv.vault.azure.net/secrets/pw",
        "https://evil.example/secrets/pw",
        "https://kv.vault.azure.net/keys/pw",
        "https://kv.vault.azure.net/secrets/pw?x=1",
        " env:A",
    ],
)
def test_a_secret_is_refused_and_never_repeated(secret: str) -> None:
    """What looks like anything but a reference may be the secret itself: the sentence does not hold it."""
    with pytest.raises(InvalidInput) as refused:
        valid_credential_reference(secret)
    assert refused.value.code == "InvalidCredentialReference"
    if len(secret) > 6:
        assert secret not in str(refused.value)


PARTS = st.lists(st.sampled_from("ab") | st.sampled_from(["aa", "ab"]), max_size=4)


@given(PARTS, PARTS)
def test_two_places_overlap_exactly_when_one_holds_the_other(one: list[str], other: list[str]) -> None:
    """By whole parts: /srv/hr and /srv/hr2 do not; the relation is symmetric."""
    shorter = min(len(one), len(other))
    expected = one[:shorter] == other[:shorter]
    first, second = "/".join(["local:", *one]), "/".join(["local:", *other])
    assert location_overlaps(first, second) == expected
    assert location_overlaps(second, first) == expected
    assert location_overlaps(first + "/", second) == expected


def test_an_unknown_name_is_answered_with_what_is_near_or_what_there_is() -> None:
    """The hint says the next step: the likely name, the few there are, or that there is none."""
    assert "did you mean 'hr-home'?" in not_found("project", "hr-hom", ["payroll", "hr-home"]).sentence
    assert "there is a, b." in not_found("project", "zzz", ["b", "a"]).sentence
    assert "and 3 more" in not_found("project", "zzz", list("hgfedcba")).sentence
    assert "none yet" in not_found("project", "zzz", []).sentence
    assert "in 'nas'" in not_found("project", "zzz", [], " in 'nas'").sentence
