"""Measure copies to and from an SMB share beside rclone.

    python tests/bench/share.py --dir /dev/shm
    python tests/bench/share.py --dir /var/tmp --only small --rounds 5

How to read it: as ``tests/bench/cloud.py`` says. One Samba, on loopback, serves both; its disk is the temporary
directory (``TMPDIR``). Ours signs every message, sets times, keeps ACLs in mind and has the server write each file to
its disk before it is visible; rclone 1.60 does none of that. "up" is to the share, "down" from it.
"""

from __future__ import annotations

import sys

sys.path.insert(0, __file__.rpartition("/tests/")[0])

import argparse
import os
import shutil
import statistics
import subprocess
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from tests.bench.report import say
from tests.engine.driver import Agent, order
from tests.servers.samba import PASSWORD, Samba

HELPERS: Final = 8
CASES: Final = {"small": (5_000, 4_096), "large": (2, 256 << 20)}


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure copies to and from an SMB share beside rclone.")
    parser.add_argument("--dir", required=True, help="where sources are made, for a while")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--scale", type=float, default=1.0, help="a part of the files and bytes")
    parser.add_argument("--only", default=",".join(CASES), help="cases, with commas")
    options = parser.parse_args()
    base = Path(tempfile.mkdtemp(prefix="share-", dir=options.dir))
    server = Samba()
    os.environ.update(server.environment)
    os.environ.update(_rclone(server))
    try:
        server.start()
        for name in options.only.split(","):
            files, size = CASES[name]
            scaled = (int(files * options.scale), size) if name == "small" else (files, int(size * options.scale))
            _beside(server, base, name, *scaled, options.rounds)
    finally:
        server.stop()
        shutil.rmtree(base)


def _rclone(server: Samba) -> dict[str, str]:
    """What makes ``S:`` the server for rclone."""
    hidden = subprocess.run(["rclone", "obscure", "-"], input=PASSWORD, capture_output=True, text=True, check=True)
    values = {"TYPE": "smb", "HOST": "127.0.0.1", "PORT": str(server.port), "USER": server.user}
    values["PASS"] = hidden.stdout.strip()
    return {"RCLONE_CONFIG": "/dev/null", **{f"RCLONE_CONFIG_S_{key}": value for key, value in values.items()}}


def _beside(server: Samba, base: Path, case: str, files: int, size: int, rounds: int) -> None:
    say(f"{case}: {files:,} x {size:,} bytes, {rounds} rounds (load before: {os.getloadavg()[0]:.1f})")
    source = _tree(base / case, files, size)
    times: dict[str, list[float]] = {"ours up": [], "rclone up": [], "ours down": [], "rclone down": []}
    for turn in range(rounds):
        for name in ("ours", "rclone") if turn % 2 == 0 else ("rclone", "ours"):
            place = server.fresh_place()
            back = base / "back"
            back.mkdir()
            times[f"{name} up"].append(_timed(name, source, place))
            times[f"{name} down"].append(_timed(name, place, back))
            _check(source, back)
            shutil.rmtree(back)
            shutil.rmtree(server.path(place["shareName"]))
    shutil.rmtree(source)
    for name, seconds in times.items():
        say(f"  {name:12} {statistics.median(seconds):8.2f} s   each {' '.join(f'{one:.2f}' for one in seconds)}")
    for way in ("up", "down"):
        ratio = statistics.median(times[f"rclone {way}"]) / statistics.median(times[f"ours {way}"])
        say(f"  ratio {way:6} {ratio:8.2f}")


def _tree(root: Path, files: int, size: int) -> Path:
    """Files of random bytes, a hundred to a directory."""
    for number in range(files):
        directory = root / f"d{number // 100:04d}"
        directory.mkdir(parents=True, exist_ok=True)
        with (directory / f"f{number:06d}").open("wb") as stream:
            for start in range(0, size, 1 << 20):
                stream.write(os.urandom(min(1 << 20, size - start)))
    return root


def _timed(name: str, source: Path | dict[str, Any], target: Path | dict[str, Any]) -> float:
    begin = time.perf_counter()
    if name == "rclone":
        ends = [f"S:{end['shareName']}" if isinstance(end, dict) else str(end) for end in (source, target)]
        subprocess.run(["rclone", "copy", *ends], check=True, capture_output=True)
        return time.perf_counter() - begin
    roots = [b"" if isinstance(end, dict) else os.fsencode(end) for end in (source, target)]
    task = order(os.fsdecode(roots[0]), os.fsdecode(roots[1]), helpers=HELPERS)
    task = replace(task, source=source if isinstance(source, dict) else task.source)
    task = replace(task, target=target if isinstance(target, dict) else task.target)
    agent = Agent(task)
    try:
        agent.finish()
    except BaseException:
        agent.kill()
        raise
    if agent.done is None or agent.done["status"] != "Succeeded":
        raise RuntimeError(f"the run did not succeed: {agent.done} {agent.rows[:5]}")
    return time.perf_counter() - begin


def _check(source: Path, back: Path) -> None:
    """Raises unless each file came back as it went."""
    done = subprocess.run(["diff", "-r", source, back], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"what came back differs: {done.stdout[:500]}")


if __name__ == "__main__":
    main()
