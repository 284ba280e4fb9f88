"""One large directory is work for all helpers."""

from __future__ import annotations

import os

from store.vocabulary import CopyMode
from tests.engine.conftest import Trees
from tests.engine.driver import Agent, copied, differences, order

FILES = 6000


def test_helpers_share_the_files_of_one_directory(trees: Trees) -> None:
    for number in range(FILES):
        (trees.source / f"file-{number}").write_bytes(b"x" * (number % 50))
    os.link(trees.source / "file-7", trees.source / "linked")
    os.utime(trees.source, ns=(1, 2_000_000_002))
    agent = Agent(order(trees.source, trees.target, helpers=3), script=SLOW)
    agent.finish()
    assert differences(trees.source, trees.target) == ""
    assert agent.counters["items_transferred"] == FILES + 1
    shares = [text for level, text in agent.logs if level == "info" and text.startswith("files given away")]
    assert shares
    assert trees.target.stat().st_mtime_ns == 2_000_000_002
    copied(trees.source, trees.target, CopyMode.MIRROR)


SLOW = """
import sys
from agentsim.engine import findings
from agentsim.worker import main

give = findings.Findings.files

def told(self, directory, names):
    self._channel.send(("log", "info", f"files given away: {len(names)}"))
    give(self, directory, names)

findings.Findings.files = told
sys.exit(main(sys.argv[1:]))
"""
