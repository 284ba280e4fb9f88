"""The demo's sample trees: made by a process of their own while the screen is opening."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path
from typing import NamedTuple


class Tree(NamedTuple):
    """A source tree to be made: where, how many files, and how many megabytes."""

    path: str
    files: int
    megabytes: int


TREES = (
    Tree("nas1/home", 9_000, 700),
    Tree("hr/files", 700, 20),
    Tree("payroll/data", 300, 40),
    Tree("hr/recruiting", 300, 10),
    Tree("payroll/slips", 600, 4),
    Tree("nas1/media", 160, 120),
    Tree("nas1/projects", 2_500, 60),
)
"""In the order in which they are made: first the one where the screen opens. Its run lasts a few seconds, to be
watched."""

TARGETS = ("home", "media", "projects", "hr/files", "hr/recruiting", "payroll/data", "payroll/slips")
"""Sub-paths of the target endpoint: a target's root is never created by a run."""


class TreeMaker:
    """Makes the trees one after another, in the background."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._order = list(TREES)
        self._thread = threading.Thread(target=self._make_all, name="demo-trees", daemon=True)
        self._made = {tree.path: threading.Event() for tree in TREES}
        self._stopped = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()
        self.trouble = ""

    def start(self, first: str = "") -> None:
        """Make the roots and the targets now, and fill them in the background, one of them before the others."""
        for tree in TREES:
            (self._directory / tree.path).mkdir(parents=True)
        for target in TARGETS:
            (self._directory / "new-nas" / target).mkdir(parents=True)
        self._order = sorted(self._order, key=lambda tree: tree.path != first)
        self._thread.start()

    def wait_for(self, path: str) -> bool:
        """Wait until one tree is there; False if it could not be made."""
        self._made[path].wait()
        return not self.trouble

    def stop(self) -> None:
        """End the making, whatever is left of it."""
        self._stopped.set()
        with self._lock:
            if self._process is not None and self._process.poll() is None:
                self._process.kill()
        if self._thread.is_alive():
            self._thread.join()

    def _make_all(self) -> None:
        for tree in self._order:
            try:
                self._make(tree, TREES.index(tree) + 1)
            except OSError as error:
                self.trouble = error.strerror or str(error)
            self._made[tree.path].set()

    def _make(self, tree: Tree, seed: int) -> None:
        where = self._directory / tree.path
        command = [sys.executable, "-m", "agentsim.sample", str(where), "--seed", str(seed)]
        command += ["--files", str(tree.files), "--megabytes", str(tree.megabytes)]
        with self._lock:
            if self._stopped.is_set():
                return
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
        _, said = self._process.communicate()
        if self._process.returncode and not self._stopped.is_set():
            self.trouble = said.decode(errors="replace").strip() or f"it ended with {self._process.returncode}"
