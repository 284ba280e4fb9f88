"""The hierarchy of a simulated organisation: names and places, as a plan and as rows. No I/O.

A project has a source and a target directory, and some ten definitions below them.
The directories are never touched: nothing of a simulation reads or writes a file.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, Final

from agentsim.simulate.words import DEPARTMENTS, MOVERS, SITES
from store.vocabulary import CopyMode, EndpointType

DEFINITIONS_PER_PROJECT: Final = 10
TAG: Final = "simulatedBy"
TAG_VALUE: Final = "longshore-agent simulate"
"""A mover with this tag was made here: only such a store is ever written to."""


@dataclass(frozen=True)
class Definition:
    """One definition: from a sub-path of its project's source to one of its target."""

    name: str
    sub_path: str
    copy_mode: CopyMode


@dataclass(frozen=True)
class Project:
    """A project with its two places and its definitions."""

    name: str
    source: str
    source_path: str
    target: str
    target_path: str
    definitions: tuple[Definition, ...]


def mover_names(generation: int, count: int) -> list[str]:
    """The movers of one simulation: another one in the same store has another generation."""
    return [f"sim{generation}-{_numbered(MOVERS, number)}" for number in range(count)]


def projects(random: Random, mover: str, definitions: int) -> list[Project]:
    """Projects with that many definitions altogether."""
    found = []
    for number in range(-(-definitions // DEFINITIONS_PER_PROJECT)):
        department, shares = DEPARTMENTS[number % len(DEPARTMENTS)]
        site = SITES[number // len(DEPARTMENTS) % len(SITES)]
        round_ = number // (len(DEPARTMENTS) * len(SITES))
        name = f"{department}-{site}" + (f"-{round_ + 1}" if round_ else "")
        count = min(DEFINITIONS_PER_PROJECT, definitions - number * DEFINITIONS_PER_PROJECT)
        found.append(
            Project(
                name=name,
                source=f"nas-{name}",
                source_path=f"/simulated/{mover}/nas/{name}",
                target=f"blob-{name}",
                target_path=f"/simulated/{mover}/blob/{name}",
                definitions=tuple(_definition(random, shares, place) for place in range(count)),
            )
        )
    return found


def _definition(random: Random, shares: Sequence[str], place: int) -> Definition:
    share = _numbered(shares, place)
    mode = CopyMode.MIRROR if random.random() < 0.4 else CopyMode.ADDITIVE
    return Definition(share, share, mode)


def _numbered(words: Sequence[str], number: int) -> str:
    """The words, and then again with a number."""
    again = number // len(words)
    return words[number % len(words)] + (f"-{again + 1}" if again else "")


def tags(seed: int) -> dict[str, str]:
    """What marks a mover as simulated."""
    return {TAG: TAG_VALUE, "seed": str(seed)}


def mover_plan(mover: str, found: Sequence[Project], seed: int) -> dict[str, Any]:
    """A mover as a plan file has it, with a share of the kind that this version does not move."""
    endpoints: list[dict[str, Any]] = [_nfs("filer-old"), _blob("cool-tier")]
    plans = []
    for project in found:
        endpoints += [_local(project.source, project.source_path), _local(project.target, project.target_path)]
        plans.append(
            {
                "name": project.name,
                "properties": {"description": f"Everything of {project.name} off the old filer"},
                "jobDefinitions": [
                    {
                        "name": definition.name,
                        "properties": {
                            "copyMode": definition.copy_mode.value,
                            "sourceName": project.source,
                            "sourceSubpath": definition.sub_path,
                            "targetName": project.target,
                            "targetSubpath": definition.sub_path,
                        },
                    }
                    for definition in project.definitions
                ],
            }
        )
    later = {"copyMode": "Additive", "sourceName": "filer-old", "targetName": "cool-tier"}
    plans.append({"name": "later", "jobDefinitions": [{"name": "cold-data", "properties": later}]})
    return {
        "name": mover,
        "tags": tags(seed),
        "properties": {"description": f"Simulated (seed {seed})"},
        "endpoints": endpoints,
        "projects": plans,
    }


UNMANNED: Final = "later/cold-data"
"""The definition in every mover's plan that no agent was chosen for."""


def _local(name: str, path: str) -> dict[str, Any]:
    return {"name": name, "properties": {"endpointType": EndpointType.LOCAL_PATH.value, "path": path}}


def _nfs(name: str) -> dict[str, Any]:
    properties = {
        "endpointType": EndpointType.NFS_MOUNT.value,
        "host": "filer-old.example.net",
        "export": "/export/all",
    }
    return {"name": name, "properties": properties}


def _blob(name: str) -> dict[str, Any]:
    account = "/subscriptions/0/resourceGroups/sim/providers/Microsoft.Storage/storageAccounts/simulated"
    kind = EndpointType.AZURE_STORAGE_BLOB_CONTAINER.value
    properties = {"endpointType": kind, "storageAccountResourceId": account, "blobContainerName": "cool-tier"}
    return {"name": name, "properties": properties}
