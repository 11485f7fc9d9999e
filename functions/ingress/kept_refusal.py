"""A refused call as operators may see it: what it was about, and nothing that would let anybody in.

Left out by shape: values of headers, the query, the body, tokens, signatures. What callers choose freely is cut, and
made printable. Imported at the first refusal, so that no cold start of a good call pays for it.
"""

from __future__ import annotations

from collections.abc import Mapping

from functions.ingress.call_so_far import CallSoFar
from functions.ingress.signed_lines import METHOD_CHARACTERS, PATH_CHARACTERS, lines_expected, printable
from workerflow.domain.credential_refusals import UnauthorizedError
from workerflow.domain.refusals import QueryNotAllowedError, RefusedError
from workerflow.domain.refused_call import RefusedCall
from workerflow.runtime.http import Request

HEADER_NAMES = 50
HEADER_NAME_CHARACTERS = 64
DETAIL_CHARACTERS = 200
ADDRESS_CHARACTERS = 45


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


def _expected(so_far: CallSoFar, refusal: RefusedError) -> Mapping[str, str]:
    """Only where the signature is what was refused, or the query that it cannot cover."""
    if (
        not isinstance(refusal, UnauthorizedError | QueryNotAllowedError)
        or so_far.request is None
        or so_far.headers_read is None
    ):
        return {}
    return lines_expected(so_far.request, so_far.headers_read, so_far.tenant_named)


def _names(request: Request) -> tuple[str, ...]:
    return tuple(printable(name, HEADER_NAME_CHARACTERS) for name in sorted(request.headers)[:HEADER_NAMES])
