"""The URL of a store on a server: no secret in it, and nothing in the clear to another host."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from store.db import open_store
from store.errors import InvalidInput, StoreUnavailable
from store.place import locate
from store.postgres.place import PostgresPlace
from store.reader import Reader
from tests.postgres import ADMIN, Cluster, start
from tests.store.world import refusal

FAR = "db.longshore.test"
"""A name that is in no certificate authority's book but ours."""


def conninfo(url: str) -> str:
    place = locate(url)
    assert isinstance(place, PostgresPlace)
    return place.conninfo()


@pytest.mark.parametrize(
    "url",
    [
        "postgresql:///longshore",
        "postgresql://ann@localhost/longshore",
        "postgresql://ann@127.0.0.1:5433/longshore",
        "postgresql://ann@[::1]/longshore",
        "postgresql:///longshore?host=/run/postgresql",
        "postgresql://%2Frun%2Fpostgresql/longshore",
    ],
)
def test_on_this_host_the_server_decides_about_tls(url: str) -> None:
    assert "sslmode" not in conninfo(url)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://db.example/longshore",
        "postgres://ann@10.0.0.7/longshore",
        "postgresql+psycopg://ann@db.example:5433/longshore",
        "postgresql://ann@localhost,db.example/longshore",
        "postgresql:///longshore?host=db.example",
        "postgresql://localhost/longshore?hostaddr=10.0.0.7",
        "postgresql://127.0.0.1.example.org/longshore",
    ],
)
def test_another_host_must_prove_its_name(url: str) -> None:
    """TLS with the name verified, by the authorities that the system trusts; the URL may name others."""
    assert "sslmode=verify-full" in conninfo(url)
    assert "sslrootcert=system" in conninfo(url)
    named = conninfo(f"{url}{'&' if '?' in url else '?'}sslrootcert=/etc/ca.pem")
    assert "sslrootcert=%2Fetc%2Fca.pem" in named
    assert "system" not in named


@pytest.mark.parametrize("mode", ["disable", "allow", "prefer"])
def test_nothing_goes_to_another_host_in_the_clear(mode: str) -> None:
    error = refusal(InvalidInput, lambda: locate(f"postgresql://db.example/longshore?sslmode={mode}"))
    assert error.code == "StoreNotPrivate"
    assert "verify-full" in error.sentence
    assert f"sslmode={mode}" in conninfo(f"postgresql://localhost/longshore?sslmode={mode}")


@pytest.mark.parametrize(
    "url", ["postgresql://ann:hunter2@db/x", "postgresql://db/x?password=hunter2", "postgresql://:hunter2@/x"]
)
def test_a_password_does_not_belong_into_a_url(url: str) -> None:
    error = refusal(InvalidInput, lambda: locate(url))
    assert error.code == "StoreUrlHoldsPassword"
    assert "hunter2" not in error.sentence


def test_a_password_shows_in_no_text() -> None:
    place = locate("postgresql://db/x", password="hunter2")
    assert "hunter2" not in f"{place!r} {place} {place.url}"
    assert isinstance(place, PostgresPlace)
    assert "hunter2" not in place.conninfo()
    assert locate("postgresql://ann@db:5433/x?sslmode=require").shared_url == "postgresql://db:5433/x?sslmode=require"
    assert place.for_user("a b").url == "postgresql://a%20b@db/x"


@pytest.fixture(scope="module")
def certified(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Cluster, Path]]:
    """A server that speaks TLS under the name of another host, and the certificate that vouches for it."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("there is no openssl to make a certificate with")
    directory = tmp_path_factory.mktemp("tls")
    key, certificate = directory / "server.key", directory / "server.crt"
    subprocess.run(
        f"{openssl} req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN={FAR} -addext subjectAltName=DNS:{FAR} "
        f"-keyout {key} -out {certificate}".split(),
        check=True,
        capture_output=True,
    )
    running = start(files={"server.key": key.read_bytes(), "server.crt": certificate.read_bytes()}, ssl="on")
    before = os.environ.get("PGPASSFILE")
    os.environ["PGPASSFILE"] = str(running.pgpass)
    yield running, certificate
    os.environ.pop("PGPASSFILE")
    if before is not None:
        os.environ["PGPASSFILE"] = before
    running.stop()


def test_a_server_far_away_is_used_over_tls(certified: tuple[Cluster, Path]) -> None:
    """It is believed when the authority that the URL names vouches for its name, and not otherwise."""
    cluster, certificate = certified
    database = cluster.store_database()
    # The name is the far host's, the address this one's: as good as a network between them.
    url = f"postgresql://{ADMIN}@{FAR}:{cluster.port}/{database}?hostaddr=127.0.0.1"
    trusted = f"{url}&sslrootcert={certificate}"
    store = open_store(trusted)
    with store.engine.connect() as connection:
        used = connection.exec_driver_sql("SELECT ssl, version FROM pg_stat_ssl WHERE pid = pg_backend_pid()").one()
    assert tuple(used) in ((True, "TLSv1.3"), (True, "TLSv1.2"))
    store.close()
    Reader(trusted).close()
    for refused in (url, trusted.replace(FAR, "db.elsewhere.test")):
        assert refusal(StoreUnavailable, lambda at=refused: Reader(at)).code == "StoreNotPrivate"  # type: ignore[misc]
