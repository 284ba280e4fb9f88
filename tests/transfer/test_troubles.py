"""Servers that go away, are busy, refuse, or cut the connection; and workers that are killed."""

from __future__ import annotations

import os
import random
import re
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest

from store import codes
from store.vocabulary import CopyMode
from tests.engine.driver import Agent, run
from tests.servers.proxy import Fault, Proxy, every
from tests.transfer.grounds import Ground
from tests.transfer.harbour import Harbour, copied, harbour, task, unlike
from tests.transfer.relay import cut
from tests.transfer.trees import MIB, Node, Tree, small

SERVED = ("SMB", "Blob", "S3")
LIMIT = 120.0


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Harbour]:
    with harbour(tmp_path_factory.mktemp("harbour")) as found:
        yield found


@pytest.fixture(autouse=True)
def environment() -> Iterator[None]:
    before = dict(os.environ)
    yield
    for name in set(os.environ) - set(before):
        if name.startswith("TROUBLE_"):
            del os.environ[name]


def many(count: int, seed: int = 1) -> Tree:
    """Enough small files that a run can be met in the middle."""
    chance = random.Random(seed)
    tree: Tree = {b"d%d" % number: Node("directory") for number in range(10)}
    return tree | {
        b"d%d/f%04d" % (number % 10, number): Node("file", chance.randbytes(chance.randrange(1, 40_000)))
        for number in range(count)
    }


def led_to(ground: Ground, port: int) -> dict[str, Any]:
    """The properties of a place, with its server on another port."""
    return at_port(ground.properties, port)


def at_port(properties: dict[str, Any], port: int) -> dict[str, Any]:
    if "shareName" in properties:
        return {**properties, "port": port}
    name = "serviceUrl" if "serviceUrl" in properties else "sourceUri"
    return {**properties, name: re.sub(r":\d+/", f":{port}/", properties[name])}


def in_the_middle(agent: Agent, target: Ground, least: int) -> None:
    """Wait until so many items are there."""
    agent.until(lambda: target.count() >= least or agent.done is not None)
    assert agent.done is None, "it was over before it could be disturbed"


@pytest.mark.parametrize("kind", SERVED)
def test_a_server_is_restarted_in_mid_run(port: Harbour, kind: str) -> None:
    source, target = port.ground("POSIX"), port.ground(kind)
    tree = source.fill(many(600))
    server = port.server(kind)
    agent = Agent(task(source, target, CopyMode.MIRROR))
    in_the_middle(agent, target, 30)
    server.kill()
    server.start()
    done = agent.finish(LIMIT)
    assert done["status"] == "Succeeded", (done, agent.rows[:3])
    assert unlike(tree, target.look(), set(), exact=True) == []


@pytest.mark.parametrize("kind", ["Blob", "S3"])
@pytest.mark.parametrize("side", ["source", "target"])
def test_a_busy_server_gets_its_pauses(port: Harbour, kind: str, side: str) -> None:
    server = port.server(kind)
    served, other = port.ground(kind), port.ground("POSIX")
    source, target = (served, other) if side == "source" else (other, served)
    tree = source.fill(small())
    body = b"<?xml version='1.0'?><Error><Code>%b</Code><Message>Slow down.</Message></Error>"
    busy = (
        Fault(status=503, headers={"Retry-After": "0"}, body=body % b"SlowDown"),
        Fault(status=429, headers={"Retry-After": "0"}, body=body % b"TooManyRequests"),
    )
    with Proxy(server.port, lambda asked: every(3, busy[asked.number % 2])(asked)) as proxy:
        agent = run(task(source, target, CopyMode.MIRROR, **{side: led_to(served, proxy.port)}))
    assert agent.done is not None
    assert agent.done["status"] == "Succeeded", (agent.done, agent.rows[:3])
    assert proxy.faults > 10
    assert unlike(tree, target.look(), set(), exact=True) == []


@pytest.mark.parametrize("kind", SERVED)
@pytest.mark.parametrize("side", ["source", "target"])
def test_connections_that_are_cut(port: Harbour, kind: str, side: str) -> None:
    server = port.server(kind)
    served, other = port.ground(kind), port.ground("POSIX")
    source, target = (served, other) if side == "source" else (other, served)
    tree = source.fill({**small(), b"large": Node("file", random.Random(2).randbytes(3 * MIB))})
    with cut(server.port, 20_000) as relay:
        agent = run(task(source, target, CopyMode.MIRROR, **{side: led_to(served, relay.port)}))
    assert agent.done is not None
    assert agent.done["status"] == "Succeeded", (agent.done, agent.rows[:3])
    assert relay.broken >= 4
    assert unlike(tree, target.look(), set(), exact=True) == []


Break = Callable[[Harbour, dict[str, Any]], dict[str, Any]]


def _wrong_secret(port: Harbour, properties: dict[str, Any]) -> dict[str, Any]:
    os.environ["TROUBLE_SECRET"] = "d3Jvbmcga2V5LCB3cm9uZyBrZXksIHdyb25nIGtleQ=="
    (name,) = properties["credentials"].keys() & {"accountKeyUri", "secretKeyUri", "passwordUri"}
    return {**properties, "credentials": {**properties["credentials"], name: "env:TROUBLE_SECRET"}}


def _no_secret(port: Harbour, properties: dict[str, Any]) -> dict[str, Any]:
    (name,) = properties["credentials"].keys() & {"accountKeyUri", "secretKeyUri", "passwordUri"}
    return {**properties, "credentials": {**properties["credentials"], name: "file:/no/such/secret"}}


def _expired(port: Harbour, properties: dict[str, Any]) -> dict[str, Any]:
    from datetime import timedelta

    os.environ["TROUBLE_SAS"] = port.server("Blob").sas(valid=-timedelta(hours=1))
    return {**properties, "credentials": {"type": "AzureStorageAccount", "sasTokenUri": "env:TROUBLE_SAS"}}


def _missing(port: Harbour, properties: dict[str, Any]) -> dict[str, Any]:
    if "sourceUri" in properties:
        return {**properties, "sourceUri": properties["sourceUri"].rpartition("/")[0] + "/no-such-bucket"}
    name = "blobContainerName" if "blobContainerName" in properties else "shareName"
    return {**properties, name: "no-such-place"}


def _away(port: Harbour, properties: dict[str, Any]) -> dict[str, Any]:
    import socket

    with closing(socket.socket()) as nobody:
        nobody.bind(("127.0.0.1", 0))
        number = nobody.getsockname()[1]
    return at_port(properties, number)


REFUSALS: list[tuple[str, Break, str, str]] = [
    ("Blob", _wrong_secret, codes.SOURCE_AUTHENTICATION, codes.TARGET_AUTHENTICATION),
    ("SMB", _wrong_secret, codes.SOURCE_AUTHENTICATION, codes.TARGET_AUTHENTICATION),
    ("S3", _wrong_secret, codes.SOURCE_AUTHENTICATION, codes.TARGET_AUTHENTICATION),
    ("Blob", _expired, codes.SOURCE_AUTHENTICATION, codes.TARGET_AUTHENTICATION),
    *((kind, _no_secret, codes.CREDENTIAL_UNRESOLVED, codes.CREDENTIAL_UNRESOLVED) for kind in SERVED),
    *((kind, _missing, codes.SOURCE_PATH_INVALID, codes.TARGET_PATH_INVALID) for kind in SERVED),
    *((kind, _away, codes.SOURCE_UNREACHABLE, codes.TARGET_UNREACHABLE) for kind in SERVED),
]


@pytest.mark.parametrize(("kind", "broken", "at_source", "at_target"), REFUSALS)
def test_a_refusal_has_its_code_and_deletes_nothing(
    port: Harbour, kind: str, broken: Break, at_source: str, at_target: str
) -> None:
    served, other = port.ground(kind), port.ground("POSIX")
    kept, there = served.fill(small()), other.fill({b"only here": Node("file", b"kept")})
    properties = broken(port, served.properties)
    for side, code in (("source", at_source), ("target", at_target)):
        source, target = (served, other) if side == "source" else (other, served)
        agent = run(task(source, target, CopyMode.MIRROR, **{side: properties}))
        assert agent.done is not None
        said = (agent.done, agent.logs)
        assert (agent.done["status"], agent.done["code"], agent.done["target"]) == ("Failed", code, side), said
        assert "Traceback" not in str(said)
        assert "d3Jvbmcga2V5" not in str(said)
        assert "sig=" not in str(said)
    assert unlike(kept, served.look(), set(), exact=True) == []
    assert unlike(there, other.look(), set(), exact=True) == []


@pytest.mark.parametrize(("kind", "code"), [("SMB", codes.TARGET_PERMISSION), ("Blob", codes.TARGET_AUTHORIZATION)])
def test_a_target_that_may_only_be_read(port: Harbour, kind: str, code: str) -> None:
    source, target = port.ground("POSIX"), port.ground(kind)
    source.fill(small())
    there = target.fill({b"only here": Node("file", b"kept")})
    if kind == "SMB":
        properties = {**target.properties, "shareName": "ro"}
    else:
        os.environ["TROUBLE_SAS"] = port.server("Blob").sas("rl")
        properties = {**target.properties, "credentials": {"sasTokenUri": "env:TROUBLE_SAS"}}
    agent = run(task(source, target, CopyMode.MIRROR, target=properties))
    assert agent.done is not None
    assert (agent.done["status"], agent.done["code"]) == ("Failed", code), (agent.done, agent.rows[:3])
    assert unlike(there, target.look(), set(), exact=True) == []


@pytest.mark.parametrize("kind", SERVED)
def test_a_killed_worker_leaves_nothing_half(port: Harbour, kind: str) -> None:
    """Every file is the old or the new one, whole, after each kill; the next run ends right."""
    chance = random.Random(1)
    source, target = port.ground("POSIX"), port.ground(kind)
    old = target.fill(many(40, seed=2))
    tree = source.fill({**many(200), b"large": Node("file", chance.randbytes(9 * MIB))})
    for least in sorted(chance.sample(range(70, 150), 2)):
        agent = Agent(task(source, target))
        in_the_middle(agent, target, least)
        agent.kill()
        for path, node in finished(target).items():
            if node.kind == "file":
                assert node.content in (tree[path].content, old[path].content if path in old else None), path
    copied(source, target, CopyMode.MIRROR)
    assert unlike(tree, finished(target), set(), exact=True) == []


def finished(target: Ground) -> Tree:
    """What is there, but for unfinished files under their temporary names: a Mirror run removes those that are old."""
    return {path: node for path, node in target.look().items() if b".longshore-" not in path}
