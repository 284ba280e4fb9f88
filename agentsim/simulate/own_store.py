"""Whether a store may be simulated into: only one that is new, or that holds nothing but earlier simulations."""

from __future__ import annotations

import re
from typing import Final

from agentsim.simulate.hierarchy import TAG, TAG_VALUE
from store.errors import Conflict, InvalidInput
from store.place import StorePlace, data_directory, locate
from store.queries import whole
from store.reader import Reader

_NAME: Final = re.compile(r"sim(\d+)-")
_EXAMPLE: Final = "name a file that does not exist yet, such as --store ./fleet.db"


def simulation_place(url: str | None) -> StorePlace:
    """The place that ``--store`` names. Neither LONGSHORE_STORE nor the default store is ever taken.

    Raises:
        InvalidInput: none is named, or it is the default store.
    """
    if not url:
        raise InvalidInput(f"A simulation needs a store of its own: {_EXAMPLE}.", code="SimulationNeedsStore")
    place = locate(url)
    if place.dialect == "sqlite" and place.path == (data_directory() / "longshore.db").resolve():
        raise InvalidInput(
            f"'{place.path}' is your own store, and a simulation would fill it: {_EXAMPLE}.",
            code="SimulationInOwnStore",
        )
    return place


def next_generation(reader: Reader) -> int:
    """The number of the next simulation in a store, from 1.

    Raises:
        Conflict: the store holds, or once held, anything that was not simulated.
    """
    ids, latest = set(), 0
    for mover_id, name, tags in whole.tags_of_movers(reader):
        found = _NAME.match(name)
        if found is None or tags.get(TAG) != TAG_VALUE:
            raise _foreign(reader, f"the storage mover '{name}'")
        ids.add(mover_id)
        latest = max(latest, int(found[1]))
    if any(mover not in ids for mover in whole.movers_with_events(reader)):
        raise _foreign(reader, "the history of a storage mover that was deleted")
    return latest + 1


def _foreign(reader: Reader, what: str) -> Conflict:
    return Conflict(
        f"The store '{reader.place.url}' holds {what}, and a simulation goes only into a store of its own: {_EXAMPLE}.",
        code="StoreNotSimulated",
    )
