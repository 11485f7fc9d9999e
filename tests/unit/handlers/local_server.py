"""A real HTTP server on loopback that answers as a test scripts it, byte for byte, and remembers what it was sent."""

from __future__ import annotations

import datetime as dt
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

type Script = Callable[[socket.socket], None]


@dataclass(slots=True)
class LocalServer:
    """Where it listens and what it got: one request per connection, and the TLS name that the client asked for."""

    port: int
    requests: list[bytes] = field(default_factory=list)
    tls_names: list[str | None] = field(default_factory=list)

    @property
    def last_head(self) -> list[str]:
        return self.requests[-1].partition(b"\r\n\r\n")[0].decode().split("\r\n")

    @property
    def last_headers(self) -> dict[str, str]:
        return {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in self.last_head[1:])}

    @property
    def last_body(self) -> bytes:
        return self.requests[-1].partition(b"\r\n\r\n")[2]


def answering(raw: bytes) -> Script:
    """A script that sends these bytes."""
    return lambda connection: connection.sendall(raw)


def http_answer(status: int, *headers: str, body: bytes = b"") -> Script:
    """A script that sends a whole answer."""
    lines = [f"HTTP/1.1 {status} Some reason", f"Content-Length: {len(body)}", "Connection: close", *headers]
    return answering("\r\n".join([*lines, "", ""]).encode() + body)


def silent(connection: socket.socket) -> None:
    """A script that says nothing until the client gives up."""
    connection.recv(1)


@contextmanager
def serving(script: Script, tls: ssl.SSLContext | None = None) -> Iterator[LocalServer]:
    """Listen on a free port of 127.0.0.1 and run `script` on each connection once its request was read."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = LocalServer(listener.getsockname()[1])
        if tls is not None:
            tls.sni_callback = lambda _sock, name, _context: server.tls_names.append(name)
        thread = threading.Thread(target=_accept, args=(listener, script, server, tls), daemon=True)
        thread.start()
        try:
            yield server
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join(10)
            assert not thread.is_alive(), "the server's script does not end"


def _accept(listener: socket.socket, script: Script, server: LocalServer, tls: ssl.SSLContext | None) -> None:
    with suppress(OSError):
        while True:
            plain, _ = listener.accept()
            with suppress(OSError), plain:
                plain.settimeout(5)
                connection = tls.wrap_socket(plain, server_side=True) if tls else plain
                with connection:
                    server.requests.append(_read_request(connection))
                    script(connection)


def _read_request(connection: socket.socket) -> bytes:
    data = b""
    while b"\r\n\r\n" not in data:
        data += _receive(connection)
    head, _, body = data.partition(b"\r\n\r\n")
    length = next(int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:"))
    while len(body) < length:
        body += _receive(connection)
    return head + b"\r\n\r\n" + body


def _receive(connection: socket.socket) -> bytes:
    data = connection.recv(65_536)
    if not data:
        raise ConnectionError("the client left before its request was whole")
    return data


def tls_contexts(folder: Path, name: str) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server's and a client's context for a certificate of `name`, which the client trusts and nobody else does."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    start = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(start)
        .not_valid_after(start + dt.timedelta(days=36_500))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = folder / "server.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = certificate.public_bytes(serialization.Encoding.PEM)
    file.write_bytes(private + public)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(file)
    return server, ssl.create_default_context(cadata=public.decode())
