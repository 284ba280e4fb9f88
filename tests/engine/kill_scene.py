"""What a run is killed over: a tree with a little of all that a run does, and how to tell that none of it is half."""

from __future__ import annotations

import fcntl
import os
import random
import shutil
import stat
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

from agentsim.engine.reserved import TRASH, is_leftover
from store.settings import CopySettings
from store.vocabulary import CopyMode, Guard, RunKind

from .driver import Agent, assert_sums, order

SEED = 20261122
DIRECTORIES = ("a", "b/c", "d/e/f")

Look = tuple[object, ...]
"""Type, content (of a file) or text (of a link), mode, owner, group and time of an item."""


def look(root: Path) -> dict[str, Look]:
    """Every item of a tree by its path."""
    found: dict[str, Look] = {}
    for path in root.rglob("*"):
        seen = path.lstat()
        metadata = (stat.S_IMODE(seen.st_mode), seen.st_uid, seen.st_gid, seen.st_mtime_ns)
        name = str(path.relative_to(root))
        if stat.S_ISREG(seen.st_mode):
            found[name] = ("file", path.read_bytes(), *metadata)
        elif stat.S_ISLNK(seen.st_mode):
            found[name] = ("link", os.readlink(path), *metadata)
        else:
            found[name] = ("directory", b"", *metadata)
    return found


def is_temporary(path: str) -> bool:
    """Whether a path of the target is what a worker leaves behind when it is killed."""
    return is_leftover(path.rpartition("/")[2])


def contents(items: Mapping[str, Look]) -> set[object]:
    """What the files hold."""
    return {item[1] for item in items.values() if item[0] == "file"}


class KillScene:
    """A source, what the target is before, the target, and a tree beside them that is nobody's business."""

    def __init__(self, base: Path) -> None:
        self.source, self.before, self.target, self.canary = (
            base / name for name in ("source", "before", "target", "canary")
        )
        self.trace = base / "trace"
        self._chance = random.Random(SEED)
        for root in (self.source, self.before, self.canary):
            root.mkdir()
        for directory in DIRECTORIES:
            self._build_changes(directory)
        self._build_links()
        self._build_types()
        for name in ("large replaced", "large new"):
            self._put(self.source, name, size=700_000)
        self._put(self.before, "large replaced", size=600_000, second=1)
        (self.source / "empty").mkdir()
        self.new, self.old, self._outside = look(self.source), look(self.before), look(self.canary)

    def _put(self, root: Path, name: str, size: int = 3_000, mode: int = 0o644, second: int = 0) -> None:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(self._chance.randbytes(size))
        path.chmod(mode)
        os.utime(path, ns=(10**18, 10**18 + second * 10**9 + 1))

    def _build_changes(self, directory: str) -> None:
        """New, replaced, repaired, equal and deleted files."""
        for number in range(4):
            self._put(self.source, f"{directory}/same{number}")
            self._put(self.before, f"{directory}/only here{number}")
        shutil.copytree(self.source / directory, self.before / directory, dirs_exist_ok=True)
        for number in range(4):
            self._put(self.source, f"{directory}/new{number}")
            self._put(self.source, f"{directory}/replaced{number}", mode=0o4751)
            self._put(self.before, f"{directory}/replaced{number}", second=1)
        (self.before / directory / "same1").chmod(0o600)
        os.setxattr(self.before / directory / "same2", b"user.x", b"stale")

    def _build_links(self) -> None:
        """Files with three names in the source; in the target one is old, and one has a name too many."""
        for number in range(3):
            self._put(self.source, f"links/{number}")
            for name in ("second", "third"):
                os.link(self.source / "links" / str(number), self.source / "links" / f"{number} {name}")
            self._put(self.before, f"links/{number} second", second=2)
        os.link(self.before / "links" / "0 second", self.before / "links" / "only here")

    def _build_types(self) -> None:
        """What is of another type on the other side, and links that lead to the canary."""
        self._put(self.source, "file over directory")
        self._put(self.before, "file over directory/below/file")
        self._put(self.before, "directory over file")
        self._put(self.source, "directory over file/file")
        self._put(self.source, "file over link")
        (self.before / "file over link").symlink_to(self.canary / "precious")
        self._put(self.before, "link over file")
        (self.source / "link over file").symlink_to("nowhere")
        self._put(self.canary, "precious")
        for number in range(3):
            self._put(self.before, f"gone/{number}/x")
            self._put(self.before, f"gone/{number}/y/z")
            (self.before / "gone" / str(number) / "link").symlink_to(self.canary)
            self._put(self.canary, f"{number}/x")

    def reset(self) -> None:
        """Make the target what it was before."""
        if self.target.exists():
            shutil.rmtree(self.target)
        subprocess.run(["cp", "-a", str(self.before), str(self.target)], check=True)

    def start(
        self, unit: str = "", number: int = 0, victim: str = "", *, trash: bool = False, kind: RunKind = RunKind.COPY
    ) -> Agent:
        """A run whose worker is killed at a step; see ``tests.engine.dying``."""
        shutil.rmtree(self.trace, ignore_errors=True)
        self.trace.mkdir()
        task = order(
            self.source,
            self.target,
            CopyMode.MIRROR,
            run="p/d#1",
            kind=kind,
            settings=CopySettings(trash=trash),
            overrides=frozenset(Guard),
        )
        call = f"main({str(self.trace)!r}, {unit!r}, {number}, {victim!r})"
        return Agent(task, script=f"from tests.engine.dying import main\n{call}\n")

    def wait_until_free(self) -> None:
        """Wait until the last process of a killed run is gone: until then it holds the target's lock."""
        end = time.monotonic() + 60
        fd = os.open(self.target, os.O_RDONLY)
        try:
            while True:
                try:
                    fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    return
                except BlockingIOError:
                    assert time.monotonic() < end, "a process of the killed run lives on"
                    time.sleep(0.005)
        finally:
            os.close(fd)

    def to_delete(self) -> int:
        """Items of the target that are to be deleted and are still there."""
        return sum(self._is_doomed(path, item) for path, item in look(self.target).items())

    def _is_doomed(self, path: str, item: Look) -> bool:
        if path.startswith(TRASH) or is_temporary(path):
            return False
        return path not in self.new or item[0] == "directory" != self.new[path][0]

    def assert_whole(self, *, trash: bool) -> None:
        """Every file is the complete old or the complete new one; none is gone that was not to go."""
        everything = {path: item for path, item in look(self.target).items() if not is_temporary(path)}
        kept = {path: item for path, item in everything.items() if path.startswith(TRASH)}
        found = {path: item for path, item in everything.items() if path not in kept}
        for path, item in found.items():
            assert self._is_complete(path, item), f"{path} is neither the old nor the new: {item[0]}, {item[2:]}"
        for path in set(self.old) & set(self.new) - set(found):
            types = {self.old[path][0], self.new[path][0]}
            assert "directory" in types, f"{path} is gone"
            assert len(types) == 2, f"{path} is gone"
        if trash:
            assert contents(self.old) <= contents(found) | contents(kept), "something old is lost"

    def _is_complete(self, path: str, item: Look) -> bool:
        sides = [side[path] for side in (self.old, self.new) if path in side]
        if item[0] == "directory" or len({side[:2] for side in sides}) == 1 < len(sides):
            # Metadata on its way harms nothing where there is no content, or the same on both sides.
            return any(item[:2] == side[:2] for side in sides)
        return item in sides

    def assert_finished(self, agent: Agent, to_delete: int, *, trash: bool) -> None:
        """The run came to its end, the target is the source, and nothing outside has changed."""
        assert agent.done is not None
        assert agent.done["status"] == "Succeeded", (agent.done, agent.rows)
        assert_sums(agent.counters)
        assert agent.counters["items_deleted"] == to_delete
        assert self.to_delete() == 0
        judge = ["rsync", "-aHAXnic", "--delete", "--modify-window=-1", f"--exclude=/{TRASH}"]
        found = subprocess.run([*judge, f"{self.source}/", f"{self.target}/"], capture_output=True, check=True)
        assert found.stdout == b""
        assert not [path for path in look(self.target) if is_temporary(path)]
        self.assert_whole(trash=trash)
        assert look(self.source) == self.new
        assert look(self.canary) == self._outside
