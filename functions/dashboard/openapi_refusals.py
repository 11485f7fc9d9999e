"""Which refusals each operation can answer: what the OpenAPI document says, and every answer in tests proves.

    every operation           the event; header syntax; the query; our own faults
    + a name in its path      the path's one spelling
    + what needs a token      credentials, the stores
      + of a tenant           the tenant
      + a page of a list      its cursor
      + an order              scope, key, body; what the order comes to
    + its own                 what there is not, what cannot be done as things stand

A method that a path does not take is no operation at all: MethodNotAllowedError stands with none of them.
"""

from __future__ import annotations

from collections.abc import Mapping

from functions.dashboard.endpoint import Endpoint
from workerflow.domain import credential_refusals, dashboard_refusals, refusals
from workerflow.domain.refusal_catalogue import all_refusals
from workerflow.domain.refusals import BodyRefusedError, RefusedError

type Kinds = frozenset[type[RefusedError]]

EVERY: Kinds = frozenset(
    {
        refusals.RequestMalformedError,
        refusals.HeaderRepeatedError,
        refusals.HeaderMalformedError,
        dashboard_refusals.ParameterInvalidError,
        refusals.InternalError,
    }
)
WITH_TOKEN: Kinds = frozenset(
    {
        credential_refusals.TooManyFailuresError,
        dashboard_refusals.TokenMissingError,
        credential_refusals.TokenMalformedError,
        dashboard_refusals.TokenInvalidError,
        refusals.OutcomeUnknownError,
    }
)
OF_TENANT: Kinds = frozenset(
    {
        refusals.TenantMalformedError,
        dashboard_refusals.TenantForbiddenError,
        dashboard_refusals.TenantNotFoundError,
    }
)
BODIES: Kinds = frozenset(kind for kind in all_refusals() if issubclass(kind, BodyRefusedError))
ORDER: Kinds = (
    frozenset(
        {
            dashboard_refusals.ScopeInsufficientError,
            refusals.KeyRequiredError,
            refusals.KeyMalformedError,
            refusals.BodyTooLargeError,
            dashboard_refusals.BodyInvalidError,
            dashboard_refusals.OperationKeyReusedError,
        }
    )
    | BODIES
)
_NO_RUN = refusals.RunNotFoundError
OWN: Mapping[str, Kinds] = {
    "readRun": frozenset({_NO_RUN}),
    "readPayload": frozenset({_NO_RUN, dashboard_refusals.PayloadNotFoundError}),
    "readOutput": frozenset({_NO_RUN, dashboard_refusals.OutputNotFoundError}),
    "readLineage": frozenset({_NO_RUN}),
    "readBulkJob": frozenset({dashboard_refusals.BulkJobNotFoundError}),
    "replayRun": frozenset(
        {
            _NO_RUN,
            dashboard_refusals.NotEndedError,
            dashboard_refusals.PayloadGoneError,
            dashboard_refusals.SourceDisabledError,
            dashboard_refusals.TooManyGenerationsError,
            refusals.PayloadInvalidError,
        }
    ),
    "cancelRun": frozenset({_NO_RUN, dashboard_refusals.NotCancellableError}),
    "retryRun": frozenset(
        {
            _NO_RUN,
            dashboard_refusals.NotWaitingError,
            dashboard_refusals.RunPausedError,
            dashboard_refusals.RunCappedError,
            dashboard_refusals.WaitsForCallerError,
            dashboard_refusals.DeadlinePassedError,
        }
    ),
    "resolveLetter": frozenset({dashboard_refusals.LetterNotFoundError, dashboard_refusals.NotOpenError}),
    "startBulkJob": frozenset({dashboard_refusals.BulkJobNotFoundError, dashboard_refusals.NotStartableError}),
    "abortBulkJob": frozenset({dashboard_refusals.BulkJobNotFoundError, dashboard_refusals.NotAbortableError}),
    "runSchedule": frozenset({dashboard_refusals.ScheduleNotFoundError, dashboard_refusals.SourceDisabledError}),
    "switchRoute": frozenset({refusals.RouteNotFoundError}),
    "switchSchedule": frozenset({dashboard_refusals.ScheduleNotFoundError}),
}
NO_OPERATION: Kinds = frozenset({refusals.PathNotFoundError, refusals.MethodNotAllowedError})
"""What is answered to a request that is none of the operations."""


def refusals_of(endpoint: Endpoint) -> Kinds:
    """What a request for an endpoint of the API can be refused with."""
    kinds = EVERY | OWN.get(endpoint.name, frozenset())
    if "{" in endpoint.template:
        kinds |= {refusals.PathNotFoundError}
    if endpoint.scope is not None:
        kinds |= WITH_TOKEN
    if endpoint.of_tenant:
        kinds |= OF_TENANT
    if "cursor" in endpoint.query:
        kinds |= {dashboard_refusals.CursorInvalidError}
    return kinds | ORDER if endpoint.is_write else kinds
