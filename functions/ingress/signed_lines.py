"""What a refused call's signature should have covered, with the values that we saw: for the operator who compares.

Bodies are told by size and digest, the query by its length, what callers choose by its beginning.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from functions.ingress.call_headers import CallHeaders
from workerflow.domain.sender_call import SenderCall, claimed_parts
from workerflow.domain.senders import Part
from workerflow.domain.signature import VERSION_LINE
from workerflow.runtime.http import Request

SHOWN_CHARACTERS = 80
"""Of a key, or of an event's id."""
METHOD_CHARACTERS = 16
PATH_CHARACTERS = 140
"""The longest path of ours has 136."""
_TIMESTAMP_DIGITS = 20


def lines_expected(request: Request, headers: CallHeaders, tenant: str) -> Mapping[str, str]:
    """The lines by name, in their order, of the scheme whose signature the call carries; none if it carries none."""
    if headers.sender is not None:
        return _lines_of_sender(SenderCall(headers.sender, "", headers.senders, request.body))
    return _lines_of_v1(request, headers, tenant) if headers.is_signed else {}


def _lines_of_v1(request: Request, headers: CallHeaders, tenant: str) -> Mapping[str, str]:
    return {
        "version": VERSION_LINE,
        "timestamp": _timestamp(headers.timestamp or ""),
        "method": printable(request.method, METHOD_CHARACTERS),
        "path": printable(request.path, PATH_CHARACTERS),
        "query": f"{len(request.query)} characters, and must be empty" if request.query else "",
        "tenant": tenant,
        "key": printable(headers.key or "", SHOWN_CHARACTERS) if request.method == "POST" else "",
        "body": _digest(request.body),
    }


def _lines_of_sender(call: SenderCall) -> Mapping[str, str]:
    claimed = claimed_parts(call)
    told = {
        Part.ID: lambda: printable(claimed[Part.ID], SHOWN_CHARACTERS),
        Part.TIMESTAMP: lambda: _timestamp(claimed[Part.TIMESTAMP]),
        Part.BODY: lambda: _digest(call.body),
    }
    return {part.value: told[part]() for part in call.sender.signed if isinstance(part, Part)}


def _digest(body: bytes) -> str:
    return f"sha256 {hashlib.sha256(body).hexdigest()} of {len(body)} bytes"


def _timestamp(value: str) -> str:
    """As it came; of what is none, how long it is: a secret may have slipped into the wrong header."""
    is_a_number = value.isascii() and value.isdigit() and len(value) <= _TIMESTAMP_DIGITS
    return value if is_a_number or not value else f"{len(value)} characters that are no timestamp"


def printable(text: str, most: int) -> str:
    """The beginning of a text; whatever is not printable ASCII in it shows as `?`."""
    return "".join(one if " " <= one <= "~" else "?" for one in text[:most])
