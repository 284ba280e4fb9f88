"""What runs of the past keep of their definitions and endpoints, by the store's own writing of it."""

from __future__ import annotations

import json
from typing import Final

from agentsim.simulate.hierarchy import Definition, Project
from store import arm
from store.models import Endpoint, JobDefinition
from store.vocabulary import CopyMode

SOURCE: Final = "@source@"
_TARGET: Final = "@target@"
_SUB_PATH: Final = "@sub-path@"
_AGENT: Final = "@agent@"


class Snapshots:
    """Writes the snapshots of one mover's runs.

    The store's functions write one of each with marks in place of its names, and the names, of which no
    letter is written otherwise in JSON, are put in for each definition.

    Args:
        endpoint: an endpoint of the mover, whose name and path are ``SOURCE``.
        definition: a definition of the mover.
    """

    def __init__(self, endpoint: Endpoint, definition: JobDefinition) -> None:
        self._endpoint = json.dumps({"name": endpoint.name, **arm.endpoint_properties(endpoint)})
        target = Endpoint(**{**endpoint.model_dump(), "name": _TARGET})
        self._definitions = {}
        for mode in CopyMode:
            marked = JobDefinition(
                **{
                    **definition.model_dump(),
                    "copy_mode": mode,
                    "source_subpath": _SUB_PATH,
                    "target_subpath": _SUB_PATH,
                    "agent_name": _AGENT,
                }
            )
            self._definitions[mode] = json.dumps(arm.definition_properties(marked, endpoint, target))

    def of(self, project: Project, definition: Definition, agent: str) -> tuple[str, str, str]:
        """The definition, its source and its target as JSON, as a run of it keeps them."""
        properties = (
            self._definitions[definition.copy_mode]
            .replace(SOURCE, project.source)
            .replace(_TARGET, project.target)
            .replace(_SUB_PATH, definition.sub_path)
            .replace(_AGENT, agent)
        )
        source = self._place(project.source, project.source_path)
        return properties, source, self._place(project.target, project.target_path)

    def _place(self, name: str, path: str) -> str:
        return self._endpoint.replace(f"/{SOURCE}", path).replace(SOURCE, name)
