"""A Longshore that was installed without its extra: a store on a server is refused with the way to get one."""

from __future__ import annotations

import pytest

from tests.store.world import outputs, python

SCRIPT = """
import sys
sys.modules["psycopg"] = None  # what importing it then comes to: an ImportError
from store.errors import StoreUnavailable
place = "postgresql://127.0.0.1:1/longshore"
try:
    {call}
except StoreUnavailable as error:
    print(error.code, error.sentence)
"""


@pytest.mark.parametrize(
    "call",
    [
        "from store.reader import Reader; Reader(place)",
        "from store.db import open_store; open_store(place)",
        "from store.place import locate; from store.postgres.roles import prepare_database\n"
        "    prepare_database(locate(place))",
        "from pathlib import Path; from store.place import locate; from store.upkeep.backup import back_up\n"
        "    back_up(locate(place), Path('never-made'), replace=False)",
        "from store.place import locate; from store.upkeep.copying import copy_store\n"
        "    copy_store(locate(place), locate('never-made'))",
        "from store.place import locate; from store.upkeep.upgrading import upgrade_now\n"
        "    upgrade_now(locate(place))",
    ],
    ids=["reading", "writing", "preparing", "backing up", "copying", "upgrading"],
)
def test_without_psycopg_a_server_is_refused_with_a_remedy(call: str) -> None:
    (said,) = outputs([python(SCRIPT.format(call=call))])
    assert said.startswith("StoreNoDriver ")
    assert "pip install 'psycopg[binary]'" in said
    assert said.count("\n") == 1
