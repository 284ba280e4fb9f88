"""Two hundred SIGKILLs, of a whole run or of one process of it, at moments spread over all that a run does.

After each, every file of the target is the complete old or the complete new one. The run is then
started again, to be killed again or to come to its end, and then the target is the source.
"""

from __future__ import annotations

import os
import random
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from agentsim.engine import units
from store.vocabulary import RunKind

from .driver import Agent
from .dying import COORDINATOR, steps_taken
from .kill_scene import SEED, KillScene

KILLS = 200
BY_TIME = 0.15
"""Of the kills, this share comes from outside at any time, and not at a step."""

VICTIMS = ("group", "group", "self", COORDINATOR)

pytestmark = pytest.mark.skipif(not shutil.which("rsync"), reason="needs rsync")


@pytest.fixture
def scene() -> Iterator[KillScene]:
    """In memory where that can be: the kills are many, and it is not the disk that is tested."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(prefix="longshore-test-", dir=memory if memory.is_dir() else None) as place:
        yield KillScene(Path(place))


def came_to_its_end(agent: Agent, seconds: float = 60.0) -> bool:
    """Follow a run until it ends, dies, or so many seconds are over and it is killed; whether it ended."""
    end = time.monotonic() + seconds
    while agent.done is None and agent.process.poll() is None and time.monotonic() < end:
        agent.step(0.005)
    if agent.done is None:
        agent.kill()
        return False
    agent.finish()
    return True


def moments(steps: dict[str, int], chance: random.Random) -> Iterator[tuple[str, int]]:
    """Units and numbers of steps, each kind of unit in its turn: short phases are met as often as long ones."""
    while True:
        for unit in chance.sample(list(steps), len(steps)):
            yield unit, chance.randint(1, steps[unit])


def test_two_hundred_kills_leave_every_file_whole(scene: KillScene) -> None:
    chance = random.Random(SEED)
    plans = {}
    for trash in (False, True):
        scene.reset()
        to_delete = scene.to_delete()
        agent = scene.start(trash=trash)
        assert came_to_its_end(agent)
        scene.assert_finished(agent, to_delete, trash=trash)
        plans[trash] = moments(steps_taken(scene.trace), chance)
    hit: Counter[str] = Counter()
    while hit.total() < KILLS:
        trash = chance.random() < 0.5
        scene.reset()
        ended = False
        while not ended:
            by_time = chance.random() < BY_TIME
            unit, number = ("any time", 0) if by_time else next(plans[trash])
            to_delete = scene.to_delete()
            agent = scene.start(unit, number, chance.choice(VICTIMS), trash=trash)
            ended = came_to_its_end(agent, chance.uniform(0.08, 0.2) if by_time else 60.0)
            if not ended:
                scene.wait_until_free()
                scene.assert_whole(trash=trash)
                hit[unit] += 1
        scene.assert_finished(agent, to_delete, trash=trash)
    for unit in (COORDINATOR, units.DIRECTORIES, units.LARGE, units.LINKS, units.CENSUS, units.DEFERRED, units.SYNC):
        assert hit[unit] >= KILLS / 40, hit


@pytest.mark.parametrize("kind", [RunKind.PREVIEW, RunKind.VERIFY])
def test_kills_of_runs_that_change_nothing_change_nothing(scene: KillScene, kind: RunKind) -> None:
    chance = random.Random(SEED)
    scene.reset()

    def stamps() -> dict[str, tuple[int, int]]:
        paths = [scene.target, *scene.target.rglob("*")]
        return {os.fspath(path): (path.lstat().st_ino, path.lstat().st_ctime_ns) for path in paths}

    before = stamps()
    agent = scene.start(kind=kind)
    assert came_to_its_end(agent)
    first = (agent.done, sorted(agent.rows))
    plan = moments(steps_taken(scene.trace), chance)
    for _ in range(15):
        agent = scene.start(*next(plan), chance.choice(VICTIMS), kind=kind)
        if not came_to_its_end(agent):
            scene.wait_until_free()
        assert stamps() == before
    agent = scene.start(kind=kind)
    assert came_to_its_end(agent)
    assert (agent.done, sorted(agent.rows)) == first
