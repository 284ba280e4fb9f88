"""What forms say of properties and values: labels where the property's name would not do, hints, options in words."""

from __future__ import annotations

from store.vocabulary import Compare, CopyMode, DataIntegrityValidation, Durability, EndpointKind, EndpointType

LABELS = {
    "copyMode": "Mode",
    "agentName": "Preferred agent",
    "dataIntegrityValidation": "Validation",
    "sourceName": "Source endpoint",
    "targetName": "Target endpoint",
    "sourceSubpath": "Sub-path",
    "targetSubpath": "Sub-path",
    "storageAccountResourceId": "Storage account id",
    "multiCloudConnectorId": "Connector id",
    "awsS3BucketId": "S3 bucket id",
    "sourceUri": "Source URI",
    "nfsVersion": "NFS version",
    "otherSourceTypeDescription": "What other type",
    "uploadLimitSchedule": "Upload limits",
    "uploadLimitSchedule.weeklyRecurrences": "Upload limits",
    "privateLinkServiceId": "Service id",
    "credentials.usernameUri": "User name from",
    "credentials.passwordUri": "Password from",
    "credentials.accessKeyUri": "Access key from",
    "credentials.secretKeyUri": "Secret key from",
    "credentials.accountKeyUri": "Account key from",
    "credentials.sasTokenUri": "SAS token from",
    "credentials.connectionStringUri": "Connection string from",
    "serviceUrl": "Service",
    "guards.maxDeletePercent": "Delete at most %",
    "guards.maxDeletes": "Delete at most",
    "guards.minSourcePercent": "Source at least %",
    "preservePermissions": "Permissions",
    "schedule.isActive": "Active",
    "guards": "Guards of deletes",
}
"""By the path in the body; every other label is made of the property's name."""

_REFERENCE = "a reference, never the secret: env:NAME, file:/path, keyring:service/user or a Key Vault secret URI"
_SCHEDULED = "kept with the definition; this version starts no run by itself"

HINTS = {
    "name": "1 to 64 letters, digits, '-' or '_'; it never changes",
    "description": "anything, at most 1,024 characters",
    "tags": "key=value words with blanks between them; quote one that holds a blank",
    "location": "where it is, in your own words; it never changes",
    "path": "a directory as the agent sees it, such as /srv/hr",
    "host": "the server's name or IP address",
    "export": "the directory that the server exports, such as /export/hr",
    "shareName": "the share as the server names it, without slashes",
    "endpointKind": "whether it may only be read or only be written; none: both",
    "storageAccountResourceId": "/subscriptions/.../storageAccounts/NAME",
    "blobContainerName": "3 to 63 lower-case letters, digits and single '-'",
    "fileShareName": "the share in the storage account",
    "sourceUri": "https://host.domain/bucket/prefix",
    "otherSourceTypeDescription": "only with the source type OTHER",
    "usernameUri": _REFERENCE,
    "passwordUri": _REFERENCE,
    "accessKeyUri": _REFERENCE,
    "secretKeyUri": _REFERENCE,
    "accountKeyUri": _REFERENCE,
    "sasTokenUri": _REFERENCE,
    "connectionStringUri": _REFERENCE,
    "serviceUrl": "where it answers, in a private cloud or an emulator: http://host:port; of a file share host:port",
    "port": "where the server listens; none: 445",
    "privateLinkServiceId": "the ARM id of the private link service that it leads to",
    "sourceName": "an endpoint to read from",
    "targetName": "an endpoint to write to",
    "sourceSubpath": "a directory below the endpoint; empty: all of it",
    "targetSubpath": "a directory below the endpoint, made when it is missing; empty: the endpoint itself",
    "agentName": "the agent to offer for new runs; it may be registered later",
    "jobType": "whether an agent reads the source, or one cloud the other",
    "connections": "names of private connections, with blanks between them",
    "filters.include": "patterns as in .gitignore, blanks between them; only files that match one are copied",
    "filters.exclude": "patterns as in .gitignore, blanks between them; neither copied nor deleted",
    "filters.minSize": "bytes; smaller files are left out",
    "filters.maxSize": "bytes; larger files are left out",
    "filters.minAge": "since the last change: a number and s, m, h, d or w, such as 1h",
    "filters.maxAge": "since the last change: a number and s, m, h, d or w, such as 52w",
    "preservePermissions": "whether mode, owner and access control lists travel",
    "trash": "keep what is deleted or replaced in a directory of the run's on the target",
    "guards.maxDeletePercent": "0 to 100 of the target's items: if more would go, nothing is deleted",
    "guards.maxDeletes": "a number of items: if more would go, nothing is deleted",
    "guards.minSourcePercent": "0 to 100 of what the last run found: if the source holds less, nothing is deleted",
    "schedule.frequency": _SCHEDULED,
    "schedule.isActive": _SCHEDULED,
    "schedule.startDate": "a date and time such as 2026-12-01T20:00:00Z",
    "schedule.endDate": "a date and time such as 2027-12-01T20:00:00Z",
    "schedule.daysOfWeek": "Monday to Sunday, with blanks between them",
    "schedule.daysOfMonth": "1 to 31, with blanks between them",
    "schedule.executionTime.hour": "0 to 24",
    "schedule.executionTime.minute": "0 or 30",
    "uploadLimitSchedule.weeklyRecurrences": "Mon-Fri 08:00-18:00 50; Sat,Sun 00:00-24:00 200 (Mbit/s, the agent's "
    "clock); kept, this version holds no agent to it",
    "definitions": "the same sources, targets and settings; runs and their history stay where they are",
    "project": "the project that it belongs to",
    "mover": "the storage mover that it belongs to",
}
"""By the path in the body, or by its last part."""

COMPLETES = {
    "path": "directory",
    "sourceName": "endpoint",
    "targetName": "endpoint",
    "sourceSubpath": "source",
    "targetSubpath": "target",
    "agentName": "agent",
    "project": "project",
}
"""What a field's text is completed with."""

OPTIONS: dict[str, str] = {
    CopyMode.ADDITIVE: "copies what is new or differs; deletes nothing",
    CopyMode.MIRROR: "also DELETES from the target what the source has not",
    Compare.SIZE_AND_TIME: "size and time tell whether a file is right already",
    Compare.CHECKSUM: "reads both files whole",
    "dataIntegrityValidation=None": "what was written is not read again",
    DataIntegrityValidation.SAVE_FILE_MD5: "keeps a digest of each file",
    DataIntegrityValidation.SAVE_VERIFY_FILE_MD5: "keeps a digest, and reads back what was written",
    Durability.END_OF_RUN: "on disk before the run says Succeeded",
    Durability.EVERY_FILE: "on disk before each file is put in place, too",
    EndpointKind.SOURCE: "only ever read",
    EndpointKind.TARGET: "only ever written",
    "NFSauto": "the newest that both sides speak",
    "OnPremToCloud": "an agent near the data copies it",
    "CloudToCloud": "from one cloud to the other",
}
"""What an option means, where its own word does not say it: by its word, or by ``property=word``."""


def meaning(key: str, text: str) -> str:
    """What an option of a property means; empty where its word says it."""
    return OPTIONS.get(f"{key}={text}", OPTIONS.get(text, ""))


TYPES = {
    EndpointType.LOCAL_PATH: "a directory that the agent sees, mounts included",
    EndpointType.NFS_MOUNT: "an export of an NFS server",
    EndpointType.SMB_MOUNT: "a share of an SMB server",
    EndpointType.AZURE_STORAGE_BLOB_CONTAINER: "a blob container of a storage account",
    EndpointType.AZURE_STORAGE_SMB_FILE_SHARE: "an SMB file share of a storage account",
    EndpointType.AZURE_STORAGE_NFS_FILE_SHARE: "an NFS file share of a storage account",
    EndpointType.S3_WITH_HMAC: "a bucket of an S3-compatible store, with an HMAC key",
    EndpointType.AZURE_MULTI_CLOUD_CONNECTOR: "an AWS S3 bucket behind a multicloud connector",
}
"""Every type of endpoint, in the order in which they are offered."""
