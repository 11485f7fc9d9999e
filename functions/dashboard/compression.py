"""Answers made small for whoever takes gzip.

An attacker who could make a victim's browser send requests with chosen text, and see the answers' sizes, could guess
what else is in them (BREACH). For pages of others our cookie does not count (see site), and programs' tokens are in no
answer: so there is nothing to guess.
"""

from __future__ import annotations

import gzip
import re

from workerflow.runtime.http import Request, Response

WORTH_BYTES = 1024
_LEVEL = 5
_COMPRESSIBLE = re.compile(r"(?:text/|application/(?:json|problem\+json)|image/svg\+xml)")
_REFUSED = re.compile(r"gzip\s*;\s*q=0(?:\.0*)?\s*(?:,|\Z)")


def compressed(request: Request, response: Response) -> Response:
    """The response as it had better be sent. What has an encoding keeps it; what is not text is left alone."""
    headers = response.headers
    if "content-encoding" in headers or not _COMPRESSIBLE.match(headers.get("content-type", "")):
        return response
    varied = response.with_headers({"vary": "accept-encoding"})
    if len(response.body) <= WORTH_BYTES or not takes_gzip(request):
        return varied
    body = gzip.compress(response.body, _LEVEL, mtime=0)
    return Response(varied.status, {**varied.headers, "content-encoding": "gzip"}, body)


def takes_gzip(request: Request) -> bool:
    """Whether the client says that it takes gzip. Source: RFC 9110, section 12.5.3."""
    accepted = request.headers.get("accept-encoding", "").lower()
    return "gzip" in accepted and not _REFUSED.search(accepted)
