"""HTTP calls to URLs that somebody configured: bounded in time and size, and kept off our own network.

    url --check--> host --resolve once--> addresses --all public?--> connect to one of them --TLS for the host--> answer

The name is resolved once and the connection made to the very address that was checked, so that a name which answers
differently the second time (DNS rebinding) gains nothing; TLS and the Host header still carry the name. Redirects
are not followed: the answer is handed back as it is. Standard library only: no cold-start cost beyond `ssl`.
"""

from __future__ import annotations

import http.client
import io
import re
import socket
import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from http import HTTPStatus
from typing import Any, override
from urllib.parse import SplitResult, urlsplit

from workerflow.domain.errors import PermanentError, RetryableError
from workerflow.domain.public_address import is_public
from workerflow.domain.retry_after import parse_retry_after
from workerflow.runtime.settings import WebhookForwardSettings, read_settings

MAX_ANSWER_BYTES = 64 * 1024
CONNECT_SECONDS = 5.0
MAX_RETRY_AFTER_SECONDS = 3600.0

_URL = re.compile(r"[!-~]{1,2048}\Z")
_PORTS = {"https": 443, "http": 80}
_RETRIED = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS})


class OutboundRefusedError(PermanentError):
    """The call may not be made: the URL is malformed, or leads where calls must not go."""

    code = "outbound_refused"


class OutboundFailedError(RetryableError):
    """No answer: name not resolved, no connection, TLS refused, time over, or the connection broke.

    What the other side did is unknown.
    """

    code = "outbound_failed"


@dataclass(frozen=True, slots=True)
class OutboundAnswer:
    """What the other side answered, whatever the status.

    Attributes:
        headers: lower-cased names; of a repeated one the first value.
        body: at most MAX_ANSWER_BYTES; `truncated` tells that there was more.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    truncated: bool

    def retry_after_seconds(self, now_ms: int, *, cap_seconds: float) -> float | None:
        """What the answer's `Retry-After` asks for, at most `cap_seconds`; None if it asks for nothing."""
        return parse_retry_after(self.headers.get("retry-after"), now_ms, cap_seconds=cap_seconds)

    def require_success(self, now_ms: int) -> None:
        """Return if the answer is 2xx.

        Raises:
            RetryableError: 408, 425, 429 or 5xx; with the answer's `Retry-After`, up to MAX_RETRY_AFTER_SECONDS.
            PermanentError: any other answer.
        """
        if HTTPStatus.OK <= self.status < HTTPStatus.MULTIPLE_CHOICES:
            return
        said = f"the receiver answered {self.status}"
        if self.status in _RETRIED or self.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            wait = self.retry_after_seconds(now_ms, cap_seconds=MAX_RETRY_AFTER_SECONDS)
            raise RetryableError(said, retry_after_seconds=wait)
        if HTTPStatus.MULTIPLE_CHOICES <= self.status < HTTPStatus.BAD_REQUEST:
            raise PermanentError(f"{said}: redirects are not followed, configure the final URL")
        raise PermanentError(said)


def resolve_host(host: str, port: int) -> Sequence[str]:
    """The addresses of a host, as the system resolves it. Raises OSError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


@cache
def default_tls() -> ssl.SSLContext:
    """The system's authorities, checked names, TLS 1.2 or newer."""
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


@dataclass(frozen=True, slots=True)
class Outbound:
    """A client for calls to other people's servers.

    Attributes:
        allowed_private_hosts: host names or addresses in lower case for which the address check is waived and plain
            `http` allowed: the operator's decision, never a caller's.
        resolve: the resolver; a parameter, because tests answer in its place.
        tls: makes the TLS context when a call needs one.
    """

    allowed_private_hosts: frozenset[str] = frozenset()
    resolve: Callable[[str, int], Sequence[str]] = resolve_host
    tls: Callable[[], ssl.SSLContext] = field(default=default_tls)

    @classmethod
    def from_environment(cls) -> Outbound:
        """The client as the operator configured it (ALLOWED_PRIVATE_HOSTS)."""
        allowed = read_settings(WebhookForwardSettings).allowed_private_hosts
        return cls(allowed_private_hosts=frozenset(host.lower() for host in allowed))

    def post(self, url: str, body: bytes, headers: Mapping[str, str], *, total_seconds: float) -> OutboundAnswer:
        """Send one POST and read its answer.

        Args:
            url: `https`, without user information; `http` only to allowed hosts.
            body: sent as it is.
            headers: names and values; Host and Content-Length are added.
            total_seconds: for everything after the name is resolved, however slowly the other side drips.

        Raises:
            OutboundRefusedError: it may not be made. Permanent.
            OutboundFailedError: no answer. Retryable, if the other side recognises a repeated effect.
        """
        target = self._checked(url)
        host, port = target.hostname or "", target.port or _PORTS[target.scheme]
        addresses = self._addresses(host, port)
        deadline = _Deadline(time.monotonic() + total_seconds)
        try:
            sock = self._connect(addresses, port, deadline, host if target.scheme == "https" else None)
        except (OSError, ValueError) as error:
            raise OutboundFailedError(f"no connection to {host}: {_short(error)}") from error
        with sock:
            return _exchange(target, port, _BoundedSocket(sock, deadline), body, headers)

    def _checked(self, url: str) -> SplitResult:
        """The parts of a URL that a call may go to, as far as its text tells."""
        if not _URL.match(url):
            raise OutboundRefusedError("the URL is not printable ASCII of at most 2048 characters")
        try:
            target = urlsplit(url)
            host, port = target.hostname, target.port
        except ValueError as error:
            raise OutboundRefusedError(f"the URL is malformed: {error}") from None
        if target.scheme not in _PORTS or not host or port == 0:
            raise OutboundRefusedError("the URL is no https address")
        if target.username is not None or target.password is not None:
            raise OutboundRefusedError("the URL carries a user name or password")
        if target.scheme != "https" and not self._is_allowed(host):
            raise OutboundRefusedError(f"{host} is called by plain http and is no allowed private host")
        return target

    def _is_allowed(self, host: str) -> bool:
        return host.lower().rstrip(".") in self.allowed_private_hosts

    def _addresses(self, host: str, port: int) -> Sequence[str]:
        """The host's addresses, resolved once, all of them checked: one that is not public spoils the answer."""
        try:
            addresses = self.resolve(host, port)
        except (OSError, UnicodeError) as error:
            raise OutboundFailedError(f"{host} is not resolved: {_short(error)}") from error
        if not addresses:
            raise OutboundFailedError(f"{host} has no address")
        if not self._is_allowed(host) and not all(is_public(address) for address in addresses):
            raise OutboundRefusedError(f"{host} leads to an address that is not public")
        return addresses

    def _connect(self, addresses: Sequence[str], port: int, deadline: _Deadline, tls_name: str | None) -> socket.socket:
        """Connect to the first of the checked addresses that takes a connection; with TLS if there is a name for it."""
        failed: OSError | None = None
        for address in addresses:
            try:
                sock = socket.create_connection((address, port), timeout=min(CONNECT_SECONDS, deadline.left()))
            except OSError as error:
                failed = error
                continue
            return sock if tls_name is None else self._wrap(sock, deadline, tls_name)
        raise failed or OSError("no address")

    def _wrap(self, sock: socket.socket, deadline: _Deadline, name: str) -> ssl.SSLSocket:
        try:
            sock.settimeout(deadline.left())
            return self.tls().wrap_socket(sock, server_hostname=name)
        except BaseException:
            sock.close()
            raise


def _exchange(
    target: SplitResult, port: int, sock: _BoundedSocket, body: bytes, headers: Mapping[str, str]
) -> OutboundAnswer:
    """Send the request and read the answer over a connection that stands."""
    kind = http.client.HTTPSConnection if target.scheme == "https" else http.client.HTTPConnection
    connection = kind(target.hostname or "", port)
    connection.auto_open = 0  # never connects by itself: that would resolve the name a second time, unchecked
    connection.sock = sock
    path = (target.path or "/") + (f"?{target.query}" if target.query else "")
    try:
        with suppress(BrokenPipeError, ConnectionResetError):  # an early answer, a 413 say, is worth reading
            connection.request("POST", path, body, dict(headers))
        response = connection.getresponse()
        answered = {name.lower(): value for name, value in reversed(response.getheaders())}
        content = response.read(MAX_ANSWER_BYTES + 1)
    except (OSError, http.client.HTTPException) as error:
        raise OutboundFailedError(f"no answer from {target.hostname}: {_short(error)}") from error
    except ValueError as error:
        raise OutboundRefusedError(f"the request cannot be written: {error}") from error
    return OutboundAnswer(
        response.status, answered, content[:MAX_ANSWER_BYTES], truncated=len(content) > MAX_ANSWER_BYTES
    )


def _short(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"[:200]


@dataclass(frozen=True, slots=True)
class _Deadline:
    """A point in monotonic time."""

    at: float

    def left(self) -> float:
        """Seconds until then. Raises TimeoutError if there are none: 0 would mean "do not block" to a socket."""
        left = self.at - time.monotonic()
        if left <= 0:
            raise TimeoutError("time is over")
        return left


class _BoundedSocket:
    """As much of a socket as http.client uses, with one deadline over all calls instead of a time-out for each."""

    def __init__(self, sock: socket.socket, deadline: _Deadline) -> None:
        self._sock = sock
        self._deadline = deadline

    def sendall(self, data: bytes) -> None:
        self._sock.settimeout(self._deadline.left())
        self._sock.sendall(data)

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(_BoundedReader(self._sock, self._deadline))

    def close(self) -> None:
        """Left to whoever opened the connection."""


class _BoundedReader(io.RawIOBase):
    """The reading side of a _BoundedSocket."""

    def __init__(self, sock: socket.socket, deadline: _Deadline) -> None:
        super().__init__()
        self._sock = sock
        self._deadline = deadline

    @override
    def readable(self) -> bool:
        return True

    @override
    def readinto(self, buffer: Any) -> int:
        self._sock.settimeout(self._deadline.left())
        return self._sock.recv_into(buffer)
