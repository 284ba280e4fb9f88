"""The eight endpoint types: ARM's shapes go in and come out; secrets and wrong places do not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from store import arm, endpoints
from store.bodies import EndpointBody
from store.errors import Conflict, InvalidInput
from store.models import Endpoint
from store.vocabulary import EndpointType
from tests.store.world import World, refusal

FIXTURES = Path(__file__).parent / "fixtures"
PUBLISHED = sorted(FIXTURES.glob("Endpoints_*.json"))
ACCOUNT = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Storage/storageAccounts/acct"


def key(properties: dict[str, Any]) -> str:
    return endpoints.parse(properties).location_key()


def place(properties: dict[str, Any]) -> str:
    return endpoints.parse(properties).place()


def refused(properties: dict[str, Any]) -> str:
    with pytest.raises(ValidationError) as error:
        EndpointBody.model_validate(properties)
    return str(error.value)


def smb(**more: Any) -> dict[str, Any]:
    return {"endpointType": "SmbMount", "host": "nas1", "shareName": "hr", **more}


def blob(**more: Any) -> dict[str, Any]:
    return {
        "endpointType": "AzureStorageBlobContainer",
        "storageAccountResourceId": ACCOUNT,
        "blobContainerName": "hrs",
        **more,
    }


def share(**more: Any) -> dict[str, Any]:
    return {
        "endpointType": "AzureStorageSmbFileShare",
        "storageAccountResourceId": ACCOUNT,
        "fileShareName": "hr",
        **more,
    }


def bucket(**more: Any) -> dict[str, Any]:
    return {
        "endpointType": "AzureMultiCloudConnector",
        "multiCloudConnectorId": "/a/b",
        "awsS3BucketId": "/a/b/buckets/hr",
        **more,
    }


def s3(uri: str, **more: Any) -> dict[str, Any]:
    return {"endpointType": "S3WithHMAC", "sourceUri": uri, **more}


def test_a_fixture_for_each_published_type() -> None:
    """LocalPath is Longshore's own; the other seven are published."""
    types = {json.loads(f.read_text())["parameters"]["endpoint"]["properties"]["endpointType"] for f in PUBLISHED}
    assert types == set(EndpointType) - {"LocalPath"}


@pytest.mark.parametrize("file", PUBLISHED, ids=lambda f: f.stem.rpartition("_")[2])
@pytest.mark.parametrize("side", ["request", "answer"])
def test_published_endpoints_go_through_the_store_unchanged(world: World, file: Path, side: str) -> None:
    """What ARM sends or answers is taken, kept and given back; only provisioningState is dropped."""
    published = json.loads(file.read_text())
    body = published["parameters"]["endpoint"] if side == "request" else published["responses"]["200"]["body"]
    expected = {k: v for k, v in body["properties"].items() if k != "provisioningState"}
    world.apply({"storageMovers": [{"name": "nas", "endpoints": [{**body, "name": "one"}]}]})
    given = world.export()["storageMovers"][0]["endpoints"][0]["properties"]
    assert {k: given[k] for k in expected} == expected
    assert set(given) - set(expected) <= {"nfsVersion", "sourceType"}


def test_an_endpoint_is_shown_in_arms_shape(world: World) -> None:
    """id, name, type, properties, systemData: as ``--json`` prints it."""
    world.mover()
    world.endpoint("one", path="/srv/hr", description="HR")
    with world.store.read() as session:
        shape = arm.endpoint("nas", session.get_one(Endpoint, 1))
    assert shape["id"] == "/storageMovers/nas/endpoints/one"
    assert shape["type"] == "Microsoft.StorageMover/storageMovers/endpoints"
    assert shape["properties"] == {"description": "HR", "endpointType": "LocalPath", "path": "/srv/hr"}
    assert shape["systemData"]["createdBy"] == "ann"
    assert shape["systemData"]["createdAt"] == "2026-09-21T14:13:20.000Z"


@pytest.mark.parametrize(
    ("properties", "secret"),
    [
        (smb(credentials={"usernameUri": "env:U", "passwordUri": "hunter2!"}), "hunter2!"),
        (smb(credentials={"password": "hunter2!"}), "hunter2!"),
        (smb(password="hunter2!"), "hunter2!"),
        (s3("https://b.example.com/x", credentials={"accessKeyUri": "AKIAHUNTER2"}), "AKIAHUNTER2"),
        (s3("https://user:hunter2!@b.example.com/x"), "hunter2!"),
        (s3("https://b.example.com/x?sig=hunter2!"), "hunter2!"),
        (blob(serviceUrl="http://user:hunter2!@127.0.0.1:10000/acct"), "hunter2!"),
        (blob(serviceUrl="http://127.0.0.1:10000/acct?sig=hunter2!"), "hunter2!"),
        (blob(credentials={"accountKeyUri": "hunter2!"}), "hunter2!"),
        (blob(credentials={"sasTokenUri": "?sv=2024&sig=hunter2!"}), "hunter2!"),
        (share(serviceUrl="u:hunter2!@h"), "hunter2!"),
    ],
)
def test_a_secret_is_refused_and_is_not_in_the_error(properties: dict[str, Any], secret: str) -> None:
    """Not even in the text of pydantic's error, which ends up in tracebacks and logs."""
    assert secret not in refused(properties)


@pytest.mark.parametrize(
    "properties",
    [
        {"endpointType": "LocalPath", "path": "/srv", "mode": "0700"},
        {"endpointType": "LocalPath", "path": "/srv", "host": "nas1"},
        {"endpointType": "Floppy", "path": "/a"},
        {"path": "/a"},
        {"endpointType": "LocalPath"},
        {"endpointType": "LocalPath", "path": ""},
        {"endpointType": "LocalPath", "path": "srv"},
        {"endpointType": "LocalPath", "path": "/srv/../etc"},
        {"endpointType": "LocalPath", "path": 7},
        {"endpointType": "LocalPath", "path": "/srv", "endpointKind": "Both"},
        {"endpointType": "NfsMount", "host": "nas 1", "export": "/e"},
        {"endpointType": "NfsMount", "host": "-nas", "export": "/e"},
        {"endpointType": "NfsMount", "host": "nas1;rm", "export": "/e"},
        {"endpointType": "NfsMount", "host": "", "export": "/e"},
        {"endpointType": "NfsMount", "host": "a" * 254, "export": "/e"},
        {"endpointType": "NfsMount", "host": "nas1", "export": "/e/../f"},
        {"endpointType": "NfsMount", "host": "nas1", "export": ""},
        {"endpointType": "NfsMount", "host": "nas1", "export": "/e", "nfsVersion": "NFSv2"},
        smb(shareName="a/b"),
        smb(shareName="a\\b"),
        smb(shareName=""),
        smb(shareName="a" * 81),
        smb(credentials={"type": "AzureKeyVaultS3WithHMAC", "passwordUri": "env:A"}),
        smb(credentials={"passwordUri": "https://kv.vault.evil.example/secrets/pw"}),
        blob(blobContainerName="HR"),
        blob(blobContainerName="a--b"),
        blob(blobContainerName="ab"),
        blob(blobContainerName="a" * 64),
        blob(blobContainerName="-ab"),
        blob(serviceUrl="127.0.0.1:10000"),
        blob(serviceUrl="ftp://h"),
        blob(serviceUrl="http://"),
        blob(serviceUrl="http://h:70000"),
        blob(serviceUrl="http://h/a b"),
        blob(serviceUrl="http://h/#frag"),
        blob(serviceUrl="http://h;rm/"),
        blob(serviceUrl=""),
        blob(credentials={"accountKeyUri": "env:A", "sasTokenUri": "env:B"}),
        blob(credentials={"type": "AzureKeyVaultSmb", "accountKeyUri": "env:A"}),
        share(serviceUrl="http://h"),
        share(serviceUrl="h:0x"),
        share(serviceUrl="h/x"),
        share(credentials={"sasTokenUri": "env:A"}),
        smb(port=0),
        smb(port=65536),
        smb(port="445"),
        smb(port=True),
        s3("https://b.example.com:99999/x"),
        s3("https://b.example.com/x", serviceUrl="b.example.com"),
        blob(storageAccountResourceId="acct"),
        blob(storageAccountResourceId="/"),
        blob(storageAccountResourceId="/sub scriptions"),
        s3("http://b.example.com/x"),
        s3("https://10.0.0.1/x"),
        s3("https://[::1]/x"),
        s3("https://localhost/x"),
        s3("https://b.example.com/x#frag"),
        s3("https://[::1"),
        s3("s3://bucket"),
        s3("https://b.example.com/x", sourceType="AWS"),
        s3("https://b.example.com/x", sourceType="GCS", otherSourceTypeDescription="mine"),
        {"endpointType": "AzureMultiCloudConnector", "multiCloudConnectorId": "/a/b", "awsS3BucketId": "bucket"},
    ],
)
def test_what_is_no_place_is_refused(properties: dict[str, Any]) -> None:
    refused(properties)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"endpointType": "LocalPath", "path": "/srv/hr"}, {"endpointType": "LocalPath", "path": "//srv/./hr/"}),
        (
            {"endpointType": "NfsMount", "host": "NAS1.corp", "export": "/e/hr"},
            {"endpointType": "NfsMount", "host": "nas1.corp", "export": "/e//hr/", "nfsVersion": "NFSv4"},
        ),
        (
            {"endpointType": "NfsMount", "host": "nas1.corp.", "export": "/e"},
            {"endpointType": "NfsMount", "host": "nas1.corp", "export": "e"},
        ),
        (smb(), smb(host="NAS1", shareName="HR", credentials={"usernameUri": "env:U"})),
        (blob(), blob(storageAccountResourceId=ACCOUNT.upper() + "/")),
        (
            {"endpointType": "AzureStorageSmbFileShare", "storageAccountResourceId": ACCOUNT, "fileShareName": "hr"},
            {"endpointType": "AzureStorageNfsFileShare", "storageAccountResourceId": ACCOUNT, "fileShareName": "hr"},
        ),
        (s3("https://B.Example.com/hr/"), s3("https://b.example.com:443/hr", sourceType="MINIO")),
        (smb(), smb(port=445)),
        (smb(host="127.0.0.1", port=1445), share(serviceUrl="127.0.0.1:1445")),
        (share(), share(serviceUrl="acct.file.core.windows.net", credentials={"accountKeyUri": "env:A"})),
        (blob(), blob(serviceUrl="https://acct.blob.core.windows.net/", credentials={"sasTokenUri": "env:A"})),
        (blob(serviceUrl="http://H:10000/acct"), blob(serviceUrl="http://h:10000/acct/")),
        (
            s3("https://any.example.com/hr", serviceUrl="http://127.0.0.1:9000"),
            bucket(serviceUrl="http://127.0.0.1:9000"),
        ),
    ],
)
def test_one_place_has_one_key_however_it_is_written(one: dict[str, Any], other: dict[str, Any]) -> None:
    """Hosts and shares do not know upper from lower case; slashes and protocol versions make no other place."""
    assert key(one) == key(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"endpointType": "LocalPath", "path": "/srv/hr"}, {"endpointType": "LocalPath", "path": "/srv/HR"}),
        (
            {"endpointType": "NfsMount", "host": "nas1", "export": "/e"},
            {"endpointType": "NfsMount", "host": "nas1", "export": "/E"},
        ),
        (smb(), smb(host="nas2")),
        (blob(), blob(blobContainerName="hrs2")),
        (s3("https://b.example.com/hr"), s3("https://b.example.com/HR")),
        (s3("https://b.example.com/hr"), s3("https://b.example.com:9000/hr")),
        (smb(), smb(port=1445)),
        (blob(), blob(serviceUrl="http://127.0.0.1:10000/acct")),
        (blob(serviceUrl="http://127.0.0.1:10000/acct"), blob(serviceUrl="http://127.0.0.1:10001/acct")),
        (share(), share(serviceUrl="127.0.0.1")),
        (bucket(), bucket(serviceUrl="http://127.0.0.1:9000")),
        (s3("https://b.example.com/hr"), s3("https://b.example.com/hr", serviceUrl="http://127.0.0.1:9000")),
        ({"endpointType": "LocalPath", "path": "/nas1"}, {"endpointType": "NfsMount", "host": "h", "export": "/nas1"}),
    ],
)
def test_two_places_have_two_keys(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert key(one) != key(other)


def test_the_place_is_written_as_an_admin_writes_it() -> None:
    """host:/export, \\\\host\\share, account/container."""
    assert place({"endpointType": "NfsMount", "host": "nas1", "export": "/e/hr"}) == "nas1:/e/hr"
    assert place(smb()) == r"\\nas1\hr"
    assert place(blob()) == "acct/hrs"
    assert place(s3("https://b.example.com/hr/")) == "b.example.com/hr/"
    assert place(smb(port=1445)) == r"\\nas1:1445\hr"
    assert place(blob(serviceUrl="http://127.0.0.1:10000/acct")) == "127.0.0.1:10000/acct/hrs"
    assert place(share(serviceUrl="127.0.0.1:1445")) == "127.0.0.1:1445/hr"
    assert place(s3("https://b.example.com/hr/in", serviceUrl="http://127.0.0.1:9000")) == "127.0.0.1:9000/hr/in"
    assert place(bucket(serviceUrl="http://127.0.0.1:9000")) == "127.0.0.1:9000/hr"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (blob(), blob(credentials={"accountKeyUri": "env:A"})),
        (blob(credentials={"accountKeyUri": "env:A"}), blob(credentials={"sasTokenUri": "env:B"})),
        (share(), share(credentials={"accountKeyUri": "env:A"})),
        (bucket(), bucket(credentials={"accessKeyUri": "env:A", "secretKeyUri": "env:B"})),
        (smb(), smb(credentials={"usernameUri": "env:A"})),
    ],
)
def test_a_credential_reference_may_change(world: World, before: dict[str, Any], after: dict[str, Any]) -> None:
    world.mover()
    world.endpoint("one", **before)
    world.endpoint("one", **after)
    shown = world.export()["storageMovers"][0]["endpoints"][0]["properties"]
    assert {key: value for key, value in shown["credentials"].items() if key != "type"} == after["credentials"]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (blob(), blob(serviceUrl="http://127.0.0.1:10000/acct")),
        (smb(), smb(port=1445)),
        (share(serviceUrl="a"), share(serviceUrl="b")),
        (bucket(serviceUrl="http://a"), bucket()),
    ],
)
def test_where_a_service_answers_is_part_of_the_place(
    world: World, before: dict[str, Any], after: dict[str, Any]
) -> None:
    world.mover()
    world.endpoint("one", **before)
    assert refusal(Conflict, lambda: world.endpoint("one", **after)).code == "LocationFixed"


def test_a_share_that_ignores_case_has_one_key_for_a_sub_path(world: World) -> None:
    """What differs in case only is the same directory there, and a copy into itself is refused."""
    error = refusal(
        InvalidInput,
        lambda: world.define(source=smb(), target=smb(), sourceSubpath="Home", targetSubpath="home/in"),
    )
    assert error.code == "SourceTargetOverlap"
    world.define("linux", source="/srv", target="/srv", sourceSubpath="Home", targetSubpath="home/in")
