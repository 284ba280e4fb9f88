"""Which names a blob can have, and how large its blocks are."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as some

from agentsim.places.blob_names import why_refused
from agentsim.places.blob_upload import BLOCK, MOST_BLOCKS, block_size


@pytest.mark.parametrize(
    ("path", "words"),
    [
        (b"latin-\xe9", "not UTF-8"),
        (b"a/../b", "dots"),
        (b"a//b", "empty"),
        (b"dir./file", "ends in a dot"),
        (b"name..", "ends in a dot"),
        (b"back\\slash", "backslash"),
        (b"new\nline", "control character"),
        (b"nul\x00", "control character"),
        (b"\xc2\x81", "control character"),
        (b"\xef\xbf\xbf", "no character"),
        (b"x" * 1025, "too long"),
        ("\U0001f6a2" * 513, "too long"),
        (b"/".join([b"p"] * 255), "too long"),
    ],
)
def test_a_name_that_the_service_would_bend_is_refused_with_the_reason(path: bytes | str, words: str) -> None:
    assert words in why_refused(path.encode() if isinstance(path, str) else path, "")


def test_what_stands_before_the_path_counts_too() -> None:
    assert why_refused(b"x" * 1020, "") == ""
    assert "too long" in why_refused(b"x" * 1020, "prefix/")


@given(some.binary(max_size=20))
def test_every_path_has_an_answer(path: bytes) -> None:
    if why_refused(path, "") == "":
        assert path.decode().encode() == path


@given(some.integers(0, 8 << 40))
def test_blocks_are_never_too_many_nor_smaller_than_they_need_be(size: int) -> None:
    block = block_size(size)
    assert block * MOST_BLOCKS >= size
    assert block % (1 << 20) == 0
    assert block == BLOCK or (block - (1 << 20)) * MOST_BLOCKS < size
