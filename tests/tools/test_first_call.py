"""The call at the end of a deployment, against a server that answers as ingress does."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import override

import pytest

from tools.first_call import DeployedApi, what_next
from tools.local.demo import ROUTE, call_and_wait
from tools.local.emulator import LocalStackError
from workerflow.domain.signature import SignedCall, sign

TRACE_ID = "0" * 44
DASHBOARD_URL = "https://abc.lambda-url.eu-central-1.on.aws/"


class Server(ThreadingHTTPServer):
    """Takes a signed call, and tells of its run: queued once, then `end`."""

    end = "succeeded"
    asked = 0
    signatures: list[bool]


class Ingress(BaseHTTPRequestHandler):
    server: Server

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        stamp, key = self.headers["x-signature-timestamp"], self.headers["idempotency-key"]
        expected = sign("s3cret", SignedCall(stamp, "POST", self.path, "", "default", key, body))
        self.server.signatures.append(self.headers["x-signature"] == expected)
        self._answer(202, {"traceId": TRACE_ID})

    def do_GET(self) -> None:
        assert self.headers["authorization"] == "Bearer t0ken"
        self.server.asked += 1
        state = self.server.end if self.server.asked > 1 else "queued"
        self._answer(200, {"traceId": TRACE_ID, "state": state})

    def _answer(self, status: int, document: dict[str, str]) -> None:
        data = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    @override
    def log_message(self, format: str, *args: object) -> None:
        del format, args


@contextmanager
def ingress(end: str = "succeeded") -> Iterator[tuple[Server, DeployedApi]]:
    server = Server(("127.0.0.1", 0), Ingress)
    server.end, server.signatures = end, []
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server, DeployedApi(f"http://127.0.0.1:{server.server_port}", "t0ken", "s3cret", DASHBOARD_URL)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_it_signs_the_call_and_follows_its_run_to_the_end() -> None:
    with ingress() as (server, api):
        run = call_and_wait(api, key="first")
    assert (run["state"], server.signatures, server.asked) == ("succeeded", [True], 2)
    told = what_next(api, "dev", run)
    assert f"run {TRACE_ID} succeeded" in told
    assert f"{api.url}{ROUTE}" in told
    assert DASHBOARD_URL in told
    assert "make token ENV=dev" in told
    assert "t0ken" not in told


def test_a_run_that_fails_is_no_success() -> None:
    with ingress("failed") as (_, api), pytest.raises(LocalStackError, match="did not succeed"):
        call_and_wait(api, key="first")
