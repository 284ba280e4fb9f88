"""The four kinds of places as tests fill and read them: by the system's calls and the vendors' own libraries.

Nothing of ``agentsim`` is used here: what these say judges it.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
from abc import ABC, abstractmethod
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from tests.servers import Server
from tests.transfer.trees import Node, Tree

SYMLINK: Final = "is_symlink"
FOLDER: Final = "hdi_isfolder"


class Ground(ABC):
    """One fresh and empty place.

    Attributes:
        kind: of four words.
        properties: of the endpoint.
    """

    kind: str
    properties: dict[str, Any]

    @abstractmethod
    def holds(self, path: bytes, node: Node) -> bool:
        """Whether a test can put it there at all."""

    @abstractmethod
    def put(self, path: bytes, node: Node) -> None:
        """Make one item; the directories on the way exist."""

    @abstractmethod
    def remove(self, path: bytes, node: Node) -> None:
        """Take one item away, directories when they are empty."""

    @abstractmethod
    def look(self) -> Tree:
        """All that is there; times where the place keeps them."""

    @abstractmethod
    def count(self) -> int:
        """How many files, objects or directories there are; cheap, for waiting."""

    def fill(self, tree: Tree) -> Tree:
        """Put all of a tree there that can be; what that was."""
        put = {path: node for path, node in tree.items() if self.holds(path, node)}
        put = {path: node for path, node in put.items() if all(parent in put for parent in parents(path))}
        self.change({}, put)
        return self.known(put)

    def known(self, tree: Tree) -> Tree:
        """What the place keeps of a tree that was put there."""
        return tree

    def change(self, old: Tree, new: Tree) -> None:
        """Make of one tree another."""
        for path in sorted(old, reverse=True):
            if path not in new or new[path].kind != old[path].kind:
                self.remove(path, old[path])
        for path in sorted(new):
            if old.get(path) != new[path] and not (path in old and old[path].kind == new[path].kind == "directory"):
                self.put(path, new[path])
        self.settle(new)

    def settle(self, tree: Tree) -> None:  # noqa: B027 - most have nothing to do
        """Set what later writes disturb."""


class Directory(Ground):
    """A directory of this machine."""

    kind = "POSIX"

    def __init__(self, root: Path) -> None:
        root.mkdir()
        self.root = root
        self.properties = {"name": "local", "endpointType": "LocalPath", "path": str(root)}

    def holds(self, path: bytes, node: Node) -> bool:
        return True

    def put(self, path: bytes, node: Node) -> None:
        full = self._full(path)
        if node.kind == "directory":
            os.mkdir(full)
        elif node.kind == "link":
            os.symlink(node.text, full)
        else:
            with open(full, "wb") as file:
                file.write(node.content)
        if node.mtime_ns is not None:
            os.utime(full, ns=(node.mtime_ns, node.mtime_ns), follow_symlinks=False)

    def remove(self, path: bytes, node: Node) -> None:
        (os.rmdir if node.kind == "directory" else os.unlink)(self._full(path))

    def settle(self, tree: Tree) -> None:
        for path, node in sorted(tree.items(), reverse=True):
            if node.kind == "directory" and node.mtime_ns is not None:
                os.utime(self._full(path), ns=(node.mtime_ns, node.mtime_ns))

    def look(self) -> Tree:
        return walked(os.fsencode(self.root))

    def count(self) -> int:
        return sum(len(directories) + len(files) for _, directories, files in os.walk(self.root))

    def _full(self, path: bytes) -> bytes:
        return os.path.join(os.fsencode(self.root), path)


class Share(Ground):
    """An SMB share; its files are put and read on the server's disk."""

    kind = "SMB"

    def __init__(self, properties: dict[str, Any], root: Path) -> None:
        self.properties = properties
        self._disk = _Disk(root)
        self.root = root

    def holds(self, path: bytes, node: Node) -> bool:
        # What Windows forbids has no name in the protocol; Samba shows it under another one.
        forbidden = set(b'\\:*?"<>|') | set(range(32))
        parts = path.split(b"/")
        decodable = path.decode(errors="replace").encode() == path
        plain = all(not forbidden & set(part) and part[-1:] not in (b".", b" ") for part in parts)
        return decodable and plain and node.kind != "link"

    def put(self, path: bytes, node: Node) -> None:
        self._disk.put(path, node)

    def remove(self, path: bytes, node: Node) -> None:
        self._disk.remove(path, node)

    def settle(self, tree: Tree) -> None:
        self._disk.settle(tree)

    def look(self) -> Tree:
        return self._disk.look()

    def count(self) -> int:
        return self._disk.count()


class _Disk(Directory):
    def __init__(self, root: Path) -> None:
        self.root = root


class Objects(Ground):
    """What blob containers and buckets have in common: flat keys with metadata."""

    def holds(self, path: bytes, node: Node) -> bool:
        decodable = path.decode(errors="replace").encode() == path
        return decodable and not set(path) & set(range(32)) and b"\\" not in path

    def put(self, path: bytes, node: Node) -> None:
        match node.kind:
            case "file":
                self.write(path.decode(), node.content, {})
            case "directory":
                self.mark(path.decode())
            case _:
                self.write(path.decode(), node.text, {SYMLINK: "true"})

    def known(self, tree: Tree) -> Tree:
        # Put there by others, so without our metadata: the time is that of the upload.
        return {path: replace(node, mtime_ns=None) for path, node in tree.items()}

    def look(self) -> Tree:
        tree: Tree = {}
        keys = self.keys()
        with ThreadPoolExecutor(8) as crew:
            objects = list(crew.map(self.get, keys))
        for key, (content, metadata) in zip(keys, objects, strict=True):
            path = key.rstrip("/").encode()
            told = metadata.get("modtime") or metadata.get("mtime")
            time = int(told) if told and told.isdecimal() else None
            if key.endswith("/") or metadata.get(FOLDER) == "true":
                assert not content, f"the directory {key!r} has content"
                tree[path] = Node("directory", mtime_ns=time)
            elif metadata.get(SYMLINK) == "true":
                tree[path] = Node("link", text=content, mtime_ns=time)
            else:
                tree[path] = Node("file", content, mtime_ns=time)
        for path in list(tree):
            for parent in parents(path):
                tree.setdefault(parent, Node("directory", mtime_ns=None))
        return tree

    def count(self) -> int:
        return len(self.keys())

    @abstractmethod
    def keys(self) -> list[str]:
        """All of them."""

    @abstractmethod
    def get(self, key: str) -> tuple[bytes, dict[str, str]]:
        """Content and metadata of one object."""

    @abstractmethod
    def write(self, key: str, content: bytes, metadata: dict[str, str]) -> None:
        """Make or replace an object."""

    @abstractmethod
    def mark(self, key: str) -> None:
        """Make a directory as others do."""

    @abstractmethod
    def delete(self, key: str) -> None:
        """Take one object away; one that is not there is fine."""


class Container(Objects):
    """A blob container."""

    kind = "Blob"

    def __init__(self, properties: dict[str, Any], environment: Mapping[str, str]) -> None:
        from azure.storage.blob import ContainerClient

        self.properties = properties
        account = properties["storageAccountResourceId"].rpartition("/")[2]
        key = environment[properties["credentials"]["accountKeyUri"].removeprefix("env:")]
        self.client = ContainerClient(
            properties["serviceUrl"],
            properties["blobContainerName"],
            credential={"account_name": account, "account_key": key},
        )

    def keys(self) -> list[str]:
        return [blob.name for blob in self.client.list_blobs()]

    def get(self, key: str) -> tuple[bytes, dict[str, str]]:
        got = self.client.get_blob_client(key).download_blob()
        return got.readall(), dict(got.properties.metadata or {})

    def write(self, key: str, content: bytes, metadata: dict[str, str]) -> None:
        self.client.upload_blob(key, content, overwrite=True, metadata=metadata)

    def mark(self, key: str) -> None:
        self.write(key, b"", {FOLDER: "true"})

    def delete(self, key: str) -> None:
        self.client.delete_blob(key)

    def remove(self, path: bytes, node: Node) -> None:
        self.delete(path.decode())


class Bucket(Objects):
    """An S3 bucket."""

    kind = "S3"

    def holds(self, path: bytes, node: Node) -> bool:
        # Nobody but Longshore has links there, and it writes them in parts to tell them in a listing.
        return super().holds(path, node) and node.kind != "link"

    def __init__(self, properties: dict[str, Any], environment: Mapping[str, str]) -> None:
        import boto3
        from botocore.config import Config

        self.properties = properties
        source = urlsplit(properties["sourceUri"])
        self.bucket, _, self.prefix = source.path.strip("/").partition("/")
        credentials = properties["credentials"]
        self.client = boto3.client(
            "s3",
            endpoint_url=properties.get("serviceUrl") or f"{source.scheme}://{source.netloc}",
            region_name="us-east-1",
            aws_access_key_id=environment[credentials["accessKeyUri"].removeprefix("env:")],
            aws_secret_access_key=environment[credentials["secretKeyUri"].removeprefix("env:")],
            config=Config(s3={"addressing_style": "path"}, max_pool_connections=16),
        )

    def keys(self) -> list[str]:
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=self.prefix)
        return [item["Key"] for page in pages for item in page.get("Contents", ())]

    def get(self, key: str) -> tuple[bytes, dict[str, str]]:
        got = self.client.get_object(Bucket=self.bucket, Key=key)
        return got["Body"].read(), got["Metadata"]

    def write(self, key: str, content: bytes, metadata: dict[str, str]) -> None:
        self.client.put_object(Bucket=self.bucket, Key=key, Body=content, Metadata=metadata)

    def mark(self, key: str) -> None:
        self.write(key + "/", b"", {})

    def delete(self, key: str) -> None:
        self.client.delete_object(Bucket=self.bucket, Key=key)

    def remove(self, path: bytes, node: Node) -> None:
        self.delete(path.decode() + ("/" if node.kind == "directory" else ""))


def parents(path: bytes) -> list[bytes]:
    """All directories that a path is in, the nearest last."""
    parts = path.split(b"/")[:-1]
    return [b"/".join(parts[: count + 1]) for count in range(len(parts))]


def walked(root: bytes) -> Tree:
    """What is in a directory of this machine.

    A server may still be clearing away the unfinished file of a client that was killed: that one may vanish meanwhile.
    """
    tree: Tree = {}
    for directory, directories, files in os.walk(root):
        for name in directories + files:
            full = os.path.join(directory, name)
            try:
                node = _node(full)
            except FileNotFoundError:
                if not (name.startswith(b".longshore-") and name.endswith(b".part")):
                    raise
                continue
            if node is not None:
                tree[os.path.relpath(full, root)] = node
    return tree


def _node(full: bytes) -> Node | None:
    status = os.lstat(full)
    if stat.S_ISLNK(status.st_mode):
        return Node("link", text=os.readlink(full), mtime_ns=status.st_mtime_ns)
    if stat.S_ISDIR(status.st_mode):
        return Node("directory", mtime_ns=status.st_mtime_ns)
    if stat.S_ISREG(status.st_mode):
        with open(full, "rb") as file:
            return Node("file", file.read(), mtime_ns=status.st_mtime_ns)
    return None


def digest(node: Node) -> str:
    """A node's content in a few letters, for messages."""
    return f"{node.kind} {len(node.content)} {hashlib.md5(node.content + node.text).hexdigest()[:8]}"


def clear(ground: Ground) -> None:
    """Empty a place behind everybody's back."""
    if isinstance(ground, Directory | Share):
        for entry in ground.root.iterdir():
            shutil.rmtree(entry) if entry.is_dir() and not entry.is_symlink() else entry.unlink()
    elif isinstance(ground, Objects):
        for key in ground.keys():  # noqa: SIM118 - it is no mapping
            ground.delete(key)


def ground_of(kind: str, server: Server | None, directory: Path) -> Ground:
    """A fresh place of a kind."""
    if server is None:
        return Directory(directory)
    properties = server.fresh_place()
    match kind:
        case "Blob":
            return Container(properties, server.environment)
        case "S3":
            return Bucket(properties, server.environment)
        case _:
            return Share(properties, server.path(properties["shareName"]))  # type: ignore[attr-defined]
