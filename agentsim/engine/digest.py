"""MD5 of file contents, as ``dataIntegrityValidation`` asks for it: to find damage, not forgery."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cache
from typing import Protocol

BUFFER_BYTES = 1024 * 1024
"""Bytes that are digested at once; the lease is asked between two of them."""


class Digest(Protocol):
    """What is used of ``hashlib``'s objects."""

    def update(self, data: bytes | memoryview, /) -> None: ...

    def hexdigest(self) -> str: ...


def new_digest() -> Digest:
    """An empty MD5."""
    # Few runs ask for digests, and loading the library takes longer than starting a helper.
    import hashlib

    return hashlib.md5(usedforsecurity=False)


@cache
def _zeros() -> memoryview:
    return memoryview(bytes(BUFFER_BYTES))


def add_zeros(digest: Digest, begin: int, end: int, step: Callable[[int], None]) -> None:
    """Take a hole into a digest as what reading it would give.

    Args:
        digest: of all that is before the hole.
        begin: first byte of the hole.
        end: first byte after it.
        step: called with the position after each buffer; may raise to stop.
    """
    while begin < end:
        count = min(end - begin, BUFFER_BYTES)
        digest.update(_zeros()[:count])
        begin += count
        step(begin)


def digest_of(fd: int, step: Callable[[int], None]) -> str:
    """The hex MD5 of a file as it reads now, from its first byte to its end.

    Args:
        fd: a readable descriptor; its position stays.
        step: called with the bytes read so far after each buffer; may raise to stop.

    Raises:
        OSError: it cannot be read.
    """
    digest, buffer = new_digest(), memoryview(bytearray(BUFFER_BYTES))
    done = 0
    while count := os.preadv(fd, [buffer], done):
        digest.update(buffer[:count])
        done += count
        step(done)
    return digest.hexdigest()
