"""What each answer of the Blob service means, and that no message shows what is secret."""

from __future__ import annotations

import socket
import ssl

import pytest
import requests
from azure.core.exceptions import ServiceRequestError
from urllib3.connection import HTTPConnection
from urllib3.exceptions import MaxRetryError, NameResolutionError, NewConnectionError

from agentsim.engine.errors import ItemChanged, ItemFailed, RunStopped, Side
from agentsim.places.blob_errors import Answer, meaning, network_words, translated
from store import codes

SOURCE, TARGET = Side.SOURCE, Side.TARGET


@pytest.mark.parametrize(
    ("status", "code", "side", "expected"),
    [
        (401, "NoAuthenticationInformation", SOURCE, codes.SOURCE_AUTHENTICATION),
        (403, "AuthenticationFailed", TARGET, codes.TARGET_AUTHENTICATION),
        (403, "KeyBasedAuthenticationNotPermitted", TARGET, codes.TARGET_AUTHENTICATION),
        (403, "AuthorizationFailure", SOURCE, codes.SOURCE_AUTHORIZATION),
        (403, "AuthorizationPermissionMismatch", TARGET, codes.TARGET_AUTHORIZATION),
        (404, "ContainerNotFound", SOURCE, codes.SOURCE_PATH_INVALID),
        (404, "ContainerNotFound", TARGET, codes.TARGET_PATH_INVALID),
        (409, "ContainerBeingDeleted", TARGET, codes.TARGET_PATH_INVALID),
    ],
)
@pytest.mark.parametrize("item", [True, False])
def test_what_every_further_request_would_meet_ends_the_run(
    status: int, code: str, side: Side, expected: str, item: bool
) -> None:
    error = meaning(Answer(status, code, "Words"), side, "writing", item=item)
    assert isinstance(error, RunStopped)
    assert (error.code, error.target) == (expected, side.value)
    assert error.message == f"Words ({status}, {code}) while writing"


@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [
        (429, "TooManyRequests", codes.ITEM_THROTTLED),
        (503, "ServerBusy", codes.ITEM_THROTTLED),
        (500, "InternalError", codes.ITEM_FAILED),
        (409, "BlobArchived", codes.ITEM_FAILED),
        (409, "BlobImmutableDueToPolicy", codes.ITEM_TARGET_PERMISSION),
        (412, "LeaseIdMissing", codes.ITEM_FAILED),
        (400, "Md5Mismatch", codes.ITEM_DIGEST_DIFFERS),
        (400, "MetadataTooLarge", codes.ITEM_METADATA_TOO_LARGE),
        (400, "InvalidUri", codes.ITEM_NAME_UNSUPPORTED),
        (400, "InvalidBlobOrBlock", codes.ITEM_FAILED),
        (418, "", codes.ITEM_FAILED),
    ],
)
def test_what_is_wrong_with_one_blob_fails_one_item(status: int, code: str, expected: str) -> None:
    error = meaning(Answer(status, code, ""), TARGET, "writing", item=True)
    assert isinstance(error, ItemFailed)
    assert error.code == expected


@pytest.mark.parametrize(
    ("status", "code"),
    [(412, "ConditionNotMet"), (409, "BlobAlreadyExists"), (412, ""), (404, "BlobNotFound"), (404, "")],
)
def test_what_another_did_is_a_change(status: int, code: str) -> None:
    error = meaning(Answer(status, code, ""), TARGET, "writing", item=True)
    assert isinstance(error, ItemChanged)
    assert error.code == (codes.ITEM_VANISHED if status == 404 else codes.ITEM_CHANGED)


def test_one_forbidden_blob_of_a_source_leaves_the_others() -> None:
    error = meaning(Answer(403, "AuthorizationPermissionMismatch", ""), SOURCE, "reading", item=True)
    assert isinstance(error, ItemFailed)
    assert error.code == codes.ITEM_SOURCE_PERMISSION


def test_azurite_says_in_words_that_a_key_is_wrong() -> None:
    words = "Server failed to authenticate the request. Make sure the value of the Authorization header is formed"
    error = meaning(Answer(403, "AuthorizationFailure", words), SOURCE, "listing", item=False)
    assert isinstance(error, RunStopped)
    assert error.code == codes.SOURCE_AUTHENTICATION


def test_messages_are_one_bounded_line_without_a_query() -> None:
    words = "Bad https://host/c?sv=1&sig=SECRET%3D and sig=SECRET again " + "x" * 500 + "\nRequestId:1\nsig=SECRET"
    error = meaning(Answer(418, "Odd", words), TARGET, "writing", item=True)
    assert isinstance(error, ItemFailed)
    assert "SECRET" not in error.message
    assert "\n" not in error.message
    assert len(error.message) < 300


URL = "http://host/c?sig=SECRET"
REFUSED = NewConnectionError(HTTPConnection("host"), "Failed")
REFUSED.__context__ = ConnectionRefusedError(111, "Connection refused")
UNKNOWN = NameResolutionError("host", HTTPConnection("host"), socket.gaierror(-2, "Name or service not known"))
UNKNOWN.__context__ = socket.gaierror(-2, "Name or service not known")


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        (REFUSED, "Connection refused"),
        (UNKNOWN, "Name or service not known"),
        (ssl.SSLCertVerificationError(1, "certificate verify failed"), "No secure connection"),
        (TimeoutError("timed out"), "No answer in time"),
        (EOFError(), "The connection broke off"),
    ],
)
def test_a_lost_server_is_told_in_the_words_of_the_network_and_without_the_url(reason: Exception, words: str) -> None:
    inner = requests.ConnectionError(MaxRetryError(None, URL, reason))  # type: ignore[arg-type]
    error = ServiceRequestError(inner, error=inner)
    assert network_words(error).startswith(words)
    with pytest.raises(RunStopped) as stop, translated(SOURCE, "listing the container", item=False):
        raise error
    assert stop.value.code == codes.SOURCE_UNREACHABLE
    assert "SECRET" not in str(stop.value)
    assert stop.value.__cause__ is None
    assert stop.value.__suppress_context__
