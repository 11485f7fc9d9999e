"""The headers that decide about a request, checked for their syntax; and those that every answer carries.

A repeated header reaches us joined by commas. Two values could be read as one by us and as the other by somebody on the
way, so neither the token nor the key may carry a comma.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from workerflow.domain.operation import is_key
from workerflow.domain.refusals import (
    HeaderMalformedError,
    HeaderRepeatedError,
    KeyMalformedError,
    KeyRequiredError,
)

AUTHORIZATION = "authorization"
IDEMPOTENCY_KEY = "idempotency-key"
MAX_HEADER_CHARACTERS = 2048
_PRINTABLE = re.compile(r"[ -~]*\Z")

ALWAYS: Mapping[str, str] = {
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}
"""Of every answer that does not say otherwise. Source: OWASP, "HTTP Security Response Headers Cheat Sheet"."""
HTTPS_ONLY: Mapping[str, str] = {"strict-transport-security": "max-age=63072000; includeSubDomains"}
"""Two years. Not where pages come over plain HTTP from loopback. Source: RFC 6797, section 6.1."""


def require_syntax(headers: Mapping[str, str]) -> None:
    """Refuse a token or a key that came twice, is too long, or is not printable ASCII."""
    for name in (AUTHORIZATION, IDEMPOTENCY_KEY):
        value = headers.get(name, "")
        if "," in value:
            raise HeaderRepeatedError(f"`{name}` came more than once, or with a comma")
        if len(value) > MAX_HEADER_CHARACTERS or not _PRINTABLE.match(value):
            raise HeaderMalformedError(f"`{name}` is at most {MAX_HEADER_CHARACTERS} printable ASCII characters")


def key_of(headers: Mapping[str, str]) -> str:
    """The Idempotency-Key of an order, which must have one."""
    value = headers.get(IDEMPOTENCY_KEY)
    if value is None:
        raise KeyRequiredError("send `Idempotency-Key`: the same order with the same key is carried out once")
    return require_key(value)


def require_key(value: str) -> str:
    """The key unchanged, if it is one."""
    if not is_key(value):
        raise KeyMalformedError("a key is 1 to 255 printable ASCII characters without a space")
    return value
