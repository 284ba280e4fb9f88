"""What an S3 server's answers mean for an item or a run. Pure on the answer; no library is imported."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from agentsim.engine.errors import ItemChanged, ItemFailed, RunStopped, Side
from store import codes

LONGEST_MESSAGE: Final = 300
"""Characters of a server's own words that are kept."""

NO_CONDITIONS: Final = frozenset({"NotImplemented", "501"})
"""What a server answers that knows no conditional writes, or lacks an operation."""

PASSING: Final = frozenset(
    {
        "429",
        "500",
        "502",
        "503",
        "504",
        "SlowDown",
        "SlowDownRead",
        "SlowDownWrite",
        "Throttling",
        "ThrottlingException",
        "RequestLimitExceeded",
        "TooManyRequests",
        "BandwidthLimitExceeded",
        "ServiceUnavailable",
        "InternalError",
        "RequestTimeout",
        "OperationAborted",
        "PriorRequestNotComplete",
    }
)
"""Errors that pass by themselves."""

DAMAGED: Final = frozenset({"BadDigest", "InvalidDigest", "XAmzContentSHA256Mismatch"})
"""What was received is not what was sent."""

_AUTHENTICATION: Final = frozenset(
    {
        "401",
        "InvalidAccessKeyId",
        "SignatureDoesNotMatch",
        "ExpiredToken",
        "ExpiredTokenException",
        "TokenRefreshRequired",
        "InvalidToken",
        "InvalidClientTokenId",
        "InvalidSecurity",
        "NotSignedUp",
        "AccountProblem",
        "AuthFailure",
        "UnauthorizedAccess",
        "RequestTimeTooSkewed",
        "AuthorizationHeaderMalformed",
    }
)
NO_CREDENTIALS: Final = "NoCredentials"
"""Stands for: there is nothing to sign a request with."""

_FORBIDDEN: Final = frozenset({"403", "AccessDenied", "AllAccessDisabled", "Forbidden", "AccessDeniedException"})
_NO_BUCKET: Final = frozenset({"NoSuchBucket", "InvalidBucketName", "PermanentRedirect", "301"})
MISSING: Final = frozenset({"404", "NoSuchKey", "NotFound", "NoSuchVersion"})
"""There is no such object."""
CONDITION: Final = frozenset({"412", "PreconditionFailed", "409", "ConditionalRequestConflict", "416", "InvalidRange"})
"""Another version is there than was asked for."""
_FULL: Final = frozenset({"507", "InsufficientStorage", "XMinioStorageFull", "StorageFull"})
_QUOTA: Final = frozenset({"QuotaExceeded", "XMinioAdminBucketQuotaExceeded", "ServiceQuotaExceeded"})
_ITEM: Final = {
    "KeyTooLongError": codes.ITEM_NAME_TOO_LONG,
    "KeyTooLong": codes.ITEM_NAME_TOO_LONG,
    "EntityTooLarge": codes.ITEM_TOO_LARGE,
    "MetadataTooLarge": codes.ITEM_METADATA_TOO_LARGE,
    "RequestHeaderSectionTooLarge": codes.ITEM_METADATA_TOO_LARGE,
}

_QUERY: Final = re.compile(r"(https?://[^\s?\"']*)\?[^\s\"']*")


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server said, or what became of the connection.

    Attributes:
        code: S3's word for the error, or the HTTP status as text where it had no words.
        status: the HTTP status; 0 where nothing was answered.
        words: the server's own message, or the library's.
    """

    code: str
    status: int
    words: str


def cleaned(words: str) -> str:
    """A message without a URL's query, on one line, and bounded."""
    text = " ".join(_QUERY.sub(r"\1", words).split())
    return text if len(text) <= LONGEST_MESSAGE else text[: LONGEST_MESSAGE - 1] + "…"


def meaning(answer: Answer, side: Side, doing: str, *, whole: bool) -> Exception:
    """The exception that an answer means; raise it ``from None``: the library's own may hold what nobody should see.

    Args:
        answer: what came.
        side: whether the bucket is the source or the target.
        doing: the call in words, to follow "while".
        whole: it was about the bucket and not about one object, so that a refusal ends the run.
    """
    source = side is Side.SOURCE
    message = f"{cleaned(answer.words) or 'No message'} ({answer.code}) while {doing}"
    if not answer.status:
        return RunStopped(codes.SOURCE_UNREACHABLE if source else codes.TARGET_UNREACHABLE, message, side.value)
    if answer.code == NO_CREDENTIALS:
        return RunStopped(codes.CREDENTIAL_UNRESOLVED, message, side.value)
    if answer.code in _AUTHENTICATION:
        code = codes.SOURCE_AUTHENTICATION if source else codes.TARGET_AUTHENTICATION
        return RunStopped(code, message, side.value)
    if answer.code in _NO_BUCKET:
        code = codes.SOURCE_PATH_INVALID if source else codes.TARGET_PATH_INVALID
        return RunStopped(code, message, side.value)
    if answer.code == "InvalidObjectState":
        return ItemFailed(codes.ITEM_FAILED, f"It is archived: restore it first. {message}")
    if answer.code in _FORBIDDEN:
        return _forbidden(message, side, whole=whole)
    if answer.code in _FULL:
        return RunStopped(codes.TARGET_FULL, message, side.value)
    if answer.code in _QUOTA:
        return RunStopped(codes.TARGET_QUOTA, message, side.value)
    if answer.code in PASSING:
        return _too_busy(message, side, answer.status, whole=whole)
    if answer.code in MISSING:
        return ItemChanged(codes.ITEM_VANISHED, f"Gone since it was listed: {message}")
    if answer.code in CONDITION:
        return ItemChanged(codes.ITEM_CHANGED, f"Another version is there: {message}")
    if whole:
        return RunStopped(codes.SOURCE_SCAN if source else codes.TARGET_PATH_INVALID, message, side.value)
    return ItemFailed(_ITEM.get(answer.code, codes.ITEM_FAILED), message)


def _forbidden(message: str, side: Side, *, whole: bool) -> Exception:
    source = side is Side.SOURCE
    if whole:
        code = codes.SOURCE_AUTHORIZATION if source else codes.TARGET_AUTHORIZATION
        return RunStopped(code, message, side.value)
    return ItemFailed(codes.ITEM_SOURCE_PERMISSION if source else codes.ITEM_TARGET_PERMISSION, message)


def _too_busy(message: str, side: Side, status: int, *, whole: bool) -> Exception:
    if whole:
        code = codes.SOURCE_UNREACHABLE if side is Side.SOURCE else codes.TARGET_UNREACHABLE
        return RunStopped(code, message, side.value)
    return ItemFailed(codes.ITEM_FAILED if status in (500, 502, 504) else codes.ITEM_THROTTLED, message)
