"""Trust: tokens that work once, credentials that the store does not know, one live process for an identity."""

from __future__ import annotations

from pathlib import Path

import pytest

from store.errors import AgentUnavailable, TrustRefused
from store.execution.claims import beat, claim_run
from store.execution.trust import connect_agent, disconnect_agent, live_agent, register_agent
from store.models import Agent
from store.queries import hierarchy
from store.resources.agents import unregister_agent
from store.resources.common import find_in_mover
from store.vocabulary import AgentStatus
from tests.store.world import FACTS, World, refusal


@pytest.fixture
def home(world: World) -> World:
    world.define()
    return world


def register(world: World, token: str, name: str = "dock-1", mover: str | None = None) -> str:
    with world.write(f"agent/{name}") as tx:
        return register_agent(tx, token, name, FACTS, mover_name=mover)[2]


def test_a_token_registers_one_agent_once(home: World) -> None:
    """The second use is refused and names who used it; nothing is registered by it."""
    token = home.token()
    register(home, token)
    before = home.dump()
    error = refusal(TrustRefused, lambda: register(home, token, "dock-2"))
    assert error.code == "TokenUsed"
    assert "'dock-1'" in error.sentence
    assert home.dump() == before


def test_a_token_expires(home: World) -> None:
    """At the end of its time, not a moment later, by the store's clock."""
    late, in_time = home.token(ttl_ms=1_000), home.token(ttl_ms=1_001)
    home.clock.advance(1_000)
    assert refusal(TrustRefused, lambda: register(home, late)).code == "TokenExpired"
    register(home, in_time)


@pytest.mark.parametrize("token", ["", "lsr_x", "lsr_" + "A" * 43, "\udcff", "' OR 1=1 --"])
def test_a_token_that_nobody_made_is_refused(home: World, token: str) -> None:
    home.token()
    assert refusal(TrustRefused, lambda: register(home, token)).code == "TokenUnknown"


def test_a_token_is_for_one_mover(home: World) -> None:
    """Said to be for another one, it is refused and stays good for its own."""
    home.mover("san")
    token = home.token("nas")
    error = refusal(TrustRefused, lambda: register(home, token, mover="san"))
    assert error.code == "TokenOfAnotherMover"
    register(home, token, mover="nas")


def test_a_taken_name_does_not_use_up_the_token(home: World) -> None:
    home.register("dock-1")
    token = home.token()
    assert refusal(TrustRefused, lambda: register(home, token, "dock-1")).code == "AgentNameTaken"
    register(home, token, "dock-2")


def test_neither_token_nor_credential_is_in_the_store(home: World) -> None:
    """Not in any byte of the file or of its log, nor in any row of a server's: who reads it cannot become an agent."""
    token = home.token()
    credential = register(home, token)
    home.credentials["dock-1"] = credential
    home.connect()
    held = home.raw()
    assert b"dock-1" in held
    for secret in (token, credential, token[4:], credential[4:]):
        assert secret.encode() not in held
    assert len(token) > 40
    assert len(credential) > 40
    assert home.found_agent().credential_hash.encode() in held


def test_nothing_secret_is_in_an_event(home: World) -> None:
    token = home.token()
    credential = register(home, token)
    for event in home.events():
        assert token not in repr(event)
        assert credential not in repr(event)


def test_a_wrong_credential_opens_nothing(home: World) -> None:
    """Another agent's does not either; the agent that is refused changes nothing."""
    home.register("dock-1")
    other = home.register("dock-2")
    before = home.dump()
    for credential in ("", "lsc_x", other):
        home.credentials["dock-1"] = credential
        assert refusal(TrustRefused, home.connect).code == "CredentialRefused"
    assert home.dump() == before


def test_an_agent_nobody_registered_is_refused(home: World) -> None:
    home.credentials["ghost"] = "lsc_x"
    assert refusal(TrustRefused, lambda: home.connect("ghost")).code == "AgentUnknown"
    home.mover("san")
    home.register("dock-1", "nas")
    error = refusal(TrustRefused, lambda: home.connect("dock-1", "san"))
    assert error.code == "AgentUnknown"


def test_a_second_live_process_is_refused_and_flagged(home: World) -> None:
    """A cloned state directory on another host: the first goes on, the agent says what is wrong and takes no run."""
    first = home.agent(host_key="host-1")
    error = refusal(TrustRefused, lambda: home.connect(host_key="host-2"))
    assert error.code == "DuplicateIdentity"
    assert "already running" in error.sentence
    agent = home.found_agent()
    assert (agent.status, agent.error_code) == (AgentStatus.REQUIRES_ATTENTION, "DuplicateIdentity")
    home.beat(first)
    assert home.found_agent().status == AgentStatus.REQUIRES_ATTENTION
    refused = refusal(AgentUnavailable, home.start)
    assert (refused.code, refused.exit_code) == ("AgentNotReady", 4)
    assert "a second process" in refused.sentence
    assert home.events("agent")[-1].action == "requires attention"
    home.connect(host_key="host-1")
    assert home.found_agent().status == AgentStatus.ONLINE


def test_another_host_may_take_over_from_a_dead_one(home: World) -> None:
    """After three missed heartbeats, and not before."""
    home.agent(host_key="host-1")
    home.clock.advance(15_000)
    refusal(TrustRefused, lambda: home.connect(host_key="host-2"))
    home.clock.advance(1)
    home.connect(host_key="host-2")
    assert home.found_agent().host_key == "host-2"


def test_a_restart_on_the_same_host_takes_over_at_once(home: World) -> None:
    """The lock on the state directory proves that the one before is gone; its late writes are refused."""
    first = home.agent()
    second = home.connect()
    for call in (live_agent, disconnect_agent):
        with pytest.raises(TrustRefused) as refused:
            home.call(first, call)
        assert refused.value.code == "Superseded"
    before = home.dump()
    assert refusal(TrustRefused, lambda: home.beat(first)).code == "Superseded"
    assert refusal(TrustRefused, lambda: home.claim(first)).code == "Superseded"
    assert home.dump() == before
    home.beat(second)


def test_a_clean_stop_is_offline_at_once(home: World) -> None:
    """And the next process may be on any host."""
    identity = home.agent()
    home.call(identity, disconnect_agent)
    with home.reader() as reader:
        row = hierarchy.agent(reader, identity.agent_id)
    assert row is not None
    assert row.status == AgentStatus.OFFLINE
    home.connect(host_key="host-2")


def test_an_unregistered_agent_is_refused_everywhere(home: World) -> None:
    """Its live process learns it with its next call; its credential opens nothing any more."""
    identity = home.agent()
    with home.mover_write() as (tx, mover):
        unregister_agent(tx, mover, find_in_mover(tx.session, Agent, "agent", mover, "dock-1"))
    for call in (
        lambda: home.call(identity, beat, [], uptime_in_seconds=1),
        lambda: home.call(identity, claim_run, []),
    ):
        assert refusal(TrustRefused, call).code == "AgentUnknown"
    assert refusal(TrustRefused, home.connect).code == "AgentUnknown"


def test_what_an_agent_says_of_its_host_is_kept(home: World) -> None:
    home.register()
    facts = FACTS.__class__("2.0", "pier", "10.9.9.9", "Europe/Oslo", 1, 64)
    connect_agent(
        home.store, "nas", "dock-1", home.credentials["dock-1"], host_key="k", heartbeat_ms=1_000, facts=facts
    )
    agent = home.found_agent()
    assert (agent.agent_version, agent.host, agent.number_of_cores, agent.heartbeat_ms) == ("2.0", "pier", 64, 1_000)


def test_the_store_is_the_owners_alone(file_world: World) -> None:
    """The file, its log and its index: mode 0600, whatever the umask."""
    file_world.mover()
    found = {p.name: p.stat().st_mode & 0o777 for p in Path(file_world.path.parent).iterdir()}
    assert {"store.db", "store.db-wal", "store.db-shm"} <= set(found)
    assert set(found.values()) == {0o600}
