"""A refused call as operators may see it: what it was about, and nothing that would let anybody in.

Left out by shape: values of headers, the query, the body, tokens, signatures. What callers choose freely is cut, and
made printable.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from functions.ingress.call_headers import CallHeaders
from functions.ingress.call_so_far import CallSoFar
from workerflow.domain.credential_refusals import UnauthorizedError
from workerflow.domain.refusals import RefusedError
from workerflow.domain.refused_call import RefusedCall
from workerflow.domain.signature import VERSION_LINE
from workerflow.runtime.http import Request

PATH_CHARACTERS = 140
"""The longest path of ours has 136."""
METHOD_CHARACTERS = 16
KEY_CHARACTERS = 80
HEADER_NAMES = 50
HEADER_NAME_CHARACTERS = 64
DETAIL_CHARACTERS = 200
ADDRESS_CHARACTERS = 45
_TIMESTAMP_DIGITS = 20


def kept_refusal(so_far: CallSoFar, refusal: RefusedError, request_id: str, *, slot: int, at_ms: int) -> RefusedCall:
    """The record of a refused call.

    Args:
        so_far: what became known of it.
        refusal: what its caller is told.
        request_id: as its caller is told.
        slot: of the record.
        at_ms: of the record, epoch milliseconds.
    """
    request = so_far.request
    return RefusedCall(
        tenant=so_far.tenant,
        reason=refusal.code,
        slot=slot,
        at_ms=at_ms,
        request_id=request_id,
        status=refusal.status,
        detail="" if refusal.repeats_payload else printable(refusal.detail, DETAIL_CHARACTERS),
        method=printable(request.method, METHOD_CHARACTERS) if request else "",
        path=printable(request.path, PATH_CHARACTERS) if request else "",
        source_address=printable(request.source_address, ADDRESS_CHARACTERS) if request else "",
        headers=_names(request) if request else (),
        expected=_expected(so_far, refusal),
    )


def lines_of_v1(request: Request, headers: CallHeaders, tenant: str) -> Mapping[str, str]:
    """The eight lines that a WorkerFlow signature should have covered, by name, with the values that we saw.

    The query is told by its length, the body by digest and size, a key by its beginning.
    """
    return {
        "version": VERSION_LINE,
        "timestamp": told_timestamp(headers.timestamp or ""),
        "method": printable(request.method, METHOD_CHARACTERS),
        "path": printable(request.path, PATH_CHARACTERS),
        "query": f"{len(request.query)} characters, and must be empty" if request.query else "",
        "tenant": tenant,
        "key": printable(headers.key or "", KEY_CHARACTERS) if request.method == "POST" else "",
        "body": told_by_digest(request.body),
    }


def told_by_digest(body: bytes) -> str:
    """A body without a word of it."""
    return f"sha256 {hashlib.sha256(body).hexdigest()} of {len(body)} bytes"


def told_timestamp(value: str) -> str:
    """A timestamp as it came; of what is none, how long it is: a secret may have slipped into the wrong header."""
    is_a_number = value.isascii() and value.isdigit() and len(value) <= _TIMESTAMP_DIGITS
    return value if is_a_number or not value else f"{len(value)} characters that are no timestamp"


def printable(text: str, most: int) -> str:
    """The beginning of a text; whatever is not printable ASCII in it shows as `?`."""
    return "".join(one if " " <= one <= "~" else "?" for one in text[:most])


def _expected(so_far: CallSoFar, refusal: RefusedError) -> Mapping[str, str]:
    is_about_credentials = isinstance(refusal, UnauthorizedError)
    return so_far.expected() if is_about_credentials and so_far.expected is not None else {}


def _names(request: Request) -> tuple[str, ...]:
    return tuple(printable(name, HEADER_NAME_CHARACTERS) for name in sorted(request.headers)[:HEADER_NAMES])
