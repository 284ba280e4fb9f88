"""What PostgreSQL and libpq say, as one of the named errors of a store."""

from __future__ import annotations

import psycopg

from store.errors import StoreUnavailable
from store.postgres.place import PostgresPlace

_LOGIN = ("password authentication failed", "pg_hba.conf", "not permitted to log in", "no password supplied")


def named(error: BaseException, place: PostgresPlace) -> StoreUnavailable:
    """A psycopg error as one of the named store errors, chosen by its SQLSTATE where there is one.

    A connection that fails has none: then the words decide, and the server's own are told as well.
    """
    state = (getattr(error, "sqlstate", None) or "") if isinstance(error, psycopg.Error) else ""
    said = " ".join(str(error).split())[:300].rstrip(".")
    store = f"The store '{place.url}'"
    if state[:3] == "28P" or state == "28000" or (not state and any(words in said for words in _LOGIN)):
        return StoreUnavailable(
            f"{store} does not accept this login ({said}): check the user in the URL and its password in ~/.pgpass; an "
            "agent registers again.",
            code="StoreLoginRefused",
        )
    if state in ("3D000", "3F000") or (not state and "does not exist" in said):
        return StoreUnavailable(
            f"{store} is not there ({said}): check the URL, or make it with 'createdb' and 'longshore store init'.",
            code="StoreMissing",
        )
    if state in ("53300", "53400") or (not state and ("too many" in said or "remaining connection slots" in said)):
        return StoreUnavailable(
            f"{store} has no connection to spare: try again; if it stays so, raise max_connections.", code="StoreBusy"
        )
    if state in ("40P01", "40001", "55P03", "57014", "25P03"):
        return StoreUnavailable(f"{store} is busy ({said}): try again; nothing was changed.", code="StoreBusy")
    if state in ("53100", "53200", "58030", "58000"):
        return StoreUnavailable(
            f"{store} is out of space or memory on its server ({said}): free some there; nothing was lost.",
            code="StoreFull",
        )
    if state in ("25006", "57P03"):
        return StoreUnavailable(
            f"{store} takes no writes ({said}): its server is a standby, starting or read-only; name the primary.",
            code="StoreReadOnly",
        )
    if state == "42501":
        return StoreUnavailable(
            f"{store} does not allow this ({said}): have its admin grant you the admins' role, or act as an agent only "
            "on what is its own.",
            code="StoreForbidden",
        )
    if state in ("XX001", "XX002"):
        return StoreUnavailable(
            f"{store} is damaged ({said}): stop the agents and restore your last backup.", code="StoreCorrupt"
        )
    if state in ("42P01", "42703", "42883"):
        return StoreUnavailable(
            f"{store} has not the schema of this program ({said}): run 'longshore store check'.", code="StoreNotOurs"
        )
    if not state and ("SSL" in said or "certificate" in said):
        return StoreUnavailable(
            f"{store} cannot be reached privately ({said}): set sslrootcert in the URL to the certificate authority of "
            "its server.",
            code="StoreNotPrivate",
        )
    if isinstance(error, psycopg.OperationalError) and (not state or state[:2] in ("08", "57")):
        return StoreUnavailable(
            f"{store} cannot be reached ({said}): check its host and port, and that its server runs.",
            code="StoreUnreachable",
        )
    return StoreUnavailable(f"{store} cannot be used: {said} ({state or 'no code'}).")
