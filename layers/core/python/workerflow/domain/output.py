"""What a handler returned, in the one form in which it is kept, sent and answered again.

    return value --from_return()--> HandlerOutput --encode()--> stored bytes --decode()--> HandlerOutput

A return value is the author's and can be anything; a HandlerOutput is checked: JSON that every reader reads alike,
or an HTTP response that is safe to put on the wire. So a run is only ever recorded as succeeded with an output that
can be answered, today and to a repeated call next week.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from workerflow.domain.errors import IntegrityError, OutputError

MAX_OUTPUT_BYTES = 4 * 1024 * 1024
"""The body's limit. In base64 that is 5.6 MB, and a Lambda answer takes 6 MB (AWS, "Lambda quotas")."""
MAX_HEADER_BYTES = 8 * 1024
"""Names and values together. API Gateway's HTTP APIs take 10,240 bytes, ours included."""
MAX_DEPTH = 200
"""Far below the interpreter's recursion limit: what was written in one place must be readable in any other."""
STORED_VERSION = 1

FORBIDDEN_HEADERS = frozenset(
    {
        # Hop-by-hop (RFC 9110 section 7.6.1, RFC 2616 section 13.5.1): the next hop's business.
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        # Written by the platform from what is really sent.
        "content-length",
        "date",
        "host",
        "server",
        # A cookie would be stored with the output and handed to whoever repeats the call.
        "set-cookie",
        "set-cookie2",
    }
)
FORBIDDEN_HEADER_PREFIXES = ("x-amz", "x-workerflow-", "apigw-")
"""Ours and the gateway's: a handler must not be able to pretend them."""

_DOCUMENT_PREFIX = b'{"version":%d,"document":' % STORED_VERSION
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+\Z")
_FIELD_VALUE = re.compile(r"[\t\x20-\x7e]*\Z")
_BODILESS_STATUSES = frozenset({204, 205, 304})
_ESCAPES_ALLOWED = 1024
_MIN_STATUS = 200
_MAX_STATUS = 599


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """A raw HTTP response, which a handler of a sync route may return instead of an object.

    Attributes:
        status: 200 to 599.
        headers: sent as they are, names in lower case. Hop-by-hop headers, `set-cookie` and names of the platform
            are refused.
        body: `str` is sent as UTF-8 text, `bytes` as they are, anything else as JSON. `content-type` follows the
            body unless the headers name one.
    """

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Any = ""


@dataclass(frozen=True, slots=True)
class HandlerOutput:
    """A checked output: either a JSON document or a raw response.

    Attributes:
        kind: `document` (the body is a JSON object) or `response` (status, headers and body are the handler's).
        body: the bytes to answer.
        status: HTTP status; 200 for a document.
        headers: lower-cased names; for a document just its content type.
    """

    kind: Literal["document", "response"]
    body: bytes
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=lambda: {"content-type": "application/json"})

    @classmethod
    def from_return(cls, value: object, *, mode: str) -> HandlerOutput:
        """Check what a handler returned.

        Args:
            value: a dict, an HttpResponse (`sync` routes only), or None, which counts as `{}`.
            mode: the route's mode, `async` or `sync`.

        Raises:
            OutputError: it cannot be kept or sent as it is. Permanent: the same handler would return it again.
        """
        if value is None:
            return cls("document", b"{}")
        if isinstance(value, HttpResponse):
            if mode != "sync":
                raise OutputError("an HttpResponse is for sync routes: nobody waits for an async route's answer")
            return cls._from_response(value)
        if not isinstance(value, dict):
            raise OutputError(f"a handler returns a dict, an HttpResponse or None, not {type(value).__name__}")
        return cls("document", _within_limit(_json_bytes(value)))

    @classmethod
    def _from_response(cls, response: HttpResponse) -> HandlerOutput:
        status = _checked_status(response.status)
        body, content_type = _body_bytes(response.body)
        if body and status in _BODILESS_STATUSES:
            raise OutputError(f"a response with status {status} has no body")
        headers = _checked_headers(response.headers)
        if body:
            headers.setdefault("content-type", content_type)
        return cls("response", _within_limit(body), status, headers)

    def document(self) -> dict[str, Any]:
        """The JSON object of a document. Raises IntegrityError for a raw response."""
        if self.kind != "document":
            raise IntegrityError("a raw response has no document")
        value: dict[str, Any] = json.loads(self.body)
        return value

    def encode(self) -> bytes:
        """Write it as stored bytes: one JSON object, at most a third (and the headers) larger than the body."""
        if self.kind == "document":
            return _DOCUMENT_PREFIX + self.body + b"}"
        stored = {"version": STORED_VERSION, "status": self.status, "headers": dict(self.headers)}
        return json.dumps(stored | _stored_body(self.body), ensure_ascii=False, separators=(",", ":")).encode()

    @classmethod
    def decode(cls, data: bytes) -> HandlerOutput:
        """Read what `encode` wrote. Raises IntegrityError for anything else."""
        try:
            stored = json.loads(data)
            if stored["version"] != STORED_VERSION:
                raise IntegrityError(f"a stored output of version {stored['version']!r}")
            if isinstance(stored.get("document"), dict) and data.startswith(_DOCUMENT_PREFIX):
                return cls("document", data[len(_DOCUMENT_PREFIX) : -1])
            headers = {str(name): str(value) for name, value in stored["headers"].items()}
            return cls("response", _read_stored_body(stored), int(stored["status"]), headers)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise IntegrityError("these bytes are no stored output") from error


def _json_bytes(value: object) -> bytes:
    """JSON in UTF-8, the shortest form, in the handler's own order of keys."""
    try:
        _require_plain(value, MAX_DEPTH)
        return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    except (TypeError, ValueError) as error:  # UnicodeEncodeError (lone surrogates) is a ValueError
        raise OutputError(f"the output cannot be written as JSON: {error}") from None


def _require_plain(value: object, depth: int) -> None:
    """`json.dumps` silently turns 1, True and None into keys, and so two keys into one."""
    if depth < 0:
        raise OutputError(f"the output is nested more than {MAX_DEPTH} deep, or contains itself")
    if isinstance(value, dict):
        for key, inner in value.items():
            if not isinstance(key, str):
                raise OutputError(f"the key {key!r:.80} of an object in the output is not text")
            _require_plain(inner, depth - 1)
    elif isinstance(value, list | tuple):
        for inner in value:
            _require_plain(inner, depth - 1)


def _body_bytes(body: object) -> tuple[bytes, str]:
    """The body's bytes and the content type that they have unless the handler names another."""
    if body is None:
        return b"", ""
    if isinstance(body, bytes | bytearray | memoryview):
        return bytes(body), "application/octet-stream"
    if isinstance(body, str):
        try:
            return body.encode(), "text/plain; charset=utf-8"
        except UnicodeEncodeError as error:
            raise OutputError(f"the body cannot be written as UTF-8: {error}") from None
    return _json_bytes(body), "application/json"


def _within_limit(body: bytes) -> bytes:
    if len(body) > MAX_OUTPUT_BYTES:
        raise OutputError(f"the output has {len(body)} bytes, the limit is {MAX_OUTPUT_BYTES}")
    return body


def _checked_status(status: object) -> int:
    if not isinstance(status, int) or isinstance(status, bool) or not _MIN_STATUS <= status <= _MAX_STATUS:
        raise OutputError(f"status {status!r:.80} is not a number from {_MIN_STATUS} to {_MAX_STATUS}")
    return int(status)


def _checked_headers(headers: object) -> dict[str, str]:
    if not isinstance(headers, Mapping):
        raise OutputError(f"headers are a mapping of names to values, not {type(headers).__name__}")
    checked: dict[str, str] = {}
    for name, value in headers.items():
        lowered = _checked_header_name(name)
        if lowered in checked:
            raise OutputError(f"header {lowered!r} is given twice")
        if not isinstance(value, str) or not _FIELD_VALUE.match(value):
            raise OutputError(f"the value of header {lowered!r} is not printable ASCII in one line")
        checked[lowered] = value.strip(" \t")
    size = sum(len(name) + len(value) for name, value in checked.items())
    if size > MAX_HEADER_BYTES:
        raise OutputError(f"the headers have {size} bytes, the limit is {MAX_HEADER_BYTES}")
    return checked


def _checked_header_name(name: object) -> str:
    if not isinstance(name, str) or not _TOKEN.match(name):
        raise OutputError(f"{name!r:.80} is not a header name")
    lowered = name.lower()
    if lowered in FORBIDDEN_HEADERS or lowered.startswith(FORBIDDEN_HEADER_PREFIXES):
        raise OutputError(f"header {lowered!r} is the platform's to set")
    return lowered


def _stored_body(body: bytes) -> dict[str, str]:
    """As text while that is hardly longer, else as base64.

    Escapes are paid twice, here and in the JSON answer of `workflow`, which must stay under 6 MB; base64 once.
    """
    encoded = base64.b64encode(body).decode()
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return {"base64": encoded}
    written = len(json.dumps(text, ensure_ascii=False).encode())
    return {"text": text} if written <= len(body) + len(body) // 20 + _ESCAPES_ALLOWED else {"base64": encoded}


def _read_stored_body(stored: Mapping[str, Any]) -> bytes:
    if "text" in stored:
        text: str = stored["text"]
        return text.encode()
    try:
        return base64.b64decode(stored["base64"], validate=True)
    except binascii.Error as error:
        raise IntegrityError("the body of a stored output is not base64") from error
