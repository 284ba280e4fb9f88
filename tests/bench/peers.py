"""The tools that we are measured against, as an admin would call them."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.bench.places import sync
from tests.bench.turn import Pass, Turn, timed

Command = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Peer:
    """One tool with its options; a pass that it has no command for is left out.

    Attributes:
        name: how it is shown.
        commands: for each pass; ``{source}`` and ``{target}`` stand for the directories.
    """

    name: str
    commands: Mapping[Pass, Command]

    def can(self, what: Pass) -> bool:
        return what in self.commands and shutil.which(self.commands[what][0]) is not None

    def run(self, what: Pass, source: Path, target: Path) -> Turn:
        """One pass; then the time of ``sync -f``, since no peer waits for the storage itself."""
        command = [part.format(source=source, target=target) for part in self.commands[what]]
        seconds, cpu = timed(lambda: _call(command))
        to_disk, _ = timed(lambda: sync(target))
        return Turn(placed=seconds, seconds=seconds, synced=seconds + to_disk, cpu=cpu)


def _call(command: list[str]) -> None:
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _rsync(name: str, flags: str) -> Peer:
    plain = ("rsync", flags, "{source}/", "{target}/")
    return Peer(name, {Pass.COPY: plain, Pass.UPDATE: plain, Pass.MIRROR: ("rsync", flags, "--delete", *plain[2:])})


def _rclone(verb: str) -> Command:
    # Eight at once and no configuration file: what measurements-copy.md was made with.
    options = ("--transfers", "8", "--checkers", "8", "--config", "/dev/null")
    return ("rclone", verb, *options, "{source}", "{target}")


PEERS: dict[str, Peer] = {
    "rsync": _rsync("rsync -a", "-a"),
    "rsync-aHAX": _rsync("rsync -aHAX", "-aHAX"),
    "cp": Peer(
        "cp -a",
        {
            Pass.COPY: ("cp", "-a", "{source}/.", "{target}/"),
            Pass.UPDATE: ("cp", "-a", "-u", "{source}/.", "{target}/"),
        },
    ),
    "rclone": Peer("rclone", {Pass.COPY: _rclone("copy"), Pass.UPDATE: _rclone("copy"), Pass.MIRROR: _rclone("sync")}),
    "tar": Peer("tar | tar", {Pass.COPY: ("sh", "-c", "tar -C '{source}' -cf - . | tar -C '{target}' -xf -")}),
}
"""By their names on the command line."""
