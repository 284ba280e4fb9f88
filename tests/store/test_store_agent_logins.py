"""Agents that log in to a PostgreSQL store as themselves: their whole life, and how it begins and ends."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from sqlmodel import select

from store.db import open_store
from store.errors import StoreUnavailable, TrustRefused
from store.execution import claims
from store.execution.trust import disconnect_agent, live_agent, make_token, register_agent
from store.models import Agent
from store.postgres.logins import token_login
from store.queries.reports import plan_chunks
from store.queries.runs import work_of
from store.reader import Reader
from store.resources.agents import unregister_agent
from store.resources.common import find_in_mover
from store.vocabulary import AgentStatus, JobRunStatus, RunKind, ScanStatus
from tests.postgres import Cluster
from tests.store.server import AgentLogin, log_in, opened, register, renewing, server_world
from tests.store.world import FACTS, World, refusal


@pytest.fixture
def home(store_url: str) -> Iterator[World]:
    """A store on a server with a definition ``hr/home`` of the mover ``nas``."""
    with server_world(store_url) as world:
        world.define()
        yield world


def test_an_agent_lives_its_whole_life_by_its_own_login(home: World) -> None:
    """Registered with the token alone; then every call that an agent makes, and nothing is refused."""
    agent = register(home, "dock-1")
    run_id = home.start()
    with log_in(agent) as (store, identity), Reader(store.place) as reader:
        assert work_of(reader, identity.agent_id) == {run_id: JobRunStatus.QUEUED}
        with store.write("agent/dock-1", serial=False) as tx:
            claim = claims.claim_run(tx, identity, [])
        assert claim is not None
        with store.write("agent/dock-1", serial=False) as tx:
            assert claims.beat(tx, identity, [claim], uptime_in_seconds=1) == ({run_id: JobRunStatus.STARTED}, [])
        for call in (
            lambda tx: claims.report_started(tx, identity, claim, "dev-1"),
            lambda tx: claims.report_progress(tx, identity, claim, {"items_scanned": 2, "scan_status": "Scanning"}),
            lambda tx: claims.report_progress(tx, identity, claim, {"items_scanned": 3, "items_transferred": 2}),
            lambda tx: claims.report_items(tx, identity, claim, [(b"a\xff", "f", "Failed", "EIO", "no", 1)]),
            lambda tx: claims.report_chunk(tx, identity, claim, 1, b"lines"),
            lambda tx: claims.finish_run(
                tx, identity, claim, JobRunStatus.SUCCEEDED, code="", message="all there", target=""
            ),
        ):
            with store.write("agent/dock-1", serial=False) as tx:
                call(tx)
        with store.write("agent/dock-1", serial=False) as tx:
            disconnect_agent(tx, identity)
    run = home.run(run_id)
    assert (run.status, run.items_scanned, run.items_transferred) == (JobRunStatus.SUCCEEDED, 3, 2)
    assert run.scan_status == ScanStatus.SCANNING
    assert home.lease(run_id) is None
    assert all(grant.ended_at is not None for grant in home.grants(run_id))
    assert [item.path for item in home.items(run_id)] == [b"a\xff"]
    assert home.definition().source_identity == "dev-1"
    assert [event.action for event in home.events("agent")] == ["registered", "online", "stopped"]


def test_an_agent_is_told_to_cancel_and_does(home: World) -> None:
    agent = register(home, "dock-1")
    run_id = home.start()
    with log_in(agent) as (store, identity):
        with store.write("agent/dock-1", serial=False) as tx:
            claim = claims.claim_run(tx, identity, [])
        assert claim is not None
        home.cancel(run_id)
        with store.write("agent/dock-1", serial=False) as tx:
            assert claims.beat(tx, identity, [claim], uptime_in_seconds=1)[0] == {run_id: JobRunStatus.CANCEL_REQUESTED}
        with store.write("agent/dock-1", serial=False) as tx:
            claims.acknowledge_cancel(tx, identity, claim)
        with store.write("agent/dock-1", serial=False) as tx:
            claims.finish_run(tx, identity, claim, JobRunStatus.CANCELED, code="", message="", target="")
    assert home.run(run_id).status == JobRunStatus.CANCELED


def test_a_worker_that_died_is_followed_by_another(home: World) -> None:
    """The same agent takes its own run again, with a higher fence, in this process and after a restart."""
    agent = register(home, "dock-1")
    run_id = home.start()
    with log_in(agent) as (store, identity):
        with store.write("agent/dock-1", serial=False) as tx:
            claim = claims.claim_run(tx, identity, [])
        assert claim is not None
        with store.write("agent/dock-1", serial=False) as tx:
            claims.report_progress(tx, identity, claim, {"items_deleted": 4})
        with store.write("agent/dock-1", serial=False) as tx:
            again = claims.reclaim_run(tx, identity, claim, "its worker failed")
        assert again is not None
        assert again.fence == claim.fence + 1
    with log_in(agent) as (store, identity), store.write("agent/dock-1", serial=False) as tx:
        resumed = claims.claim_run(tx, identity, [])
        assert resumed is not None
        assert (resumed.run_id, resumed.fence, resumed.resumed) == (run_id, again.fence + 1, True)
    assert home.progress(run_id).items_deleted_before == 4


def test_what_another_agent_copied_last_time_is_known_to_a_guard(home: World) -> None:
    """How much was there is what tells an emptied source: it must not be hidden by whose run it was."""
    first, second = register(home, "dock-1"), register(home, "dock-2")
    finish(home, first, home.start(agent="dock-1"), items=70)
    home.start(agent="dock-2")
    with log_in(second) as (store, identity), store.write("agent/dock-2", serial=False) as tx:
        claim = claims.claim_run(tx, identity, [])
        assert claim is not None
        assert claim.last_items == 70


def test_a_plan_is_read_by_the_agent_that_carries_it_out(home: World) -> None:
    """Even when another agent made the preview; before and after, its report is not shown to it."""
    first, second = register(home, "dock-1"), register(home, "dock-2")
    preview = home.start(agent="dock-1", kind=RunKind.PREVIEW)
    finish(home, first, preview, chunk=b"the plan")
    with log_in(second) as (store, identity), Reader(store.place) as reader:
        assert plan_chunks(reader, preview, 0, 10) == []
        run_id = home.start(agent="dock-2", plan=preview)
        assert [data for _, data in plan_chunks(reader, preview, 0, 10)] == [b"the plan"]
        with store.write("agent/dock-2", serial=False) as tx:
            claim = claims.claim_run(tx, identity, [])
        assert claim is not None
        assert (claim.run_id, claim.plan_run_id) == (run_id, preview)
        with store.write("agent/dock-2", serial=False) as tx:
            claims.finish_run(tx, identity, claim, JobRunStatus.FAILED, code="X", message="no", target="")
        assert plan_chunks(reader, preview, 0, 10) == []


def finish(world: World, agent: AgentLogin, run_id: int, *, items: int = 1, chunk: bytes = b"") -> None:
    """The agent takes the run and ends it well."""
    actor = f"agent/{agent.name}"
    with log_in(agent) as (store, identity):
        with store.write(actor, serial=False) as tx:
            claim = claims.claim_run(tx, identity, [])
        assert claim is not None
        assert claim.run_id == run_id
        with store.write(actor, serial=False) as tx:
            claims.report_progress(tx, identity, claim, {"items_scanned": items})
            if chunk:
                claims.report_chunk(tx, identity, claim, items, chunk)
        with store.write(actor, serial=False) as tx:
            claims.finish_run(tx, identity, claim, JobRunStatus.SUCCEEDED, code="", message="", target="")


def test_a_token_logs_in_once(home: World) -> None:
    """What it was used for is done; it opens nothing any more, and the next token sweeps its login away."""
    token = home.token()
    register(home, "dock-1", token=token)
    error = refusal(StoreUnavailable, lambda: register(home, "dock-2", token=token))
    assert error.code == "StoreLoginRefused"
    role = role_of(token)
    assert role in roles(home)
    home.token()
    assert role not in roles(home)


def test_a_token_that_registered_nobody_may_be_used_again(home: World) -> None:
    """A name that is taken does not use it up: neither its row nor its login."""
    register(home, "dock-1")
    token = home.token()
    error = refusal(TrustRefused, lambda: register(home, "dock-1", token=token))
    assert error.code == "AgentNameTaken"
    register(home, "dock-2", token=token)
    assert {agent.name for agent in agents(home)} == {"dock-1", "dock-2"}


def test_a_tokens_login_expires(home: World) -> None:
    """The server itself lets nobody in by it any more."""
    token = home.token(ttl_ms=1)
    error = refusal(StoreUnavailable, lambda: register(home, "dock-1", token=token))
    assert error.code == "StoreLoginRefused"
    home.token()
    assert role_of(token) not in roles(home)


def test_an_expired_token_does_not_register_in_a_session_that_was_open(home: World) -> None:
    """Who logged in in time is refused all the same: by the rule, and by the function that makes logins."""
    token = home.token(ttl_ms=600_000)
    with opened(home, token) as store:
        home.sql(
            "UPDATE registration_token SET expires_at = 1",
        )
        with pytest.raises(TrustRefused) as refused, store.write("agent/x", serial=False) as tx:
            register_agent(tx, token, "dock-1", FACTS)
        assert refused.value.code == "TokenExpired"
    assert agents(home) == []


def test_an_unregistered_agent_is_out_at_once(home: World) -> None:
    """Its open session sees nothing, its login is refused, and later its role is gone."""
    agent = register(home, "dock-1")
    with log_in(agent) as (store, identity):
        with home.mover_write() as (tx, mover):
            unregister_agent(tx, mover, find_in_mover(tx.session, Agent, "agent", mover, "dock-1"))
        with pytest.raises(TrustRefused) as refused, store.write("agent/dock-1", serial=False) as tx:
            live_agent(tx, identity)
        assert refused.value.code == "AgentUnknown"
        error = refusal(StoreUnavailable, lambda: open_store(agent.place))
        assert error.code == "StoreLoginRefused"
        assert agent.role in roles(home)
    home.token()
    assert agent.role not in roles(home)


def test_an_agent_gets_a_new_credential_and_keeps_its_history(home: World) -> None:
    """The old login is out; id, runs and name stay; the token is good for that agent alone."""
    before = register(home, "dock-1")
    run_id = home.start()
    token = renewing(home, "dock-1")
    with log_in(before) as (store, identity):
        wrong = refusal(TrustRefused, lambda: register(home, "dock-9", token=token))
        assert wrong.code == "TokenOfAnotherAgent"
        after = register(home, "dock-1", token=token)
        assert (after.agent_id, after.role != before.role) == (before.agent_id, True)
        with pytest.raises(TrustRefused), store.write("agent/dock-1", serial=False) as tx:
            live_agent(tx, identity)
    assert refusal(StoreUnavailable, lambda: open_store(before.place)).code == "StoreLoginRefused"
    with log_in(after) as (store, identity), store.write("agent/dock-1", serial=False) as tx:
        claim = claims.claim_run(tx, identity, [])
        assert claim is not None
        assert claim.run_id == run_id


def test_a_renewing_token_works_on_an_embedded_store_too(file_world: World) -> None:
    file_world.define()
    identity = file_world.agent("dock-1")
    before = file_world.found_agent()
    with file_world.mover_write() as (tx, mover):
        token = make_token(tx, mover, agent=find_in_mover(tx.session, Agent, "agent", mover, "dock-1"))
    with file_world.write("agent/dock-1") as tx:
        _, agent, credential = register_agent(tx, token, "dock-1", FACTS)
    assert agent.id == before.id
    assert refusal(TrustRefused, file_world.connect).code == "CredentialRefused"
    assert refusal(TrustRefused, lambda: file_world.beat(identity)).code == "Superseded"
    file_world.credentials["dock-1"] = credential
    file_world.connect()
    assert file_world.found_agent().status == AgentStatus.ONLINE


def test_the_server_never_hears_a_password(cluster: Cluster, store_database: str, store_url: str) -> None:
    """Not in its log, however much it logs; not where it keeps the logins."""
    cluster.psql(f"ALTER DATABASE {store_database} SET log_statement = 'all'")
    with server_world(store_url) as home:
        home.define()
        token = home.token()
        agent = register(home, "dock-1", token=token)
        with log_in(agent):
            pass
    login = token_login(token)
    assert login is not None
    assert login.role in cluster.log
    assert agent.role in cluster.log
    kept = repr(cluster.psql("SELECT rolname, rolpassword FROM pg_authid"))
    assert agent.role in kept
    for secret in (token, login.password, agent.credential):
        assert secret not in cluster.log
        assert secret not in kept


def test_a_token_says_where_its_login_is(home: World) -> None:
    """Its text is enough to log in with, and it is not taken for one of an embedded store."""
    token = home.token()
    assert re.fullmatch(r"lsr_[0-9a-f]{8}_[A-Za-z0-9_-]{43}", token)
    login = token_login(token)
    assert login is not None
    assert login.password not in repr(login)
    assert token_login("lsr_" + login.password) is None
    other = token_login(f"lsr_acme.0123abcd_{login.password}")
    assert other == (("acme_token_0123abcd"), login.password)


def roles(world: World) -> set[str]:
    return {name for (name,) in world.sql("SELECT rolname FROM pg_roles")}


def role_of(token: str) -> str:
    login = token_login(token)
    assert login is not None
    return login.role


def agents(world: World) -> list[Agent]:
    with world.store.read() as session:
        return list(session.exec(select(Agent)))
