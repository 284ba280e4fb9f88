"""What an S3 adapter decides without a server: addresses, the meaning of answers, pauses, and what headers say."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from agentsim.engine.errors import ItemChanged, ItemFailed, RunStopped, Side
from agentsim.places.place import Dress
from agentsim.places.s3_address import Address, AddressUnusable, address_of
from agentsim.places.s3_client import LONGEST_PAUSE, answer_of, pause_before
from agentsim.places.s3_errors import LONGEST_MESSAGE, Answer, cleaned, meaning
from agentsim.places.s3_objects import described, digest_of, kept_headers, may_be_link
from store import codes
from store.vocabulary import ItemKind


def hmac(source: str, service: str = "") -> Address:
    return address_of({"endpointType": "S3WithHMAC", "sourceUri": source, "serviceUrl": service})


@pytest.mark.parametrize(
    ("source", "service", "server", "bucket", "prefix", "region"),
    [
        ("https://nas.example:9000/data", "", "https://nas.example:9000", "data", "", "us-east-1"),
        ("https://NAS.example/data/a/b/", "", "https://nas.example", "data", "a/b/", "us-east-1"),
        ("https://nas.example/data/a%20b", "", "https://nas.example", "data", "a b/", "us-east-1"),
        ("https://s3.eu-west-1.amazonaws.com/data", "", "", "data", "", "eu-west-1"),
        ("https://s3.amazonaws.com/data/p", "", "", "data", "p/", "us-east-1"),
        ("https://s3.cn-north-1.amazonaws.com.cn/data", "", "", "data", "", "cn-north-1"),
        (
            "https://s3.amazonaws.com/data/p",
            "http://localhost:9000",
            "http://localhost:9000",
            "data",
            "p/",
            "us-east-1",
        ),
        ("http://[::1]:9000/data", "", "http://[::1]:9000", "data", "", "us-east-1"),
    ],
)
def test_an_address_says_server_bucket_prefix_and_region(
    source: str, service: str, server: str, bucket: str, prefix: str, region: str
) -> None:
    address = hmac(source, service)
    assert (address.server, address.bucket, address.prefix, address.region) == (server, bucket, prefix, region)


def test_the_connectors_bucket_is_the_last_part_of_its_id() -> None:
    for identifier in ("arn:aws:s3:::data", "/subscriptions/s/providers/x/s3Buckets/data"):
        address = address_of({"endpointType": "AzureMultiCloudConnector", "awsS3BucketId": identifier})
        assert (address.bucket, address.server, address.host) == ("data", "", "s3.amazonaws.com")


@pytest.mark.parametrize(
    "source", ["http://nas.example/data", "ftp://nas.example/data", "https://nas.example/", "https:///data", "data"]
)
def test_an_address_that_cannot_be_used_says_so(source: str) -> None:
    with pytest.raises(AddressUnusable):
        hmac(source)


def test_one_root_has_one_place_in_its_identity_however_it_is_named() -> None:
    regional, general = hmac("https://s3.eu-west-1.amazonaws.com/data/p/"), hmac("https://s3.amazonaws.com/data/p")
    assert regional.place == general.place == "https://s3.amazonaws.com/data/p"
    assert " " not in hmac("https://nas.example/data/a b").place


SOURCE, TARGET = Side.SOURCE, Side.TARGET


@pytest.mark.parametrize(
    ("code", "status", "side", "whole", "kind", "expected"),
    [
        ("InvalidAccessKeyId", 403, SOURCE, True, RunStopped, codes.SOURCE_AUTHENTICATION),
        ("SignatureDoesNotMatch", 403, TARGET, False, RunStopped, codes.TARGET_AUTHENTICATION),
        ("ExpiredToken", 400, TARGET, False, RunStopped, codes.TARGET_AUTHENTICATION),
        ("401", 401, SOURCE, False, RunStopped, codes.SOURCE_AUTHENTICATION),
        ("RequestTimeTooSkewed", 403, SOURCE, True, RunStopped, codes.SOURCE_AUTHENTICATION),
        ("NoCredentials", 401, SOURCE, True, RunStopped, codes.CREDENTIAL_UNRESOLVED),
        ("AccessDenied", 403, SOURCE, True, RunStopped, codes.SOURCE_AUTHORIZATION),
        ("AccessDenied", 403, TARGET, True, RunStopped, codes.TARGET_AUTHORIZATION),
        ("AccessDenied", 403, SOURCE, False, ItemFailed, codes.ITEM_SOURCE_PERMISSION),
        ("403", 403, TARGET, False, ItemFailed, codes.ITEM_TARGET_PERMISSION),
        ("NoSuchBucket", 404, SOURCE, False, RunStopped, codes.SOURCE_PATH_INVALID),
        ("NoSuchBucket", 404, TARGET, True, RunStopped, codes.TARGET_PATH_INVALID),
        ("NoSuchKey", 404, SOURCE, False, ItemChanged, codes.ITEM_VANISHED),
        ("404", 404, TARGET, False, ItemChanged, codes.ITEM_VANISHED),
        ("PreconditionFailed", 412, TARGET, False, ItemChanged, codes.ITEM_CHANGED),
        ("ConditionalRequestConflict", 409, TARGET, False, ItemChanged, codes.ITEM_CHANGED),
        ("InvalidRange", 416, SOURCE, False, ItemChanged, codes.ITEM_CHANGED),
        ("InvalidObjectState", 403, SOURCE, False, ItemFailed, codes.ITEM_FAILED),
        ("SlowDown", 503, TARGET, False, ItemFailed, codes.ITEM_THROTTLED),
        ("429", 429, TARGET, False, ItemFailed, codes.ITEM_THROTTLED),
        ("SlowDown", 503, SOURCE, True, RunStopped, codes.SOURCE_UNREACHABLE),
        ("InternalError", 500, TARGET, False, ItemFailed, codes.ITEM_FAILED),
        ("QuotaExceeded", 403, TARGET, False, RunStopped, codes.TARGET_QUOTA),
        ("XMinioStorageFull", 507, TARGET, False, RunStopped, codes.TARGET_FULL),
        ("KeyTooLongError", 400, TARGET, False, ItemFailed, codes.ITEM_NAME_TOO_LONG),
        ("EntityTooLarge", 400, TARGET, False, ItemFailed, codes.ITEM_TOO_LARGE),
        ("MetadataTooLarge", 400, TARGET, False, ItemFailed, codes.ITEM_METADATA_TOO_LARGE),
        ("BadDigest", 400, TARGET, False, ItemFailed, codes.ITEM_FAILED),
        ("EndpointConnectionError", 0, SOURCE, False, RunStopped, codes.SOURCE_UNREACHABLE),
        ("ReadTimeoutError", 0, TARGET, True, RunStopped, codes.TARGET_UNREACHABLE),
    ],
)
def test_an_answer_means_an_error_of_an_item_or_the_end_of_the_run(
    code: str, status: int, side: Side, whole: bool, kind: type[Any], expected: str
) -> None:
    error: Any = meaning(Answer(code, status, "the server's words"), side, "writing the object", whole=whole)
    assert type(error) is kind
    assert error.code == expected
    assert "the server's words" in error.message
    assert f"({code}) while writing the object" in error.message


def test_a_message_holds_no_query_and_is_bounded() -> None:
    words = cleaned('Could not connect to "https://h/b/k?X-Amz-Signature=abc&x=1":\n ' + "x" * 1000)
    assert words.startswith('Could not connect to "https://h/b/k": x')
    assert len(words) == LONGEST_MESSAGE


def test_what_passes_by_itself_is_tried_again_and_the_servers_wish_is_kept() -> None:
    for answer in (Answer("SlowDown", 503, ""), Answer("429", 429, ""), Answer("ReadTimeoutError", 0, "")):
        pauses = [pause_before(answer, attempt, "") for attempt in range(1, 20)]
        assert all(pause is not None and 0 < pause <= LONGEST_PAUSE for pause in pauses)
        assert (pauses[-1] or 0) > (pauses[0] or 0)
        assert pause_before(answer, 1, "7") == 7
    for answer in (Answer("AccessDenied", 403, ""), Answer("501", 501, ""), Answer("NoSuchKey", 404, "")):
        assert pause_before(answer, 1, "") is None


def test_a_body_that_arrives_damaged_is_sent_three_times_at_most() -> None:
    answer = Answer("BadDigest", 400, "")
    assert [pause_before(answer, attempt, "") is None for attempt in (1, 2, 3)] == [False, False, True]


def test_what_the_library_raises_is_an_answer() -> None:
    exceptions = pytest.importorskip("botocore.exceptions")
    refused = exceptions.ClientError(
        {"Error": {"Code": "SlowDown", "Message": "later"}, "ResponseMetadata": {"HTTPStatusCode": 503}}, "PutObject"
    )
    assert answer_of(refused) == Answer("SlowDown", 503, "later")
    assert answer_of(exceptions.EndpointConnectionError(endpoint_url="u")).status == 0
    assert answer_of(exceptions.NoCredentialsError()).code == "NoCredentials"
    assert answer_of(exceptions.ParamValidationError(report="r")).status == 400


HEAD = {
    "ContentLength": 5,
    "ETag": '"' + "a" * 32 + '"',
    "Metadata": {},
    "LastModified": datetime.fromtimestamp(9, UTC),
}


def test_the_digest_is_the_etags_unless_that_is_none() -> None:
    own = {"longshore_md5": "b" * 32}
    assert digest_of(HEAD) == "a" * 32
    assert digest_of({**HEAD, "ServerSideEncryption": "AES256"}) == "a" * 32
    assert digest_of({**HEAD, "ServerSideEncryption": "aws:kms"}) == ""
    assert digest_of({**HEAD, "SSECustomerAlgorithm": "AES256", "Metadata": own}) == "b" * 32
    assert digest_of({**HEAD, "ETag": '"' + "a" * 32 + '-3"'}) == ""
    assert digest_of({**HEAD, "ETag": '"' + "a" * 32 + '-3"', "Metadata": own}) == "b" * 32
    assert digest_of({**HEAD, "ETag": "weird", "Metadata": {"longshore_md5": "x"}}) == ""


def test_headers_say_what_an_item_is() -> None:
    parts = '"' + "a" * 32 + '-1"'
    assert described(HEAD, b"f", directory=False).dress == Dress(mtime_ns=9 * 10**9)
    assert described(HEAD, b"d", directory=True).kind is ItemKind.DIRECTORY
    assert described(HEAD, b"a//b", directory=False).kind is ItemKind.SPECIAL
    link = {**HEAD, "Metadata": {"is_symlink": "true"}, "ETag": parts}
    assert described(link, b"l", directory=False).kind is ItemKind.SYMLINK
    assert may_be_link(described({**HEAD, "ETag": parts}, b"f", directory=False))
    assert described({**HEAD, "Metadata": {"is_symlink": "true"}}, b"f", directory=False).kind is ItemKind.FILE


def test_a_copy_keeps_headers_and_encryption() -> None:
    head = {**HEAD, "ContentType": "text/x", "ServerSideEncryption": "aws:kms", "SSEKMSKeyId": "k", "ETag": "e"}
    assert kept_headers(head) == {"ContentType": "text/x", "ServerSideEncryption": "aws:kms", "SSEKMSKeyId": "k"}
    assert kept_headers({**HEAD, "ServerSideEncryption": "AES256"}) == {}
