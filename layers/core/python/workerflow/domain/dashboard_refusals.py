"""Requests to the dashboard that are refused. Part of the tree in refusals; docs/dashboard-api.md lists them.

RefusedError
|-- CredentialsRefusedError   401: no live token, no live session
|-- ...                       403: a live one, and not for this
|-- ParameterInvalidError ... 400: what the request says
|-- ...NotFoundError          404: nothing of this name that the caller may see
`-- OrderRefusedError         409: what is to be done cannot be done as things stand
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from workerflow.domain.credential_refusals import UnauthorizedError
from workerflow.domain.refusals import RefusedError

MAX_NAME_CHARACTERS = 32
"""Of a name from outside that an answer repeats; a longer one may be a secret that somebody put in the wrong place."""


def repeated_name(name: str) -> str:
    """A name from outside as an answer repeats it: printable ASCII, and only its beginning where it is too long."""
    shown = ascii(name)[1:-1]
    return shown if len(shown) <= MAX_NAME_CHARACTERS else f"{shown[:8]}..."


# Who asks ------------------------------------------------------------------------------------------------------------


class TokenMissingError(UnauthorizedError):
    """No Authorization header at all."""

    code = "token_missing"
    title = "The request carries no token"


class TokenInvalidError(UnauthorizedError):
    """A token that is unknown, expired, revoked, or whose secret is another: all of them alike."""

    code = "token_invalid"
    title = "The token is not valid"


class SessionMissingError(RefusedError):
    """A page is asked for without a live session, by what cannot be led to the sign-in."""

    code = "session_missing"
    status = 401
    title = "You are not signed in"


class TooManySignInsError(RefusedError):
    """The client behind the address tried to sign in too often; the token was not looked at."""

    code = "too_many_sign_ins"
    status = 429
    title = "Too many attempts to sign in"
    retryable = True

    def __init__(self, retry_after_seconds: int) -> None:
        super().__init__("wait, then sign in again", headers={"retry-after": str(retry_after_seconds)})


class OriginForeignError(RefusedError):
    """A form that no page of ours sent."""

    code = "origin_foreign"
    status = 403
    title = "The form comes from another site"


class FormExpiredError(RefusedError):
    """A form that was made for another session, or for one that has ended."""

    code = "form_expired"
    status = 403
    title = "The form is not of this session"


class ScopeInsufficientError(RefusedError):
    """A token that may only read, on an endpoint that changes something."""

    code = "scope_insufficient"
    status = 403
    title = "The token does not allow this"


class TenantForbiddenError(RefusedError):
    """A token of one tenant asks for another, whether there is such a one or not."""

    code = "tenant_forbidden"
    status = 403
    title = "The token is for another tenant"


# What the request says ------------------------------------------------------------------------------------------------


class ParameterInvalidError(RefusedError):
    """A parameter of the query that is unknown, repeated, or not what it must be. `parameter` names it."""

    code = "parameter_invalid"
    status = 400
    title = "A parameter is invalid"

    def __init__(self, parameter: str, rule: str) -> None:
        """Refuse the parameter of this name; `rule` says what it must be."""
        name = repeated_name(parameter)
        super().__init__(f"`{name}` {rule}" if name else rule, members={"parameter": name})


class CursorInvalidError(RefusedError):
    """A cursor that we did not make, or for another list, tenant or filter."""

    code = "cursor_invalid"
    status = 400
    title = "The cursor is not one of this list's"


class BodyInvalidError(RefusedError):
    """JSON, but not the order that the endpoint takes."""

    code = "body_invalid"
    status = 400
    title = "The body is not what this endpoint takes"

    def __init__(self, faults: Sequence[Mapping[str, str]]) -> None:
        """Refuse with `errors`: a JSON pointer and a message each."""
        super().__init__(members={"errors": [dict(one) for one in faults]})


class OperationKeyReusedError(RefusedError):
    """The token used the key before, for another order."""

    code = "operation_key_reused"
    status = 422
    title = "The Idempotency-Key was used for another order"


# Nothing of this name -------------------------------------------------------------------------------------------------


class TenantNotFoundError(RefusedError):
    """A token for all tenants asks for one that is not declared."""

    code = "tenant_not_found"
    status = 404
    title = "There is no such tenant"


class LetterNotFoundError(RefusedError):
    """The tenant has no dead letter of this run."""

    code = "letter_not_found"
    status = 404
    title = "There is no such dead letter"


class ScheduleNotFoundError(RefusedError):
    """The tenant has no such schedule."""

    code = "schedule_not_found"
    status = 404
    title = "There is no such schedule"


class BulkJobNotFoundError(RefusedError):
    """The tenant has no such bulk job."""

    code = "bulk_job_not_found"
    status = 404
    title = "There is no such bulk job"


class PayloadNotFoundError(RefusedError):
    """The run's payload is not kept any more, or cannot be read."""

    code = "payload_not_found"
    status = 404
    title = "The run's payload is not kept"


class OutputNotFoundError(RefusedError):
    """The run has no output, or it is not kept any more."""

    code = "output_not_found"
    status = 404
    title = "The run has no output"


# What cannot be done as things stand ----------------------------------------------------------------------------------


class OrderRefusedError(RefusedError):
    """Base of orders that were understood, and cannot be carried out now."""

    status = 409


class NotEndedError(OrderRefusedError):
    """Only what has ended is replayed."""

    code = "not_ended"
    title = "The run has not ended"


class PayloadGoneError(OrderRefusedError):
    """Nothing is left to replay."""

    code = "payload_gone"
    title = "The run's payload is no longer kept"


class SourceDisabledError(OrderRefusedError):
    """The route or schedule is disabled, or was removed."""

    code = "disabled"
    title = "The route or schedule is disabled"


class TooManyGenerationsError(OrderRefusedError):
    """The root was replayed as often as it may be."""

    code = "too_many_generations"
    title = "The task was replayed too often"


class NotCancellableError(OrderRefusedError):
    """The run has ended."""

    code = "not_cancellable"
    title = "The run cannot be cancelled"


class NotWaitingError(OrderRefusedError):
    """The run is not waiting for its next attempt."""

    code = "not_waiting"
    title = "The run is not waiting"


class RunPausedError(OrderRefusedError):
    """The run waits for its route or schedule to be resumed."""

    code = "paused"
    title = "The run's route or schedule is paused"


class RunCappedError(OrderRefusedError):
    """The run waits for another of the tenant's tasks in flight to end."""

    code = "capped"
    title = "The tenant has too many tasks in flight"


class WaitsForCallerError(OrderRefusedError):
    """A sync task is tried again when its caller repeats the call."""

    code = "waits_for_caller"
    title = "The run waits for its caller"


class DeadlinePassedError(OrderRefusedError):
    """No attempt may begin any more."""

    code = "deadline_passed"
    title = "The run's deadline has passed"


class NotOpenError(OrderRefusedError):
    """The letter was replayed or resolved."""

    code = "not_open"
    title = "The dead letter is not open"


class NotStartableError(OrderRefusedError):
    """Only a bulk job that was counted, and not started yet, is started."""

    code = "not_startable"
    title = "The bulk job cannot be started"


class NotAbortableError(OrderRefusedError):
    """The bulk job has ended."""

    code = "not_abortable"
    title = "The bulk job has ended"
