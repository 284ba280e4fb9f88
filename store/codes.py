"""Status codes of runs and items: what happened, and what an admin can do about it.

``AZSM`` codes are Azure Storage Mover's own, spelled and scoped as its documentation has them
(reference, "Status codes"). ``LSM`` codes are Longshore's, for what Azure has no word for:
``LSM1xxx`` end a run or stop a part of it, ``LSM2xxx`` belong to one item.

Standard library only: workers import this.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from store.vocabulary import Guard


class StatusCode(NamedTuple):
    """One code, a title of a few words, and the next step for the person who reads it."""

    code: str
    title: str
    advice: str


CATALOGUE: Final[dict[str, StatusCode]] = {}
"""Every code that Longshore can record, by its spelling."""


def _code(code: str, title: str, advice: str) -> str:
    CATALOGUE[code] = StatusCode(code, title, advice)
    return code


SUCCESS: Final = _code("AZSM0000", "Success", "")

# Runs: Azure's codes.
SOURCE_SCAN: Final = _code(
    "AZSM1002", "The source could not be listed", "Check the source's disks or its server, then copy again."
)
SOURCE_PERMISSION: Final = _code(
    "AZSM1003", "No permission on the source directory", "Give the agent's user read access to the source root."
)
SOURCE_PATH_INVALID: Final = _code(
    "AZSM1004",
    "The source path is missing or not a directory",
    "Check that the source is there, and mounted, and that the sub-path exists and holds no link and no '..'.",
)
TARGET_PERMISSION: Final = _code(
    "AZSM1021", "No permission on the target directory", "Give the agent's user write access to the target root."
)
TARGET_PATH_INVALID: Final = _code(
    "AZSM1022",
    "The target path is missing or not a directory",
    "Check that the target is there, and mounted: its root is never created, since it may be an unmounted share.",
)
TARGET_BUSY: Final = _code(
    "AZSM1027",
    "Another run writes to this target",
    "Wait for the other run to end. If there is none, look for a hung worker process on the agent's host.",
)

SOURCE_MOUNT: Final = _code(
    "AZSM1001",
    "The source is not mounted",
    "Mount the share on the agent's host, or run the agent as root so that it may.",
)
TARGET_AUTHORIZATION: Final = _code(
    "AZSM1024",
    "The agent may not write to the target",
    "Give the identity that the credential belongs to the right to list, read, write and delete there.",
)
SOURCE_AUTHENTICATION: Final = _code(
    "AZSM1025",
    "The source refuses the credential",
    "Check the endpoint's credential reference, and whether the secret behind it has expired.",
)
KEY_VAULT: Final = _code(
    "AZSM1028",
    "A secret could not be read from the key vault",
    "Give the agent's identity the role Key Vault Secrets User, and check the secret's URI.",
)

# Runs: Longshore's codes.
OVERLAP: Final = _code(
    "LSM1001",
    "Source and target overlap",
    "Choose a target that is neither the source, nor inside it, nor around it.",
)
ORDER_REFUSED: Final = _code(
    "LSM1002", "The worker refused its order", "Agent and worker do not match: reinstall the agent."
)
SOME_ITEMS_FAILED: Final = _code(
    "LSM1010", "Some items failed", "See the failed items, mend what they name, and start the next pass."
)
TARGET_FULL: Final = _code(
    "LSM1011", "The target is full", "Free or add space on the target, then start the run again: it goes on."
)
TARGET_QUOTA: Final = _code(
    "LSM1012", "A quota on the target is used up", "Raise the quota, then start the run again: it goes on."
)
TARGET_READ_ONLY: Final = _code(
    "LSM1013",
    "The target is mounted read-only",
    "Look at the target's kernel log: a file system turns read-only after errors.",
)
TARGET_NOT_DURABLE: Final = _code(
    "LSM1014",
    "The target could not store what was written",
    "Look at the target's kernel log and disks, then start the run again with verification.",
)
DELETES_WITHHELD: Final = _code(
    "LSM1015", "Some deletes were withheld", "See the withheld items: each says what kept it."
)
AGENT_FULL: Final = _code(
    "LSM1016",
    "The agent's host has no space for work files",
    "Free space in the agent's temporary directory, then start the run again: it goes on.",
)
TARGET_MOUNT: Final = _code(
    "LSM1020",
    "The target is not mounted",
    "Mount the share on the agent's host, or run the agent as root so that it may.",
)
SOURCE_UNREACHABLE: Final = _code(
    "LSM1021",
    "The source cannot be reached",
    "Check the name, network and firewall between the agent and the source, then start the run again: it goes on.",
)
TARGET_UNREACHABLE: Final = _code(
    "LSM1022",
    "The target cannot be reached",
    "Check the name, network and firewall between the agent and the target, then start the run again: it goes on.",
)
TARGET_AUTHENTICATION: Final = _code(
    "LSM1023",
    "The target refuses the credential",
    "Check the endpoint's credential reference, and whether the secret behind it has expired.",
)
SOURCE_AUTHORIZATION: Final = _code(
    "LSM1024",
    "The agent may not read the source",
    "Give the identity that the credential belongs to the right to list and read there.",
)
CREDENTIAL_UNRESOLVED: Final = _code(
    "LSM1025",
    "A credential reference leads to no secret",
    "Set the variable or make the file where the agent runs, readable by the agent's user alone.",
)
GRANT_ENDED: Final = _code(
    "LSM1026",
    "The agent's access grant has ended",
    "Start a new run: starting it grants the agent access again.",
)
LIBRARY_MISSING: Final = _code(
    "LSM1027",
    "The agent lacks the library for this type of endpoint",
    "Install it where the agent runs, as the message says, and start the agent again.",
)
TRASH_UNSUPPORTED: Final = _code(
    "LSM1028",
    "This target cannot keep a trash",
    "Turn the trash off in the definition, or choose another target.",
)
LISTING_UNORDERED: Final = _code(
    "LSM1029",
    "A server lists its items in an order that cannot be followed",
    "Nothing was deleted. Report the server and its version.",
)
COUNTERS_DISAGREE: Final = _code(
    "LSM1019", "The run's counters do not add up", "This is a fault in Longshore: report it with the run's log."
)
SOURCE_REPLACED: Final = _code(
    "LSM1101",
    "The source root is gone or is another directory than at the start",
    "Nothing was deleted. Check that the source is mounted, and do not recreate it empty.",
)
SOURCE_EMPTY: Final = _code(
    "LSM1102",
    "The source is empty and the target is not",
    "Nothing was deleted. Check that the source is mounted, and do not recreate it empty.",
)

SOURCE_IDENTITY: Final = _code(
    "LSM1103",
    "The source root is not the one of the first run",
    "Check that the right source is mounted. If it was moved on purpose, start with --override SourceIdentity.",
)
SOURCE_SHRUNK: Final = _code(
    "LSM1104",
    "The source holds far fewer items than last time",
    "Nothing was deleted. Check that all of the source is there; then start with --override SourceShrunk.",
)
TOO_LARGE_A_SHARE: Final = _code(
    "LSM1105",
    "Too large a share of the target would be deleted",
    "Nothing was deleted. Look at a preview; if the deletes are right, start with --override DeletePercent.",
)
TOO_MANY_DELETES: Final = _code(
    "LSM1106",
    "Too many items of the target would be deleted",
    "Nothing was deleted. Look at a preview; if the deletes are right, start with --override DeleteCount.",
)
VERIFY_DIFFERENCES: Final = _code(
    "LSM1201",
    "The target is not like the source",
    "See the failed items: each says what differs. A copy run mends what the source still has.",
)
PLAN_INCOMPLETE: Final = _code(
    "LSM1202",
    "The plan could not be read",
    "Start a new preview, and then the plan that it makes.",
)

GUARD_CODES: Final = {
    Guard.SOURCE_REPLACED: SOURCE_REPLACED,
    Guard.SOURCE_EMPTY: SOURCE_EMPTY,
    Guard.SOURCE_IDENTITY: SOURCE_IDENTITY,
    Guard.SOURCE_SHRUNK: SOURCE_SHRUNK,
    Guard.DELETE_PERCENT: TOO_LARGE_A_SHARE,
    Guard.DELETE_COUNT: TOO_MANY_DELETES,
}
"""The code of a run that each guard stopped."""

GUARDS: Final = frozenset(GUARD_CODES.values())
"""The codes of a run that a guard stopped: the command line's exit code 3."""

# Items: Azure's codes.
ITEM_TYPE_UNSUPPORTED: Final = _code(
    "AZSM2021", "This type of file is not copied", "FIFOs, sockets and devices stay behind: recreate them by hand."
)
ITEM_NAME_TOO_LONG: Final = _code("AZSM2024", "The name is too long for the target", "Shorten the name in the source.")
ITEM_TOO_LARGE: Final = _code(
    "AZSM2026", "The file is too large for the target", "Use a target file system that holds files of this size."
)
ITEM_SOURCE_PERMISSION: Final = _code(
    "AZSM2062", "No permission to read the source item", "Give the agent's user read access to the item."
)
ITEM_SOURCE_IO: Final = _code(
    "AZSM2063", "The source item could not be read", "Check the source's disks or its server, then copy again."
)
ITEM_TARGET_PERMISSION: Final = _code(
    "AZSM2069", "No permission on the target item", "Give the agent's user write access to the item's directory."
)
ITEM_FAILED: Final = _code("AZSM2080", "The item could not be copied", "The message holds the system's error.")

# Items: Longshore's codes.
ITEM_NAME_RESERVED: Final = _code(
    "LSM2001",
    "The name is reserved for Longshore's temporary files",
    "Rename the source item, or delete it if it was left by an earlier copy.",
)
ITEM_BLOCKED_BY_DIRECTORY: Final = _code(
    "LSM2002",
    "The target has a directory of that name",
    "An Additive run deletes nothing: move the target directory away, or use Mirror.",
)
ITEM_CHANGED: Final = _code("LSM2003", "The item changed while it was read", "Copy again when it is at rest.")
ITEM_VANISHED: Final = _code("LSM2004", "The item vanished after it was listed", "Nothing to do if it was deleted.")
ITEM_REPLACE_WITHHELD: Final = _code(
    "LSM2005",
    "The target directory of that name was not deleted",
    "See the reason on the withheld deletes below this path.",
)
ITEM_NAME_COLLIDES: Final = _code(
    "LSM2006",
    "The target takes this name and another one for the same",
    "The target ignores case or how accents are written: rename one of the two in the source.",
)
ITEM_METADATA_LOST: Final = _code(
    "LSM2007",
    "Copied without some of its metadata",
    "The target's file system cannot hold what the message names; the content is there.",
)
ITEM_NOT_AS_PLANNED: Final = _code(
    "LSM2008",
    "The item changed after the plan was made",
    "It was left alone: make a new preview, or copy without a plan.",
)
ITEM_NOT_IN_PLAN: Final = _code(
    "LSM2009", "The item is not in the plan", "It is new since the preview: the next pass takes it."
)
ITEM_FILTERED: Final = _code(
    "LSM2010", "The definition's filters leave it out", "Change the filters if it is to be copied."
)
ITEM_DIGEST_DIFFERS: Final = _code(
    "LSM2011",
    "What was written reads back differently",
    "Check the target's disks and the agent's memory before copying again; what reads back wrong is not left in place.",
)
ITEM_NAME_UNSUPPORTED: Final = _code(
    "LSM2012",
    "The target cannot hold an item of this name",
    "Rename the item in the source: the message says what of the name it is.",
)
ITEM_METADATA_TOO_LARGE: Final = _code(
    "LSM2013",
    "The metadata is larger than the target keeps",
    "Copied without what did not fit, which the message names.",
)
ITEM_NAME_TAKEN: Final = _code(
    "LSM2014",
    "The source has a file and a directory of this name",
    "The target can hold only one of them: rename one in the source.",
)
ITEM_LINK_UNSUPPORTED: Final = _code(
    "LSM2015",
    "The target cannot hold a symbolic link",
    "The link was left behind: recreate it by hand where it is needed.",
)
ITEM_THROTTLED: Final = _code(
    "LSM2016",
    "The server was too busy for longer than retries last",
    "Run again when it is less busy, or with fewer helpers.",
)
VERIFY_MISSING: Final = _code("LSM2201", "The target does not have it", "Copy again.")
VERIFY_TYPE: Final = _code("LSM2202", "The target has another type of item there", "Copy again.")
VERIFY_CONTENT: Final = _code(
    "LSM2203", "The content differs", "Copy again with compare set to checksum, and check the disks of both sides."
)
VERIFY_METADATA: Final = _code("LSM2204", "The metadata differs", "Copy again.")
VERIFY_EXTRA: Final = _code("LSM2205", "The source does not have it", "A Mirror run deletes it.")
DELETE_UNLISTED: Final = _code(
    "LSM2101",
    "Kept: its source directory could not be listed",
    "Mend the failed directory and run again: only then is it known what is gone.",
)
DELETE_MOUNT: Final = _code(
    "LSM2102", "Kept: it is a mount point", "Unmount it, or leave it: Longshore never deletes across a mount."
)
DELETE_UNCHECKED: Final = _code(
    "LSM2103",
    "Kept: its absence in the source could not be confirmed",
    "Check the source, then run again.",
)
DELETE_NOT_EMPTY: Final = _code(
    "LSM2104", "Kept: something inside it was kept", "See the reason on the items below this path."
)
