"""The tests' own PostgreSQL: it asks for passwords, and it does not outlive whoever started it."""

from __future__ import annotations

import os
import select
import shutil
import subprocess
import sys

import psycopg
import pytest

from tests import postgres
from tests.postgres import Cluster


def test_the_server_asks_everybody_for_a_password(cluster: Cluster) -> None:
    """On TCP and on the socket; the right one is found through PGPASSFILE."""
    for host in (cluster.host, cluster.socket_directory):
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(host=host, port=cluster.port, user="postgres", password="wrong", dbname="postgres")
    with psycopg.connect(cluster.superuser_url) as connection:
        assert connection.execute("SELECT session_user").fetchone() == ("postgres",)


def test_a_database_is_copied_from_another(cluster: Cluster) -> None:
    first = cluster.database()
    cluster.psql("CREATE TABLE t (a int); INSERT INTO t VALUES (7)", db=first)
    second = cluster.database(first)
    cluster.psql("UPDATE t SET a = 8", db=first)
    assert cluster.psql("SELECT a FROM t", db=second) == [(7,)]
    for name in (first, second):
        cluster.drop(name)
    assert cluster.psql(f"SELECT 1 FROM pg_database WHERE datname IN ('{first}', '{second}')") == []


def test_the_server_dies_with_the_process_that_started_it() -> None:
    """Even when that is killed: nothing is left that would hold a port."""
    script = "from tests.postgres import start; c = start(); print(c.process.pid, c.directory, flush=True); input()"
    holder = subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    assert holder.stdout is not None
    assert holder.stdin is not None
    pid, directory = holder.stdout.readline().split()
    server = os.pidfd_open(int(pid))
    holder.kill()
    holder.wait()
    assert select.select([server], [], [], 60)[0], "the server still runs"
    os.close(server)
    shutil.rmtree(directory)
    with holder.stdin, holder.stdout:
        pass


def test_a_machine_without_a_server_skips_unless_it_must_have_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """CI is never green for want of a server."""
    monkeypatch.setattr(postgres, "binaries", lambda: None)
    for name in ("CI", postgres.REQUIRED):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(pytest.skip.Exception, match="not installed"):
        postgres.require()
    for name in ("CI", postgres.REQUIRED):
        monkeypatch.setenv(name, "1")
        with pytest.raises(pytest.fail.Exception, match="not installed"):
            postgres.require()
        monkeypatch.delenv(name)
