"""What a copy between two types of places loses, in words, before it is started: pure, no I/O and no ORM.

An agent finds out what a place really holds; this says what a type holds as a rule, so that a person knows it when
a definition is made. What single items lose is in the run's report.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from store.settings import CopySettings
from store.vocabulary import EndpointType


class _Keeps(NamedTuple):
    """What a type of place keeps."""

    owners: str
    """Owner, group and mode bits: "in force", as "metadata" that nothing enforces, or empty for not at all."""
    attributes: str
    """Further metadata: "posix" or "nfs" (extended attributes and ACLs), "windows" (ACLs and DOS attributes)."""
    links: bool = True
    hard_links: bool = False
    any_name: bool = False
    """Names of any bytes."""
    windows_names: bool = False
    """Only names that Windows takes, whatever their case."""
    objects: bool = False
    """Keys instead of directories, with properties of their own."""
    metadata_limit: str = ""
    """Most metadata of an item."""
    time_step: str = ""
    """What modification times are cut to; empty where they are kept whole."""


_POSIX: Final = _Keeps("in force", "posix", hard_links=True, any_name=True)
_NFS: Final = _POSIX._replace(attributes="nfs")
_SMB: Final = _Keeps("", "windows", links=False, windows_names=True, time_step="100 ns")
_BLOB: Final = _Keeps("metadata", "", objects=True, metadata_limit="4 KiB")
_S3: Final = _BLOB._replace(metadata_limit="2 KiB")
_TYPES: Final = {
    EndpointType.LOCAL_PATH: _POSIX,
    EndpointType.NFS_MOUNT: _NFS,
    EndpointType.AZURE_STORAGE_NFS_FILE_SHARE: _NFS,
    EndpointType.SMB_MOUNT: _SMB,
    EndpointType.AZURE_STORAGE_SMB_FILE_SHARE: _SMB,
    EndpointType.AZURE_STORAGE_BLOB_CONTAINER: _BLOB,
    EndpointType.S3_WITH_HMAC: _S3,
    EndpointType.AZURE_MULTI_CLOUD_CONNECTOR: _S3,
}


def losses(source: EndpointType | str, target: EndpointType | str, settings: CopySettings) -> tuple[str, ...]:
    """What of a source of one type does not arrive whole in a target of another: a sentence each, the gravest first.

    Args:
        source: the type that is read.
        target: the type that is written.
        settings: the definition's: what it leaves behind by itself is no loss of the target's.
    """
    try:
        from_, to = _TYPES[EndpointType(source)], _TYPES[EndpointType(target)]
    except ValueError:
        # A newer Longshore's type.
        return ()
    return (*_items(from_, to), *_names(from_, to), *_metadata(from_, to, settings))


def _items(source: _Keeps, target: _Keeps) -> Iterator[str]:
    if source.links and not target.links:
        yield "Symbolic links are not copied: each is reported."
    if source.hard_links and not target.hard_links:
        yield "Hard links become separate files, each with all of its content."
    if target.objects and not source.objects:
        yield "Directories become empty objects that mark them, so that empty ones are kept."


def _names(source: _Keeps, target: _Keeps) -> Iterator[str]:
    if target.windows_names and not source.windows_names:
        yield "Names that differ in case only are one name there: the second of them is not copied."
        yield 'Names that Windows refuses are not copied: with \\ : * ? " < > or |, or a dot or blank at the end.'
    if source.any_name and not target.any_name:
        yield "Names that are not valid UTF-8 are not copied."
    if source.objects:
        yield "Keys that no path can be are not copied, such as 'a//b' or one that begins with '/'."


def _metadata(source: _Keeps, target: _Keeps, settings: CopySettings) -> Iterator[str]:
    if settings.preserve_permissions:
        if source.owners and not target.owners:
            yield "Permissions and owners stay behind."
        elif source.owners == "in force" and target.owners == "metadata":
            yield "Permissions and owners become metadata that nothing enforces."
        if source.attributes == "windows" and target.attributes != "windows":
            yield "Windows access control lists and DOS attributes stay behind."
    if source.attributes == "posix" and target.attributes == "nfs":
        yield "Extended attributes and POSIX access control lists stay behind where the NFS server keeps none."
    elif source.attributes in ("posix", "nfs") and target.attributes not in ("posix", "nfs"):
        yield "Extended attributes and POSIX access control lists stay behind."
    if target.metadata_limit and source.owners:
        yield f"Of an item's metadata, what is above {target.metadata_limit} stays behind."
    if source.objects:
        yield "Content types, tags, tiers and older versions of objects stay behind."
    if target.time_step and not source.time_step:
        yield f"Modification times are cut to {target.time_step}."
