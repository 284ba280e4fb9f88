"""What processes inherit of the agent's environment, in which an admin puts the secrets of all endpoints.

A worker gets what the system, Python and the network libraries need, and of the rest only what its own run names.
What a worker starts, such as ``mount``, gets no secret at all.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Final

from store.rules import CREDENTIAL_REFERENCE
from store.vocabulary import EndpointType

_PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_KEPT: Final = frozenset({"HOME", "LANG", "LC_ALL", "TMPDIR", "TZ"})
_OF_THE_SYSTEM: Final = _KEPT | {
    *("PATH", "USER", "LOGNAME", "LANGUAGE", "TMP", "TEMP", "LD_LIBRARY_PATH", "VIRTUAL_ENV", "LONGSHORE_STATE"),
    *("DBUS_SESSION_BUS_ADDRESS", "KEYRING_PROPERTY", "KRB5CCNAME", "KRB5_CONFIG"),
    *("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "all_proxy", "no_proxy"),
    *("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"),
}
_FAMILIES: Final = ("LC_", "PYTHON", "XDG_", "COV_", "COVERAGE_")
_AZURE: Final = ("AZURE_", "IDENTITY_", "IMDS_", "MSI_")
_AWS: Final = ("AWS_", "BOTO_")
"""How the variables begin by which the two default chains find an identity."""

_S3: Final = {EndpointType.S3_WITH_HMAC, EndpointType.AZURE_MULTI_CLOUD_CONNECTOR}
_REFERENCE: Final = "env:"


def clean_environment() -> dict[str, str]:
    """A new environment without any credential; programs are looked for where a system keeps them."""
    return {"PATH": _PATH, **{name: os.environ[name] for name in sorted(_KEPT) if name in os.environ}}


def worker_environment(errand: object) -> dict[str, str]:
    """What a worker inherits.

    Args:
        errand: what it is for: a message's values, with the properties of its endpoints somewhere in them.
    """
    named = set(variables_of(errand))
    types = {value for key, value in _texts(errand) if key == "endpointType"}
    families = list(_FAMILIES)
    if EndpointType.AZURE_STORAGE_BLOB_CONTAINER in types or any("/secrets/" in value for _, value in _texts(errand)):
        families += _AZURE
    if types & _S3:
        families += _AWS
    return {
        name: value
        for name, value in os.environ.items()
        if name in _OF_THE_SYSTEM or name in named or name.startswith(tuple(families))
    }


def variables_of(properties: object) -> Iterator[str]:
    """The names of all variables that some properties refer to, however deep."""
    for _, value in _texts(properties):
        if value.startswith(_REFERENCE) and CREDENTIAL_REFERENCE.fullmatch(value):
            yield value.removeprefix(_REFERENCE)


def _texts(value: object, key: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _texts(inner, str(name))
    elif isinstance(value, tuple | list):
        for inner in value:
            yield from _texts(inner, key)
    elif isinstance(value, str):
        yield key, str(value)
