"""The eight endpoint types: what properties each has, as one discriminated union.

Names are ARM's (camelCase in files and JSON, snake_case in Python). A location is fixed when the
endpoint is created; a credential reference and the description may change. Source: reference §1.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self
from urllib.parse import SplitResult, urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter, model_validator
from pydantic.alias_generators import to_camel

from store.errors import InvalidInput
from store.rules import valid_credential_reference, valid_directory
from store.vocabulary import EndpointType

SMB_PORT = 445
_HOST = re.compile(r"(?=.{1,253}$)[A-Za-z0-9]([A-Za-z0-9-]{0,62})?(\.[A-Za-z0-9]([A-Za-z0-9-]{0,62})?)*\.?")


class ArmModel(BaseModel):
    """A pydantic model that speaks ARM's camelCase and refuses properties it does not know."""

    # The input may hold a secret in a wrong place: pydantic's error texts must not repeat it.
    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, extra="forbid", frozen=True, hide_input_in_errors=True
    )


def _rule(function: Any) -> AfterValidator:
    """One of the store's rules as a pydantic validator."""

    def check(value: str) -> str:
        try:
            return str(function(value))
        except InvalidInput as error:
            raise ValueError(error.sentence) from error

    return AfterValidator(check)


def _host(value: str) -> str:
    try:
        ipaddress.ip_address(value)
    except ValueError:
        if not _HOST.fullmatch(value):
            raise InvalidInput(f"'{value}' is not a host name or an IP address: correct it.") from None
    return value


def _export(value: str) -> str:
    """An export as its server names it: ARM's own example has no leading slash."""
    if not value:
        raise InvalidInput("An export cannot be empty: write the directory that the server exports.")
    path = valid_directory("/" + value)
    return path if value.startswith("/") else path[1:]


def _share(value: str) -> str:
    if not value or len(value) > 80 or any(c in '\\/:*?"<>|\0' or ord(c) < 32 for c in value):
        raise InvalidInput(f"'{value}' is not a share name: use 1 to 80 characters without \\ / : * ? \" < > |.")
    return value


def _container(value: str) -> str:
    if not re.fullmatch(r"\$root|\$web|[a-z0-9](?:[a-z0-9]|-(?!-)){1,61}[a-z0-9]", value):
        raise InvalidInput(f"'{value}' is not a container name: use 3 to 63 lower-case letters, digits and single '-'.")
    return value


def _resource_id(value: str) -> str:
    if len(value) < 2 or not value.startswith("/") or "\0" in value or any(c.isspace() for c in value):
        raise InvalidInput(f"'{value}' is not an ARM resource id: start it with '/subscriptions/'.")
    return value.rstrip("/")


def _source_uri(value: str) -> str:
    """HTTPS, a fully qualified name, no query and no fragment (reference §1, S3WithHMAC)."""
    parts = urlsplit(value)
    host = parts.hostname or ""
    try:
        ipaddress.ip_address(host)
        is_address = True
    except ValueError:
        is_address = False
    if parts.scheme != "https" or is_address or "." not in host or not _bare(parts):
        # A user or query may be a secret: only the host is repeated.
        raise InvalidInput(
            f"'{host}' is not in a usable source URI: write https://host.domain/bucket/prefix without "
            "user, query or fragment."
        )
    return value


def _service_url(value: str) -> str:
    """Where a service answers, if not where its name says: an emulator, a private cloud, a private link."""
    parts = urlsplit(value)
    host = parts.hostname or ""
    if parts.scheme not in ("http", "https") or not host or not _bare(parts) or any(c <= " " for c in value):
        raise InvalidInput(
            f"'{host}' is not in a usable service URL: write http://host:port or https://host:port, with a path if the "
            "service has one, and without user, query or fragment."
        )
    _host(host)
    return value.rstrip("/")


def _file_service(value: str) -> str:
    """``host`` or ``host:port``: SMB has no URL of its own."""
    parts = urlsplit(f"//{value}")
    host = parts.hostname or ""
    if not host or parts.path or not _bare(parts) or any(c <= " " for c in value):
        raise InvalidInput(f"'{host}' is not a usable file service: write its host, or host:port.")
    _host(host)
    return value


def _bare(parts: SplitResult) -> bool:
    """Whether a URL has nothing that may be a secret, and a port that is one."""
    try:
        _ = parts.port
    except ValueError:
        return False
    return not (parts.query or parts.fragment or "@" in parts.netloc)


Directory = Annotated[str, _rule(valid_directory)]
Host = Annotated[str, _rule(_host)]
Share = Annotated[str, _rule(_share)]
ResourceId = Annotated[str, _rule(_resource_id)]
CredentialReference = Annotated[str, _rule(valid_credential_reference)]
ServiceUrl = Annotated[str, _rule(_service_url)]
Port = Annotated[int, Field(strict=True, ge=1, le=65535)]


class SmbCredentials(ArmModel):
    """References to a user name and a password: never the values."""

    type: Literal["AzureKeyVaultSmb"] = "AzureKeyVaultSmb"
    username_uri: CredentialReference | None = None
    password_uri: CredentialReference | None = None


class S3Credentials(ArmModel):
    """References to an HMAC key pair: never the values."""

    type: Literal["AzureKeyVaultS3WithHMAC"] = "AzureKeyVaultS3WithHMAC"
    access_key_uri: CredentialReference | None = None
    secret_key_uri: CredentialReference | None = None


class BlobCredentials(ArmModel):
    """A reference to one of the secrets that open a storage account; without one the agent uses its own identity."""

    type: Literal["AzureStorageAccount"] = "AzureStorageAccount"
    account_key_uri: CredentialReference | None = None
    sas_token_uri: CredentialReference | None = None
    connection_string_uri: CredentialReference | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if sum(map(bool, (self.account_key_uri, self.sas_token_uri, self.connection_string_uri))) > 1:
            raise ValueError("one of accountKeyUri, sasTokenUri and connectionStringUri is enough: remove the others.")
        return self


class ShareCredentials(ArmModel):
    """A reference to the key of a storage account: by SMB the account's name is the user."""

    type: Literal["AzureStorageAccount"] = "AzureStorageAccount"
    account_key_uri: CredentialReference | None = None


class LocalPath(ArmModel):
    """A directory that the agent sees. Longshore's own type."""

    endpoint_type: Literal[EndpointType.LOCAL_PATH] = EndpointType.LOCAL_PATH
    path: Directory

    def place(self) -> str:
        return self.path

    def location_key(self) -> str:
        return f"local:{self.path.rstrip('/')}"


class NfsMount(ArmModel):
    endpoint_type: Literal[EndpointType.NFS_MOUNT] = EndpointType.NFS_MOUNT
    host: Host
    export: Annotated[str, _rule(_export)]
    nfs_version: Literal["NFSauto", "NFSv3", "NFSv4"] = "NFSauto"

    def place(self) -> str:
        return f"{self.host}:{self.export}"

    def location_key(self) -> str:
        return f"nfs:{_host_key(self.host)}:/{self.export.strip('/')}".rstrip("/")


class SmbMount(ArmModel):
    endpoint_type: Literal[EndpointType.SMB_MOUNT] = EndpointType.SMB_MOUNT
    host: Host
    share_name: Share
    port: Port | None = None
    """Longshore's own: where the server listens, if not on 445."""
    credentials: SmbCredentials | None = None

    def place(self) -> str:
        port = f":{self.port}" if self.port not in (None, SMB_PORT) else ""
        return f"\\\\{self.host}{port}\\{self.share_name}"

    def location_key(self) -> str:
        return _smb_key(self.host, self.port, self.share_name)


class AzureStorageBlobContainer(ArmModel):
    endpoint_type: Literal[EndpointType.AZURE_STORAGE_BLOB_CONTAINER] = EndpointType.AZURE_STORAGE_BLOB_CONTAINER
    storage_account_resource_id: ResourceId
    blob_container_name: Annotated[str, _rule(_container)]
    service_url: ServiceUrl | None = None
    """Longshore's own: where the account's blobs are, if not at https://ACCOUNT.blob.core.windows.net."""
    credentials: BlobCredentials | None = None
    """Longshore's own: without it the agent uses its own identity."""

    def place(self) -> str:
        account = _last(self.storage_account_resource_id)
        service = account if self._usual() else _without_scheme(self.service_url or "")
        return f"{service}/{self.blob_container_name}"

    def location_key(self) -> str:
        service = self.storage_account_resource_id.lower() if self._usual() else _url_key(self.service_url or "")
        return f"blob:{service}/{self.blob_container_name}"

    def _usual(self) -> bool:
        """Whether the service is the account's own, under whichever name of Azure's clouds."""
        account = _last(self.storage_account_resource_id).lower()
        url = urlsplit(self.service_url or "")
        return not self.service_url or (not url.path and (url.hostname or "").startswith(f"{account}.blob."))


class AzureStorageSmbFileShare(ArmModel):
    endpoint_type: Literal[EndpointType.AZURE_STORAGE_SMB_FILE_SHARE] = EndpointType.AZURE_STORAGE_SMB_FILE_SHARE
    storage_account_resource_id: ResourceId
    file_share_name: Share
    service_url: Annotated[str, _rule(_file_service)] | None = None
    """Longshore's own: ``host`` or ``host:port`` of the file service, if not ACCOUNT.file.core.windows.net."""
    credentials: ShareCredentials | None = None
    """Longshore's own: without it a share that is mounted already is used."""

    def place(self) -> str:
        service = _last(self.storage_account_resource_id) if self._usual() else self.service_url
        return f"{service}/{self.file_share_name}"

    def location_key(self) -> str:
        if self._usual():
            return f"share:{self.storage_account_resource_id.lower()}/{self.file_share_name.lower()}"
        service = urlsplit(f"//{self.service_url}")
        return _smb_key(service.hostname or "", service.port, self.file_share_name)

    def _usual(self) -> bool:
        """Whether the service is the account's own, under whichever name of Azure's clouds."""
        account = _last(self.storage_account_resource_id).lower()
        return not self.service_url or self.service_url.lower().startswith(f"{account}.file.")


class AzureStorageNfsFileShare(ArmModel):
    endpoint_type: Literal[EndpointType.AZURE_STORAGE_NFS_FILE_SHARE] = EndpointType.AZURE_STORAGE_NFS_FILE_SHARE
    storage_account_resource_id: ResourceId
    file_share_name: Share

    def place(self) -> str:
        return f"{_last(self.storage_account_resource_id)}/{self.file_share_name}"

    def location_key(self) -> str:
        return f"share:{self.storage_account_resource_id.lower()}/{self.file_share_name.lower()}"


class S3WithHmac(ArmModel):
    endpoint_type: Literal[EndpointType.S3_WITH_HMAC] = EndpointType.S3_WITH_HMAC
    source_uri: Annotated[str, _rule(_source_uri)]
    source_type: Literal["MINIO", "IBM", "GCS", "ALIBABA", "DELL_EMC", "OTHER"] = "OTHER"
    other_source_type_description: str | None = None
    service_url: ServiceUrl | None = None
    """Longshore's own: scheme, host and port instead of the source URI's, whose path is still bucket and prefix."""
    credentials: S3Credentials | None = None

    def place(self) -> str:
        if not self.service_url:
            return self.source_uri.removeprefix("https://")
        return _without_scheme(self.service_url) + urlsplit(self.source_uri).path

    def location_key(self) -> str:
        path = urlsplit(self.source_uri).path.rstrip("/")
        if self.service_url:
            return f"s3:{_url_key(self.service_url)}{path}"
        return f"s3:{_url_key(self.source_uri.removesuffix(urlsplit(self.source_uri).path))}{path}"

    @model_validator(mode="after")
    def _described(self) -> Self:
        if self.other_source_type_description and self.source_type != "OTHER":
            raise ValueError("otherSourceTypeDescription goes with sourceType OTHER only: remove it.")
        return self


class AzureMultiCloudConnector(ArmModel):
    endpoint_type: Literal[EndpointType.AZURE_MULTI_CLOUD_CONNECTOR] = EndpointType.AZURE_MULTI_CLOUD_CONNECTOR
    multi_cloud_connector_id: ResourceId
    aws_s3_bucket_id: ResourceId
    service_url: ServiceUrl | None = None
    """Longshore's own: where the bucket is, if not at AWS."""
    credentials: S3Credentials | None = None
    """Longshore's own: without it the agent uses its own AWS identity."""

    def place(self) -> str:
        bucket = _last(self.aws_s3_bucket_id)
        return f"{_without_scheme(self.service_url)}/{bucket}" if self.service_url else bucket

    def location_key(self) -> str:
        if self.service_url:
            return f"s3:{_url_key(self.service_url)}/{_last(self.aws_s3_bucket_id)}"
        return f"connector:{self.aws_s3_bucket_id.lower()}"


def _without_scheme(url: str) -> str:
    return url.partition("://")[2]


def _url_key(url: str) -> str:
    """A URL spelled one way only: by http and by https it is the same place."""
    parts = urlsplit(url)
    port = "" if parts.port in (None, 80, 443) else f":{parts.port}"
    return f"{_host_key(parts.hostname or '')}{port}{parts.path.rstrip('/')}"


def _smb_key(host: str, port: int | None, share: str) -> str:
    at = "" if port in (None, SMB_PORT) else f":{port}"
    return f"smb:{_host_key(host)}{at}/{share.lower()}"


def _host_key(host: str) -> str:
    return host.lower().rstrip(".")


def _last(resource_id: str) -> str:
    return resource_id.rsplit("/", 1)[-1]


EndpointProperties = Annotated[
    LocalPath
    | NfsMount
    | SmbMount
    | AzureStorageBlobContainer
    | AzureStorageSmbFileShare
    | AzureStorageNfsFileShare
    | S3WithHmac
    | AzureMultiCloudConnector,
    Field(discriminator="endpoint_type"),
]
"""Any endpoint's properties. ``place()`` is the location as an admin writes it; ``location_key()``
is the same place spelled one way only, so that two endpoints can be compared."""

endpoint_properties: TypeAdapter[EndpointProperties] = TypeAdapter(
    EndpointProperties, config=ConfigDict(hide_input_in_errors=True)
)

CHANGEABLE = frozenset({"credentials", "aws_s3_bucket_id"})
"""Properties that may change after creation; every other one is part of the location."""


def parse(properties: dict[str, Any]) -> EndpointProperties:
    """Endpoint properties from ARM's camelCase mapping; pydantic's ValidationError if they are wrong."""
    return endpoint_properties.validate_python(properties)


def place_of(snapshot: Mapping[str, Any]) -> str:
    """The place in a run's snapshot of an endpoint, which holds its name and common properties beside those of its
    type."""
    common = ("name", "description", "endpointKind")
    return parse({key: value for key, value in snapshot.items() if key not in common}).place()


def to_arm(properties: EndpointProperties) -> dict[str, Any]:
    """The properties as ARM writes them, without those that are not set."""
    return endpoint_properties.dump_python(properties, mode="json", by_alias=True, exclude_none=True)  # type: ignore[no-any-return]
