"""Which refusals each operation can answer: what the OpenAPI document says, and every answered call in tests proves.

    every operation            the event; our own faults
    + what needs credentials   header syntax, tenant, size, query, credentials, their store
      + a call                 route, key, rate, enablement, JSON; the route's own: proof, schema
        + a sync call          what became of the task
      + a run                  whether it exists

A method that a path does not take is no operation at all: MethodNotAllowedError stands with none of them.
"""

from __future__ import annotations

from workerflow.domain import credential_refusals, refusals, task_refusals
from workerflow.domain.credential_refusals import UnauthorizedError
from workerflow.domain.refusal_catalogue import all_refusals
from workerflow.domain.refusals import BodyRefusedError, RefusedError
from workerflow.domain.route import Route
from workerflow.domain.senders import SENDERS, Sender

type Kinds = frozenset[type[RefusedError]]


def _below(base: type[RefusedError]) -> Kinds:
    return frozenset(kind for kind in all_refusals() if issubclass(kind, base))


def _of_sender(sender: Sender) -> Kinds:
    by_body: Kinds = frozenset() if sender.id_field is None else frozenset({refusals.EventIdMalformedError})
    return by_body | {credential_refusals.SenderRequiredError}


ANY_OPERATION: Kinds = frozenset({refusals.RequestMalformedError, refusals.InternalError})
WITH_CREDENTIALS: Kinds = (
    ANY_OPERATION
    | _below(UnauthorizedError)
    | {
        refusals.HeaderRepeatedError,
        refusals.HeaderMalformedError,
        credential_refusals.SignatureAmbiguousError,
        refusals.KeyMalformedError,
        refusals.TenantMalformedError,
        refusals.BodyTooLargeError,
        refusals.QueryNotAllowedError,
        credential_refusals.TooManyFailuresError,
        refusals.OutcomeUnknownError,
    }
)
RUN: Kinds = WITH_CREDENTIALS | {refusals.PathNotFoundError, refusals.RunNotFoundError}
_CALL: Kinds = (
    WITH_CREDENTIALS
    | _below(BodyRefusedError)
    | {
        refusals.RouteNotFoundError,
        credential_refusals.SenderNotTakenError,
        refusals.RateLimitedError,
        refusals.RouteDisabledError,
    }
)
_WITH_OWN_KEY: Kinds = frozenset({refusals.KeyRequiredError, refusals.KeyReusedError})
_TENANT_IN_PATH: Kinds = frozenset({refusals.PathNotFoundError, refusals.TenantAmbiguousError})
_SYNC: Kinds = frozenset(
    {
        refusals.RoutePausedError,
        task_refusals.InFlightError,
        task_refusals.TenantBusyError,
        task_refusals.SyncTimeoutError,
        task_refusals.TryAgainError,
        task_refusals.PayloadRejectedError,
        task_refusals.TaskFailedError,
        task_refusals.TaskEndedError,
    }
)
_BY_AUTHENTICATION: dict[str, Kinds] = {
    "any": _WITH_OWN_KEY,
    "token": _WITH_OWN_KEY | {credential_refusals.TokenRequiredError},
    "signature": _WITH_OWN_KEY | {credential_refusals.SignatureRequiredError},
} | {sender.name: _of_sender(sender) for sender in SENDERS.values()}


def refusals_of_call(route: Route, *, tenant_in_path: bool) -> Kinds:
    """What a call of `route` can be refused with, the route being as it is declared now."""
    kinds = _CALL | _BY_AUTHENTICATION[route.authentication]
    if tenant_in_path:
        kinds |= _TENANT_IN_PATH
    if route.schema is not None:
        kinds |= {refusals.PayloadInvalidError}
    return kinds | _SYNC if route.mode == "sync" else kinds
