"""The eight endpoint types: what properties each has, as one discriminated union.

Names are ARM's (camelCase in files and JSON, snake_case in Python). A location is fixed when the
endpoint is created; a credential reference and the description may change. Source: reference §1.
"""

from __future__ import annotations

import ipaddress
import re
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter, model_validator
from pydantic.alias_generators import to_camel

from store.errors import InvalidInput
from store.rules import valid_credential_reference, valid_directory
from store.vocabulary import EndpointType

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
    if parts.scheme != "https" or is_address or "." not in host or parts.query or parts.fragment or parts.username:
        # A user or query may be a secret: only the host is repeated.
        raise InvalidInput(
            f"'{host}' is not in a usable source URI: write https://host.domain/bucket/prefix without "
            "user, query or fragment."
        )
    return value


Directory = Annotated[str, _rule(valid_directory)]
Host = Annotated[str, _rule(_host)]
Share = Annotated[str, _rule(_share)]
ResourceId = Annotated[str, _rule(_resource_id)]
CredentialReference = Annotated[str, _rule(valid_credential_reference)]


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
    credentials: SmbCredentials | None = None

    def place(self) -> str:
        return f"\\\\{self.host}\\{self.share_name}"

    def location_key(self) -> str:
        return f"smb:{_host_key(self.host)}/{self.share_name.lower()}"


class AzureStorageBlobContainer(ArmModel):
    endpoint_type: Literal[EndpointType.AZURE_STORAGE_BLOB_CONTAINER] = EndpointType.AZURE_STORAGE_BLOB_CONTAINER
    storage_account_resource_id: ResourceId
    blob_container_name: Annotated[str, _rule(_container)]

    def place(self) -> str:
        return f"{_last(self.storage_account_resource_id)}/{self.blob_container_name}"

    def location_key(self) -> str:
        return f"blob:{self.storage_account_resource_id.lower()}/{self.blob_container_name}"


class AzureStorageSmbFileShare(ArmModel):
    endpoint_type: Literal[EndpointType.AZURE_STORAGE_SMB_FILE_SHARE] = EndpointType.AZURE_STORAGE_SMB_FILE_SHARE
    storage_account_resource_id: ResourceId
    file_share_name: Share

    def place(self) -> str:
        return f"{_last(self.storage_account_resource_id)}/{self.file_share_name}"

    def location_key(self) -> str:
        return f"share:{self.storage_account_resource_id.lower()}/{self.file_share_name.lower()}"


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
    credentials: S3Credentials | None = None

    def place(self) -> str:
        return self.source_uri.removeprefix("https://")

    def location_key(self) -> str:
        parts = urlsplit(self.source_uri)
        port = f":{parts.port}" if parts.port not in (None, 443) else ""
        return f"s3:{_host_key(parts.hostname or '')}{port}{parts.path.rstrip('/')}"

    @model_validator(mode="after")
    def _described(self) -> Self:
        if self.other_source_type_description and self.source_type != "OTHER":
            raise ValueError("otherSourceTypeDescription goes with sourceType OTHER only: remove it.")
        return self


class AzureMultiCloudConnector(ArmModel):
    endpoint_type: Literal[EndpointType.AZURE_MULTI_CLOUD_CONNECTOR] = EndpointType.AZURE_MULTI_CLOUD_CONNECTOR
    multi_cloud_connector_id: ResourceId
    aws_s3_bucket_id: ResourceId

    def place(self) -> str:
        return _last(self.aws_s3_bucket_id)

    def location_key(self) -> str:
        return f"connector:{self.aws_s3_bucket_id.lower()}"


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


def to_arm(properties: EndpointProperties) -> dict[str, Any]:
    """The properties as ARM writes them, without those that are not set."""
    return endpoint_properties.dump_python(properties, mode="json", by_alias=True, exclude_none=True)  # type: ignore[no-any-return]
