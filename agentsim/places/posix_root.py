"""Finding, judging and locking the root of a directory tree, alone: the other side is no directory of this machine."""

from __future__ import annotations

import os
import stat
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from agentsim.engine.errors import RunStopped, Side, describe
from agentsim.engine.lease import Lease
from agentsim.engine.preflight import CREATED_MODE, check_writable, lock, open_source, open_target, target_errors
from agentsim.engine.probe import EXACT, Traits, guessed, probed
from agentsim.engine.walker import DIRECTORY_FLAGS
from agentsim.places.place import Opening
from store import codes

REACH_SECONDS = 30.0
"""How long a directory may take to answer: one of a dead server hangs for ever."""

_LOOK_SECONDS = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Root:
    """An open tree.

    Attributes:
        fd: its directory; -1 for a target that does not exist and is not to be made.
        held: descriptors whose locks must live as long as the run; the last is ``fd`` where that exists.
        traits: what it makes of names and times.
    """

    fd: int
    held: tuple[int, ...]
    traits: Traits


def reach(root: bytes, opening: Opening) -> None:
    """See that a directory answers at all.

    Raises:
        RunStopped: it does not, is missing or is none.
        Canceled: while it was waited for.
    """
    side = opening.side
    answers: list[os.stat_result | OSError] = []

    def ask() -> None:
        try:
            answers.append(os.stat(root))
        except OSError as error:
            answers.append(error)

    # What hangs in the kernel cannot be called off, only left behind.
    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    until = time.monotonic() + REACH_SECONDS
    while asking.is_alive() and time.monotonic() < until:
        asking.join(_LOOK_SECONDS)
        if asking.is_alive():
            opening.lease.check()
    if not answers:
        code = codes.SOURCE_UNREACHABLE if side is Side.SOURCE else codes.TARGET_UNREACHABLE
        raise RunStopped(code, f"The {side.value} directory does not answer within {REACH_SECONDS:.0f} s", side.value)
    answer = answers[0]
    invalid = codes.SOURCE_PATH_INVALID if side is Side.SOURCE else codes.TARGET_PATH_INVALID
    if isinstance(answer, PermissionError):
        return  # It is for enter() to say what may not be done.
    if isinstance(answer, OSError):
        raise RunStopped(invalid, describe(answer, f"looking at the {side.value}"), side.value) from answer
    if not stat.S_ISDIR(answer.st_mode):
        raise RunStopped(invalid, f"The {side.value} is not a directory", side.value)


def enter(root: bytes, opening: Opening) -> Root:
    """Open it by held descriptors, lock a target, and find out what it makes of names and times.

    Raises:
        RunStopped: with the code of the first thing found wrong.
        Canceled: while the target was busy.
    """
    if opening.side is Side.SOURCE:
        fd = open_source(root, opening.sub_path)
        return Root(fd=fd, held=(fd,), traits=EXACT)
    chain: list[int] = []
    try:
        with target_errors("opening the target"):
            chain, missing = open_target(root, opening.sub_path)
            if opening.writes:
                check_writable(chain[-1])
            for part in missing if opening.writes else ():
                opening.lease.check()
                os.mkdir(part, CREATED_MODE, dir_fd=chain[-1])
                chain.append(os.open(part, DIRECTORY_FLAGS, dir_fd=chain[-1]))
        lock(chain, _pause(opening.lease), exclusive=opening.writes)
        with target_errors("asking how the target takes names and times"):
            if missing and not opening.writes:
                return Root(fd=-1, held=tuple(chain), traits=EXACT)
            opening.lease.check()
            traits = probed(chain[-1]) if opening.writes else guessed(chain[-1])
    except BaseException:
        for held in chain:
            os.close(held)
        raise
    return Root(fd=chain[-1], held=tuple(chain), traits=traits)


def _pause(lease: Lease) -> Callable[[float], None]:
    def wait(seconds: float) -> None:
        time.sleep(seconds)
        lease.check()

    return wait
