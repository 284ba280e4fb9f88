"""SMB when things go wrong: a server that dies and comes back, a credential that is refused, a file that is in use."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agentsim.engine.errors import Canceled, ItemFailed, RunStopped, Side
from agentsim.places import smb_messages as sm
from agentsim.places import smb_pool
from agentsim.places.place import Dress, Item
from agentsim.places.smb import SmbPlace
from agentsim.places.smb_names import to_wire
from store import codes
from tests.places.smb_scene import Bytes, a_lease, content_of, entered, leftovers, made, put, there, walked
from tests.servers import samba
from tests.servers.samba import PASSWORD, Samba


@pytest.fixture(scope="module")
def mortal() -> Iterator[Samba]:
    """A server that demands signing, for stories that kill it."""
    yield from samba.running(signing="mandatory")


@pytest.fixture
def share(mortal: Samba) -> str:
    """A share of the test's own."""
    return str(mortal.fresh_place()["shareName"])


@pytest.fixture
def place(mortal: Samba, share: str) -> Iterator[SmbPlace]:
    """It, as a target."""
    opened = entered(mortal, mortal.properties(share))
    yield opened
    opened.close()


def killed_and_back(server: Samba, seconds: float) -> Any:
    """Something that kills the server and has it back after so long."""

    def act() -> None:
        server.kill()
        threading.Timer(seconds, server.start).start()

    return act


@pytest.mark.parametrize(("size", "at"), [(3 << 20, 1 << 20), (50 << 20, 30 << 20)])
def test_a_server_that_is_killed_while_a_file_is_written_costs_nothing_but_time(
    mortal: Samba, share: str, place: SmbPlace, size: int, at: int
) -> None:
    data = os.urandom(size)
    written = place.write(b"file", Bytes(data, at=at, act=killed_and_back(mortal, 0.3)), Dress(mtime_ns=10**18), None)
    assert (mortal.path(share) / "file").read_bytes() == data
    assert there(place, "file").version == written.version
    assert there(place, "file").dress.mtime_ns == 10**18
    assert leftovers(mortal, share) == []


def test_a_server_that_is_killed_between_two_small_files_is_not_even_noticed(mortal: Samba, place: SmbPlace) -> None:
    put(place, "one")
    killed_and_back(mortal, 0.2)()
    put(place, "two")
    assert walked(place) == ["one", "two"]


def test_a_server_that_is_killed_while_a_file_is_read_is_read_on(mortal: Samba, place: SmbPlace) -> None:
    data = os.urandom(20 << 20)
    put(place, "file", data, mtime_ns=10**18)
    with place.read(there(place, "file")) as content:
        found = content.read(3 << 20)
        killed_and_back(mortal, 0.3)()
        while part := content.read(1 << 20):
            found += part
        content.settle()
    assert found == data


def test_a_walk_outlives_the_server(mortal: Samba, share: str, place: SmbPlace) -> None:
    for directory in range(5):
        (mortal.path(share) / f"d{directory}").mkdir()
        for file in range(20):
            (mortal.path(share) / f"d{directory}" / f"f{file:02}").touch()
    seen = []
    for item in place.walk(lambda path: True):
        assert isinstance(item, Item)
        if item.path == b"d2":
            killed_and_back(mortal, 0.3)()
        seen.append(item.path)
    assert len(seen) == 105
    assert seen == sorted(seen)


def test_changes_whose_answer_is_lost_are_made_once(mortal: Samba, place: SmbPlace) -> None:
    for act in (
        lambda: place.make_directory(b"dir", Dress()),
        lambda: place.set_dress(there(place, "dir"), Dress(mtime_ns=10**18)),
        lambda: put(place, "file"),
        lambda: place.set_aside(there(place, "file"), b"trash/file"),
        lambda: place.delete(there(place, "trash/file")),
    ):
        killed_and_back(mortal, 0.1)()
        act()
    assert walked(place) == ["dir/", "trash/"]


def test_a_server_that_stays_away_ends_the_run_and_a_cancel_is_heard_meanwhile(
    mortal: Samba, share: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(smb_pool, "PATIENCE", 1.0)
    lease = a_lease()
    place = entered(mortal, mortal.properties(share), lease=lease)
    mortal.kill()
    try:
        with pytest.raises(RunStopped) as gone:
            place.find(b"file")
        assert gone.value.code == codes.TARGET_UNREACHABLE
        with pytest.raises(RunStopped) as gone:
            place.write(b"file", Bytes(b"x"), Dress(), None)
        assert gone.value.code == codes.TARGET_UNREACHABLE
        lease.stop()
        with pytest.raises(Canceled):
            place.find(b"file")
    finally:
        mortal.start()
        place.close()


def test_a_cancel_is_heard_while_nobody_answers(mortal: Samba) -> None:
    with socket.socket() as deaf, contextlib.ExitStack() as callers:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(0)
        for _ in range(3):
            caller = callers.enter_context(socket.socket())
            caller.setblocking(False)
            caller.connect_ex(deaf.getsockname())
        lease = a_lease()
        place = made(mortal, {**mortal.properties("rw"), "port": deaf.getsockname()[1]}, lease=lease)
        threading.Timer(0.3, lease.stop).start()
        with pytest.raises(Canceled):
            place.reach()


@pytest.mark.parametrize(
    ("side", "code"), [(Side.SOURCE, codes.SOURCE_AUTHENTICATION), (Side.TARGET, codes.TARGET_AUTHENTICATION)]
)
def test_a_wrong_password_is_told_from_everything_else_and_never_shown(mortal: Samba, side: Side, code: str) -> None:
    environment = {**mortal.environment, "LONGSHORE_SMB_PASSWORD": PASSWORD + " not"}
    place = made(mortal, mortal.properties("rw"), side=side, environment=environment)
    place.reach()
    with pytest.raises(RunStopped) as refused:
        place.enter()
    assert refused.value.code == code
    assert "refuses the credential" in refused.value.message
    assert PASSWORD not in str(refused.value)
    assert PASSWORD not in repr(refused.value.__cause__)


def test_a_password_that_is_changed_in_mid_run_ends_it_with_the_right_words(mortal: Samba, place: SmbPlace) -> None:
    put(place, "file")
    object.__setattr__(place._server, "password", "the old one")
    mortal.kill()
    mortal.start()
    with pytest.raises(RunStopped) as refused:
        place.find(b"file")
    assert refused.value.code == codes.TARGET_AUTHENTICATION


def test_without_a_user_it_is_said_what_to_add(mortal: Samba) -> None:
    properties = {**mortal.properties("rw"), "credentials": None}
    place = made(mortal, properties)
    place.reach()
    with pytest.raises(RunStopped) as refused:
        place.enter()
    assert refused.value.code == codes.TARGET_AUTHENTICATION
    assert "usernameUri and passwordUri" in refused.value.message


def test_a_missing_share_and_a_closed_one_are_told_apart(mortal: Samba) -> None:
    found = {}
    for name in ("no-such-share", "closed"):
        place = made(mortal, mortal.properties(name), side=Side.SOURCE)
        place.reach()
        with pytest.raises(RunStopped) as refused:
            place.enter()
        found[name] = refused.value.code
        assert rf"\\127.0.0.1\{name}" in refused.value.message
    assert found == {"no-such-share": codes.SOURCE_PATH_INVALID, "closed": codes.SOURCE_AUTHORIZATION}


def test_a_read_only_share_is_refused_as_a_target_before_anything_is_touched(mortal: Samba) -> None:
    with pytest.raises(RunStopped) as refused:
        entered(mortal, mortal.properties("ro"))
    assert refused.value.code in (codes.TARGET_PERMISSION, codes.TARGET_READ_ONLY)
    (mortal.path("ro") / "file").write_bytes(b"to be read")
    source = entered(mortal, mortal.properties("ro"), side=Side.SOURCE)
    assert content_of(source, "file") == b"to be read"
    source.close()


def held(place: SmbPlace, path: str) -> tuple[Any, bytes]:
    """A file open on another connection, shared with nobody."""

    def hold(channel: Any) -> bytes:
        message = sm.create(to_wire(path.encode()), sm.READ_DATA)
        body = bytearray(message.pack())
        body[32:36] = bytes(4)
        return sm.handle_in(channel.ask(sm.Message(5, bytes(body))))

    channel, handle = place._pool.hold(hold)
    return channel, handle


def test_a_file_that_is_open_exclusively_fails_in_words_and_alone(mortal: Samba, share: str, place: SmbPlace) -> None:
    seen = put(place, "file", b"old")
    other = entered(mortal, mortal.properties(share))
    channel, handle = held(other, "file")
    with pytest.raises(ItemFailed, match="Another program has it open") as failed:
        place.read(seen)
    assert failed.value.code == codes.ITEM_FAILED
    with pytest.raises(ItemFailed, match="Another program has it open"):
        place.write(b"file", Bytes(b"new"), Dress(), seen)
    assert leftovers(mortal, share) == []
    put(place, "other")
    threading.Timer(0.2, lambda: channel.forget(handle)).start()
    with place.read(seen) as content:
        assert content.read(10) == b"old", "what passes by itself is waited for"
    channel.close()
    other.close()


@pytest.fixture
def small(mortal: Samba) -> Iterator[str]:
    """A share on a disk of 8 MiB."""
    properties = mortal.fresh_place()
    path: Path = mortal.path(properties["shareName"])
    command = ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(path)]
    if subprocess.run(command, check=False, capture_output=True).returncode:
        pytest.skip("a small file system cannot be mounted here")
    yield properties["shareName"]
    subprocess.run(["umount", "--lazy", str(path)], check=True)


def test_a_full_disk_ends_the_run_and_leaves_no_part_of_a_file(mortal: Samba, small: str) -> None:
    place = entered(mortal, mortal.properties(small))
    put(place, "fits", bytes(1 << 20))
    with pytest.raises(RunStopped) as full:
        place.write(b"too-large", Bytes(bytes(30 << 20)), Dress(), None)
    assert full.value.code == codes.TARGET_FULL
    assert walked(place) == ["fits"]
    assert leftovers(mortal, small) == []
    place.close()
