"""The judges themselves: what a test puts into a place is what it then sees there."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.transfer.harbour import KINDS, Harbour, harbour, unlike
from tests.transfer.trees import EVERYWHERE, edited, hostile


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Harbour]:
    with harbour(tmp_path_factory.mktemp("harbour")) as found:
        yield found


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_put_is_seen(port: Harbour, kind: str) -> None:
    ground = port.ground(kind)
    tree = ground.fill(hostile())
    assert {b"names/" + name for name in EVERYWHERE} <= tree.keys()
    assert unlike(tree, ground.look(), set(), exact=True) == []
    later = edited(tree, seed=7)
    ground.change(tree, later)
    assert unlike(later, ground.look(), set(), exact=True) == []
    path = b"sort.txt"
    assert unlike({**later, path: tree[b"empty"]}, ground.look(), set(), exact=True), "it can tell a difference"
