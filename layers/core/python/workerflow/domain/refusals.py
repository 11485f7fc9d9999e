"""Calls that are refused: each way has a class, a stable code, an HTTP status and a title. docs/errors.md lists them.

    RefusedError
    |-- ...                 the shape of the request, its route, its payload, its key
    |-- ...                 who sends it: module credential_refusals
    |-- ...                 what became of a sync route's task: module task_refusals
    `-- InternalError       ours: the caller learns a request id and nothing else

Raised anywhere between the door and the service; the door answers with problem+json (RFC 9457). Titles never vary,
details tell the caller what to change, and neither repeats a secret or an exception's text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from workerflow.domain.errors import WorkerFlowError


class RefusedError(WorkerFlowError):
    """Base of all refusals.

    Attributes:
        status: HTTP status.
        title: what happened, the same for every occurrence.
        detail: what this caller should change; may be empty.
        repeats_payload: whether `detail` may repeat a part of the body: it is told to the caller and kept nowhere.
        headers: response headers that belong to it, such as `Allow`; lower-case names.
        members: further members of the problem document, such as `errors`.
        trace_id: the task that the answer is about, if there is one.
    """

    status: ClassVar[int]
    title: ClassVar[str]
    repeats_payload: ClassVar[bool] = False

    def __init__(
        self,
        detail: str = "",
        *,
        headers: Mapping[str, str] | None = None,
        members: Mapping[str, Any] | None = None,
        trace_id: str | None = None,
    ) -> None:
        super().__init__(f"{self.code}: {detail}" if detail else self.code)
        self.detail = detail
        self.headers = dict(headers or {})
        self.members = dict(members or {})
        self.trace_id = trace_id


# The request's shape ------------------------------------------------------------------------------------------------


class RequestMalformedError(RefusedError):
    """An event that the platform cannot have made from an HTTP request."""

    code = "request_malformed"
    status = 400
    title = "The request could not be read"


class PathNotFoundError(RefusedError):
    """Not one of our paths, or not its one canonical spelling."""

    code = "path_not_found"
    status = 404
    title = "There is nothing at this path"


class MethodNotAllowedError(RefusedError):
    """One of our paths, with another method."""

    code = "method_not_allowed"
    status = 405
    title = "This path does not take this method"

    def __init__(self, allowed: str) -> None:
        super().__init__(f"use {allowed}", headers={"allow": allowed})


class HeaderRepeatedError(RefusedError):
    """A header that decides about the call came twice, or with a comma: which of the two was meant?"""

    code = "header_repeated"
    status = 400
    title = "A header was sent more than once"


class HeaderMalformedError(RefusedError):
    """A header that decides about the call is too long, or not printable ASCII."""

    code = "header_malformed"
    status = 400
    title = "A header is malformed"


class KeyMalformedError(RefusedError):
    """The Idempotency-Key is not 1 to 255 printable ASCII characters."""

    code = "key_malformed"
    status = 400
    title = "The Idempotency-Key is malformed"


class TenantMalformedError(RefusedError):
    """The tenant's id has a shape that no tenant's id has."""

    code = "tenant_malformed"
    status = 400
    title = "The tenant's id is malformed"


class TenantAmbiguousError(RefusedError):
    """Header and path name different tenants."""

    code = "tenant_ambiguous"
    status = 400
    title = "The call names two tenants"


class QueryNotAllowedError(RefusedError):
    """A signed call has no query: nothing of it would be used, and everything of it would have to be signed."""

    code = "query_not_allowed"
    status = 400
    title = "A signed call has no query"


class BodyTooLargeError(RefusedError):
    """The decoded body is over the limit."""

    code = "body_too_large"
    status = 413
    title = "The body is too large"


# Route, key, rate, enablement ---------------------------------------------------------------------------------------


class RouteNotFoundError(RefusedError):
    """No route has this name."""

    code = "route_not_found"
    status = 404
    title = "There is no such route"


class KeyRequiredError(RefusedError):
    """A signed call without a key could be repeated by whoever captured it."""

    code = "key_required"
    status = 400
    title = "The call needs an Idempotency-Key"


class RateLimitedError(RefusedError):
    """The tenant's policy lets no more calls pass right now; this one was counted and left nothing behind."""

    code = "rate_limited"
    status = 429
    title = "Too many calls"
    retryable = True

    def __init__(self, retry_after_seconds: int) -> None:
        super().__init__("repeat the call later", headers={"retry-after": str(retry_after_seconds)})


class EventIdMalformedError(RefusedError):
    """A sender's call whose body does not name its event: nothing else that is signed could be its key."""

    code = "event_id_malformed"
    status = 400
    title = "The event's id is missing or malformed"


class RouteDisabledError(RefusedError):
    """The route exists and is switched off."""

    code = "route_disabled"
    status = 409
    title = "The route is disabled"


class RoutePausedError(RefusedError):
    """A sync route that is paused: its caller cannot be kept waiting for the resume."""

    code = "route_paused"
    status = 503
    title = "The route is paused"
    retryable = True


# Payload ------------------------------------------------------------------------------------------------------------


class BodyRefusedError(RefusedError):
    """Base of bodies that are not the JSON that every reader reads alike."""

    status = 400


class BodyEmptyError(BodyRefusedError):
    """No body at all."""

    code = "body_empty"
    title = "The body is empty"


class BodyNotUtf8Error(BodyRefusedError):
    """Bytes, or escapes, that are no Unicode text."""

    code = "body_not_utf8"
    title = "The body is not UTF-8"


class BodyNotJsonError(BodyRefusedError):
    """Not a JSON document (RFC 8259); NaN and Infinity are none."""

    code = "body_not_json"
    title = "The body is not JSON"


class BodyTooDeepError(BodyRefusedError):
    """Arrays and objects nested beyond the limit."""

    code = "body_too_deep"
    title = "The body is nested too deeply"


class BodyDuplicateKeyError(BodyRefusedError):
    """An object that names a member twice: readers disagree about which one counts."""

    code = "body_duplicate_key"
    title = "An object in the body names a member twice"
    repeats_payload = True


class BodyNumberOutOfRangeError(BodyRefusedError):
    """A number that does not survive being read."""

    code = "body_number_out_of_range"
    title = "A number in the body is out of range"


class PayloadInvalidError(RefusedError):
    """JSON, but not what the route's schema describes."""

    code = "payload_invalid"
    status = 422
    title = "The payload does not match the route's schema"

    def __init__(self, violations: Sequence[Mapping[str, str]], *, more: bool) -> None:
        """Refuse with `errors`: a JSON pointer and a message each. `more`: there were more than are listed."""
        detail = f"the first {len(violations)} violations are listed" if more else ""
        super().__init__(detail, members={"errors": [dict(one) for one in violations]})


# The task -----------------------------------------------------------------------------------------------------------


class KeyReusedError(RefusedError):
    """The key was used before, with another body."""

    code = "key_reused"
    status = 422
    title = "The Idempotency-Key was used with another body"


class OutcomeUnknownError(RefusedError):
    """A store did not answer: unknown, ask again with the same key."""

    code = "store_unavailable"
    status = 503
    title = "The outcome is unknown"
    retryable = True


class RunNotFoundError(RefusedError):
    """No run of this tenant has this trace id."""

    code = "run_not_found"
    status = 404
    title = "There is no such run"


class InternalError(RefusedError):
    """Ours. The log line with the same request id tells more."""

    code = "internal_error"
    status = 500
    title = "Something went wrong on our side"
