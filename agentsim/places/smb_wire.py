"""One connection to a share: the messages that Longshore sends, several in one packet where they belong together.

The only module that knows smbprotocol. It negotiates, authenticates, signs and encrypts; here is what it
leaves open: answers are waited for with an eye on the lease, an unsigned answer in a signed session is
refused, and a link in a path is never followed.
"""

from __future__ import annotations

import contextlib
import errno
import os
import select
import socket
import struct
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from agentsim.engine.errors import Canceled, RunStopped, Side
from agentsim.engine.lease import Lease
from agentsim.places.smb_messages import RELATED, close, good
from agentsim.places.smb_server import Server
from agentsim.places.smb_status import (
    BAD_NETWORK_NAME,
    LOST,
    ConnectionLost,
    StatusError,
    of_log_in,
    of_share,
)
from store import codes

try:
    from smbprotocol import Dialects
    from smbprotocol.connection import Connection, NtStatus
    from smbprotocol.exceptions import SMBAuthenticationError, SMBException, SMBResponseException
    from smbprotocol.header import Commands
    from smbprotocol.ioctl import CtlCode, IOCTLFlags, SMB2IOCTLRequest, SMB2IOCTLResponse
    from smbprotocol.reparse_point import ReparseDataBuffer, SymbolicLinkFlags, SymbolicLinkReparseDataBuffer
    from smbprotocol.session import Session
    from smbprotocol.tree import TreeConnect
except ImportError as error:
    raise RunStopped(
        codes.LIBRARY_MISSING, f"SMB needs a library: run pip install 'longshore[smb]' where the agent runs ({error})."
    ) from error

CONNECT_SECONDS: Final = 10
"""How long the server may take to accept a connection and to negotiate."""

ANSWER_SECONDS: Final = 60
"""How long it may take for anything else: a disk that spins up, a file that comes back from an archive."""

LAST_SECONDS: Final = 2
"""How long it may take for what cleans up after a cancel."""

_CREDIT: Final = 96
"""Units of credit that a connection wants: one buys 64 KiB."""

_PAUSE: Final = 0.2
"""Seconds between two looks at the lease."""

CHUNK: Final = 1 << 20
"""Bytes of one read or write, unless the server allows only less."""


class _Watched(Connection):  # type: ignore[misc]
    """A connection whose answers are waited for with an eye on the lease, and believed only when they are signed."""

    def __init__(self, server: Server, lease: Lease) -> None:
        super().__init__(uuid.uuid4(), server.host, server.port, require_signing=True)
        self._lease = lease
        self.hurried = False

    def receive(
        self, request: Any, wait: bool = True, timeout: float | None = None, resolve_symlinks: bool = True
    ) -> Any:
        """As smbprotocol's, but bounded, and without its following of links."""
        self._await(request, LAST_SECONDS if self.hurried else timeout or ANSWER_SECONDS)
        return super().receive(request, wait=True, timeout=timeout or ANSWER_SECONDS, resolve_symlinks=False)

    def _await(self, request: Any, seconds: float) -> None:
        """Return when the final answer is there, or the connection gone."""
        end = time.monotonic() + seconds
        while True:
            if request.response_event.wait(_PAUSE):
                with request.response_event_lock:
                    answer = request.response
                    if answer is None or answer["status"].get_value() != NtStatus.STATUS_PENDING:
                        return
                    request.response_event.clear()
            if not self.hurried:
                self._lease.check()
            if time.monotonic() > end:
                raise ConnectionLost(f"no answer for {seconds:.0f} s")

    def verify_signature(self, header: Any, session_id: int, force: bool = False) -> None:
        """As smbprotocol's, which lets an answer pass that has no signature at all."""
        session = self.session_table.get(session_id)
        status, command = header["status"].get_value(), header["command"].get_value()
        if session is not None and not force and command not in (Commands.SMB2_NEGOTIATE, Commands.SMB2_SESSION_SETUP):
            if session.encrypt_data:
                raise SMBException("An answer of an encrypted session is not encrypted")
            signed = header["flags"].get_value() & 0x8
            if session.signing_required and not signed and status != NtStatus.STATUS_PENDING:
                raise SMBException("An answer of a signed session is not signed")
        super().verify_signature(header, session_id, force)


class Channel:
    """A connection, logged in to one share. Used by one thread at a time.

    Attributes:
        chunk: bytes of one read or write.
        page: bytes of one page of a listing.
    """

    def __init__(self, server: Server, side: Side, lease: Lease) -> None:
        self._server = server
        self._side = side
        self._lease = lease
        self._connection = _Watched(server, lease)
        self._session: Any = None
        self._tree: Any = None
        self.chunk = CHUNK
        self.page = 65536
        self.alive = False

    def connect(self) -> None:
        """Connect and negotiate.

        Raises:
            ConnectionLost: nobody answers, or somebody who does not speak SMB 2 or 3.
        """
        self._guarded(self._knock)
        self._guarded(lambda: self._connection.connect(timeout=CONNECT_SECONDS))
        connection = self._connection
        # Else the end of a message waits for the server's delayed acknowledgement of its beginning: 40 ms a file.
        with contextlib.suppress(AttributeError, OSError):
            connection.transport._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        many = bool(connection.supports_multi_credit)
        self.chunk = min(CHUNK if many else 65536, connection.max_read_size, connection.max_write_size)
        self.page = min(CHUNK if many else 65536, connection.max_transact_size)
        self.alive = True

    def _knock(self) -> None:
        """See that somebody listens, with an eye on the lease: smbprotocol's own connecting cannot be interrupted.

        Raises:
            OSError: nobody does.
        """
        server = self._server
        addresses = socket.getaddrinfo(server.host, server.port, type=socket.SOCK_STREAM)
        end = time.monotonic() + CONNECT_SECONDS
        for number, (family, kind, protocol, _, address) in enumerate(addresses, 1):
            with socket.socket(family, kind, protocol) as knocking:
                knocking.setblocking(False)
                status = knocking.connect_ex(address)
                while status == errno.EINPROGRESS:
                    self._lease.check()
                    if time.monotonic() > end:
                        status = errno.ETIMEDOUT
                    elif select.select([], [knocking], [], _PAUSE)[1]:
                        status = knocking.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if status == 0:
                return
            if number == len(addresses):
                raise OSError(status, os.strerror(status))

    def log_in(self) -> None:
        """Authenticate.

        Raises:
            RunStopped: the credential is refused.
            ConnectionLost: the server went away.
        """
        server = self._server
        encrypt = server.encrypt and self._connection.dialect >= Dialects.SMB_3_0_0
        session = Session(self._connection, server.user, server.password, require_encryption=encrypt)
        try:
            self._guarded(lambda: self._authenticate(session))
        except StatusError as error:
            raise of_log_in(error.status, self._side, server.where) from error
        self._session = session

    def _authenticate(self, session: Any) -> None:
        try:
            session.connect()
        except SMBAuthenticationError as error:
            raise self._no_credential() from error
        except SMBException as error:
            # It answered, but only as to a guest, or it cannot encrypt.
            if type(error) is SMBException and self._connection.transport.connected:
                raise RunStopped(
                    self._code(codes.SOURCE_AUTHENTICATION, codes.TARGET_AUTHENTICATION),
                    f"{self._server.where} does not log this user in safely: {error}",
                    self._side.value,
                ) from error
            raise

    def _code(self, source: str, target: str) -> str:
        return source if self._side is Side.SOURCE else target

    def _no_credential(self) -> RunStopped:
        code = self._code(codes.SOURCE_AUTHENTICATION, codes.TARGET_AUTHENTICATION)
        if self._server.user is None:
            words = (
                f"{self._server.where} asks for a user: add usernameUri and passwordUri to the endpoint's credentials, "
                "or mount the share on the agent's host."
            )
        else:
            words = f"{self._server.where} takes neither this user and password nor a Kerberos ticket."
        return RunStopped(code, words, self._side.value)

    def enter_share(self, *, again: bool) -> None:
        """Connect to the share.

        Args:
            again: it was there before: a server that is starting may not have it yet.

        Raises:
            RunStopped: there is none of that name, or the user may not.
            ConnectionLost: the server went away.
        """
        tree = TreeConnect(self._session, self._server.unc)
        try:
            self._guarded(tree.connect)
        except StatusError as error:
            if again and error.status == BAD_NETWORK_NAME:
                raise ConnectionLost(str(error)) from error
            raise of_share(error.status, self._side, self._server.unc) from error
        tree.is_dfs_share = False  # Paths are of this server, whatever it is a part of.
        self._tree = tree
        self._take_credit()

    def _take_credit(self) -> None:
        """Have as much credit as the reads or writes that are under way at once need, or make do with smaller ones."""
        connection = self._connection
        if not connection.supports_multi_credit:
            return
        if self._credit < _CREDIT:
            self._guarded(lambda: connection.echo(self._session.session_id, ANSWER_SECONDS, _CREDIT))
        self.chunk = min(self.chunk, 65536 * max(self._credit // 6, 1))
        self.page = min(self.page, 65536 * max(self._credit // 2, 1))

    @property
    def _credit(self) -> int:
        window = self._connection.sequence_window
        return int(window["high"] - window["low"])

    @property
    def exhausted(self) -> bool:
        """Whether the server's credit does not reach for another read or write before one is answered."""
        return self._credit <= self.chunk // 65536

    def _guarded(self, act: Callable[[], Any]) -> Any:
        """Everything that smbprotocol raises, as one of three things."""
        try:
            return act()
        except SMBResponseException as error:
            status = error.status
            if status in LOST and self._tree is not None:
                self._broken()
                raise ConnectionLost(str(StatusError(status))) from error
            raise StatusError(status) from error
        except Canceled:
            raise  # Only the waiting has ended: there is still something to clean up with.
        except (RunStopped, ConnectionLost):
            self._broken()
            raise
        except (SMBException, OSError, ValueError, KeyError, AttributeError, struct.error) as error:
            # The last three come out of smbprotocol when a connection ends under it.
            self._broken()
            raise ConnectionLost(str(error)) from error

    def _broken(self) -> None:
        self.alive = False
        with contextlib.suppress(Exception):
            self._connection.disconnect(close=False)

    def close(self) -> None:
        """Let the connection go, without a word to the server: it ends what belongs to it."""
        self._session = self._tree = None
        self._broken()

    def reparse(self) -> Any:
        """Ask what a reparse point leads to."""
        message = SMB2IOCTLRequest()
        message["ctl_code"] = CtlCode.FSCTL_GET_REPARSE_POINT
        message["file_id"] = RELATED
        message["max_output_response"] = 16384
        message["flags"] = IOCTLFlags.SMB2_0_IOCTL_IS_FSCTL
        return message

    # Sending.

    def send(self, message: Any) -> Any:
        """Send one message and do not wait.

        Raises:
            ConnectionLost: it could not be sent.
        """
        return self._guarded(
            lambda: self._connection.send(message, self._session.session_id, self._tree.tree_connect_id)
        )

    def answer(self, request: Any) -> bytes:
        """The body of the answer to a message.

        Raises:
            StatusError, ConnectionLost, Canceled.
        """
        header = self._guarded(lambda: self._connection.receive(request))
        return bytes(header["data"].get_value())

    def ask(self, message: Any) -> bytes:
        """Send one message and wait for the answer."""
        return self.answer(self.send(message))

    def together(self, messages: Sequence[Any]) -> list[bytes | StatusError]:
        """Send messages about one file as one packet, and wait for all of the answers.

        Returns:
            For each its answer, or what the server said against it.

        Raises:
            ConnectionLost, Canceled.
        """
        requests = self._guarded(
            lambda: self._connection.send_compound(
                list(messages), self._session.session_id, self._tree.tree_connect_id, related=True
            )
        )
        answers: list[bytes | StatusError] = []
        for request in requests:
            try:
                answers.append(self.answer(request))
            except StatusError as error:
                answers.append(error)
        return answers

    @contextlib.contextmanager
    def hurried(self) -> Iterator[None]:
        """Clean up in the block, whether the run is to stop or not, and for a short time only."""
        self._connection.hurried = True
        try:
            yield
        finally:
            self._connection.hurried = False

    def forget(self, file: bytes) -> None:
        """Close a file and mind no error: what mattered was answered before."""
        try:
            self.ask(close(file))
        except (StatusError, ConnectionLost):
            return
        except Canceled:
            self._broken()


def link_in(answer: bytes | StatusError) -> tuple[str, bool]:
    """The text of a symbolic link, and whether it is relative.

    Raises:
        ValueError: it is no symbolic link.
    """
    response = SMB2IOCTLResponse()
    response.unpack(good(answer))
    buffer = ReparseDataBuffer()
    buffer.unpack(response["buffer"].get_value())
    link = SymbolicLinkReparseDataBuffer()
    link.unpack(buffer["data_buffer"].get_value())
    relative = bool(link["flags"].get_value() & SymbolicLinkFlags.SYMLINK_FLAG_RELATIVE)
    return str(link.get_print_name() or link.get_substitute_name()), relative
