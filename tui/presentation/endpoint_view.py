"""An endpoint in words: what it is, who uses it, and who may touch it now."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from store.display import display
from store.queries.definitions import DefinitionRow
from store.queries.details import EndpointDetail
from store.queries.grants import GrantRow
from store.vocabulary import EndpointType, GrantPermission
from tui.keymap import key
from tui.presentation.cells import Cell, Column, Row
from tui.presentation.definition_view import made_facts
from tui.presentation.facts import Fact
from tui.presentation.glyphs import Glyphs
from tui.presentation.rows import DEFINITION_COLUMNS, definition_row

Line = list[Cell]
HEAD_LINES = 5
LABEL = 12
MOST_GRANTS = 100
"""Grants that are counted for the head; the list has them all."""

_TYPES: dict[str, str] = {
    EndpointType.LOCAL_PATH: "a directory that the agent sees",
    EndpointType.NFS_MOUNT: "an NFS export",
    EndpointType.SMB_MOUNT: "an SMB share",
    EndpointType.AZURE_STORAGE_BLOB_CONTAINER: "an Azure blob container",
    EndpointType.AZURE_STORAGE_SMB_FILE_SHARE: "an Azure file share, by SMB",
    EndpointType.AZURE_STORAGE_NFS_FILE_SHARE: "an Azure file share, by NFS",
    EndpointType.S3_WITH_HMAC: "a bucket of an S3-compatible store",
    EndpointType.AZURE_MULTI_CLOUD_CONNECTOR: "an AWS S3 bucket, by a connector",
}
_PROPERTIES = {
    "path": "Path",
    "host": "Host",
    "export": "Export",
    "nfsVersion": "NFS version",
    "shareName": "Share",
    "storageAccountResourceId": "Account",
    "blobContainerName": "Container",
    "fileShareName": "Share",
    "sourceUri": "Source URI",
    "sourceType": "Source type",
    "otherSourceTypeDescription": "Of type",
    "multiCloudConnectorId": "Connector",
    "awsS3BucketId": "Bucket",
    "usernameUri": "User name",
    "passwordUri": "Password",
    "accessKeyUri": "Access key",
    "secretKeyUri": "Secret key",
}
"""ARM's properties as they are labelled; one that a newer store knows keeps its own name."""

USER_COLUMNS = (
    DEFINITION_COLUMNS[0],
    Column("As", 6, priority=8),
    *DEFINITION_COLUMNS[1:],
)


def head_lines(detail: EndpointDetail, grants: Collection[GrantRow], glyphs: Glyphs) -> list[Line]:
    """``HEAD_LINES`` lines."""
    row = detail.row
    words = [Cell(display(row.endpoint_type), "strong"), Cell(f"  {_TYPES.get(row.endpoint_type, '')}", "dim")]
    return [
        [_label("Type"), *words],
        [_label("Place"), Cell(display(row.place), "strong")],
        [_label("Description"), Cell(display(row.description)) if row.description else Cell("none", "dim")],
        [_label("Used"), Cell(_used(detail))],
        [_label("Now"), *_now(grants)],
    ]


def endpoint_facts(detail: EndpointDetail, now: int) -> list[Fact]:
    """All its properties: of credentials it holds references, never secrets."""
    row = detail.row
    kind = f"{detail.kind.lower()} only" if detail.kind else "source or target"
    clone = f"{key('resource.clone')} makes a changed copy"
    facts = [
        Fact("Name", row.name, "strong"),
        Fact("Type", f"{display(row.endpoint_type)}: {_TYPES.get(row.endpoint_type, 'of a newer Longshore')}"),
        *_properties(detail.properties),
        Fact("Can be", display(kind)),
        Fact("Fixed", f"name and place: a definition must never come to mean another place; {clone}"),
    ]
    if row.description:
        facts.append(Fact("Description", display(row.description)))
    return [*facts, *made_facts(detail.made, now)]


def user_row(definition: DefinitionRow, endpoint: str, now: int, glyphs: Glyphs) -> Row:
    """A definition that uses an endpoint, and as which of its ends."""
    row = definition_row(definition, now, glyphs)
    as_source, as_target = definition.source == endpoint, definition.target == endpoint
    end = Cell("both", "warn") if as_source and as_target else Cell("target", "warn") if as_target else Cell("source")
    return row._replace(cells=(row.cells[0], end, *row.cells[1:]))


def _properties(properties: dict[str, Any]) -> Iterator[Fact]:
    for name, value in properties.items():
        if name in ("endpointType", "type"):
            continue
        if isinstance(value, dict):
            for fact in _properties(value):
                yield fact._replace(text=f"the agent reads it from {fact.text}")
        else:
            yield Fact(_PROPERTIES.get(name, display(name)), display(str(value)))


def _used(detail: EndpointDetail) -> str:
    if not detail.row.definitions:
        return "by no definition: it can be deleted"
    return f"as the source of {_many(detail.as_source)}, as the target of {_many(detail.as_target)}"


def _many(number: int) -> str:
    return "no definition" if not number else "1 definition" if number == 1 else f"{number:,} definitions"


def _now(grants: Collection[GrantRow]) -> Line:
    """Who may touch it now: a run that waits in Queued holds its grants already."""
    if not grants:
        return [Cell("no run may touch it", "dim")]
    writes = sum(grant.permission == GrantPermission.WRITE for grant in grants)
    reads = len(grants) - writes
    many = "+" if len(grants) >= MOST_GRANTS else ""
    parts = [Cell(f"{reads}{many} may read it", "busy")] if reads else []
    if writes:
        parts.append(Cell(f"{', ' if parts else ''}{writes}{many} may write it", "warn"))
    return parts


def _label(words: str) -> Cell:
    return Cell(f"{words:<{LABEL}} ", "dim")
