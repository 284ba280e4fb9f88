"""Samba's smbd on a free port of 127.0.0.1, with everything it keeps in a directory of the test's.

Shares: ``rw`` (case is ignored), ``case`` (case counts), ``ro`` (read-only), ``sealed`` (encryption demanded),
``closed`` (its user may not in) and one more for each :meth:`Samba.fresh_place`.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.servers.ports import free_port, wait_for

PASSWORD = "a canary in the coal mine"
"""The user's; tests look for it where it should not be."""

_CONFIG = """
[global]
    server role = standalone server
    workgroup = LONGSHORE
    netbios name = LONGSHORE
    security = user
    passdb backend = tdbsam:{base}/private/passdb.tdb
    private dir = {base}/private
    lock directory = {base}/lock
    state directory = {base}/state
    cache directory = {base}/cache
    pid directory = {base}/pid
    ncalrpc dir = {base}/ncalrpc
    usershare path =
    log file = {base}/log.%m
    log level = 0
    interfaces = 127.0.0.1
    bind interfaces only = yes
    disable netbios = yes
    disable spoolss = yes
    load printers = no
    printcap name = /dev/null
    smb ports = {port}
    server min protocol = SMB2_02
    server signing = {signing}
    map to guest = never
    vfs objects = acl_xattr streams_xattr
    {acl_name}
    store dos attributes = yes
    ea support = yes
    inherit acls = yes
    unix extensions = no
    strict sync = yes
    include = {base}/shares.conf
"""

_SHARE = """
[{name}]
    path = {path}
    valid users = {users}
    read only = {read_only}
    {more}
"""


def program() -> str | None:
    """Where smbd is; None where Samba is not installed."""
    return shutil.which("smbd", path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")


class Samba:
    """One smbd in the foreground.

    Attributes:
        environment: what the credential references of :meth:`fresh_place` name.
        port: where it listens.
        base: the directory of everything.
    """

    def __init__(self, *, signing: str = "auto") -> None:
        self.base = base = Path(tempfile.mkdtemp(prefix="samba-"))
        self.port = free_port()
        self.user = pwd.getpwuid(os.getuid()).pw_name
        self.environment = {"LONGSHORE_SMB_USER": self.user, "LONGSHORE_SMB_PASSWORD": PASSWORD}
        self._process: subprocess.Popen[bytes] | None = None
        self._log = base / "smbd.out"
        self._count = 0
        for name in ("private", "lock", "state", "cache", "pid", "ncalrpc", "shares"):
            (base / name).mkdir(mode=0o700)
        self._config = base / "smb.conf"
        acl_name = "" if os.getuid() == 0 else "acl_xattr:security_acl_name = user.NTACL"
        self._config.write_text(_CONFIG.format(base=base, port=self.port, signing=signing, acl_name=acl_name))
        (base / "shares.conf").write_text("")
        self.share("rw")
        self.share("case", more="case sensitive = yes")
        self.share("ro", read_only="yes")
        self.share("sealed", more="smb encrypt = required")
        self.share("closed", users="nobody-at-all")
        subprocess.run(
            ["smbpasswd", "-c", str(self._config), "-L", "-a", "-s", self.user]
            if os.getuid() == 0
            else ["pdbedit", f"--configfile={self._config}", "-a", "-t", "-u", self.user],
            input=f"{PASSWORD}\n{PASSWORD}\n".encode(),
            check=True,
            capture_output=True,
            env={**os.environ, "PATH": os.environ.get("PATH", "") + ":/usr/sbin"},
        )

    def share(self, name: str, *, users: str = "", read_only: str = "no", more: str = "") -> Path:
        """Another share, for connections that begin after this; its directory."""
        path = self.base / "shares" / name
        path.mkdir()
        with (self.base / "shares.conf").open("a") as config:
            config.write(_SHARE.format(name=name, path=path, users=users or self.user, read_only=read_only, more=more))
        return path

    def path(self, share: str) -> Path:
        """The directory that a share shows."""
        return self.base / "shares" / share

    def start(self) -> None:
        """Start it on the port of before, and return when it takes connections."""
        found = program()
        if found is None:
            raise RuntimeError("Samba is not installed: apt-get install samba")
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [found, "--foreground", "--no-process-group", "--debug-stdout", f"--configfile={self._config}"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        try:
            wait_for(self.port, self._process)
        except RuntimeError as error:
            raise RuntimeError(f"{error}: {self._log.read_text(errors='replace')}") from None

    def kill(self) -> None:
        """SIGKILL it and the process of every connection."""
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None
            (self.base / "pid" / "smbd.pid").unlink(missing_ok=True)

    def stop(self) -> None:
        """End it and remove everything."""
        self.kill()
        shutil.rmtree(self.base, ignore_errors=True)

    def properties(self, share: str) -> dict[str, Any]:
        """The properties of an endpoint that is a share, as ARM names them."""
        return {
            "endpointType": "SmbMount",
            "host": "127.0.0.1",
            "port": self.port,
            "shareName": share,
            "credentials": {
                "type": "AzureKeyVaultSmb",
                "usernameUri": "env:LONGSHORE_SMB_USER",
                "passwordUri": "env:LONGSHORE_SMB_PASSWORD",
            },
        }

    def fresh_place(self) -> dict[str, Any]:
        """The properties of a new and empty share."""
        self._count += 1
        name = f"fresh{self._count}"
        self.share(name, more="case sensitive = yes")
        return self.properties(name)


def running(*, signing: str = "auto") -> Iterator[Samba]:
    """A started server, for a fixture to ``yield from``; skips where Samba is missing."""
    if program() is None:
        if os.environ.get("LONGSHORE_REQUIRE_SERVERS") == "1":
            pytest.fail("Samba is not installed, and LONGSHORE_REQUIRE_SERVERS is set")
        pytest.skip("Samba is not installed: apt-get install samba")
    server = Samba(signing=signing)
    try:
        server.start()
        yield server
    finally:
        server.stop()
