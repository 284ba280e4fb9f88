"""What an SMB server's status says in the engine's words: pure functions of numbers, without the library."""

from __future__ import annotations

from typing import Final

from agentsim.engine.errors import ItemChanged, ItemFailed, RunStopped, Side
from store import codes


class StatusError(Exception):
    """The server answered with a status that is no success.

    Attributes:
        status: the NT status.
    """

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status

    def __str__(self) -> str:
        return words(self.status)


class ConnectionLost(Exception):
    """There is no connection any more, or the server has forgotten it: make a new one and go on there."""


_NAMES: Final = {
    0x8000_0005: ("STATUS_BUFFER_OVERFLOW", "the answer does not fit"),
    0x8000_002D: ("STATUS_STOPPED_ON_SYMLINK", "a part of the path is a symbolic link"),
    0xC000_0003: ("STATUS_INVALID_INFO_CLASS", "the server does not know what was asked"),
    0xC000_000D: ("STATUS_INVALID_PARAMETER", "the server does not accept the request"),
    0xC000_000F: ("STATUS_NO_SUCH_FILE", "no such file"),
    0xC000_0010: ("STATUS_INVALID_DEVICE_REQUEST", "the server cannot do this"),
    0xC000_0022: ("STATUS_ACCESS_DENIED", "access denied"),
    0xC000_0032: ("STATUS_DISK_CORRUPT_ERROR", "the file system is damaged"),
    0xC000_0033: ("STATUS_OBJECT_NAME_INVALID", "the server does not allow the name"),
    0xC000_0034: ("STATUS_OBJECT_NAME_NOT_FOUND", "no such item"),
    0xC000_0035: ("STATUS_OBJECT_NAME_COLLISION", "there is an item of that name"),
    0xC000_0039: ("STATUS_OBJECT_PATH_INVALID", "a part of the path is no directory"),
    0xC000_003A: ("STATUS_OBJECT_PATH_NOT_FOUND", "no such directory"),
    0xC000_003B: ("STATUS_OBJECT_PATH_SYNTAX_BAD", "the server does not allow the path"),
    0xC000_003E: ("STATUS_DATA_ERROR", "data error"),
    0xC000_003F: ("STATUS_CRC_ERROR", "checksum error"),
    0xC000_0043: ("STATUS_SHARING_VIOLATION", "another program has it open and shares it with nobody"),
    0xC000_0044: ("STATUS_QUOTA_EXCEEDED", "the quota is used up"),
    0xC000_0054: ("STATUS_FILE_LOCK_CONFLICT", "another program has locked a part of it"),
    0xC000_0055: ("STATUS_LOCK_NOT_GRANTED", "another program has locked a part of it"),
    0xC000_0056: ("STATUS_DELETE_PENDING", "it is being deleted"),
    0xC000_005A: ("STATUS_INVALID_OWNER", "the server does not accept this owner"),
    0xC000_005E: ("STATUS_NO_LOGON_SERVERS", "no domain controller answers the server"),
    0xC000_0061: ("STATUS_PRIVILEGE_NOT_HELD", "the user lacks a privilege for this"),
    0xC000_0064: ("STATUS_NO_SUCH_USER", "no such user"),
    0xC000_006A: ("STATUS_WRONG_PASSWORD", "wrong password"),
    0xC000_006D: ("STATUS_LOGON_FAILURE", "user or password are wrong"),
    0xC000_006E: ("STATUS_ACCOUNT_RESTRICTION", "the account may not log on this way"),
    0xC000_006F: ("STATUS_INVALID_LOGON_HOURS", "the account may not log on at this hour"),
    0xC000_0070: ("STATUS_INVALID_WORKSTATION", "the account may not log on from here"),
    0xC000_0071: ("STATUS_PASSWORD_EXPIRED", "the password has expired"),
    0xC000_0072: ("STATUS_ACCOUNT_DISABLED", "the account is disabled"),
    0xC000_007F: ("STATUS_DISK_FULL", "the disk is full"),
    0xC000_009A: ("STATUS_INSUFFICIENT_RESOURCES", "the server is out of resources"),
    0xC000_00A2: ("STATUS_MEDIA_WRITE_PROTECTED", "the disk is write-protected"),
    0xC000_00B5: ("STATUS_IO_TIMEOUT", "the disk does not answer in time"),
    0xC000_00BA: ("STATUS_FILE_IS_A_DIRECTORY", "it is a directory"),
    0xC000_00BB: ("STATUS_NOT_SUPPORTED", "the server does not support this"),
    0xC000_00C9: ("STATUS_NETWORK_NAME_DELETED", "the share was taken down"),
    0xC000_00CA: ("STATUS_NETWORK_ACCESS_DENIED", "access denied"),
    0xC000_00CC: ("STATUS_BAD_NETWORK_NAME", "the server has no share of that name"),
    0xC000_00D0: ("STATUS_REQUEST_NOT_ACCEPTED", "the server takes no more connections"),
    0xC000_00E9: ("STATUS_UNEXPECTED_IO_ERROR", "input/output error"),
    0xC000_0101: ("STATUS_DIRECTORY_NOT_EMPTY", "the directory is not empty"),
    0xC000_0102: ("STATUS_FILE_CORRUPT_ERROR", "the file is damaged"),
    0xC000_0103: ("STATUS_NOT_A_DIRECTORY", "it is no directory"),
    0xC000_0106: ("STATUS_NAME_TOO_LONG", "the name is too long"),
    0xC000_0121: ("STATUS_CANNOT_DELETE", "it cannot be deleted"),
    0xC000_0128: ("STATUS_FILE_CLOSED", "the server has closed the file"),
    0xC000_015B: ("STATUS_LOGON_TYPE_NOT_GRANTED", "the account may not log on over the network"),
    0xC000_0185: ("STATUS_IO_DEVICE_ERROR", "input/output error"),
    0xC000_018D: ("STATUS_TRUSTED_RELATIONSHIP_FAILURE", "the server's trust in its domain is broken"),
    0xC000_0193: ("STATUS_ACCOUNT_EXPIRED", "the account has expired"),
    0xC000_0203: ("STATUS_USER_SESSION_DELETED", "the server has ended the session"),
    0xC000_0205: ("STATUS_INSUFF_SERVER_RESOURCES", "the server is out of resources"),
    0xC000_020C: ("STATUS_CONNECTION_DISCONNECTED", "the connection was closed"),
    0xC000_020D: ("STATUS_CONNECTION_RESET", "the connection was reset"),
    0xC000_0224: ("STATUS_PASSWORD_MUST_CHANGE", "the password has to be changed first"),
    0xC000_0225: ("STATUS_NOT_FOUND", "not found"),
    0xC000_0234: ("STATUS_ACCOUNT_LOCKED_OUT", "the account is locked"),
    0xC000_0257: ("STATUS_PATH_NOT_COVERED", "it lies on another server (DFS): make an endpoint of that share"),
    0xC000_035C: ("STATUS_NETWORK_SESSION_EXPIRED", "the session has expired"),
    0xC000_0466: ("STATUS_SERVER_UNAVAILABLE", "the server is unavailable"),
    0xC000_0802: ("STATUS_DISK_QUOTA_EXCEEDED", "the quota is used up"),
    0xC000_0904: ("STATUS_FILE_TOO_LARGE", "the file is too large"),
}

BUFFER_OVERFLOW: Final = 0x8000_0005
NO_MORE_FILES: Final = 0x8000_0006
END_OF_FILE: Final = 0xC000_0011
NO_SUCH_FILE: Final = 0xC000_000F
ACCESS_DENIED: Final = 0xC000_0022
COLLISION: Final = 0xC000_0035
NOT_EMPTY: Final = 0xC000_0101
BAD_NETWORK_NAME: Final = 0xC000_00CC
NOT_A_DIRECTORY: Final = 0xC000_0103

MISSING: Final = frozenset({NO_SUCH_FILE, 0xC000_0034, 0xC000_0039, 0xC000_003A, 0xC000_0056, 0xC000_0225})
"""There is no such item, or not for long."""

OF_ANOTHER_KIND: Final = frozenset({0xC000_00BA, NOT_A_DIRECTORY})

UNKNOWN_CLASS: Final = frozenset({0xC000_0003, 0xC000_000D, 0xC000_0010, 0xC000_00BB})
"""The server does not know a kind of question."""

IN_USE: Final = frozenset({0xC000_0043, 0xC000_0054, 0xC000_0055})
"""Another program is at it; that often passes."""

LOST: Final = frozenset(
    {0xC000_009A, 0xC000_00C9, 0xC000_00D0, 0xC000_0128}
    | {0xC000_0203, 0xC000_0205, 0xC000_020C, 0xC000_020D, 0xC000_035C, 0xC000_0466}
)
"""The server has no use for this connection any more: another one may do."""

REFUSED: Final = frozenset({ACCESS_DENIED, 0xC000_0061, 0xC000_00CA, 0xC000_0121, 0xC000_005A})

_CREDENTIAL: Final = frozenset(
    {0xC000_005E, 0xC000_0064, 0xC000_006A, 0xC000_006D, 0xC000_006E, 0xC000_006F, 0xC000_0070, 0xC000_0071}
    | {0xC000_0072, 0xC000_015B, 0xC000_018D, 0xC000_0193, 0xC000_0224, 0xC000_0234}
)
_NAME: Final = frozenset({0xC000_0033, 0xC000_003B})
_IO: Final = frozenset(
    {0xC000_0032, 0xC000_003E, 0xC000_003F, 0xC000_00B5, 0xC000_00E9, 0xC000_0102, 0xC000_0185}
)  # fmt: skip
_STOPS: Final = {
    0xC000_007F: (codes.TARGET_FULL, "The target has no space left"),
    0xC000_0044: (codes.TARGET_QUOTA, "A quota on the target is used up"),
    0xC000_0802: (codes.TARGET_QUOTA, "A quota on the target is used up"),
    0xC000_00A2: (codes.TARGET_READ_ONLY, "The target is read-only"),
}
"""Statuses that every further write would meet too."""


def words(status: int) -> str:
    """A status for an admin: ``access denied (STATUS_ACCESS_DENIED, 0xC0000022)``."""
    name, meaning = _NAMES.get(status, ("", "the server reports an error"))
    return f"{meaning} ({name}, 0x{status:08X})" if name else f"{meaning} (0x{status:08X})"


def of_item(status: int, side: Side, doing: str) -> Exception:
    """What a status that answers a request for one item means; raise it ``from`` the original.

    Args:
        status: the server's.
        side: the tree that the item is in.
        doing: the request in words, to follow "while".
    """
    message = f"{words(status)} while {doing}"
    message = message[0].upper() + message[1:]
    if side is Side.SOURCE:
        if status in MISSING or status in OF_ANOTHER_KIND:
            return ItemChanged(codes.ITEM_VANISHED, f"Gone since it was listed: {message}")
        if status in REFUSED:
            return ItemFailed(codes.ITEM_SOURCE_PERMISSION, message)
        return ItemFailed(codes.ITEM_SOURCE_IO if status in _IO else codes.ITEM_FAILED, message)
    if status in _STOPS:
        code, meaning = _STOPS[status]
        return RunStopped(code, f"{meaning}: {message}", side.value)
    if status == COLLISION:
        return ItemChanged(codes.ITEM_CHANGED, f"The target has changed since it was listed: {message}")
    return ItemFailed(_target_code(status), message)


def _target_code(status: int) -> str:
    if status in REFUSED:
        return codes.ITEM_TARGET_PERMISSION
    if status in _NAME:
        return codes.ITEM_NAME_UNSUPPORTED
    match status:
        case 0xC000_0106:
            return codes.ITEM_NAME_TOO_LONG
        case 0xC000_0904:
            return codes.ITEM_TOO_LARGE
        case 0xC000_0101:
            return codes.DELETE_NOT_EMPTY
        case _:
            return codes.ITEM_FAILED


def of_log_in(status: int, side: Side, server: str) -> Exception:
    """What a status that answers a log-in means."""
    if status in LOST:
        return ConnectionLost(words(status))
    code = codes.SOURCE_AUTHENTICATION if side is Side.SOURCE else codes.TARGET_AUTHENTICATION
    if status in REFUSED or status in _CREDENTIAL:
        return RunStopped(code, f"{server} refuses the credential: {words(status)}", side.value)
    return RunStopped(code, f"Logging in to {server} failed: {words(status)}", side.value)


def of_share(status: int, side: Side, share: str) -> Exception:
    """What a status that answers the connecting of a share means."""
    if status in LOST:
        return ConnectionLost(words(status))
    source = side is Side.SOURCE
    if status in REFUSED:
        code = codes.SOURCE_AUTHORIZATION if source else codes.TARGET_AUTHORIZATION
        return RunStopped(code, f"The user may not open the share {share}: {words(status)}", side.value)
    code = codes.SOURCE_PATH_INVALID if source else codes.TARGET_PATH_INVALID
    return RunStopped(code, f"The share {share} cannot be opened: {words(status)}", side.value)


def of_root(status: int, side: Side, root: str) -> Exception:
    """What a status that answers the opening of the root directory means."""
    source = side is Side.SOURCE
    if status in REFUSED:
        code = codes.SOURCE_PERMISSION if source else codes.TARGET_PERMISSION
        return RunStopped(code, f"No permission on {root}: {words(status)}", side.value)
    if not source and status in _STOPS:
        code, meaning = _STOPS[status]
        return RunStopped(code, f"{meaning}: {root}: {words(status)}", side.value)
    code = codes.SOURCE_PATH_INVALID if source else codes.TARGET_PATH_INVALID
    return RunStopped(code, f"{root} cannot be opened: {words(status)}", side.value)


def unreachable(side: Side, server: str, why: str) -> RunStopped:
    """The end of all retries."""
    code = codes.SOURCE_UNREACHABLE if side is Side.SOURCE else codes.TARGET_UNREACHABLE
    return RunStopped(code, f"{server} cannot be reached: {why}", side.value)
