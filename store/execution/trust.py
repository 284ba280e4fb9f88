"""Trust: one-time registration tokens, agent credentials, and one live process for each identity.

Tokens and credentials are random and long, so that one unsalted hash is enough; the store keeps
nothing else of them (DESIGN §4).
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy.exc import IntegrityError
from sqlmodel import select

from store.db import Store, Write
from store.errors import TrustRefused
from store.lifecycle import OFFLINE_AFTER_INTERVALS
from store.models import Agent, AgentBeat, RegistrationToken, StorageMover
from store.resources.common import stamp_created
from store.rules import valid_name
from store.vocabulary import AgentStatus

TOKEN_TTL_MS = 3_600_000


@dataclass(frozen=True)
class AgentFacts:
    """What an agent says of its host when it registers and connects."""

    agent_version: str
    host: str
    local_ip_address: str
    time_zone: str
    memory_in_mb: int
    number_of_cores: int


@dataclass(frozen=True)
class AgentIdentity:
    """A connected agent process: every write it makes is checked against it."""

    agent_id: int
    mover_id: int
    name: str
    instance_id: str
    heartbeat_ms: int


def make_token(tx: Write, mover: StorageMover, ttl_ms: int = TOKEN_TTL_MS, agent: Agent | None = None) -> str:
    """A one-time registration token for a mover; see :func:`issue_token`."""
    return issue_token(tx, mover, ttl_ms, agent)[1]


def issue_token(
    tx: Write, mover: StorageMover, ttl_ms: int = TOKEN_TTL_MS, agent: Agent | None = None
) -> tuple[RegistrationToken, str]:
    """A one-time registration token for a mover: its row, and its text; this is the only time that that is known.

    Args:
        tx: the transaction.
        mover: the mover that the agent is to work for.
        ttl_ms: how long the token works.
        agent: one of the mover's agents that is to get a new credential; None for a new agent.
    """
    secret = secrets.token_urlsafe(32)
    role, token = "", f"lsr_{secret}"
    if tx.dialect == "postgresql":
        from store.postgres.logins import issue_token_login

        role, token = issue_token_login(tx, secret, ttl_ms, renews=agent.db_role if agent else "")
    row = RegistrationToken(
        mover_id=mover.id,
        token_hash=_hash(token),
        created_at=tx.now,
        created_by=tx.actor,
        expires_at=tx.now + ttl_ms,
        agent_id=agent.id if agent else None,
        db_role=role,
    )
    tx.session.add(row)
    detail = f"renews '{agent.name}'" if agent else ""
    tx.event("storage_mover", mover.id, mover.name, "token made", mover_id=mover.id, detail=detail)
    tx.session.flush()
    return row, token


def register_agent(
    tx: Write, token: str, name: str, facts: AgentFacts, *, mover_name: str | None = None
) -> tuple[StorageMover, Agent, str]:
    """Turn a token into an agent of the token's mover, or into a new credential of the agent that it renews.

    Returns:
        The mover, the agent, and the agent's own credential: the store keeps only its hash.

    Raises:
        TrustRefused: the token is unknown, used, expired, of another mover or of another agent, or the name
            is taken.
    """
    valid_name("agent", name)
    query = select(RegistrationToken).where(RegistrationToken.token_hash == _hash(token))
    found = tx.session.exec(query.with_for_update(key_share=True)).first()
    again = "make a new one with 'longshore agent token'."
    if found is None:
        raise TrustRefused(f"This registration token is not one of this store's: {again}", code="TokenUnknown")
    if found.used_at is not None:
        raise TrustRefused(
            f"This registration token was used by '{found.used_by}' and works only once: {again}", code="TokenUsed"
        )
    if found.expires_at <= tx.now:
        raise TrustRefused(f"This registration token has expired: {again}", code="TokenExpired")
    mover = tx.session.get_one(StorageMover, found.mover_id)
    if mover_name is not None and mover_name != mover.name:
        raise TrustRefused(
            f"This registration token is for the storage mover '{mover.name}', not '{mover_name}': {again}",
            code="TokenOfAnotherMover",
        )
    credential = "lsc_" + secrets.token_urlsafe(32)
    role = ""
    if tx.dialect == "postgresql":
        from store.postgres.logins import admit_agent, admitted_role

        role = admitted_role(found.db_role)
        admit_agent(tx, found.db_role, credential)
    values = {"credential_hash": _hash(credential), "db_role": role, **asdict(facts)}
    if found.agent_id is None:
        agent = _new_agent(tx, mover, name, values)
    else:
        agent = _renewed_agent(tx, found.agent_id, name, values)
    action = "registered" if found.agent_id is None else "credential renewed"
    tx.session.flush()
    found.used_at = tx.now
    found.used_by = name
    tx.session.add(found)
    tx.event("agent", agent.id, f"{mover.name}/agents/{name}", action, mover_id=mover.id, detail=facts.host)
    return mover, agent, credential


def _new_agent(tx: Write, mover: StorageMover, name: str, values: Mapping[str, Any]) -> Agent:
    taken = TrustRefused(
        f"The storage mover '{mover.name}' has an agent '{name}' already: choose another name, or unregister it.",
        code="AgentNameTaken",
    )
    if tx.session.exec(select(Agent.id).where(Agent.mover_id == mover.id, Agent.name == name)).first():
        raise taken
    agent = Agent(mover_id=mover.id, name=name, **values)
    stamp_created(tx, agent)
    tx.session.add(agent)
    try:
        tx.session.flush()
    except IntegrityError as error:
        # The holder of a token is not shown the mover's other agents: the database knows their names.
        raise taken from error
    return agent


def _renewed_agent(tx: Write, agent_id: int, name: str, values: Mapping[str, Any]) -> Agent:
    """The agent with another credential: whoever holds the one before is out, and its history stays."""
    agent = tx.session.get_one(Agent, agent_id)
    if agent.name != name:
        raise TrustRefused(
            f"This registration token renews the agent '{agent.name}', not '{name}': register it under its name.",
            code="TokenOfAnotherAgent",
        )
    for key, value in values.items():
        setattr(agent, key, value)
    agent.instance_id = ""
    tx.session.add(agent)
    return agent


def connect_agent(
    store: Store, mover_name: str, name: str, credential: str, *, host_key: str, heartbeat_ms: int, facts: AgentFacts
) -> AgentIdentity:
    """Make this process the live one of an agent.

    A process on the same machine, boot and state directory takes over at once: the lock on the state
    directory proves that the one before is gone. Any other is refused while the present one's
    heartbeats are fresh, and the agent is flagged (fault F29).

    Raises:
        TrustRefused: unknown agent, wrong credential, or a second live process of one identity.
    """
    refusal: TrustRefused | None = None
    with store.write(f"agent/{name}", serial=False) as tx:
        query = select(Agent, StorageMover).join(StorageMover)
        query = query.where(StorageMover.name == mover_name, Agent.name == name)
        found = tx.session.exec(query.with_for_update(key_share=True, of=Agent)).first()
        if found is None:
            raise TrustRefused(
                f"The agent '{name}' is not registered with '{mover_name}' (any more): register it again.",
                code="AgentUnknown",
            )
        agent, mover = found
        if not hmac.compare_digest(agent.credential_hash, _hash(credential)):
            raise TrustRefused(
                f"The credential of the agent '{name}' is not accepted: register it again.", code="CredentialRefused"
            )
        beat = tx.session.get(AgentBeat, agent.id)
        fresh = beat is not None and tx.now - beat.at <= OFFLINE_AFTER_INTERVALS * agent.heartbeat_ms
        identity = AgentIdentity(agent.id, mover.id, name, secrets.token_hex(8), heartbeat_ms)
        path = f"{mover.name}/agents/{name}"
        if fresh and agent.host_key not in ("", host_key):
            agent.status = AgentStatus.REQUIRES_ATTENTION
            agent.error_code = "DuplicateIdentity"
            agent.error_message = f"a second process on '{facts.host}' uses this agent's identity"
            tx.event("agent", agent.id, path, "requires attention", mover_id=mover.id, detail=agent.error_message)
            refusal = TrustRefused(
                f"The agent '{name}' is already running on '{agent.host}': stop it there, or register this host "
                "under another name.",
                code="DuplicateIdentity",
            )
        else:
            for key, value in asdict(facts).items():
                setattr(agent, key, value)
            agent.instance_id, agent.host_key, agent.heartbeat_ms = identity.instance_id, host_key, heartbeat_ms
            agent.status, agent.error_code, agent.error_message = AgentStatus.ONLINE, "", ""
            tx.session.merge(AgentBeat(agent_id=agent.id, at=tx.now))
            tx.event("agent", agent.id, path, "online", mover_id=mover.id, detail=facts.host)
        tx.session.add(agent)
    if refusal is not None:
        raise refusal
    return identity


def disconnect_agent(tx: Write, identity: AgentIdentity) -> None:
    """A process says goodbye: the agent is Offline at once, not after three missed heartbeats."""
    agent = live_agent(tx, identity, hold=True)
    beat = tx.session.get(AgentBeat, agent.id)
    if beat is not None:
        tx.session.delete(beat)
    mover = tx.session.get_one(StorageMover, agent.mover_id)
    tx.event("agent", agent.id, f"{mover.name}/agents/{agent.name}", "stopped", mover_id=mover.id)


def live_agent(tx: Write, identity: AgentIdentity, *, hold: bool = False) -> Agent:
    """The agent's row, for a write by this process; TrustRefused when another process took its place.

    Args:
        tx: the transaction.
        identity: the process.
        hold: keep the row as it is to the end of the transaction; runs and leases are held before it.
    """
    lock = {"key_share": True} if hold else None
    agent = tx.session.get(Agent, identity.agent_id, with_for_update=lock, populate_existing=hold)
    if agent is None:
        raise TrustRefused(f"The agent '{identity.name}' was unregistered: register it again.", code="AgentUnknown")
    if agent.instance_id != identity.instance_id:
        raise TrustRefused(
            f"Another process has taken the place of the agent '{identity.name}': this one stops.", code="Superseded"
        )
    return agent


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
