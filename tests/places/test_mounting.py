"""Where a share is mounted: by the mount table, by real mounts, and by a run that mounts for itself."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from agentsim.engine.errors import RunStopped, Side
from agentsim.engine.mounts import parse, read_mounts
from agentsim.places import private_mounts
from agentsim.places.mounting import Mounts, NfsShare, SmbShare, mounted_nfs, mounted_smb
from agentsim.places.opening import directory_of, nfs_share, smb_share
from store import codes
from tests.engine import mounts as real
from tests.engine.driver import REPOSITORY, Agent, order
from tests.faultfs.mount import fault_fs

ACCOUNT = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Storage/storageAccounts/acct"
TABLE = rb"""
22 1 8:1 / / rw - ext4 /dev/sda1 rw
30 22 0:40 / /mnt/hr rw - nfs4 NAS1:/export/hr rw,addr=10.0.0.1
31 22 0:41 / /mnt/all rw - nfs nas2.corp:/vol rw
32 22 0:41 /deep/er /mnt/bound rw - nfs nas2.corp:/vol rw
33 22 0:42 / /mnt/fuse\040fs rw - fuse.sshfs nas3:/export rw
34 22 0:43 / /srv/longshore-mounts/nfs-ab rw - nfs4 nas1:/export/hr ro
35 22 0:44 / /mnt/root rw - nfs4 [fe80::1]:/ rw
36 22 0:45 / /mnt/share rw - cifs //Files.Corp/Public$ rw
37 22 0:46 / /mnt/part rw - cifs //files.corp/public$/sub rw
38 22 0:45 /sub /mnt/bind rw - cifs //files.corp/public$ rw
39 22 0:47 / /mnt/azure rw - nfs4 127.0.0.1:/acct/share rw
40 22 0:40 / /mnt/again rw - nfs4 nas1:/export/hr rw
"""


def nfs(host: str, export: str) -> list[bytes]:
    return [found.path for found in mounted_nfs(NfsShare(hosts=(host,), export=export), parse(TABLE))]


@pytest.mark.parametrize(
    ("host", "export", "paths"),
    [
        ("nas1", "/export/hr", [b"/mnt/again", b"/mnt/hr"]),
        ("nas1.", "//export/hr/", [b"/mnt/again", b"/mnt/hr"]),
        ("nas1", "/export/hr/home/x", [b"/mnt/again/home/x", b"/mnt/hr/home/x"]),
        ("nas1", "/export", []),
        ("nas1", "/export/hrx", []),
        ("nas2", "/vol", []),
        ("nas2.corp", "/vol", [b"/mnt/all"]),
        ("nas2.corp", "/vol/deep/er", [b"/mnt/bound", b"/mnt/all/deep/er"]),
        ("nas2.corp", "/vol/deep/er/still", [b"/mnt/bound/still", b"/mnt/all/deep/er/still"]),
        ("nas3", "/export", [b"/mnt/fuse fs"]),
        ("nas3", "/export/sub", []),
        ("fe80::1", "/a/b", [b"/mnt/root/a/b"]),
        ("[FE80::1]", "/", [b"/mnt/root"]),
    ],
)
def test_an_export_in_the_mount_table(host: str, export: str, paths: list[bytes]) -> None:
    """The latest mount comes first; a run's own mounts are nobody else's; a FUSE mount stands for its name alone."""
    assert nfs(host, export) == paths


@pytest.mark.parametrize(
    ("host", "name", "paths"),
    [
        ("files.corp", "public$", [b"/mnt/share"]),
        ("FILES.corp.", "PUBLIC$", [b"/mnt/share"]),
        ("files.corp", "public", []),
        ("files", "public$", []),
    ],
)
def test_a_share_in_the_mount_table(host: str, name: str, paths: list[bytes]) -> None:
    """Whole, and not a part of it."""
    assert [found.path for found in mounted_smb(SmbShare(host=host, name=name), parse(TABLE))] == paths


class TestEndpoints:
    def test_azure_s_shares_have_their_account_s_names(self) -> None:
        properties = {
            "endpointType": "AzureStorageNfsFileShare",
            "storageAccountResourceId": ACCOUNT,
            "fileShareName": "share",
        }
        share = nfs_share(properties)
        assert (share.hosts, share.export) == (("acct.file.core.windows.net", "127.0.0.1"), "/acct/share")
        assert [found.path for found in mounted_nfs(share, parse(TABLE))] == [b"/mnt/azure"]
        smb = {**properties, "endpointType": "AzureStorageSmbFileShare"}
        assert str(smb_share(smb)) == "//acct.file.core.windows.net/share"
        for service in ("https://Files.example:4450/", "files.example:4450", "files.example"):
            assert smb_share({**smb, "serviceUrl": service}).host == "files.example"

    def test_an_smb_share_with_credentials_is_not_looked_for_in_the_mount_table(self) -> None:
        table = Mounts(read=lambda: parse(TABLE.replace(b"//Files.Corp/Public$", b"//files.corp/other")))
        properties: dict[str, Any] = {"endpointType": "SmbMount", "host": "files.corp", "shareName": "public$"}
        assert directory_of(properties, Side.SOURCE, table) is None
        covered = Mounts(read=lambda: parse(TABLE.replace(b"/mnt/share", b"/proc")))
        with pytest.raises(RunStopped):
            directory_of(properties, Side.SOURCE, covered)
        properties["credentials"] = {"type": "AzureKeyVaultSmb", "usernameUri": "", "passwordUri": None}
        with pytest.raises(RunStopped):
            directory_of(properties, Side.SOURCE, covered)
        properties["credentials"] = {"type": "AzureKeyVaultSmb", "passwordUri": "env:PASSWORD"}
        assert directory_of(properties, Side.SOURCE, covered) is None

    def test_a_directory_is_itself_and_objects_are_none(self) -> None:
        assert directory_of({"endpointType": "LocalPath", "path": "/srv/hr"}, Side.SOURCE) == b"/srv/hr"
        for kind in ("AzureStorageBlobContainer", "S3WithHMAC", "AzureMultiCloudConnector"):
            assert directory_of({"endpointType": kind}, Side.SOURCE) is None


NAS1_HR = {"endpointType": "NfsMount", "host": "NAS1", "export": "/export/hr"}


@pytest.fixture
def behind(tmp_path: Path) -> Path:
    """What a server exports."""
    found = tmp_path / "behind"
    (found / "home").mkdir(parents=True)
    (found / "home" / "file").write_text("on the server")
    return found


@pytest.fixture
def point(tmp_path: Path) -> Path:
    found = tmp_path / "point"
    found.mkdir()
    return found


class TestRealMounts:
    def test_a_mounted_export_is_found(self, behind: Path, point: Path) -> None:
        with fault_fs(behind, point, "nas1:/export/hr"):
            assert directory_of(NAS1_HR, Side.SOURCE) == os.fsencode(point)

    def test_a_mount_that_another_covers_is_refused(self, behind: Path, point: Path) -> None:
        with fault_fs(behind, point, "nas1:/export/hr"), real.tmpfs(point):
            for side, code in ((Side.SOURCE, codes.SOURCE_MOUNT), (Side.TARGET, codes.TARGET_MOUNT)):
                with pytest.raises(RunStopped, match="something else is mounted over it") as stopped:
                    directory_of(NAS1_HR, side)
                assert (stopped.value.code, stopped.value.target) == (code, side.value)

    def test_a_mount_that_is_covered_from_above_is_refused(self, behind: Path, point: Path) -> None:
        (point / "below").mkdir()
        with fault_fs(behind, point / "below", "nas1:/export/hr"), real.tmpfs(point):
            with pytest.raises(RunStopped) as stopped:
                directory_of(NAS1_HR, Side.SOURCE)
            assert stopped.value.code == codes.SOURCE_MOUNT
            (point / "below").mkdir()
            with pytest.raises(RunStopped, match="something else is mounted over it"):
                directory_of(NAS1_HR, Side.SOURCE)

    def test_of_two_mounts_the_one_that_can_be_seen_is_used(self, behind: Path, point: Path, tmp_path: Path) -> None:
        second = tmp_path / "second"
        second.mkdir()
        with (
            fault_fs(behind, point, "nas1:/export/hr"),
            fault_fs(behind, second, "nas1:/export/hr"),
            real.tmpfs(second),
        ):
            assert directory_of(NAS1_HR, Side.SOURCE) == os.fsencode(point)

    def test_a_run_copies_from_an_export(self, behind: Path, point: Path, tmp_path: Path) -> None:
        target = tmp_path / "target"
        target.mkdir()
        with fault_fs(behind, point, "nas1:/export/hr"):
            agent = Agent(replace(order("", target, source_subpath=b"home"), source=NAS1_HR))
            done = agent.finish()
        assert done["status"] == "Succeeded"
        assert (target / "file").read_text() == "on the server"

    def test_a_run_whose_export_is_mounted_nowhere_says_what_to_mount(self, behind: Path, tmp_path: Path) -> None:
        agent = Agent(replace(order("", behind), source={**NAS1_HR, "host": "nas1.invalid"}))
        done = agent.finish()
        assert done["code"] == codes.SOURCE_MOUNT
        assert "nas1.invalid:/export/hr" in done["message"]


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    found = tmp_path / "state"
    found.mkdir(mode=0o700)
    monkeypatch.setenv("LONGSHORE_STATE", str(found))
    return found


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """Called as mount(8) is, and mounts a file system in memory; what it was given is in ``arguments``."""
    if os.geteuid() != 0:
        pytest.skip("needs root to mount")
    found = tmp_path / "mount"
    found.write_text(
        f'#!/bin/sh\nprintf "%s\\n" "$*" >> {tmp_path}/arguments\nfor last; do :; done\n'
        'exec mount -t tmpfs -o size=1m nas1:/export/hr "$last"\n'
    )
    found.chmod(0o755)
    return found


SHARE = NfsShare(hosts=("nas1",), export="/export/hr", version="NFSv3")


def mounted_below(place: Path) -> list[bytes]:
    return [mount.point for mount in read_mounts() if mount.point.startswith(os.fsencode(place) + b"/")]


class TestOwnMounts:
    def test_a_share_is_mounted_for_the_run_and_no_longer(self, state: Path, program: Path, tmp_path: Path) -> None:
        mounts = Mounts(program=str(program))
        source, target = (mounts.nfs(SHARE, side) for side in Side)
        assert sorted(mounted_below(state)) == sorted([source, target])
        assert mounts.nfs(SHARE, Side.SOURCE) == source
        [first, second] = (tmp_path / "arguments").read_text().splitlines()
        assert first == f"-t nfs -o nosuid,nodev,ro,vers=3 -- nas1:/export/hr {os.fsdecode(source)}"
        assert "nosuid,nodev,rw,vers=3" in second
        held = os.open(source, os.O_RDONLY)
        mounts.close()
        mounts.close()
        os.close(held)
        assert mounted_below(state) == []
        assert list(state.iterdir()) == []

    def test_without_a_state_directory_it_is_a_temporary_one(
        self, program: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("LONGSHORE_STATE", raising=False)
        monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
        mounts = Mounts(program=str(program))
        mounts.nfs(SHARE, Side.SOURCE)
        assert len(mounted_below(tmp_path)) == 1
        mounts.close()
        assert mounted_below(tmp_path) == []
        assert not list(tmp_path.glob("longshore-mounts*"))

    def test_no_run_uses_the_mount_of_another(self, state: Path, program: Path) -> None:
        one, other = Mounts(program=str(program)), Mounts(program=str(program))
        assert one.nfs(SHARE, Side.SOURCE) != other.nfs(SHARE, Side.SOURCE)
        one.close()
        assert len(mounted_below(state)) == 1
        other.close()
        assert mounted_below(state) == []

    def test_what_a_killed_worker_left_is_unmounted_by_the_next(self, state: Path, program: Path) -> None:
        script = f"""
            import os, signal
            from agentsim.engine.errors import Side
            from agentsim.places.mounting import Mounts, NfsShare
            Mounts(program={str(program)!r}).nfs(NfsShare(hosts=("nas1",), export="/export/hr"), Side.SOURCE)
            os.kill(os.getpid(), signal.SIGKILL)
        """
        subprocess.run([sys.executable, "-c", textwrap.dedent(script)], cwd=REPOSITORY, check=False)
        [left] = mounted_below(state)
        mounts = Mounts(program=str(program))
        [present] = [mounts.nfs(SHARE, Side.SOURCE)]
        assert mounted_below(state) == [present]
        assert present != left
        mounts.close()
        assert list(state.iterdir()) == []

    @pytest.mark.parametrize(
        ("script", "code", "words"),
        [
            ("echo first >&2; echo 'mount.nfs: access denied' >&2; exit 32", codes.SOURCE_MOUNT, "access denied"),
            ("exit 3", codes.SOURCE_MOUNT, "ended with 3"),
            ("exit 0", codes.SOURCE_MOUNT, "yet is not there"),
            ("exec sleep 60", codes.SOURCE_UNREACHABLE, "no answer"),
        ],
    )
    def test_a_mount_that_fails_leaves_nothing(
        self, state: Path, program: Path, monkeypatch: pytest.MonkeyPatch, script: str, code: str, words: str
    ) -> None:
        monkeypatch.setattr(private_mounts, "MOUNT_SECONDS", 0.3)
        program.write_text(f"#!/bin/sh\n{script}\n")
        mounts = Mounts(program=str(program))
        with pytest.raises(RunStopped, match=words) as stopped:
            mounts.nfs(SHARE, Side.SOURCE)
        assert stopped.value.code == code
        assert "nas1:/export/hr" in stopped.value.message
        mounts.close()
        assert list(state.iterdir()) == []

    def test_who_may_not_mount_says_so(self, state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(os, "geteuid", lambda: 1000)
        with pytest.raises(RunStopped, match="only root may mount it") as stopped:
            Mounts().nfs(SHARE, Side.TARGET)
        assert (stopped.value.code, stopped.value.target) == (codes.TARGET_MOUNT, "target")
        monkeypatch.setattr(os, "geteuid", lambda: 0)
        monkeypatch.setattr(private_mounts, "_has_helper", lambda: False)
        with pytest.raises(RunStopped, match=r"mount\.nfs is not installed"):
            Mounts().nfs(SHARE, Side.TARGET)
        assert list(state.iterdir()) == []
