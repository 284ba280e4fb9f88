"""Shortcuts for stories on a PostgreSQL store: its admin, and agents that log in as themselves."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from store.clock import VirtualClock
from store.db import Store, open_store
from store.execution.trust import AgentIdentity, connect_agent, make_token, register_agent
from store.models import Agent
from store.postgres.logins import token_login
from store.postgres.place import PostgresPlace
from store.resources.common import find_in_mover
from tests.store.world import FACTS, NOON, World


@dataclass(frozen=True)
class AgentLogin:
    """What a registered agent keeps."""

    place: PostgresPlace
    agent_id: int
    name: str
    mover: str
    role: str
    credential: str = field(repr=False)


@contextmanager
def server_world(url: str) -> Iterator[World]:
    """A store on a server for its admin, by the server's own clock."""
    store = open_store(url)
    try:
        yield World(store, VirtualClock(NOON))
    finally:
        store.close()


@contextmanager
def opened(world: World, token: str) -> Iterator[Store]:
    """The store for the holder of a token."""
    login = token_login(token)
    assert login is not None
    store = open_store(_place(world).for_user(*login))
    try:
        yield store
    finally:
        store.close()


def register(world: World, name: str, mover: str = "nas", *, token: str | None = None) -> AgentLogin:
    """An agent that registered by its token's own login."""
    token = token or world.token(mover)
    with opened(world, token) as store, store.write(f"agent/{name}", serial=False) as tx:
        _, agent, credential = register_agent(tx, token, name, FACTS)
    place = _place(world).for_user(agent.db_role, credential)
    return AgentLogin(place, agent.id, name, mover, agent.db_role, credential)


def renewing(world: World, name: str, mover: str = "nas") -> str:
    """A token that gives an agent a new credential."""
    with world.mover_write(mover) as (tx, parent):
        return make_token(tx, parent, agent=find_in_mover(tx.session, Agent, "agent", parent, name))


@contextmanager
def log_in(agent: AgentLogin) -> Iterator[tuple[Store, AgentIdentity]]:
    """The store for an agent whose process is alive."""
    store = open_store(agent.place)
    try:
        yield (
            store,
            connect_agent(
                store, agent.mover, agent.name, agent.credential, host_key="host-1", heartbeat_ms=5_000, facts=FACTS
            ),
        )
    finally:
        store.close()


def _place(world: World) -> PostgresPlace:
    assert isinstance(world.store.place, PostgresPlace)
    return world.store.place
