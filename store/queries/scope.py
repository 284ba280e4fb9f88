"""What a list is about."""

from __future__ import annotations

from typing import NamedTuple


class Scope(NamedTuple):
    """A node of the tree. ``kind`` is mover, agent, endpoint, project, definition."""

    kind: str
    id: int
