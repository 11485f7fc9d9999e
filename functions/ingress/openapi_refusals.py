"""Refusals in the OpenAPI document: what an operation answers at each status, each such answer described once.

kinds of an operation --> by status --> components.responses, where routes of one kind share theirs
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from functions.ingress.answers import REPLAYED_HEADER
from functions.ingress.openapi_schemas import TRACE_ID
from functions.ingress.rate import POLICY_FIELD, STATE_FIELD
from functions.ingress.refusals_told import Kinds
from workerflow.domain.credential_refusals import UnauthorizedError
from workerflow.domain.refusals import RateLimitedError, RefusedError
from workerflow.domain.task_refusals import PayloadRejectedError, TaskFailedError
from workerflow.runtime.http import PROBLEM_JSON

type Node = dict[str, Any]

_POLICY_PATTERN = '^"default";q=[1-9][0-9]*;w=[1-9][0-9]*$'
_STATE_PATTERN = '^"default";r=[0-9]+;t=[0-9]+$'


class Refusals:
    """The refusals of one document. `described`: every answer that some operation refers to, by name."""

    def __init__(self) -> None:
        self.described: dict[str, Node] = {}
        self._names: dict[tuple[tuple[type[RefusedError], ...], bool], str] = {}

    def of(self, kinds: Kinds, *, may_be_counted: bool = False) -> Node:
        """One response a status, as an operation refers to it.

        Args:
            kinds: that the operation can answer.
            may_be_counted: whether a rate limit may be set for it.
        """
        by_status: dict[int, list[type[RefusedError]]] = defaultdict(list)
        for kind in sorted(kinds, key=lambda kind: (kind.status, kind.code)):
            by_status[kind.status].append(kind)
        return {
            str(status): {"$ref": f"#/components/responses/{self._name(status, tuple(ours), may_be_counted)}"}
            for status, ours in by_status.items()
        }

    def _name(self, status: int, kinds: tuple[type[RefusedError], ...], may_be_counted: bool) -> str:  # noqa: FBT001
        known = self._names.get((kinds, may_be_counted))
        if known is not None:
            return known
        alike = sum(name.startswith(f"refused_{status}") for name in self.described)
        name = f"refused_{status}_{alike + 1}"
        self._names[kinds, may_be_counted] = name
        self.described[name] = _refusal(status, kinds, may_be_counted=may_be_counted)
        return name


def _refusal(status: int, kinds: Sequence[type[RefusedError]], *, may_be_counted: bool) -> Node:
    narrowed = {"properties": {"status": {"const": status}, "code": {"enum": [kind.code for kind in kinds]}}}
    return {
        "description": "\n".join(f"- `{kind.code}`: {kind.title}" for kind in kinds),
        "content": {PROBLEM_JSON: {"schema": {"allOf": [{"$ref": "#/components/schemas/Problem"}, narrowed]}}},
        "headers": _headers(kinds) | (rate_headers() if may_be_counted else {}),
    }


def _headers(kinds: Sequence[type[RefusedError]]) -> Node:
    """`Retry-After` comes with every refusal that may end by itself, the challenge with every 401."""
    headers = {"x-trace-id": header(TRACE_ID, "Of the task that the answer is about.", required=False)}
    if any(kind.retryable for kind in kinds):
        seconds = {"type": "string", "pattern": "^[1-9][0-9]*$"}
        headers["retry-after"] = header(seconds, "Seconds.", required=all(kind.retryable for kind in kinds))
    if any(kind in (PayloadRejectedError, TaskFailedError) for kind in kinds):
        headers[REPLAYED_HEADER] = replayed_header()
    if any(issubclass(kind, UnauthorizedError) for kind in kinds):
        headers["www-authenticate"] = header({"type": "string"})
    return headers


def header(schema: Node, description: str = "", *, required: bool = True) -> Node:
    """A header of an answer."""
    made: Node = {"required": required, "schema": schema}
    return made | {"description": description} if description else made


def replayed_header() -> Node:
    """The mark of an outcome that was stored."""
    return header({"const": "true"}, "The outcome is that of an earlier call with the key.", required=False)


def rate_headers() -> Node:
    """How a limit stands, as answers to calls refer to it."""
    return {name: {"$ref": f"#/components/headers/{name}"} for name in (POLICY_FIELD, STATE_FIELD)}


def shared_headers() -> Node:
    """What `rate_headers` refers to."""
    policy = {"type": "string", "pattern": _POLICY_PATTERN}
    state = {"type": "string", "pattern": _STATE_PATTERN}
    return {
        POLICY_FIELD: header(
            policy, "The limit that counted the call, if one is set: `q` calls in `w` seconds.", required=False
        ),
        STATE_FIELD: header(
            state,
            "How it stands: `r` calls could pass right now; after `t` seconds its bucket is full again, "
            f"or, with `{RateLimitedError.code}`, the next call may pass.",
            required=False,
        ),
    }
