"""The order in which a request is looked at; docs/dashboard-api.md has it as a table.

    path -> method -> header syntax -> what needs no credentials is answered here
      -> a page's form: same origin
      -> credentials                         (limit of failures, then comparison; a page: its session)
      -> scope -> tenant -> names of the query's parameters
      -> a form: size, fields, its secret    -> an order: its key, size
      -> what answers: values of parameters, body, service

What is cheap and tells nothing comes first; nothing is told of runs, routes or tenants before the credentials.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Self

from functions.dashboard.call import Call, Caller
from functions.dashboard.endpoint import Endpoint
from functions.dashboard.headers import key_of, require_key, require_syntax
from functions.dashboard.query import read_fields, read_query, require_declared
from functions.dashboard.router import Router
from functions.dashboard.services import Dashboard
from workerflow.domain.dashboard_refusals import (
    ParameterInvalidError,
    ScopeInsufficientError,
    SessionMissingError,
    TenantForbiddenError,
    TenantNotFoundError,
)
from workerflow.domain.errors import InvalidIdentifierError
from workerflow.domain.identity import DEFAULT_TENANT, require_tenant
from workerflow.domain.refusals import BodyTooLargeError, KeyRequiredError, TenantMalformedError
from workerflow.ports.world import Ids
from workerflow.runtime.http import Request, Response

TENANT = "tenant"
CSRF_FIELD = "csrf"
KEY_FIELD = "key"


@dataclass(slots=True)
class CallSoFar:
    """What is known of a request, also when it is refused. At first nobody calls for nothing."""

    call: Call
    endpoint: Endpoint | None = None

    @classmethod
    def of(cls, request: Request, ids: Ids) -> Self:
        """A request that nobody has looked at, with the nonce of its answer."""
        caller = Caller.nobody(request.source_address)
        return cls(Call(request=request, caller=caller, nonce=ids.nonce() + ids.nonce()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """Who gets in.

    Attributes:
        of_token: whoever shows a live bearer token; raises the refusals of credentials.
        of_session: whose live session the cookie is; None if it is nobody's.
        require_same_origin: refuses a form that another site sent.
        require_csrf: refuses a form that does not carry its session's secret.
    """

    of_token: Callable[[Request], Caller]
    of_session: Callable[[Request], Caller | None]
    require_same_origin: Callable[[Request], None]
    require_csrf: Callable[[Caller, str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """Answers requests."""

    router: Router
    gate: Callable[[], Gate] = field(repr=False)
    dashboard: Dashboard = field(repr=False)

    def answer(self, so_far: CallSoFar) -> Response:
        """Answer one request.

        Args:
            so_far: the request as it came; is told what becomes known of it.

        Raises:
            RefusedError: the request is refused; the class tells why.
            StoreUnavailableError: unknown what became of it; an order is repeated with the same key.
        """
        request = so_far.call.request
        match = self.router.match(request.method, request.path)
        so_far.endpoint = match.endpoint
        require_syntax(request.headers)
        so_far.call = replace(so_far.call, path=match.path)
        self._look(match.endpoint, so_far)
        return match.endpoint.load()(self.dashboard, so_far.call)

    def _look(self, endpoint: Endpoint, so_far: CallSoFar) -> None:
        """Everything that is checked before what answers is asked."""
        request, is_form = so_far.call.request, endpoint.method == "POST" and not endpoint.is_api
        if is_form:
            self.gate().require_same_origin(request)
        if endpoint.scope is not None:
            so_far.call = replace(so_far.call, caller=self._caller(endpoint, request))
            _require_scope(endpoint, so_far.call.caller)
        self._read_query(endpoint, so_far)
        if is_form:
            self._read_form(endpoint, so_far)
        elif endpoint.is_write:
            so_far.call = replace(so_far.call, key=key_of(request.headers))
            _require_size(endpoint, request)

    def _caller(self, endpoint: Endpoint, request: Request) -> Caller:
        if endpoint.is_api:
            return self.gate().of_token(request)
        caller = self.gate().of_session(request)
        if caller is None:
            raise SessionMissingError("sign in, then ask again")
        return caller

    def _read_query(self, endpoint: Endpoint, so_far: CallSoFar) -> None:
        call = so_far.call
        query = read_query(call.request.query, keep_empty=endpoint.is_api)
        if endpoint.of_tenant:
            so_far.call = call = replace(call, tenant=self._tenant(call.caller, query))
        require_declared(query, (TENANT, *endpoint.query) if endpoint.of_tenant else endpoint.query)
        so_far.call = replace(call, query={name: value for name, value in query.items() if name != TENANT})

    def _tenant(self, caller: Caller, query: Mapping[str, str]) -> str:
        own = caller.token.tenant
        try:
            tenant = require_tenant(query.get(TENANT, own or DEFAULT_TENANT))
        except InvalidIdentifierError:
            raise TenantMalformedError("a tenant's id is [a-z0-9][a-z0-9-]{0,62}") from None
        if not caller.token.is_for(tenant):
            raise TenantForbiddenError(f"it is for `{own}`")
        if own is None and tenant not in self.dashboard.tenants().looked_after:
            raise TenantNotFoundError
        return tenant

    def _read_form(self, endpoint: Endpoint, so_far: CallSoFar) -> None:
        call = so_far.call
        _require_size(endpoint, call.request)
        fields = _fields(call.request.body)
        if endpoint.scope is not None:
            self.gate().require_csrf(call.caller, fields.pop(CSRF_FIELD, ""))
        key = fields.pop(KEY_FIELD, "")
        if endpoint.is_write and not key:
            raise KeyRequiredError("the form carries no key; load its page again")
        so_far.call = replace(call, form=fields, key=require_key(key) if key else "")


def _require_scope(endpoint: Endpoint, caller: Caller) -> None:
    if endpoint.scope is not None and not caller.token.scope.includes(endpoint.scope):
        raise ScopeInsufficientError(f"it takes a token with the scope `{endpoint.scope.value}`")


def _require_size(endpoint: Endpoint, request: Request) -> None:
    if len(request.body) > endpoint.max_body_bytes:
        raise BodyTooLargeError(f"at most {endpoint.max_body_bytes} bytes")


def _fields(body: bytes) -> dict[str, str]:
    if not body.isascii():
        raise ParameterInvalidError("", "a form is sent as application/x-www-form-urlencoded")
    return read_fields(body.decode("ascii"), keep_empty=True)
