"""From an endpoint's properties to the place itself: which adapter, with which secrets.

The only module that knows the endpoint types; the engine asks what a place holds.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from agentsim.engine.errors import RunStopped, Side
from agentsim.places.mounting import OF_THIS_PROCESS, Mounts, NfsShare, SmbShare
from store import codes
from store.vocabulary import EndpointType

if TYPE_CHECKING:
    # Runs between directories, which are most, need neither.
    from agentsim.places.place import Opening, Place
    from agentsim.places.secrets import Secrets

_FILES_DOMAIN = "file.core.windows.net"
_LOCAL_END = "127.0.0.1"
"""Where ``aznfs``, Azure's own mount helper, says that a share is: it encrypts what passes through there."""


def directory_of(properties: Mapping[str, Any], side: Side, mounts: Mounts = OF_THIS_PROCESS) -> bytes | None:
    """The directory of this machine that an endpoint is, or None where it is none: then :func:`open_place` opens it.

    Nothing is touched but the mount table, unless the agent has to mount the share.

    Args:
        properties: the endpoint's, as ARM names them.
        side: words the errors.
        mounts: what is mounted here; what it mounts has to stay until the directory is done with.

    Raises:
        RunStopped: it is a share that is not mounted and cannot be, or something else is mounted there.
    """
    match EndpointType(properties["endpointType"]):
        case EndpointType.LOCAL_PATH:
            return os.fsencode(properties["path"])
        case EndpointType.NFS_MOUNT | EndpointType.AZURE_STORAGE_NFS_FILE_SHARE:
            return mounts.nfs(nfs_share(properties), side)
        case EndpointType.SMB_MOUNT | EndpointType.AZURE_STORAGE_SMB_FILE_SHARE:
            return None if _has_credentials(properties) else mounts.smb(smb_share(properties), side)
        case _:
            return None


def nfs_share(properties: Mapping[str, Any]) -> NfsShare:
    """The export that an NFS endpoint means."""
    if properties["endpointType"] == EndpointType.NFS_MOUNT:
        version = properties.get("nfsVersion") or "NFSauto"
        return NfsShare(hosts=(properties["host"],), export=properties["export"], version=version)
    account = _account(properties)
    return NfsShare(
        hosts=(_files_host(properties), _LOCAL_END),
        export=f"/{account}/{properties['fileShareName']}",
        version="NFSv4",
    )


def smb_share(properties: Mapping[str, Any]) -> SmbShare:
    """The share that an SMB endpoint means."""
    if properties["endpointType"] == EndpointType.SMB_MOUNT:
        return SmbShare(host=properties["host"], name=properties["shareName"])
    return SmbShare(host=_files_host(properties), name=properties["fileShareName"])


def _account(properties: Mapping[str, Any]) -> str:
    return str(properties["storageAccountResourceId"]).rstrip("/").rpartition("/")[2]


def _files_host(properties: Mapping[str, Any]) -> str:
    """The host of an account's file service, without a port."""
    # Few runs ask so; importing it would slow the start of every one.
    from urllib.parse import urlsplit

    service = properties.get("serviceUrl") or ""
    host = urlsplit(service if "//" in service else f"//{service}").hostname
    return host or f"{_account(properties)}.{_FILES_DOMAIN}"


def _has_credentials(properties: Mapping[str, Any]) -> bool:
    credentials = properties.get("credentials") or {}
    return any(credentials.get(key) for key in credentials if key.endswith("Uri"))


def open_side(
    properties: Mapping[str, Any], opening: Opening, secrets: Secrets, mounts: Mounts = OF_THIS_PROCESS
) -> Place:
    """The place of an endpoint, whether it is a directory of this machine or not; nothing is asked of it yet.

    Raises:
        RunStopped: as :func:`directory_of` and :func:`open_place`.
    """
    directory = directory_of(properties, opening.side, mounts)
    if directory is None:
        return open_place(properties, opening, secrets)
    from agentsim.places.posix import PosixPlace

    return PosixPlace(opening, directory)


def open_place(properties: Mapping[str, Any], opening: Opening, secrets: Secrets) -> Place:
    """The place of an endpoint that is no directory of this machine; nothing is asked of it yet.

    Raises:
        RunStopped: a secret cannot be resolved, a library is missing, or a property cannot be used.
    """
    # Each brings libraries along that only its own runs need.
    match EndpointType(properties["endpointType"]):
        case EndpointType.AZURE_STORAGE_BLOB_CONTAINER:
            from agentsim.places.blob import BlobPlace

            return BlobPlace(opening, properties, secrets)
        case EndpointType.S3_WITH_HMAC | EndpointType.AZURE_MULTI_CLOUD_CONNECTOR:
            from agentsim.places.s3 import S3Place

            return S3Place(opening, properties, secrets)
        case EndpointType.SMB_MOUNT | EndpointType.AZURE_STORAGE_SMB_FILE_SHARE:
            from agentsim.places.smb import SmbPlace

            return SmbPlace(opening, properties, secrets)
        case other:
            raise RunStopped(codes.LIBRARY_MISSING, f"No adapter for endpoints of type {other}", opening.side.value)
