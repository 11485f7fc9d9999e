"""Who calls the API: a live token in the header Authorization, and nothing else.

failures of this client --> the header --> the token --> Caller

Cookies are not looked at: a browser sends them by itself, whoever makes it call. So the API needs no protection of
forms.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from functions.dashboard.call import Caller
from functions.dashboard.headers import AUTHORIZATION
from workerflow.domain.access import Token
from workerflow.domain.credential_refusals import TokenMalformedError, TooManyFailuresError
from workerflow.domain.dashboard_refusals import TokenInvalidError, TokenMissingError
from workerflow.domain.failure_limit import FailureLimit
from workerflow.domain.source_address import client_of
from workerflow.ports.world import Clock
from workerflow.runtime.http import Request
from workerflow.services.authenticate import Authenticate, Denial

# Source: RFC 6750 section 2.1 (b64token); RFC 9110 section 11.1: the scheme is case-insensitive.
_BEARER = re.compile(r"(?i:bearer) +([A-Za-z0-9._~+/-]+=*)\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthenticateCall:
    """Decides about calls of the API. One for each process: the limit of failures is its memory."""

    authenticate: Authenticate
    limit: FailureLimit
    clock: Clock

    def __call__(self, request: Request) -> Caller:
        """Find out who calls.

        Args:
            request: whose headers were checked for their syntax.

        Raises:
            TooManyFailuresError: the client behind the address failed too often; nothing was compared.
            TokenMissingError, TokenMalformedError, TokenInvalidError: 401.
            StoreUnavailableError: unknown; ask again.
        """
        client, now_ms = client_of(request.source_address), self.clock.now_ms()
        if wait_seconds := self.limit.wait_seconds(client, now_ms):
            raise TooManyFailuresError(wait_seconds)
        outcome = self.authenticate(_bearer(request))
        if outcome is Denial.INVALID:
            self.limit.record_failure(client, now_ms)
        return Caller(token_or_refuse(outcome), request.source_address)


def token_or_refuse(outcome: Token | Denial) -> Token:
    """The token, or why there is none as a refusal."""
    match outcome:
        case Denial.MALFORMED:
            raise TokenMalformedError("a token is `wfd_`, 12 characters, `_`, 43 characters")
        case Denial.INVALID:
            raise TokenInvalidError("it is unknown, expired or revoked")
        case _:
            return outcome


def _bearer(request: Request) -> str:
    value = request.headers.get(AUTHORIZATION)
    if value is None:
        raise TokenMissingError("send `Authorization: Bearer <token>`")
    bearer = _BEARER.match(value)
    if bearer is None:
        raise TokenMalformedError("send `Authorization: Bearer <token>`")
    return bearer[1]
