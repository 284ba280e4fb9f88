"""Opening and judging both places before anything is copied."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from agentsim.engine.errors import RunStopped, Side
from agentsim.engine.lease import Lease
from agentsim.engine.order import Order
from agentsim.engine.source_identity import same_source
from agentsim.places.opening import open_place
from agentsim.places.place import Holds, Opening, Place
from agentsim.places.secrets import Secrets
from agentsim.transfer.nowhere import Nowhere
from store import codes
from store.vocabulary import CopyMode, Durability, Guard, ItemKind

Opener = Callable[[Opening], Place]
"""From an opening to the place of its side; nothing is asked of it yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ends:
    """Both places, entered.

    Attributes:
        source: what is copied.
        target: where it goes.
        source_id: what tells the source from others at any time.
        same_as_first: it is the source of the definition's first run.
        warnings: what an admin should know, and what does not stop the run.
    """

    source: Place
    target: Place
    source_id: str
    same_as_first: bool
    warnings: tuple[str, ...]


def opener_of(order: Order, secrets: Secrets) -> Opener:
    """What opens the places of an order."""

    def opened(opening: Opening) -> Place:
        at_source = opening.side is Side.SOURCE
        root = order.source_root if at_source else order.target_root
        if root:
            # Only runs that have a directory on one side need it.
            from agentsim.places.posix import PosixPlace

            return PosixPlace(opening, root, durable=order.settings.durability is Durability.EVERY_FILE)
        return open_place(order.source if at_source else order.target, opening, secrets)

    return opened


def opening_of(order: Order, side: Side, lease: Lease) -> Opening:
    """What a side of an order is opened with."""
    source = side is Side.SOURCE
    return Opening(
        side=side,
        writes=not source and order.writes,
        sub_path=order.source_subpath if source else order.target_subpath,
        lease=lease,
    )


def open_ends(order: Order, lease: Lease, opened: Opener, keep: Callable[[Place], None]) -> Ends:
    """Open, enter and judge both places.

    Args:
        order: the run.
        lease: the run's.
        opened: opens a place.
        keep: told of each place as soon as there is one: it is to be closed, whatever happens.

    Raises:
        RunStopped: with the code of the first thing found wrong.
        Canceled: the run is to stop.
    """
    source, target = (opened(opening_of(order, side, lease)) for side in (Side.SOURCE, Side.TARGET))
    keep(source)
    keep(target)
    for place in (source, target):
        lease.check()
        place.reach()
    lease.check()
    source.enter()
    source_id = source.identity()
    same, warnings = _judge_source(source_id, order)
    lease.check()
    target = _entered(target, opened, keep)
    if overlap(source_id, target.identity()):
        raise RunStopped(codes.OVERLAP, "The target is the source, lies inside it or holds it", Side.TARGET.value)
    return Ends(source=source, target=target, source_id=source_id, same_as_first=same, warnings=warnings)


def _entered(target: Place, opened: Opener, keep: Callable[[Place], None]) -> Place:
    """The target, entered; for a run that changes nothing, an empty one where its sub-path is still to be made."""
    opening = target.opening
    try:
        target.enter()
    except RunStopped as stop:
        if opening.writes or not opening.sub_path or stop.code != codes.TARGET_PATH_INVALID:
            raise
        root = opened(replace(opening, sub_path=b""))
        keep(root)
        root.reach()
        try:
            root.enter()
        except RunStopped:
            raise stop from None
        # Only if there is nothing on the way is it one that a copy would make.
        found = root.find(opening.sub_path.split(b"/")[0])
        if found is not None and found.kind is not ItemKind.DIRECTORY:
            raise
        return Nowhere(opening, root)
    return target


def source_unchanged(order: Order, lease: Lease, opened: Opener, source_id: str) -> bool:
    """Whether the source, opened anew, is the one that the run began with.

    Raises:
        Canceled: the run is to stop.
    """
    try:
        place = opened(opening_of(order, Side.SOURCE, lease))
        try:
            place.reach()
            place.enter()
            return place.identity() == source_id
        finally:
            place.close()
    except RunStopped:
        return False


def overlap(one: str, other: str) -> bool:
    """Whether two identities are of one place, or of one that lies in the other."""
    first, second = (_place_word(identity) for identity in (one, other))
    if not first or not second:
        return False
    return first == second or first.startswith(second + "/") or second.startswith(first + "/")


def losses(source: Holds, target: Holds) -> list[str]:
    """What of the items this pair of places loses, each in one sentence, for the log of a preview."""
    found = []
    if source.directory_times:
        found.append("A file with several names (hard links) becomes so many files")
    kinds = sorted(source.attributes - target.attributes)
    if kinds:
        found.append(f"The target cannot hold {', '.join(_ATTRIBUTES.get(kind, kind) for kind in kinds)}")
    lacks = {
        "permissions": source.permissions and not target.permissions,
        "owners": source.owners and not target.owners,
        "symbolic links": source.links and not target.links,
        "directories with nothing in them": source.directories and not target.directories,
        "modification times": source.time_step > 0 and not target.time_step,
    }
    missing = [words for words, so in lacks.items() if so]
    if missing:
        found.append(f"The target cannot hold {', '.join(missing)}")
    if target.folds and not source.folds:
        found.append("Names that differ only in case, or in how accents are written, are one to the target")
    return found


_ATTRIBUTES = {
    "xattr": "extended attributes",
    "posix_acl": "POSIX access control lists",
    "nt_acl": "Windows access control lists",
    "dos": "DOS attributes",
}


def _place_word(identity: str) -> str:
    words = [word for word in identity.split() if word.startswith("place:")]
    return words[0].removeprefix("place:").rstrip("/") if words else ""


def _judge_source(found: str, order: Order) -> tuple[bool, tuple[str, ...]]:
    """Whether it is the source of the first run, and what is to be said of that.

    Raises:
        RunStopped: it is another one, and a Mirror would take that for deletes.
    """
    if same_source(order.source_identity, found):
        return True, ()
    message = f"The source is not the one of the first run: it was {order.source_identity}, it is {found}"
    if order.writes and order.mode is CopyMode.MIRROR and Guard.SOURCE_IDENTITY not in order.overrides:
        raise RunStopped(
            codes.SOURCE_IDENTITY,
            f"{message}; nothing was touched; override with {Guard.SOURCE_IDENTITY}",
            Side.SOURCE.value,
        )
    return False, (message,)
