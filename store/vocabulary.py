"""The words of the field as enums: Azure Storage Mover's names and values (API 2025-12-01).

Standard library only: workers and the first frame of the screen import this.
Every value is spelled as ARM spells it, so that what an admin already knows holds here.
"""

from __future__ import annotations

from enum import StrEnum


class AgentStatus(StrEnum):
    """State of an agent's registration and heartbeat (reference §1, AgentStatus)."""

    REGISTERING = "Registering"
    OFFLINE = "Offline"
    ONLINE = "Online"
    EXECUTING = "Executing"
    REQUIRES_ATTENTION = "RequiresAttention"
    UNREGISTERING = "Unregistering"


class JobRunStatus(StrEnum):
    """State of one copy pass (reference §1, JobRunStatus)."""

    QUEUED = "Queued"
    STARTED = "Started"
    RUNNING = "Running"
    PAUSED_BY_BANDWIDTH_MANAGEMENT = "PausedByBandwidthManagement"
    CANCEL_REQUESTED = "CancelRequested"
    CANCELING = "Canceling"
    CANCELED = "Canceled"
    FAILED = "Failed"
    SUCCEEDED = "Succeeded"


class DefinitionState(StrEnum):
    """What came of a definition's latest run, in the order in which an admin looks: what failed first."""

    FAILED = "Failed"
    ACTIVE = "Active"
    """It has not ended."""
    CANCELED = "Canceled"
    NEVER = "Never"
    """There was none."""
    SUCCEEDED = "Succeeded"


class ScanStatus(StrEnum):
    """How far the scan is; it moves beside the run's status (reference §1, JobRunScanStatus)."""

    NOT_STARTED = "NotStarted"
    SCANNING = "Scanning"
    COMPLETED = "Completed"


class CopyMode(StrEnum):
    """What a pass does to files that exist on one side only."""

    ADDITIVE = "Additive"
    """Merge: make every source item exist and match in the target; touch nothing else."""
    MIRROR = "Mirror"
    """Also delete from the target what the source no longer has."""


class RunKind(StrEnum):
    """What a job run is for (DESIGN §5)."""

    COPY = "Copy"
    PREVIEW = "Preview"
    """Compare, record what a copy would do, and end."""
    VERIFY = "Verify"
    """Compare source and target fully, content included, and change nothing."""


class Compare(StrEnum):
    """How a pass decides that a file's content is right already."""

    SIZE_AND_TIME = "sizeAndTime"
    CHECKSUM = "checksum"
    """Read both files: it also finds what changed without a change of size and time (fault F17)."""


class Durability(StrEnum):
    """When what was written is made to survive a power cut."""

    END_OF_RUN = "endOfRun"
    """Once, before the run says Succeeded."""
    EVERY_FILE = "everyFile"
    """Before each file is put in place, too."""


class Guard(StrEnum):
    """What can stop a run's deletes; its name is what an admin types to override it (DESIGN §5)."""

    SOURCE_IDENTITY = "SourceIdentity"
    """The source root is not the directory that the definition's first run read."""
    SOURCE_REPLACED = "SourceReplaced"
    """The source's path has come to lead elsewhere while the run went on."""
    SOURCE_EMPTY = "SourceEmpty"
    SOURCE_SHRUNK = "SourceShrunk"
    """The source holds far fewer items than the last pass found."""
    DELETE_PERCENT = "DeletePercent"
    DELETE_COUNT = "DeleteCount"


class PlannedAction(StrEnum):
    """What a preview says of an item, and a plan has done."""

    COPY = "copy"
    """Make what the target does not have."""
    REPLACE = "replace"
    """Write anew what is another in the target."""
    REPAIR = "repair"
    """Set metadata; the content does not travel."""
    LINK = "link"
    """Make a further name of a file that is copied under another one."""
    DELETE = "delete"
    KEEP = "keep"
    """The source does not have it, and something keeps it from being deleted."""
    SKIP = "skip"
    """Nothing is to be done, or nothing can be."""


class Outcome(StrEnum):
    """What became of one item of a run: exactly one for every scanned item (DESIGN §5)."""

    TRANSFERRED = "Transferred"
    NO_TRANSFER_NEEDED = "NoTransferNeeded"
    EXCLUDED = "Excluded"
    UNSUPPORTED = "Unsupported"
    FAILED = "Failed"
    CHANGED = "Changed"
    DELETED = "Deleted"
    DELETE_WITHHELD = "DeleteWithheld"


SCANNED_OUTCOMES = (
    Outcome.TRANSFERRED,
    Outcome.NO_TRANSFER_NEEDED,
    Outcome.EXCLUDED,
    Outcome.UNSUPPORTED,
    Outcome.FAILED,
    Outcome.CHANGED,
)
"""The outcomes of source items: their counters add up to what was scanned when a run ends.
``Deleted`` and ``DeleteWithheld`` are outcomes of target items and stand beside the sum."""


class ItemKind(StrEnum):
    """What an item of a tree is."""

    FILE = "F"
    DIRECTORY = "D"
    SYMLINK = "L"
    SPECIAL = "S"
    """A FIFO, socket or device."""


class JobType(StrEnum):
    ON_PREM_TO_CLOUD = "OnPremToCloud"
    CLOUD_TO_CLOUD = "CloudToCloud"


class DataIntegrityValidation(StrEnum):
    SAVE_VERIFY_FILE_MD5 = "SaveVerifyFileMD5"
    SAVE_FILE_MD5 = "SaveFileMD5"
    NONE = "None"


class TriggerType(StrEnum):
    MANUAL = "Manual"
    SCHEDULED = "Scheduled"


class EndpointType(StrEnum):
    """The eight kinds of place; ``LocalPath`` is Longshore's own, the rest are Storage Mover's."""

    LOCAL_PATH = "LocalPath"
    NFS_MOUNT = "NfsMount"
    SMB_MOUNT = "SmbMount"
    AZURE_STORAGE_BLOB_CONTAINER = "AzureStorageBlobContainer"
    AZURE_STORAGE_SMB_FILE_SHARE = "AzureStorageSmbFileShare"
    AZURE_STORAGE_NFS_FILE_SHARE = "AzureStorageNfsFileShare"
    S3_WITH_HMAC = "S3WithHMAC"
    AZURE_MULTI_CLOUD_CONNECTOR = "AzureMultiCloudConnector"


class EndpointKind(StrEnum):
    SOURCE = "Source"
    TARGET = "Target"


class GrantPermission(StrEnum):
    """What an access grant allows its agent to do on its endpoint."""

    READ = "Read"
    WRITE = "Write"


class EndpointTestStatus(StrEnum):
    """How far an agent's test of an endpoint is. ``Expired``: no agent answered in time."""

    QUEUED = "Queued"
    RUNNING = "Running"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    EXPIRED = "Expired"


class ConnectionStatus(StrEnum):
    APPROVED = "Approved"
    REJECTED = "Rejected"
    DISCONNECTED = "Disconnected"
    PENDING = "Pending"
    STALE = "Stale"


class DayOfWeek(StrEnum):
    MONDAY = "Monday"
    TUESDAY = "Tuesday"
    WEDNESDAY = "Wednesday"
    THURSDAY = "Thursday"
    FRIDAY = "Friday"
    SATURDAY = "Saturday"
    SUNDAY = "Sunday"


class Frequency(StrEnum):
    MONTHLY = "Monthly"
    WEEKLY = "Weekly"
    DAILY = "Daily"
    ONETIME = "Onetime"
    NONE = "None"
