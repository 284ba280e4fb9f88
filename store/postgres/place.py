"""A store on a PostgreSQL server: what its URL may say, and how the connection is kept private.

Standard library only: psycopg is imported when something connects.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Literal
from urllib.parse import SplitResult, parse_qs, quote, unquote, urlencode, urlsplit

from store.errors import InvalidInput, StoreUnavailable

SCHEMA = "longshore"
"""The schema that holds all of a store; it belongs to the admins' role."""

CONNECT_SECONDS = 10
"""How long to wait for a server that does not answer, unless the URL says ``connect_timeout``."""

_PRIVATE = ("require", "verify-ca", "verify-full")


@dataclass(frozen=True)
class PostgresPlace:
    """A database of a server. ``url`` never holds a password; ``password`` is kept out of every text."""

    url: str
    password: str | None = field(default=None, repr=False, compare=False)
    dialect: ClassVar[Literal["postgresql"]] = "postgresql"

    @classmethod
    def parse(cls, url: str, password: str | None = None) -> PostgresPlace:
        """A place from what was typed.

        Raises:
            InvalidInput: StoreUrlHoldsPassword, StoreNotPrivate or InvalidStoreUrl.
        """
        example = "write postgresql://HOST/DATABASE"
        try:
            parts = urlsplit(url)
            query = parse_qs(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query))
            secret = parts.password is not None or "password" in query
            _check_ports(parts)
        except ValueError as error:
            raise InvalidInput(f"The store URL is not a URL: {example}.", code="InvalidStoreUrl") from error
        if secret:
            raise InvalidInput(
                "The store URL holds a password, which ps and logs would show: put it in ~/.pgpass (or the file that "
                "PGPASSFILE names) and leave it out of the URL.",
                code="StoreUrlHoldsPassword",
            )
        if parts.path in ("", "/") and "dbname" not in query:
            raise InvalidInput(f"The store URL names no database: {example}.", code="InvalidStoreUrl")
        if "\0" in unquote(url) or parts.fragment:
            raise InvalidInput(f"The store URL is not a URL that libpq takes: {example}.", code="InvalidStoreUrl")
        mode = query.get("sslmode", [""])[-1]
        if mode and mode not in _PRIVATE and not _all_local(parts, query):
            raise InvalidInput(
                f"The store URL asks for sslmode={mode}, by which others on the network could read and change what "
                "agents are told: use sslmode=verify-full with sslrootcert=FILE.",
                code="StoreNotPrivate",
            )
        return cls(url, password)

    @property
    def shared_url(self) -> str:
        """The URL for somebody else: without whose login it is."""
        parts = urlsplit(self.url)
        return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()

    @property
    def local(self) -> bool:
        """Whether nobody but this machine reaches it by its URL: a socket's directory, or a loopback address."""
        parts = urlsplit(self.url)
        return _all_local(parts, parse_qs(parts.query, keep_blank_values=True))

    @property
    def exists(self) -> bool:
        """Always: only asking the server can tell, and opening does."""
        return True

    @property
    def identity(self) -> str:
        """What would be another store: here another URL. A restored database shows in its feed's epoch."""
        return self.url

    def check(self) -> None:
        """Whether this program can speak to a server at all: its driver is an extra.

        Raises:
            StoreUnavailable: StoreNoDriver.
        """
        try:
            import psycopg  # noqa: F401
        except ImportError as error:  # also when it finds no libpq
            raise StoreUnavailable(
                "A PostgreSQL store needs psycopg: install it beside Longshore with \"pip install 'psycopg[binary]'\".",
                code="StoreNoDriver",
            ) from error

    def conninfo(self) -> str:
        """The URL for libpq, without the password: to another host always over TLS, with the server's name verified
        unless the URL says how far."""
        parts = urlsplit(self.url)
        query = parse_qs(parts.query, keep_blank_values=True)
        query.setdefault("connect_timeout", [str(CONNECT_SECONDS)])
        query.setdefault("application_name", ["longshore"])
        # A server that vanished, or a firewall that forgot the connection, shows after half a minute.
        query.setdefault("keepalives_idle", ["20"])
        query.setdefault("tcp_user_timeout", ["30000"])
        if not _all_local(parts, query):
            query.setdefault("sslmode", ["verify-full"])
            if query["sslmode"][-1].startswith("verify"):
                query.setdefault("sslrootcert", ["system"])
        return parts._replace(query=urlencode(query, doseq=True, quote_via=quote)).geturl()

    def for_user(self, user: str, password: str | None = None) -> PostgresPlace:
        """The same database for another login."""
        parts = urlsplit(self.url)
        hosts = parts.netloc.rpartition("@")[2]
        return PostgresPlace(parts._replace(netloc=f"{quote(user, safe='')}@{hosts}").geturl(), password)


def _hosts(parts: SplitResult, query: dict[str, list[str]]) -> list[str]:
    named = parts.netloc.rpartition("@")[2].split(",") if not query.get("host") else query["host"][-1].split(",")
    return [_without_port(host) for host in (*named, *query.get("hostaddr", [""])[-1].split(",")) if host]


def _without_port(host: str) -> str:
    host = unquote(host)
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host if host.startswith("/") or host.count(":") > 1 else host.partition(":")[0]


def _all_local(parts: SplitResult, query: dict[str, list[str]]) -> bool:
    """Whether the connection cannot leave this host: no host, a socket's directory, or a loopback address."""
    import ipaddress  # the first frame of an embedded store need not wait for it

    for host in _hosts(parts, query):
        if host.startswith(("/", "@")) or host == "localhost" or not host:
            continue
        try:
            if not ipaddress.ip_address(host).is_loopback:
                return False
        except ValueError:
            return False
    return True


def _check_ports(parts: SplitResult) -> None:
    """ValueError for a port that is no number; libpq takes several hosts, urllib only one."""
    if "," not in parts.netloc:
        _ = parts.port
