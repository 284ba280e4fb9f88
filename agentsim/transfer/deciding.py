"""What to do with one item of the source, given what the target has under its path. No I/O."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import Enum, auto
from typing import NamedTuple

from agentsim.engine.decide import Fidelity
from agentsim.places.place import Dress, Holds, Item
from store import codes
from store.report_lines import Facts
from store.settings import CopySettings
from store.vocabulary import Compare, CopyMode, ItemKind


class Action(Enum):
    """What an item needs."""

    NOTHING = auto()
    """Content and metadata are equal."""
    COPY = auto()
    """Write the file or make the link, in place of what is there."""
    REPAIR = auto()
    """Content is equal; set the metadata."""
    LOOK = auto()
    """The listing does not say enough: ask for the item itself and decide again."""
    COMPARE = auto()
    """Files of one size, or links: their content decides, and then :func:`after_comparison`."""
    MAKE = auto()
    """Make the directory."""
    REPLACE = auto()
    """Delete what is there (it is no directory), then make the directory."""
    REFUSED = auto()
    """The target cannot hold it."""
    BLOCKED = auto()
    """The target has a directory where the source has none, and this mode deletes nothing."""
    LATE = auto()
    """As BLOCKED, but the directory is to be deleted, and deletes come last."""


class Decision(NamedTuple):
    """An action, the reason in words, and a status code where it is a refusal."""

    action: Action
    why: str = ""
    code: str = ""


NOTHING = Decision(Action.NOTHING)
NEW = "not in the target"
_FILE, _DIRECTORY, _LINK = ItemKind.FILE, ItemKind.DIRECTORY, ItemKind.SYMLINK


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What of an item this run carries between these two places, and how exactly.

    Attributes:
        mode: the run's copy mode.
        compare: how content is compared.
        permissions: mode bits travel.
        owners: owner and group travel.
        fidelity: which owners the target lets us set.
        attributes: kinds of further metadata that travel.
        links: the target can hold symbolic links.
        largest: most bytes of a file that the target can hold, or None.
        time_step: nanoseconds between two times that both sides can tell apart; 0 where one of them keeps none.
        times: the target keeps modification times.
        local: the target is a directory of this machine.
        loses_owners: owners are to travel, and the kernel does not let this process set them.
    """

    mode: CopyMode
    compare: Compare
    permissions: bool
    owners: bool
    fidelity: Fidelity
    attributes: frozenset[str]
    links: bool
    largest: int | None
    time_step: int
    times: bool
    local: bool
    loses_owners: bool = False

    @classmethod
    def of(
        cls, source: Holds, target: Holds, mode: CopyMode, settings: CopySettings, *, local: bool, umask: int = 0o022
    ) -> Rules:
        """The rules between two places.

        Args:
            source: what the source holds.
            target: what the target holds.
            mode: the run's copy mode.
            settings: the run's settings.
            local: the target is a directory of this machine, where owners are the kernel's to allow.
            umask: the process's own, for new items of such a directory.
        """
        keep = settings.preserve_permissions
        fidelity = Fidelity(privileged=True, groups=frozenset(), permissions=keep)
        if local:
            fidelity = Fidelity.of_this_process(permissions=keep, umask=umask)
        return cls(
            mode=mode,
            compare=settings.compare,
            permissions=keep and source.permissions and target.permissions,
            owners=keep and source.owners and target.owners,
            fidelity=fidelity,
            attributes=source.attributes & target.attributes if keep else frozenset(),
            links=target.links,
            largest=target.largest,
            time_step=max(source.time_step, target.time_step) if source.time_step and target.time_step else 0,
            times=target.time_step > 0,
            local=local,
            loses_owners=keep and source.owners and not fidelity.privileged,
        )

    def same_time(self, source: Item, target: Item) -> bool | None:
        """Whether both were modified at one time, as far as both sides can tell; None when that is not known."""
        one, other = source.dress.mtime_ns, target.dress.mtime_ns
        if one is None or other is None or not self.time_step:
            return None
        return abs(one - other) < self.time_step

    def differences(self, source: Item, target: Item) -> list[str]:
        """What differs of the metadata that can be mended, but for the time, in words."""
        one, other = source.dress, target.dress
        found = []
        if self.permissions and source.kind is not _LINK and one.mode is not None and one.mode != other.mode:
            found.append("mode differs")
        if self.owners and not self._same_owner(one, other):
            found.append("owner differs")
        if self.attributes and (
            ("dos" in self.attributes and one.dos is not None and one.dos != other.dos)
            or ("nt_acl" in self.attributes and one.nt_acl is not None and one.nt_acl != other.nt_acl)
        ):
            found.append("attributes differ")
        return found

    def _same_owner(self, one: Dress, other: Dress) -> bool:
        uid, gid = self.settable(one)
        return (uid is None or uid == other.uid) and (gid is None or gid == other.gid)

    def settable(self, dress: Dress) -> tuple[int | None, int | None]:
        """The owner and group that the target lets us set of these; None stands for "leave it"."""
        if self.fidelity.privileged:
            return dress.uid, dress.gid
        return None, dress.gid if dress.gid in self.fidelity.groups else None

    def dress(self, source: Item, target: Item | None) -> Dress:
        """The metadata that an item of the target is to get.

        Args:
            source: the item to be like.
            target: what is there and keeps its owner and mode where they do not travel; None for nothing.
        """
        known = source.dress
        mode = uid = gid = None
        if self.permissions:
            mode = known.mode
        elif target is not None:
            mode = target.dress.mode
        elif self.local and known.mode is not None:
            mode = self.fidelity.file_mode(known.mode)
        if self.owners:
            uid, gid = self.settable(known)
        elif target is not None:
            uid, gid = self.settable(target.dress)
        return Dress(
            mtime_ns=known.mtime_ns if self.times else None,
            atime_ns=known.atime_ns if self.times else None,
            mode=mode,
            uid=uid,
            gid=gid,
            nt_acl=known.nt_acl if "nt_acl" in self.attributes else None,
            dos=known.dos if "dos" in self.attributes else None,
        )


def decide(source: Item, target: Item | None, rules: Rules) -> Decision:
    """The action for a file or link of the source; directories are :func:`decide_directory`'s.

    Args:
        source: the item.
        target: what the target has under its path; None for nothing.
        rules: of this run.
    """
    if source.kind is _LINK:
        return _decide_link(source, target, rules)
    if rules.largest is not None and source.size > rules.largest:
        return Decision(Action.REFUSED, f"The target holds at most {rules.largest} bytes", codes.ITEM_TOO_LARGE)
    if target is None:
        return Decision(Action.COPY, NEW)
    if target.kind is not _FILE:
        return _instead(target, rules)
    if source.size != target.size:
        return Decision(Action.COPY, why(source, target, rules))
    if not (source.detailed and target.detailed):
        return Decision(Action.LOOK)
    if rules.compare is Compare.CHECKSUM:
        if not (source.md5 and target.md5):
            return Decision(Action.COMPARE)
        return after_comparison(source, target, rules, equal=source.md5 == target.md5)
    same = rules.same_time(source, target)
    if same:
        return _mended(source, target, rules, rules.differences(source, target))
    if same is None and source.md5 and source.md5 == target.md5:
        # The time of one side is not known, and the content is the same.
        return after_comparison(source, target, rules, equal=True)
    return Decision(Action.COPY, why(source, target, rules) or "modification time unknown")


def after_comparison(source: Item, target: Item, rules: Rules, *, equal: bool) -> Decision:
    """The action for two files, or two links, whose content was compared."""
    if not equal:
        return Decision(Action.COPY, why(source, target, rules) or "content differs")
    return _mended(source, target, rules, _metadata(source, target, rules))


def decide_directory(source: Item, target: Item | None, rules: Rules) -> Decision:
    """The action for a directory of the source."""
    if target is None:
        return Decision(Action.MAKE, NEW)
    if target.kind is not _DIRECTORY:
        return Decision(Action.REPLACE, "type differs")
    if source.implied:
        return NOTHING
    if target.implied:
        return Decision(Action.MAKE, "metadata differs")
    if not (source.detailed and target.detailed):
        return Decision(Action.LOOK)
    found = _metadata(source, target, rules)
    return Decision(Action.REPAIR, ", ".join(found)) if found else NOTHING


def why(source: Item, target: Item | None, rules: Rules) -> str:
    """In words, how two items differ as far as their places tell; empty when they do not."""
    if target is None:
        return NEW
    if source.kind is not target.kind:
        return "type differs"
    found = ["size differs"] if source.kind is _FILE and source.size != target.size else []
    if source.detailed and target.detailed:
        found += _metadata(source, target, rules)
    return ", ".join(found)


def facts(item: Item | None) -> Facts | None:
    """What a plan keeps of one side of an item: its version stands for the inode."""
    if item is None:
        return None
    version = int.from_bytes(hashlib.blake2b(item.version.encode(), digest_size=8).digest(), "big") >> 11
    dress = item.dress
    return Facts(item.kind, version, item.size, dress.mtime_ns or 0, 0, dress.mode or 0, dress.uid or 0, dress.gid or 0)


def _decide_link(source: Item, target: Item | None, rules: Rules) -> Decision:
    if not rules.links:
        return Decision(Action.REFUSED, "The target holds no symbolic links", codes.ITEM_LINK_UNSUPPORTED)
    if target is None:
        return Decision(Action.COPY, NEW)
    if target.kind is not _LINK:
        return _instead(target, rules)
    if not (source.detailed and target.detailed):
        return Decision(Action.LOOK)
    found = _metadata(source, target, rules)
    return Decision(Action.COPY, ", ".join(found)) if found else Decision(Action.COMPARE)


def _instead(target: Item, rules: Rules) -> Decision:
    """A file or link where the target has something of another kind."""
    if target.kind is not _DIRECTORY:
        return Decision(Action.COPY, "type differs")
    if rules.mode is CopyMode.MIRROR:
        return Decision(Action.LATE, "type differs")
    return Decision(Action.BLOCKED, "The target has a directory of this name", codes.ITEM_BLOCKED_BY_DIRECTORY)


def _metadata(source: Item, target: Item, rules: Rules) -> list[str]:
    """All differences of metadata, the time first. A time that the target should keep and does not know differs."""
    same = rules.same_time(source, target)
    lacks = same is None and rules.time_step > 0 and source.dress.mtime_ns is not None
    found = ["modification time differs"] if same is False or lacks else []
    return found + rules.differences(source, target)


def _mended(source: Item, target: Item, rules: Rules, found: list[str]) -> Decision:
    if not found:
        return NOTHING
    # A further name of the target's file may be anybody's: it keeps its metadata.
    mends = target.names == 1 and source.kind is _FILE
    return Decision(Action.REPAIR if mends else Action.COPY, ", ".join(found))
