"""What an answer of Azure's Blob service means for the item or for the run; pure on status and error code."""

from __future__ import annotations

import os
import re
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, NamedTuple

from azure.core.exceptions import AzureError, ClientAuthenticationError, HttpResponseError
from requests.exceptions import RequestException
from urllib3.exceptions import HTTPError

from agentsim.engine.errors import ItemChanged, ItemFailed, RunStopped, Side
from store import codes

_AUTHENTICATION: Final = {Side.SOURCE: codes.SOURCE_AUTHENTICATION, Side.TARGET: codes.TARGET_AUTHENTICATION}
_AUTHORIZATION: Final = {Side.SOURCE: codes.SOURCE_AUTHORIZATION, Side.TARGET: codes.TARGET_AUTHORIZATION}
_MISSING: Final = {Side.SOURCE: codes.SOURCE_PATH_INVALID, Side.TARGET: codes.TARGET_PATH_INVALID}
_UNREACHABLE: Final = {Side.SOURCE: codes.SOURCE_UNREACHABLE, Side.TARGET: codes.TARGET_UNREACHABLE}
_PERMISSION: Final = {Side.SOURCE: codes.ITEM_SOURCE_PERMISSION, Side.TARGET: codes.ITEM_TARGET_PERMISSION}

_NO_CREDENTIAL: Final = {
    "AuthenticationFailed",
    "InvalidAuthenticationInfo",
    "KeyBasedAuthenticationNotPermitted",
    "NoAuthenticationInformation",
}
_NO_CONTAINER: Final = {"ContainerBeingDeleted", "ContainerDisabled", "ContainerNotFound"}
_CONFLICT: Final = {"BlobAlreadyExists", "ConditionNotMet", "SourceConditionNotMet", "TargetConditionNotMet"}
_ARCHIVED: Final = {"BlobArchived", "BlobBeingRehydrated"}
_BAD_NAME: Final = {"InvalidResourceName", "InvalidUri", "OutOfRangeInput"}
_IMMUTABLE: Final = {"BlobImmutableDueToPolicy", "SnapshotsPresent"}
_BUSY: Final = {408, 429, 503}
_WORDS: Final = 200
"""Characters of a server's message that are passed on."""

_SECRET = re.compile(r"\?\S*|\b(?:sig|sv|se|sp)=\S+", re.IGNORECASE)
"""A URL's query, or a piece of one: a shared access signature is one."""


class Answer(NamedTuple):
    """What a server said when it refused.

    Attributes:
        status: of HTTP.
        code: the service's own code, such as "BlobNotFound"; empty where it gave none.
        words: its message.
    """

    status: int
    code: str
    words: str


def meaning(answer: Answer, side: Side, doing: str, *, item: bool) -> Exception:
    """The exception that a refused request means.

    Args:
        answer: what the server said.
        side: where the blob is.
        doing: the request in words, to follow "while".
        item: it was about one blob; else about the container.
    """
    status, code, _ = answer
    message = _message(answer, doing)
    if status == 401 or code in _NO_CREDENTIAL or (status == 403 and _is_unauthenticated(answer)):
        return RunStopped(_AUTHENTICATION[side], message, side.value)
    if code in _NO_CONTAINER or (status == 404 and not item):
        return RunStopped(_MISSING[side], message, side.value)
    if status == 403:
        if item and side is Side.SOURCE and code == "AuthorizationPermissionMismatch":
            # Where directories have ACLs, one blob can be forbidden and the next allowed.
            return ItemFailed(codes.ITEM_SOURCE_PERMISSION, message)
        return RunStopped(_AUTHORIZATION[side], message, side.value)
    if not item:
        return RunStopped(_UNREACHABLE[side], message, side.value)
    return _of_item(answer, side, message)


def _of_item(answer: Answer, side: Side, message: str) -> Exception:
    status, code, _ = answer
    if status == 404:
        return ItemChanged(codes.ITEM_VANISHED, f"Gone since it was listed: {message}")
    if code in _ARCHIVED:
        return ItemFailed(codes.ITEM_FAILED, f"It is archived: rehydrate it first. {message}")
    if code in _IMMUTABLE:
        return ItemFailed(_PERMISSION[side], message)
    if code in _CONFLICT or (status == 412 and not code.startswith("Lease")):
        return ItemChanged(codes.ITEM_CHANGED, f"Another wrote to it: {message}")
    if is_damage(answer):
        return ItemFailed(codes.ITEM_DIGEST_DIFFERS, message)
    if code in ("MetadataTooLarge", "RequestHeaderTooLarge"):
        return ItemFailed(codes.ITEM_METADATA_TOO_LARGE, message)
    if code in _BAD_NAME:
        return ItemFailed(codes.ITEM_NAME_UNSUPPORTED, message)
    if code == "InvalidBlobOrBlock":
        return ItemFailed(
            codes.ITEM_FAILED,
            f"Another tool left parts of an upload there: they end by themselves in a week. {message}",
        )
    return ItemFailed(codes.ITEM_THROTTLED if status in _BUSY else codes.ITEM_FAILED, message)


@contextmanager
def translated(side: Side, doing: str, *, item: bool = True) -> Iterator[None]:
    """Raise what the library raises inside in the engine's words, and nothing of the original: it holds URLs."""
    try:
        yield
    except (AzureError, RequestException, HTTPError) as error:
        raise _translate(error, side, doing, item=item) from None


def is_damage(answer: Answer) -> bool:
    """Whether bytes came that are not those of the Content-MD5 that came with them."""
    # The second is what Azurite says.
    return answer.code == "Md5Mismatch" or (answer.code == "InvalidOperation" and "contentMD5" in answer.words)


def answer_of(error: HttpResponseError) -> Answer:
    """What a server said."""
    return Answer(error.status_code or 0, code_of(error), str(error.message or error.reason or "").strip())


def unreachable(error: BaseException, side: Side, doing: str) -> RunStopped:
    """What it means that a server gave no answer."""
    return RunStopped(_UNREACHABLE[side], f"{network_words(error)} while {doing}", side.value)


def code_of(error: HttpResponseError) -> str:
    """The service's own code for an error; empty where it gave none."""
    code = getattr(error, "error_code", None)
    return str(getattr(code, "value", code) or "")


def _translate(error: Exception, side: Side, doing: str, *, item: bool) -> Exception:
    if isinstance(error, HttpResponseError) and error.status_code is not None:
        return meaning(answer_of(error), side, doing, item=item)
    if isinstance(error, ClientAuthenticationError):
        words = _bounded(str(error.message))
        return RunStopped(_AUTHENTICATION[side], f"No credential was found: {words}", side.value)
    return unreachable(error, side, doing)


def network_words(error: BaseException) -> str:
    """What is wrong with a connection, without the URL that libraries put into their messages."""
    seen: set[int] = set()
    waiting: list[object] = [error]
    timeout = False
    while waiting:
        one = waiting.pop()
        if not isinstance(one, BaseException) or id(one) in seen:
            continue
        seen.add(id(one))
        if isinstance(one, ssl.SSLError):
            why = getattr(one, "verify_message", "") or getattr(one, "reason", "") or "SSL error"
            return f"No secure connection ({why})"
        if isinstance(one, OSError) and one.errno and not isinstance(one, RequestException):
            # Failures of a name server have numbers of their own, below zero.
            return one.strerror or os.strerror(abs(one.errno))
        timeout = timeout or isinstance(one, TimeoutError) or "Timeout" in type(one).__name__
        waiting += [getattr(one, name, None) for name in ("reason", "inner_exception", "__context__", "__cause__")]
        waiting += one.args
    return "No answer in time" if timeout else "The connection broke off"


def _is_unauthenticated(answer: Answer) -> bool:
    # Azurite says so in words only.
    return answer.words.startswith("Server failed to authenticate")


def _message(answer: Answer, doing: str) -> str:
    told = ", ".join(part for part in (str(answer.status), answer.code) if part)
    return f"{_bounded(answer.words) or 'Refused'} ({told}) while {doing}"


def _bounded(words: str) -> str:
    line = words.strip().split("\n", 1)[0]
    return _SECRET.sub("...", line)[:_WORDS].rstrip(". ")
