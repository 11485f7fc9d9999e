"""Events of HTTP APIs and function URLs (payload format 2.0) as a `Request`, a `Response` as what they take back.

    event --read_request()--> Request --(the function)--> Response --to_dict()--> answer

Source: AWS, "Create AWS Lambda proxy integrations for HTTP APIs in API Gateway", payload format version 2.0: header
names are lower case, repeated headers are joined by commas, binary bodies come in base64, and cookies have a list of
their own, in both directions.

The emulator's function URLs differ: cookies come as the header `cookie`; `host` is the name that the URL would have on
AWS, whatever the caller wrote; paths come decoded, and query strings encoded anew. The source address is the true one.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from workerflow.domain.refusals import RefusedError, RequestMalformedError

JSON = "application/json"
PROBLEM_JSON = "application/problem+json"
_BODY_AS_TEXT_LIMIT = 1_000_000
"""Escaped, a body has six times its bytes at most: with its headers that fits into the 6 MB (6,291,556 bytes) of an
answer. Source: AWS, "Lambda quotas"."""
_ALWAYS = {"cache-control": "no-store", "x-content-type-options": "nosniff"}
_TRACEPARENT = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(-[!-~]*)?\Z")
_MAX_TRACEPARENT_CHARACTERS = 128


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request.

    Attributes:
        method: as sent; methods are case-sensitive.
        path: as matched: without the stage's prefix, and not decoded any further.
        query: the raw query string without its question mark.
        headers: lower-case names; a repeated header's values are joined by commas.
        body: the raw bytes.
        source_address: of the caller, as the platform saw it.
        request_id: names this request in answers and logs.
    """

    method: str
    path: str
    query: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    source_address: str
    request_id: str

    @property
    def traceparent(self) -> str | None:
        """The W3C trace context, or None if it is absent or malformed.

        Source: W3C Trace Context, section 3.2: version 00 has four fields; a higher one may have more, and `ff` is
        no version.
        """
        value = self.headers.get("traceparent", "")
        well_formed = len(value) <= _MAX_TRACEPARENT_CHARACTERS and _TRACEPARENT.match(value)
        if not well_formed or (value.startswith("00") and well_formed[1] is not None):
            return None
        return value


def read_request(event: object, *, request_id: str) -> Request:
    """Read an event of payload format 2.0.

    Args:
        event: as the platform hands it over.
        request_id: of the invocation.

    Raises:
        RequestMalformedError: it is no such event, or its body is no base64. Nothing else is ever raised.
    """
    http = _mapping(_mapping(event, "requestContext"), "http")
    return Request(
        method=_text(http, "method"),
        path=_path(_mapping(event), _text(_mapping(event), "rawPath")),
        query=_optional_text(_mapping(event), "rawQueryString"),
        headers=_headers(_mapping(event).get("headers") or {}) | _cookies(_mapping(event).get("cookies") or []),
        body=_body(_mapping(event)),
        source_address=_optional_text(http, "sourceIp"),
        request_id=request_id,
    )


def _mapping(value: object, name: str | None = None) -> Mapping[str, Any]:
    found = value if name is None else _mapping(value).get(name)
    if not isinstance(found, dict):
        raise RequestMalformedError("this is no event of payload format 2.0")
    return found


def _text(found: Mapping[str, Any], name: str) -> str:
    value = found.get(name)
    if not isinstance(value, str):
        raise RequestMalformedError(f"the event has no text `{name}`")
    return value


def _optional_text(found: Mapping[str, Any], name: str) -> str:
    return "" if found.get(name) is None else _text(found, name)


def _path(event: Mapping[str, Any], raw: str) -> str:
    stage = _optional_text(_mapping(event, "requestContext"), "stage")
    prefix = f"/{stage}/"
    return raw[len(prefix) - 1 :] if stage not in {"", "$default"} and raw.startswith(prefix) else raw


def _headers(found: object) -> dict[str, str]:
    headers: dict[str, str] = {}
    for name, value in _mapping(found).items():
        if not isinstance(value, str):
            raise RequestMalformedError("the event has a header that is no text")
        lowered = name.lower()
        headers[lowered] = f"{headers[lowered]},{value}" if lowered in headers else value
    return headers


def _cookies(found: object) -> dict[str, str]:
    """All cookies as the one header that they were sent in."""
    if not (isinstance(found, list) and all(isinstance(cookie, str) for cookie in found)):
        raise RequestMalformedError("the event's cookies are no list of texts")
    return {"cookie": "; ".join(found)} if found else {}


def _body(event: Mapping[str, Any]) -> bytes:
    text = _optional_text(event, "body")
    if event.get("isBase64Encoded") is not True:
        # A lone surrogate becomes bytes that are no UTF-8, which the reading of the body then refuses.
        return text.encode("utf-8", "surrogatepass")
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):  # ValueError: characters outside ASCII
        raise RequestMalformedError("the event's body is no base64") from None


@dataclass(frozen=True, slots=True)
class Response:
    """One HTTP response. Header names are lower case."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    @classmethod
    def document(cls, status: int, document: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> Response:
        """A JSON document."""
        return cls(status, {"content-type": JSON} | dict(headers or {}), _json(document))

    @classmethod
    def problem(cls, refusal: RefusedError, *, request_id: str) -> Response:
        """A refusal as problem+json.

        Source: RFC 9457. `type` is left out, which means about:blank: the stable name of a problem is its `code`.
        """
        document: dict[str, Any] = {"title": refusal.title, "status": refusal.status, "code": refusal.code}
        if refusal.detail:
            document["detail"] = refusal.detail
        headers = {"content-type": PROBLEM_JSON} | refusal.headers
        if refusal.trace_id:
            document["traceId"] = refusal.trace_id
            headers["x-trace-id"] = refusal.trace_id
        document |= refusal.members
        document["requestId"] = request_id
        return cls(refusal.status, headers, _json(document))

    def with_headers(self, headers: Mapping[str, str]) -> Response:
        """The same response with `headers` added, which win over its own."""
        return Response(self.status, {**self.headers, **headers}, self.body)

    def to_dict(self) -> dict[str, Any]:
        """As payload format 2.0: text where the body is text, else base64; a cookie stands apart from the headers."""
        headers = {**_ALWAYS, **self.headers}
        cookie = headers.pop("set-cookie", None)
        answer: dict[str, Any] = {"statusCode": self.status, "headers": headers}
        if cookie:
            answer["cookies"] = [cookie]
        text = _as_text(self.body)
        if text is None:
            return answer | {"body": base64.b64encode(self.body).decode("ascii"), "isBase64Encoded": True}
        return answer | {"body": text, "isBase64Encoded": False}


def _json(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def _as_text(body: bytes) -> str | None:
    """The body as text, or None if it is none, or would be longer than base64 once it is escaped in the answer."""
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        return None
    if len(body) > _BODY_AS_TEXT_LIMIT and len(json.dumps(text)) > len(body) * 4 // 3:
        return None
    return text
