"""A real PostgreSQL for the tests: a throw-away cluster for the session, a fresh database for each test.

The server runs as an unprivileged user on 127.0.0.1 and on a socket, asks everybody for a password, and
dies with the process that started it. Passwords are found by libpq through ``PGPASSFILE`` and stand in no
URL. Its default collation is a linguistic one, so that an order that only holds for bytes shows.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

SUPERUSER = "postgres"
ADMIN = "ann"
"""A person of the stores that :meth:`Cluster.store_database` makes: a member of ``longshore_admin``."""

STORE_TEMPLATE = "longshore_template"
REQUIRED = "LONGSHORE_REQUIRE_POSTGRES"
_PR_SET_PDEATHSIG = 1

SETTINGS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_connections": "200",
    "shared_buffers": "128MB",
    "timezone": "UTC",
    "log_min_messages": "warning",
    "log_line_prefix": "%m %u@%d ",
}
"""What every cluster of ours runs with: nothing in it has to survive a power cut."""


def binaries() -> Path | None:
    """The directory of PostgreSQL's server programs: on PATH, or where Debian keeps them; None without any."""
    found = shutil.which("initdb")
    if found is not None and (Path(found).resolve().parent / "postgres").exists():
        return Path(found).resolve().parent
    versions = [p.parent for p in Path("/usr/lib/postgresql").glob("*/bin/initdb") if p.parent.parent.name.isdigit()]
    return max(versions, key=lambda directory: int(directory.parent.name), default=None)


def require() -> Path:
    """The server programs; without them a test is skipped, or fails where they must be there (CI)."""
    directory = binaries()
    if directory is None:
        why = "PostgreSQL is not installed: there is no initdb on PATH or under /usr/lib/postgresql"
        if os.environ.get("CI") or os.environ.get(REQUIRED):
            pytest.fail(why)
        pytest.skip(why)
    return directory


class Cluster:
    """A running server with databases and logins of its own. Made by :func:`start`."""

    def __init__(self, directory: Path, port: int, process: subprocess.Popen[bytes], passwords: dict[str, str]) -> None:
        self.directory = directory
        self.host = "127.0.0.1"
        self.port = port
        self.process = process
        self.pgpass = directory / "pgpass"
        self._passwords = passwords
        self._write_pgpass()

    @property
    def socket_directory(self) -> str:
        """The directory of its socket: a ``host`` for libpq."""
        return str(self.directory)

    @property
    def log(self) -> str:
        """All that the server has said."""
        return (self.directory / "log").read_text(errors="replace")

    @property
    def superuser_url(self) -> str:
        return self.url("postgres", SUPERUSER)

    def url(self, database: str, user: str = ADMIN) -> str:
        """What one writes after --store; libpq finds the password in :attr:`pgpass`."""
        return f"postgresql://{user}@{self.host}:{self.port}/{database}"

    def password(self, user: str) -> str:
        return self._passwords[user]

    def connect(
        self, db: str = "postgres", user: str = SUPERUSER, password: str | None = None, **options: Any
    ) -> psycopg.Connection[Any]:
        """A connection of plain psycopg, each statement a transaction unless ``autocommit=False`` is given."""
        return psycopg.connect(
            host=self.host,
            port=self.port,
            dbname=db,
            user=user,
            password=self._passwords[user] if password is None else password,
            **{"autocommit": True, **options},
        )

    def psql(self, statements: str, *, db: str = "postgres", user: str = SUPERUSER) -> list[tuple[Any, ...]]:
        """Run statements; the rows of the last one."""
        with self.connect(db, user) as connection:
            cursor = connection.execute(statements.encode())
            while cursor.nextset():
                pass
            return cursor.fetchall() if cursor.description else []

    def database(self, template: str | None = None, owner: str = SUPERUSER) -> str:
        """Make a database, empty or as another one is (to which nobody may be connected); its name."""
        name = "t_" + secrets.token_hex(4)
        with self.connect() as connection:
            # From PostgreSQL 15 on a copy goes through the log unless one says so: half as long again.
            how = " STRATEGY FILE_COPY" if connection.info.server_version >= 150000 else ""
            connection.execute(
                sql.SQL("CREATE DATABASE {} TEMPLATE {} OWNER {}" + how).format(
                    sql.Identifier(name), sql.Identifier(template or "template1"), sql.Identifier(owner)
                )
            )
        return name

    def store_database(self) -> str:
        """A database with an empty store at the newest schema, made once and copied; ``ann`` is its admin."""
        if not self.psql(f"SELECT 1 FROM pg_database WHERE datname = '{STORE_TEMPLATE}'"):
            self._make_store_template()
        return self.database(STORE_TEMPLATE)

    def drop(self, name: str) -> None:
        """Drop a database with whoever is connected to it."""
        with self.connect() as connection:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def login(self, name: str, *groups: str, attributes: str = "") -> str:
        """Make a role that may log in, a member of the groups; its password is in :attr:`pgpass` from now on."""
        password = secrets.token_urlsafe(18)
        with self.connect() as connection:
            connection.execute(
                sql.SQL("CREATE ROLE {} LOGIN {} PASSWORD {}").format(
                    sql.Identifier(name),
                    sql.SQL(attributes),
                    sql.Literal(password),
                )
            )
            for group in groups:
                connection.execute(sql.SQL("GRANT {} TO {}").format(sql.Identifier(group), sql.Identifier(name)))
        self._passwords[name] = password
        self._write_pgpass()
        return password

    def crash(self) -> None:
        """End the server as ``pg_ctl stop -m immediate`` does: nobody is told, nothing is tidied up."""
        self.process.send_signal(signal.SIGQUIT)
        self.process.wait(20)

    def start_again(self, **settings: str) -> None:
        """Start a server that has ended on its own port, with its data."""
        _, self.process = _launch(require(), self.directory, _unprivileged(), {**SETTINGS, **settings}, port=self.port)

    def stop(self) -> None:
        """End the server at once and remove all that it kept."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.send_signal(signal.SIGQUIT)
                self.process.wait(20)
        shutil.rmtree(self.directory, ignore_errors=True)

    def _make_store_template(self) -> None:
        from store.db import open_store
        from store.place import locate
        from store.postgres.roles import init_statements

        making = self.database()
        self.psql("\n".join(init_statements("longshore")), db=making)
        self.login(ADMIN, "longshore_admin")
        open_store(locate(self.url(making), password=self.password(ADMIN))).close()
        self.psql(f"ALTER DATABASE {making} RENAME TO {STORE_TEMPLATE}")

    def _write_pgpass(self) -> None:
        lines = [f"*:{self.port}:*:{user}:{password}" for user, password in self._passwords.items()]
        part = self.pgpass.with_suffix(".part")
        with open(os.open(part, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600), "w") as file:
            file.write("\n".join(lines) + "\n")
        part.rename(self.pgpass)


def start(files: Mapping[str, bytes] | None = None, **settings: str) -> Cluster:
    """Make a cluster and start it; the caller stops it.

    Args:
        files: to lie in its data directory, for it alone to read (certificates, keys).
        settings: of ``postgresql.conf``, beside :data:`SETTINGS`.
    """
    programs = require()
    user = _unprivileged()
    directory = _directory(user)
    try:
        passwords = {SUPERUSER: secrets.token_urlsafe(18)}
        _initdb(programs, directory, user, passwords[SUPERUSER])
        for name, content in (files or {}).items():
            _private_file(directory / "data" / name, content, user)
        port, process = _launch(programs, directory, user, {**SETTINGS, **settings})
    except BaseException:
        shutil.rmtree(directory, ignore_errors=True)
        raise
    return Cluster(directory, port, process, passwords)


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """The session's server; processes that a test starts find its passwords, too."""
    running = start()
    before = os.environ.get("PGPASSFILE")
    os.environ["PGPASSFILE"] = str(running.pgpass)
    try:
        yield running
    finally:
        os.environ.pop("PGPASSFILE")
        if before is not None:
            os.environ["PGPASSFILE"] = before
        running.stop()


@pytest.fixture
def store_database(cluster: Cluster) -> Iterator[str]:
    """The name of a database of this test's own with an empty store at the newest schema."""
    name = cluster.store_database()
    yield name
    cluster.drop(name)


@pytest.fixture
def store_url(cluster: Cluster, store_database: str) -> str:
    """Its URL, for the admin ``ann``."""
    return cluster.url(store_database)


def _unprivileged() -> pwd.struct_passwd | None:
    """Whom the server runs as: PostgreSQL refuses to run as root. None for ourselves."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    pytest.fail("PostgreSQL does not run as root, and there is neither a user 'postgres' nor 'nobody' to run it as")


def _directory(user: pwd.struct_passwd | None) -> Path:
    """A new directory that the server's user can reach, with a path short enough for a socket."""
    for parent in (tempfile.gettempdir(), "/tmp"):
        reachable = all(p.stat().st_mode & 0o001 for p in (Path(parent), *Path(parent).resolve().parents))
        if len(parent) < 60 and (user is None or reachable):
            directory = Path(tempfile.mkdtemp(prefix="lpg-", dir=parent))
            if user is not None:
                os.chown(directory, user.pw_uid, user.pw_gid)
            return directory
    pytest.fail("there is no temporary directory that the server's user can reach: set TMPDIR to one")


def _private_file(path: Path, content: bytes, user: pwd.struct_passwd | None) -> None:
    path.touch(0o600)
    path.write_bytes(content)
    if user is not None:
        os.chown(path, user.pw_uid, user.pw_gid)


def _as(user: pwd.struct_passwd | None) -> dict[str, Any]:
    if user is None:
        return {}
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


def _initdb(programs: Path, directory: Path, user: pwd.struct_passwd | None, password: str) -> None:
    secret = directory / "password"
    _private_file(secret, password.encode(), user)
    arguments = [str(programs / "initdb"), "-D", str(directory / "data"), "-U", SUPERUSER, "--pwfile", str(secret)]
    arguments += ["--auth=scram-sha-256", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync", "--no-instructions"]
    version = subprocess.run([programs / "initdb", "--help"], capture_output=True, text=True, check=True).stdout
    if "--icu-locale" in version:
        arguments += ["--locale-provider=icu", "--icu-locale=en-US"]
    done = subprocess.run(arguments, check=False, capture_output=True, text=True, cwd=directory, **_as(user))
    assert done.returncode == 0, done.stdout + done.stderr
    secret.unlink()


def _launch(
    programs: Path,
    directory: Path,
    user: pwd.struct_passwd | None,
    settings: dict[str, str],
    port: int | None = None,
) -> tuple[int, subprocess.Popen[bytes]]:
    """Start the server on a free port, if none is given; another program may take that first, so more than once if
    need be."""
    wanted = port
    libc = ctypes.CDLL(None)

    def die_with_parent() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGQUIT)

    for _ in range(5):
        port = wanted or _free_port()
        options = {"listen_addresses": "127.0.0.1", "port": str(port), "unix_socket_directories": str(directory)}
        arguments = [str(programs / "postgres"), "-D", str(directory / "data")]
        for name, value in {**options, **settings}.items():
            arguments += ["-c", f"{name}={value}"]
        with open(directory / "log", "ab") as log:
            process = subprocess.Popen(
                arguments,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=directory,
                start_new_session=True,  # a Ctrl-C for the tests is not one for the server
                preexec_fn=die_with_parent,  # noqa: PLW1509 (after the change of user, which clears it)
                **_as(user),
            )
        if _answers(process, port):
            return port, process
        process.wait()
    raise AssertionError((directory / "log").read_text(errors="replace"))


def _answers(process: subprocess.Popen[bytes], port: int) -> bool:
    """Wait until the server asks for a password; False when it ended instead."""
    deadline = time.monotonic() + 60
    while process.poll() is None:
        try:
            psycopg.connect(host="127.0.0.1", port=port, user=SUPERUSER, password="not this", dbname="postgres").close()
        except psycopg.OperationalError as error:
            if "password authentication failed" in str(error):
                return True
        if time.monotonic() > deadline:
            process.send_signal(signal.SIGQUIT)
            process.wait()
            return False
        time.sleep(0.02)
    return False


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port
