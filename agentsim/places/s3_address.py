"""Where a bucket is: from an endpoint's properties to a server, a bucket and a prefix. No I/O."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import SplitResult, quote, unquote, urlsplit

from store.vocabulary import EndpointType

_AWS: Final = re.compile(r"s3(?:[.-](?P<region>[a-z]{2}(?:-[a-z0-9]+)+-\d))?\.amazonaws\.com(?:\.cn)?")
"""Amazon's own servers, and the region in their name."""

DEFAULT_REGION: Final = "us-east-1"
"""What signatures are made with where no name says the region; Amazon's servers redirect, others do not mind."""


class AddressUnusable(ValueError):
    """The properties lead to no bucket; the text says why, for the admin."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """One bucket, or a part of it.

    Attributes:
        server: URL of the server, without a path, or empty for Amazon's own.
        host: its name, to be reached.
        port: its TCP port.
        region: as signatures name it.
        bucket: name.
        prefix: what every key below the endpoint's root begins with; empty, or with a slash at its end.
    """

    server: str
    host: str
    port: int
    region: str
    bucket: str
    prefix: str

    @property
    def place(self) -> str:
        """The same text for the same root, whatever way the properties name it, without blanks."""
        origin = self.server or "https://s3.amazonaws.com"
        return f"{origin}/{quote(self.bucket)}/{quote(self.prefix)}".rstrip("/")


def address_of(properties: Mapping[str, Any]) -> Address:
    """Read ``sourceUri`` or ``awsS3BucketId``, and ``serviceUrl`` where it is set.

    Raises:
        AddressUnusable: they cannot be used.
    """
    service = str(properties.get("serviceUrl") or "")
    if properties.get("endpointType") == EndpointType.AZURE_MULTI_CLOUD_CONNECTOR:
        bucket, prefix = re.split("[/:]", str(properties["awsS3BucketId"]))[-1], ""
        url = _split(service or "https://s3.amazonaws.com")
    else:
        source = _split(str(properties["sourceUri"]))
        bucket, _, prefix = unquote(source.path).lstrip("/").partition("/")
        url = _split(service) if service else source
    if not bucket:
        raise AddressUnusable("the address names no bucket")
    host = (url.hostname or "").lower()
    if url.scheme == "http" and not _is_loopback(host):
        raise AddressUnusable("plain http is for this machine only, write https")
    port = url.port or (443 if url.scheme == "https" else 80)
    aws = None if service else _AWS.fullmatch(host)
    named = f"[{host}]" if ":" in host else host
    return Address(
        server="" if aws else f"{url.scheme}://{named}" + (f":{url.port}" if url.port else ""),
        host=host,
        port=port,
        region=(aws["region"] if aws else None) or _region_of(host),
        bucket=bucket,
        prefix=prefix.rstrip("/") + "/" if prefix.rstrip("/") else "",
    )


def _split(text: str) -> SplitResult:
    url = urlsplit(text)
    if url.scheme not in ("http", "https") or not url.hostname:
        raise AddressUnusable("the address is no http or https URL")
    return url


def _region_of(host: str) -> str:
    """The region that a private endpoint of Amazon's is in (``bucket.vpce-1a2b.s3.eu-west-1.vpce.amazonaws.com``)."""
    found = re.search(r"\.s3\.([a-z]{2}(?:-[a-z0-9]+)+-\d)\.", host)
    return found[1] if found else DEFAULT_REGION


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
