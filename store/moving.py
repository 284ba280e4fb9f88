"""What this version moves data between: every endpoint type can be planned, not every one be copied yet.

Standard library only: screens ask it before a run is offered, and the store when it is started.
"""

from __future__ import annotations

from store.vocabulary import EndpointType

MOVED = frozenset({EndpointType.LOCAL_PATH})
"""The endpoint types that an agent of this version can read and write."""


def moved(endpoint_type: str) -> bool:
    """Whether a run may read from, and write to, endpoints of a type."""
    return endpoint_type in MOVED


def why_not_moved(definition: str, endpoint: str, endpoint_type: str) -> str:
    """Why no run of a definition can be started, given one of its endpoints; empty when it can."""
    if moved(endpoint_type):
        return ""
    return (
        f"'{definition}' uses the {endpoint_type} endpoint '{endpoint}', and this version moves data between LocalPath "
        "endpoints only: mount the share and name it as a LocalPath."
    )
