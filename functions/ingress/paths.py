"""Our paths and methods. One path has one spelling, so that what was signed is what was matched.

    POST /api/{route}              a call
    POST /api/t/{tenant}/{route}   a call, for senders that cannot set a header
    GET  /api/runs/{traceId}       how a run stands
    GET  /api/health               is anybody there
    GET  /api/openapi.json         what of all this there is

Anything else is not found: an encoded letter, an empty or a dot segment, a trailing slash, a letter beyond ASCII.
Whether a route or a run of that name exists is not decided here, but behind the credentials.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from workerflow.domain.refusals import MethodNotAllowedError, PathNotFoundError

HEALTH_PATH = "/api/health"
OPENAPI_PATH = "/api/openapi.json"
"""Its dot keeps it apart from every route: no route has one in its name."""
_SEGMENT = r"[A-Za-z0-9_-]{1,64}"
_RUN = re.compile(rf"/api/runs/({_SEGMENT})\Z")
_TENANT_CALL = re.compile(rf"/api/t/({_SEGMENT})/({_SEGMENT})\Z")
_CALL = re.compile(rf"/api/({_SEGMENT})\Z")


@dataclass(frozen=True, slots=True)
class HealthPath:
    """`GET /api/health`."""


@dataclass(frozen=True, slots=True)
class OpenApiPath:
    """`GET /api/openapi.json`."""


@dataclass(frozen=True, slots=True)
class RunPath:
    """`GET /api/runs/{traceId}`."""

    trace_id: str


@dataclass(frozen=True, slots=True)
class CallPath:
    """`POST /api/{route}`, or with a tenant in front of it."""

    route: str
    tenant: str | None = None


type OurPath = HealthPath | OpenApiPath | RunPath | CallPath

_FIXED: Mapping[str, OurPath] = {HEALTH_PATH: HealthPath(), OPENAPI_PATH: OpenApiPath()}


def match_path(method: str, path: str) -> OurPath:
    """Find out what a request is about.

    Raises:
        PathNotFoundError: it is about nothing of ours.
        MethodNotAllowedError: the path is ours and takes another method.
    """
    found, allowed = _find(path)
    if method != allowed:
        raise MethodNotAllowedError(allowed)
    return found


def _find(path: str) -> tuple[OurPath, str]:
    if path in _FIXED:
        return _FIXED[path], "GET"
    if run := _RUN.match(path):
        return RunPath(run[1]), "GET"
    if call := _TENANT_CALL.match(path):
        return CallPath(call[2], call[1]), "POST"
    if call := _CALL.match(path):
        return CallPath(call[1]), "POST"
    raise PathNotFoundError(
        "the paths are /api/{route}, /api/t/{tenant}/{route}, /api/runs/{traceId}, /api/health, /api/openapi.json"
    )
