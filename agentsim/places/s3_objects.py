"""What an S3 object is as an item, and what it keeps of one. Pure on the server's answers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from agentsim.places.object_metadata import SYMLINK, dress_of
from agentsim.places.object_order import why_no_path
from agentsim.places.place import Dress, Item
from store.vocabulary import ItemKind

METADATA_LIMIT: Final = 2048
"""Bytes of all keys and values of an object's own metadata."""

LONGEST_KEY: Final = 1024
"""Bytes of a key."""

LONGEST_LINK: Final = 4095
"""Bytes of a symbolic link's text on Linux."""

MD5: Final = "longshore_md5"
"""Metadata key of the whole content's digest, in hex, where the ETag is none."""

_PLAIN_MD5: Final = re.compile(r'"?([0-9a-f]{32})"?')
_PARTS: Final = re.compile(r'"?[0-9a-f]{32}-\d+"?')
_KEPT: Final = (
    "CacheControl",
    "ContentDisposition",
    "ContentEncoding",
    "ContentLanguage",
    "ContentType",
    "Expires",
    "WebsiteRedirectLocation",
    "StorageClass",
)


def listed(entry: Mapping[str, Any], path: bytes) -> Item:
    """An entry of a listing, taken for a file; a listing has no metadata."""
    etag = str(entry.get("ETag", ""))
    return Item(
        path=path,
        kind=ItemKind.FILE,
        size=int(entry["Size"]),
        version=etag,
        md5=digest_in(etag),
        detailed=False,
    )


def may_be_link(item: Item) -> bool:
    """Whether a listed object can be a symbolic link.

    One that is was written in parts, small as it is: its ETag tells it from nearly all files, which a listing
    would not do otherwise.
    """
    return 0 < item.size <= LONGEST_LINK and made_of_parts(item.version)


def made_of_parts(etag: str) -> bool:
    """Whether an object was uploaded in parts: its ETag has their number behind a dash."""
    return bool(_PARTS.fullmatch(etag))


def digest_in(etag: str) -> str:
    """The MD5 that an ETag is, or empty."""
    found = _PLAIN_MD5.fullmatch(etag)
    return found[1] if found else ""


def described(answer: Mapping[str, Any], path: bytes, *, directory: bool) -> Item:
    """The item that the headers of an object say, detailed.

    Args:
        answer: of ``head_object``, or of ``get_object`` without a range.
        path: of the item.
        directory: whether the key has a slash at its end.
    """
    metadata: dict[str, str] = answer.get("Metadata", {})
    etag = str(answer.get("ETag", ""))
    item = Item(path=path, kind=ItemKind.FILE, size=int(answer["ContentLength"]), version=etag)
    dress = dress_of(metadata)
    if directory:
        return replace(item, kind=ItemKind.DIRECTORY, size=0, dress=dress)
    dress = _dated(dress, answer)
    reason = why_no_path(path)
    if reason:
        return replace(item, kind=ItemKind.SPECIAL, dress=dress, extras=(reason,))
    if may_be_link(item) and metadata.get(SYMLINK, "").lower() == "true":
        return replace(item, kind=ItemKind.SYMLINK, size=0, dress=dress)
    return replace(item, dress=dress, md5=digest_of(answer))


def digest_of(answer: Mapping[str, Any]) -> str:
    """The MD5 of an object's content where its headers tell it; with a key of one's own, the ETag is none."""
    if answer.get("ServerSideEncryption", "AES256") != "AES256" or answer.get("SSECustomerAlgorithm"):
        etag = ""
    else:
        etag = digest_in(str(answer.get("ETag", "")))
    told = str(answer.get("Metadata", {}).get(MD5, ""))
    return etag or (told if _PLAIN_MD5.fullmatch(told) else "")


def kept_headers(head: Mapping[str, Any]) -> dict[str, Any]:
    """What a copy of an object has to be told about its headers, so that it keeps them."""
    kept = {name: head[name] for name in _KEPT if head.get(name)}
    if "ExpiresString" in head and "Expires" not in head:
        kept["Expires"] = head["ExpiresString"]
    if str(head.get("ServerSideEncryption", "")).startswith("aws:kms"):
        kept["ServerSideEncryption"] = head["ServerSideEncryption"]
        if head.get("SSEKMSKeyId"):
            kept["SSEKMSKeyId"] = head["SSEKMSKeyId"]
    return kept


def _dated(dress: Dress, answer: Mapping[str, Any]) -> Dress:
    """With the time of the upload where nothing else says when the content is from."""
    modified = answer.get("LastModified")
    if dress.mtime_ns is not None or modified is None:
        return dress
    return replace(dress, mtime_ns=int(modified.timestamp()) * 10**9)
