"""A run's life with its agent: cancel, lease, a server that hangs, and how much it takes."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from typing import ClassVar

import pytest

from agentsim.engine.errors import Side
from agentsim.engine.lease import POLL_SECONDS, Lease, now
from agentsim.places.place import Descend, Holds, Item, Opening, Place, Unlisted
from agentsim.transfer.acting import Thing
from agentsim.transfer.copying import CopyActs
from agentsim.transfer.crew import Hand
from store import codes
from store.vocabulary import ItemKind, PlannedAction
from tests.transfer.driving import LIMIT_SECONDS, MIRROR, copied, run, start
from tests.transfer.memory_place import OBJECTS, TREE, MemoryPlace, Store, gone


def full(count: int = 20) -> Store:
    store = Store()
    for number in range(count):
        store.put(f"d/{number}", str(number))
    return store


def test_a_canceled_run_says_so() -> None:
    source, target = full(), Store()
    asked = threading.Event()
    leases: list[Lease] = []

    def place(opening: Opening) -> Place:
        leases.append(opening.lease)
        return MemoryPlace(opening, target)

    def trouble(call: str, path: bytes) -> None:
        while call == "write":
            asked.set()
            leases[0].check()
            time.sleep(POLL_SECONDS)

    target.trouble = trouble
    begun = start(source, place, MIRROR)
    assert asked.wait(LIMIT_SECONDS)
    begun.cancel()
    done = begun.finish().done
    assert done is not None
    assert done["status"] == "Canceled"
    assert not target.files()


def test_a_server_that_hangs_does_not_keep_a_canceled_run() -> None:
    source, target = full(), Store()
    asked, never = threading.Event(), threading.Event()

    def hang(call: str, path: bytes) -> None:
        if call == "find" or call == "write":
            asked.set()
            never.wait(LIMIT_SECONDS)

    target.trouble = hang
    begun = start(source, target)
    assert asked.wait(LIMIT_SECONDS)
    begun.cancel()
    done = begun.finish().done
    assert done is not None
    assert done["status"] == "Canceled"
    never.set()


def test_a_server_that_hangs_from_the_start_does_not_either() -> None:
    source, target = full(), Store()
    asked, never = threading.Event(), threading.Event()

    def hang(call: str, path: bytes) -> None:
        if call == "reach":
            asked.set()
            never.wait(LIMIT_SECONDS)

    source.trouble = hang
    begun = start(source, target)
    assert asked.wait(LIMIT_SECONDS)
    begun.cancel()
    done = begun.finish().done
    assert done is not None
    assert done["status"] == "Canceled"
    never.set()


def test_nothing_is_touched_without_a_lease() -> None:
    source, target = full(), Store()
    begun = start(source, target, deadline=now() - 1)
    begun.channel.send(("lease", now() - 1))
    assert not target.entries
    begun.channel.send(("lease", now() + 60))
    assert begun.finish().done == {
        "status": "Succeeded",
        "code": codes.SUCCESS,
        "message": "21 of 21 items transferred",
        "target": "",
    }


def test_what_cannot_be_reached_is_said_before_anything_is_asked() -> None:
    source, target = full(), Store()

    def trouble(call: str, path: bytes) -> None:
        assert call == "reach"
        raise gone(Side.TARGET)

    target.trouble = trouble
    done = run(source, target).done
    assert done is not None
    assert (done["status"], done["code"], done["target"]) == ("Failed", codes.TARGET_UNREACHABLE, "target")


def test_places_in_one_another_are_refused() -> None:
    for one, other in (("s3://b/x", "s3://b/x"), ("s3://b/x", "s3://b/x/y"), ("s3://b/x/y", "s3://b/x")):
        done = run(Store(name=one), Store(name=other)).done
        assert done is not None
        assert done["code"] == codes.OVERLAP
    copied(Store(name="s3://b/x"), Store(name="s3://b/xy"))


def test_progress_knows_the_total_when_the_source_is_listed() -> None:
    done = copied(full(), Store())
    assert done.counters["scan_status"] == "Completed"
    assert (done.counters["total_items"], done.counters["phase"]) == (21, "finish")


class _Endless(MemoryPlace):
    """A place of so many files that nobody stores; it takes note of what the process holds at either end."""

    blocks: ClassVar[list[int]] = []

    def walk(self, descend: Descend) -> Iterator[Item | Unlisted]:
        for number in range(100_000):
            if not number % 1000:
                yield Item(path=b"d%04d" % (number // 1000), kind=ItemKind.DIRECTORY, implied=True)
            if number in (20_000, 99_999):
                self.blocks.append(sys.getallocatedblocks())
            yield Item(path=b"d%04d/%06d" % (number // 1000, number), kind=ItemKind.FILE, size=1, version="1")


@pytest.mark.parametrize("holds", [OBJECTS, TREE], ids=["objects", "tree"])
def test_memory_does_not_grow_with_the_number_of_items(monkeypatch: pytest.MonkeyPatch, holds: Holds) -> None:
    """A hundred thousand new files, each handed to the crew."""

    def count(acts: CopyActs, hand: Hand, thing: Thing) -> None:
        hand.done(thing.source, PlannedAction.COPY, 1)

    monkeypatch.setattr(CopyActs, "act", count)
    monkeypatch.setattr(_Endless, "blocks", [])

    def place(opening: Opening) -> Place:
        return _Endless(opening, Store())

    done = copied(place, Store(name="t", holds=holds))
    assert done.count("transferred") == 100_100
    first, last = _Endless.blocks
    # An item that was kept would be three blocks at least.
    assert last - first < 40_000


def test_the_first_error_wins() -> None:
    source, target = full(200), Store(holds=TREE)

    def trouble(call: str, path: bytes) -> None:
        if call == "write":
            raise gone(Side.TARGET)

    target.trouble = trouble
    done = run(source, target).done
    assert done is not None
    assert done["code"] == codes.TARGET_UNREACHABLE
