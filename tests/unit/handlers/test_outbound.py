from __future__ import annotations

import socket
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from tests.unit.handlers.local_server import LocalServer, Script, answering, http_answer, serving, silent, tls_contexts
from workerflow.runtime.outbound import (
    MAX_ANSWER_BYTES,
    Outbound,
    OutboundAnswer,
    OutboundFailedError,
    OutboundRefusedError,
    resolve_host,
)

HOST = "receiver.test"


def resolving(*addresses: str, seen: list[str] | None = None) -> Callable[[str, int], Sequence[str]]:
    """A resolver that answers these addresses, to whatever is asked."""

    def resolve(host: str, _port: int) -> Sequence[str]:
        if seen is not None:
            seen.append(host)
        return addresses

    return resolve


LOCAL = Outbound(allowed_private_hosts=frozenset({HOST}), resolve=resolving("127.0.0.1"))


def post(server: LocalServer, client: Outbound = LOCAL, path: str = "/", *, seconds: float = 5) -> OutboundAnswer:
    return client.post(f"http://{HOST}:{server.port}{path}", b'{"a":1}', {"X-One": "1"}, total_seconds=seconds)


@pytest.fixture
def unreachable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail the test if a connection is tried at all."""

    def refuse(*_arguments: object, **_more: object) -> socket.socket:
        pytest.fail("a connection was tried")

    monkeypatch.setattr(socket, "create_connection", refuse)


def test_a_post_arrives_as_it_was_given_and_its_answer_comes_back() -> None:
    with serving(http_answer(201, "X-Two: 2", body=b"made")) as server:
        answer = post(server, path="/hooks/7?a=b&c=%20d")
    assert answer == OutboundAnswer(
        201, {"content-length": "4", "connection": "close", "x-two": "2"}, b"made", truncated=False
    )
    assert server.last_head[0] == "POST /hooks/7?a=b&c=%20d HTTP/1.1"
    assert server.last_headers["host"] == f"{HOST}:{server.port}"
    assert server.last_headers["x-one"] == "1"
    assert server.last_body == b'{"a":1}'


def test_a_name_is_resolved_once_and_the_checked_address_is_used() -> None:
    seen: list[str] = []
    client = Outbound(allowed_private_hosts=frozenset({HOST}), resolve=resolving("127.0.0.1", seen=seen))
    with serving(http_answer(200)) as server:
        post(server, client)
    assert seen == [HOST]


def test_the_next_address_is_tried_when_one_does_not_connect() -> None:
    client = Outbound(allowed_private_hosts=frozenset({HOST}), resolve=resolving("::1", "127.0.0.1"))
    with serving(http_answer(200)) as server:
        answer = post(server, client)
    assert answer.status == 200


@pytest.mark.usefixtures("unreachable")
@pytest.mark.parametrize(
    "addresses",
    [
        ["127.0.0.1"],
        ["169.254.169.254"],
        ["10.0.0.7"],
        ["::1"],
        ["::ffff:169.254.169.254"],
        ["64:ff9b::a00:1"],
        ["fd00:ec2::254"],
        ["8.8.8.8", "127.0.0.1"],
        ["not an address"],
    ],
)
def test_a_name_that_leads_to_our_own_network_is_refused_before_a_connection(addresses: list[str]) -> None:
    client = Outbound(resolve=resolving(*addresses))
    with pytest.raises(OutboundRefusedError, match="not public"):
        client.post(f"https://{HOST}/", b"", {}, total_seconds=1)


@pytest.mark.usefixtures("unreachable")
@pytest.mark.parametrize(
    "host", ["127.0.0.1", "[::1]", "2130706433", "0x7f.1", "0177.0.0.1", "127.1", "[::ffff:127.0.0.1]", "0"]
)
def test_an_address_written_into_the_url_is_checked_in_every_spelling(host: str) -> None:
    with pytest.raises(OutboundRefusedError, match="not public"):
        Outbound(resolve=resolve_host).post(f"https://{host}/", b"", {}, total_seconds=1)


@pytest.mark.usefixtures("unreachable")
@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://receiver.example/", "plain http"),
        ("ftp://receiver.test/", "no https address"),
        ("file:///etc/passwd", "no https address"),
        ("gopher://receiver.test/", "no https address"),
        ("//receiver.test/", "no https address"),
        ("receiver.test", "no https address"),
        ("https://", "no https address"),
        ("https:///path", "no https address"),
        ("https://receiver.test:0/", "no https address"),
        ("https://receiver.test:65536/", "malformed"),
        ("https://receiver.test:x/", "malformed"),
        ("https://[::1/", "malformed"),
        ("https://me@receiver.test/", "user name"),
        ("https://me:secret@receiver.test/", "user name"),
        ("https://receiver.test/ a", "printable"),
        ("https://receiver.test/\r\nX-Evil: 1", "printable"),
        ("https://receiver.test/\t", "printable"),
        ("https://réceiver.test/", "printable"),
        ("", "printable"),
        ("https://receiver.test/" + "a" * 2048, "printable"),
    ],
)
def test_a_url_that_is_not_plain_https_is_refused(url: str, reason: str) -> None:
    with pytest.raises(OutboundRefusedError, match=reason) as raised:
        LOCAL.post(url, b"", {}, total_seconds=1)
    assert "secret" not in str(raised.value)


def test_an_allowed_host_is_the_same_in_any_case_and_with_a_final_dot() -> None:
    with serving(http_answer(200)) as server:
        answer = LOCAL.post(f"http://RECEIVER.test.:{server.port}/", b"", {}, total_seconds=5)
    assert answer.status == 200


@pytest.mark.usefixtures("unreachable")
def test_allowing_one_host_allows_no_other() -> None:
    for host in (f"sub.{HOST}", f"{HOST}.example", "localhost"):
        with pytest.raises(OutboundRefusedError):
            LOCAL.post(f"https://{host}/", b"", {}, total_seconds=1)


def test_a_redirect_is_handed_back_and_not_followed() -> None:
    with serving(http_answer(302, "Location: http://127.0.0.1:1/")) as server:
        answer = post(server)
    assert (answer.status, answer.headers["location"]) == (302, "http://127.0.0.1:1/")
    assert len(server.requests) == 1


@pytest.mark.parametrize(("size", "truncated"), [(0, False), (MAX_ANSWER_BYTES, False), (MAX_ANSWER_BYTES + 1, True)])
def test_an_answer_is_read_up_to_a_bound(size: int, truncated: bool) -> None:
    with serving(http_answer(200, body=b"x" * size)) as server:
        answer = post(server)
    assert (len(answer.body), answer.truncated) == (min(size, MAX_ANSWER_BYTES), truncated)


def test_an_answer_without_end_is_left() -> None:
    def for_ever(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            connection.sendall(b"1000\r\n" + b"x" * 4096 + b"\r\n")

    with serving(for_ever) as server:
        answer = post(server)
    assert answer.truncated


def test_of_a_repeated_header_the_first_value_counts() -> None:
    with serving(http_answer(429, "Retry-After: 7", "retry-after: 9")) as server:
        answer = post(server)
    assert answer.retry_after_seconds(0, cap_seconds=60) == 7


def dripping(raw: bytes) -> Script:
    def drip(connection: socket.socket) -> None:
        for byte in raw:
            connection.sendall(bytes([byte]))
            time.sleep(0.02)

    return drip


@pytest.mark.parametrize(
    "script",
    [
        pytest.param(silent, id="says nothing"),
        pytest.param(dripping(b"HTTP/1.1 200 OK\r\n" + b"X-Slow: 1\r\n" * 100), id="drips its headers"),
        pytest.param(dripping(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + b"x" * 1000), id="drips its body"),
    ],
)
def test_a_server_that_is_slow_in_whatever_way_is_left_in_time(script: Script) -> None:
    with serving(script) as server:
        started = time.monotonic()
        with pytest.raises(OutboundFailedError, match="TimeoutError"):
            post(server, seconds=0.2)
        assert time.monotonic() - started < 1


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"garbage\r\n\r\n",
        b"HTTP/1.1 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: 1\r\n" * 200 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"1" * 70_000 + b"\r\n\r\n",
    ],
    ids=["closed", "garbage", "no status", "no chunk", "too many headers", "too long a header"],
)
def test_what_is_no_http_is_no_answer(raw: bytes) -> None:
    with serving(answering(raw)) as server, pytest.raises(OutboundFailedError, match="no answer"):
        post(server)


def test_a_server_outlives_a_client_that_leaves_without_a_word() -> None:
    with serving(http_answer(200)) as server:
        socket.create_connection(("127.0.0.1", server.port)).close()
        assert post(server).status == 200
    assert len(server.requests) == 1


def test_nobody_there_is_no_answer() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(OutboundFailedError, match="no connection"):
        LOCAL.post(f"http://{HOST}:{port}/", b"", {}, total_seconds=1)


def test_a_name_that_is_not_resolved_is_no_answer() -> None:
    def unknown(_host: str, _port: int) -> Sequence[str]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    for client in (Outbound(resolve=unknown), Outbound(resolve=resolving())):
        with pytest.raises(OutboundFailedError):
            client.post(f"https://{HOST}/", b"", {}, total_seconds=1)


def test_a_host_label_that_is_too_long_is_no_answer() -> None:
    with pytest.raises(OutboundFailedError, match="not resolved"):
        Outbound().post(f"https://{'a' * 64}.test/", b"", {}, total_seconds=1)


def test_a_header_that_would_split_the_request_is_refused() -> None:
    with serving(http_answer(200)) as server, pytest.raises(OutboundRefusedError, match="cannot be written"):
        LOCAL.post(f"http://{HOST}:{server.port}/", b"", {"Content-Type": "a\r\nX-Evil: 1"}, total_seconds=1)
    assert not any(b"X-Evil" in request for request in server.requests)


def test_tls_asks_for_the_name_and_checks_its_certificate(tmp_path: Path) -> None:
    ours, theirs = tls_contexts(tmp_path, HOST)
    client = Outbound(frozenset({HOST}), resolving("127.0.0.1"), lambda: theirs)
    with serving(http_answer(200, body=b"safe"), ours) as server:
        answer = client.post(f"https://{HOST}:{server.port}/", b"", {}, total_seconds=5)
    assert answer.body == b"safe"
    assert server.tls_names == [HOST]


def test_a_certificate_of_another_name_or_authority_is_no_answer(tmp_path: Path) -> None:
    ours, theirs = tls_contexts(tmp_path, "other.test")
    for client in (
        Outbound(frozenset({HOST}), resolving("127.0.0.1"), lambda: theirs),
        Outbound(frozenset({HOST}), resolving("127.0.0.1")),
    ):
        with serving(http_answer(200), ours) as server, pytest.raises(OutboundFailedError, match="SSLCert"):
            client.post(f"https://{HOST}:{server.port}/", b"", {}, total_seconds=5)
        assert server.requests == []


def test_the_environment_names_the_hosts_that_are_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALLOWED_PRIVATE_HOSTS", "Localhost, 127.0.0.1")
    assert Outbound.from_environment().allowed_private_hosts == {"localhost", "127.0.0.1"}
    monkeypatch.delenv("ALLOWED_PRIVATE_HOSTS")
    assert Outbound.from_environment().allowed_private_hosts == frozenset()
