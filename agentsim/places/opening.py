"""From an endpoint's properties to the place itself: which adapter, with which secrets.

The only module that knows the endpoint types; the engine asks what a place holds.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from agentsim.engine.errors import RunStopped, Side
from agentsim.places.place import Opening, Place
from agentsim.places.secrets import Secrets
from store import codes
from store.vocabulary import EndpointType


def directory_of(properties: Mapping[str, Any], side: Side) -> bytes | None:
    """The directory of this machine that an endpoint is, or None where it is none: then :func:`open_place` opens it.

    Nothing is touched but the mount table, unless the agent has to mount the share.

    Args:
        properties: the endpoint's, as ARM names them.
        side: words the errors.

    Raises:
        RunStopped: it is a share that is not mounted and cannot be, or something else is mounted there.
    """
    match EndpointType(properties["endpointType"]):
        case EndpointType.LOCAL_PATH:
            return os.fsencode(properties["path"])
        case _:
            return None


def open_place(properties: Mapping[str, Any], opening: Opening, secrets: Secrets) -> Place:
    """The place of an endpoint; nothing is asked of it yet.

    Raises:
        RunStopped: a secret cannot be resolved, a library is missing, or a property cannot be used.
    """
    raise RunStopped(codes.LIBRARY_MISSING, "No adapter for this type of endpoint", opening.side.value)
