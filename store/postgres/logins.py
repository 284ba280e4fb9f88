"""Logins of agents and of registration tokens on a PostgreSQL store: made, renewed and ended with their rows.

The password of a token's login is the token's secret, that of an agent's is its credential. The server gets
neither, only what it verifies them by.
"""

from __future__ import annotations

import re
import secrets
from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import text

from store.postgres.roles import DEFAULT_PREFIX
from store.postgres.trust_functions import TRUST_SCHEMA

if TYPE_CHECKING:
    from store.db import Write

_TOKEN = re.compile(r"lsr_(?:([a-z][a-z0-9_]*)\.)?([0-9a-f]{8})_([A-Za-z0-9_-]{20,})")


class Login(NamedTuple):
    """A role and what proves that one may be it."""

    role: str
    password: str

    def __repr__(self) -> str:
        return f"Login({self.role})"


def token_login(token: str) -> Login | None:
    """The login that a token's text carries; None for one that is not of a PostgreSQL store."""
    found = _TOKEN.fullmatch(token)
    return None if found is None else Login(f"{found[1] or DEFAULT_PREFIX}_token_{found[2]}", found[3])


def issue_token_login(tx: Write, secret: str, ttl_ms: int, *, renews: str = "") -> tuple[str, str]:
    """Make the login of a new token, and drop those of tokens that are of no use any more.

    Args:
        tx: an admin's transaction.
        secret: the password.
        ttl_ms: how long it works, by the server's clock.
        renews: the login of the agent whose credential the token renews.

    Returns:
        The role, and the text of the token.
    """
    suffix = secrets.token_hex(4)
    role = _call(
        tx,
        "issue(:suffix, :verifier, :ttl, :renews)",
        suffix=suffix,
        verifier=_verifier(tx, suffix, secret),
        ttl=ttl_ms,
        renews=renews or None,
    )
    prefix = role.removesuffix(f"_token_{suffix}")
    return role, "lsr_" + ("" if prefix == DEFAULT_PREFIX else prefix + ".") + f"{suffix}_{secret}"


def admitted_role(token_role: str) -> str:
    """The login that a token turns into: it keeps its suffix."""
    return re.sub(r"_token_(?=[0-9a-f]{8}$)", "_agent_", token_role)


def admit_agent(tx: Write, token_role: str, credential: str) -> None:
    """Turn a token's login into one of an agent (:func:`admitted_role`), once; the login that it renews ends.

    Called by the token's holder, or by an admin.
    """
    verifier = _verifier(tx, admitted_role(token_role), credential)
    if _session_user(tx) == token_role:
        _call(tx, "admit(:verifier)", verifier=verifier)
    else:
        _call(tx, "admit_by(:token, :verifier)", token=token_role, verifier=verifier)


def revoke_login(tx: Write, role: str) -> None:
    """End a login: nobody logs in by it from now on; sessions that are open see nothing that is an agent's."""
    if role:
        _call(tx, "revoke(:role)", role=role)


def _call(tx: Write, function: str, **values: object) -> str:
    return str(tx.session.execute(text(f"SELECT {TRUST_SCHEMA}.{function}"), values).scalar_one())


def _session_user(tx: Write) -> str:
    return str(tx.session.execute(text("SELECT session_user")).scalar_one())


def _verifier(tx: Write, role: str, password: str) -> str:
    """What a server verifies a password by; it cannot log in with that, nor can who reads its logs."""
    connection = tx.session.connection().connection.driver_connection
    assert connection is not None
    verifier: bytes = connection.pgconn.encrypt_password(password.encode(), role.encode(), b"scram-sha-256")
    return verifier.decode()
