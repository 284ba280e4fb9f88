"""One bucket through boto3: errors in our words, and retries that ask the lease while they wait.

boto3 decides when a request is signed again and its body rewound; which errors pass by themselves, and how long to
wait for that, is answered here, to its own event: its waiting could not be canceled, and its quota of retries is used
up within seconds when all streams of a run lose the server at once.
"""

from __future__ import annotations

import random
import time
from typing import Any, Final

from agentsim.engine.errors import RunStopped
from agentsim.engine.lease import Lease
from agentsim.places.place import Opening
from agentsim.places.s3_address import Address
from agentsim.places.s3_errors import DAMAGED, NO_CREDENTIALS, PASSING, Answer, meaning
from store import codes

PATIENCE_SECONDS: Final = 75.0
"""How long one request is tried again: a server that is restarted is back by then."""

LONGEST_PAUSE: Final = 10.0
"""Seconds between two attempts, at most, unless the server asks for more."""

LOOK_SECONDS: Final = 0.2
"""How often the lease is asked in a pause."""

DAMAGE_ATTEMPTS: Final = 3
"""A body that comes damaged this often is not damaged by chance."""

_CONNECT_SECONDS: Final = 10
_READ_SECONDS: Final = 60
_CONNECTIONS: Final = 40
_SMALL_BODY: Final = 1 << 20

UNREADABLE: Final = "ResponseParserError"
"""The answer is no XML: a server can put a control character of a key into it. What was asked may have been done."""

_TELLING: Final = frozenset(
    {
        "ListObjectsV2",
        "CreateMultipartUpload",
        "CompleteMultipartUpload",
        "ListMultipartUploads",
        "ListParts",
        "CopyObject",
        "UploadPartCopy",
    }
)
"""Operations whose answer is a document."""

NO_CODES: Final[frozenset[str]] = frozenset()


class Refused(Exception):
    """An answer that the caller said it wants to judge by itself."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.code)
        self.answer = answer


class Bucket:
    """A bucket's operations, from any thread.

    Args:
        address: where it is.
        keys: access key and secret key, or None for boto3's own chain.
        opening: whose side words the errors, and whose lease is asked.

    Raises:
        RunStopped: the library is missing, or cannot use the settings.
    """

    def __init__(self, address: Address, keys: tuple[str, str] | None, opening: Opening) -> None:
        self.address = address
        self.side = opening.side
        self.lease: Lease = opening.lease
        self._hidden = tuple(key for key in keys or () if key)
        self._client = self._open(keys)

    def _open(self, keys: tuple[str, str] | None) -> Any:
        try:
            import boto3
            from botocore.config import Config
            from botocore.exceptions import BotoCoreError, ClientError
            from botocore.parsers import ResponseParserError
        except ImportError as error:
            words = f"boto3 is missing ({error}): pip install 'longshore[s3]'"
            raise RunStopped(codes.LIBRARY_MISSING, words, self.side.value) from None
        self._errors = (BotoCoreError, ClientError, ResponseParserError)
        config = Config(
            signature_version="s3v4",
            connect_timeout=_CONNECT_SECONDS,
            read_timeout=_READ_SECONDS,
            max_pool_connections=_CONNECTIONS,
            tcp_keepalive=True,
            retries={"mode": "standard", "total_max_attempts": 1},
            s3={"addressing_style": "path" if self.address.server else "auto"},
            # Older servers refuse the trailers that the newer checksums come in; Content-MD5 is sent instead.
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
            ignore_configured_endpoint_urls=True,
        )
        try:
            session = boto3.session.Session(*keys) if keys else boto3.session.Session()
            client = session.client(
                "s3", region_name=self.address.region, endpoint_url=self.address.server or None, config=config
            )
        except (BotoCoreError, ValueError) as error:
            raise self._translated(error, "opening the bucket", whole=True) from None
        client.meta.events.register_first("needs-retry.s3", self._again)
        client.meta.events.register_first("before-parse.s3", _refuse_nothing)
        client.meta.events.register_first("before-send.s3", _send_at_once)
        return client

    def call(
        self, operation: str, doing: str, *, whole: bool = False, but: frozenset[str] = NO_CODES, **arguments: Any
    ) -> dict[str, Any]:
        """One request, tried again while that helps.

        Args:
            operation: boto3's method.
            doing: the same in words, to follow "while".
            whole: whether it is about the bucket, so that a refusal ends the run.
            but: codes of errors that are raised as :class:`Refused`.
            arguments: boto3's, without the bucket.

        Raises:
            Refused: the server answered with one of ``but``.
            ItemChanged, ItemFailed, RunStopped, Canceled: as ``s3_errors.meaning`` says.
        """
        try:
            answer: dict[str, Any] = getattr(self._client, operation)(Bucket=self.address.bucket, **arguments)
        except self._errors as error:
            refusal = answer_of(error)
        else:
            if operation != "list_objects_v2" or "IsTruncated" in answer:
                return answer
            # A portal answered, say. Taken for a listing, it would be one of nothing.
            refusal = Answer("NoListing", 400, "The answer is no listing")
        if refusal.code in ("400", "403") and operation == "head_object":
            refusal = self._explained(refusal)
        if refusal.code in but:
            raise Refused(refusal)
        raise self.judged(refusal, doing, whole=whole)

    def judged(self, answer: Answer, doing: str, *, whole: bool = False) -> Exception:
        """The exception that an answer means, without this bucket's keys in its words."""
        words = answer.words
        for hidden in self._hidden:
            words = words.replace(hidden, "***")
        return meaning(Answer(answer.code, answer.status, words), self.side, doing, whole=whole)

    def _translated(self, error: Exception, doing: str, *, whole: bool) -> Exception:
        return self.judged(answer_of(error), doing, whole=whole)

    def _explained(self, refusal: Answer) -> Answer:
        """A HEAD is refused without words: whether it is the credential is asked with a request that has some."""
        try:
            self._client.list_objects_v2(Bucket=self.address.bucket, MaxKeys=1)
        except self._errors as error:
            return answer_of(error)
        return refusal

    def pause(self, seconds: float) -> None:
        """Wait, asking the lease.

        Raises:
            Canceled: the run is to stop.
        """
        end = time.monotonic() + seconds
        while True:
            self.lease.check()
            left = end - time.monotonic()
            if left <= 0:
                return
            time.sleep(min(left, LOOK_SECONDS))

    def _again(
        self, response: Any, attempts: int, caught_exception: Any, request_dict: dict[str, Any], **_: Any
    ) -> int | None:
        """Boto3's question whether a request is to be sent again: 0 for at once, None for no."""
        since = request_dict["context"].setdefault("longshore_since", time.monotonic())
        if caught_exception is not None:
            answer, asked = answer_of(caught_exception), ""
            if answer.status or _is_final(caught_exception):
                return None
        elif response is not None and response[0].status_code >= 300:
            error = response[1].get("Error", {})
            answer = Answer(str(error.get("Code", "")), response[0].status_code, "")
            asked = str(response[0].headers.get("Retry-After", ""))
        else:
            return None
        delay = pause_before(answer, attempts, asked)
        if delay is None or time.monotonic() + delay - since > PATIENCE_SECONDS:
            return None
        self.pause(delay)
        return 0

    def close(self) -> None:
        """Let the connections go."""
        self._client.close()


def pause_before(answer: Answer, attempts: int, asked: str) -> float | None:
    """Seconds until a request is to be sent again, None when it is not to be.

    Args:
        answer: what came; of a lost connection the status is 0.
        attempts: how often it was sent, from 1.
        asked: the header ``Retry-After``, or empty.
    """
    if answer.code in DAMAGED:
        return 0.1 if attempts < DAMAGE_ATTEMPTS else None
    if answer.status and answer.code not in PASSING and str(answer.status) not in PASSING:
        return None
    if asked.isascii() and asked.isdigit():
        return float(asked)
    longest = min(0.2 * 2 ** min(attempts, 10), LONGEST_PAUSE)
    return random.uniform(longest / 2, longest)


def answer_of(error: Exception) -> Answer:
    """What boto3 raised, as an answer; status 0 where the server could not be asked."""
    from botocore import exceptions

    if isinstance(error, exceptions.ClientError):
        said = error.response.get("Error", {})
        status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)) or 400
        return Answer(str(said.get("Code") or status), status, str(said.get("Message") or ""))
    if isinstance(error, exceptions.HTTPClientError | exceptions.ConnectionError | exceptions.IncompleteReadError):
        return Answer(type(error).__name__, 0, str(error))
    credentials = (
        exceptions.NoCredentialsError,
        exceptions.PartialCredentialsError,
        exceptions.CredentialRetrievalError,
        exceptions.TokenRetrievalError,
        exceptions.ProfileNotFound,
    )
    if isinstance(error, credentials):
        return Answer(NO_CREDENTIALS, 401, str(error))
    return Answer(type(error).__name__, 400, str(error))


def _send_at_once(request: Any, **_: Any) -> None:
    """Send a small body without asking first whether it is welcome, which costs as long as sending it."""
    if int(request.headers.get("Content-Length") or 0) <= _SMALL_BODY:
        request.headers.pop("Expect", None)


def _refuse_nothing(operation_model: Any, response_dict: dict[str, Any], **_: Any) -> None:
    """Take an answer of no bytes, where there should be XML, for the server's failure.

    A connection that is cut leaves one, and boto3 would read it as a bucket without objects.
    """
    if operation_model.name in _TELLING and response_dict["status_code"] < 300 and not response_dict["body"]:
        response_dict["status_code"] = 500


def _is_final(error: Exception) -> bool:
    """Whether a connection can never come about: its certificate is refused."""
    from botocore.exceptions import SSLError

    return isinstance(error, SSLError) and "CERTIFICATE" in str(error).upper()
