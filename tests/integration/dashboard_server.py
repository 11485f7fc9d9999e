"""The dashboard over HTTP on loopback, for browsers and other clients: its handler behind a function URL of our own.

    with serving(world) as address:      # http://localhost:49152
        page.goto(f"{address}/runs")

One request at a time reaches the handler, because moto is not thread-safe. A browser's cookies are those of the local
variant where the world's environment is `local`.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, override

from functions.dashboard import handler
from tests.integration.dashboard_world import Context, DashboardWorld, function_url_event

MAX_EVENT_BYTES = 6 * 1024 * 1024
"""What Lambda takes of an event, with its body in base64 where it is no text."""


@contextmanager
def serving(world: DashboardWorld) -> Iterator[str]:
    """Serve the world's dashboard; its address, without a slash at the end."""

    class Handler(_Handler):
        dashboard = world

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield f"http://localhost:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    """Turns a request into an event, and what comes back into an answer."""

    protocol_version = "HTTP/1.1"
    dashboard: DashboardWorld

    def __getattr__(self, name: str) -> Callable[[], None]:
        """What answers a method, whatever it is: `do_<method>`."""
        if not name.startswith("do_"):
            raise AttributeError(name)
        return self.answer

    def answer(self) -> None:
        """Answer a request."""
        event = self._event(self.rfile.read(int(self.headers.get("content-length") or 0)))
        if len(json.dumps(event)) > MAX_EVENT_BYTES:
            self.send_error(413)
            return
        with self.dashboard.lock:
            self._send(handler.lambda_handler(event, Context()))

    def _event(self, body: bytes) -> dict[str, Any]:
        path, _, query = self.path.partition("?")
        names = dict.fromkeys(name.lower() for name in self.headers)
        headers = {name: ",".join(self.headers.get_all(name, [])) for name in names if name != "cookie"}
        cookies = tuple(one for header in self.headers.get_all("cookie", []) for one in header.split("; "))
        return function_url_event(self.command, path, body, headers, query, cookies, str(self.client_address[0]))

    def _send(self, answer: dict[str, Any]) -> None:
        body = base64.b64decode(answer["body"]) if answer["isBase64Encoded"] else answer["body"].encode()
        self.send_response(answer["statusCode"])
        for name, value in answer["headers"].items():
            self.send_header(name, value)
        for cookie in answer.get("cookies", ()):
            self.send_header("set-cookie", cookie)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    @override
    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: the function has its own log."""
