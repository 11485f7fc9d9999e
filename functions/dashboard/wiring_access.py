"""Who gets in: tokens of programs, sessions of browsers, and the keys behind both."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from functions.dashboard.authentication import AuthenticateCall
from functions.dashboard.call import Caller
from functions.dashboard.cursors import Cursors
from functions.dashboard.door import Gate
from functions.dashboard.wiring_stores import Stores
from workerflow.adapters.access_keys import SecretAccessKeys
from workerflow.adapters.dynamodb.access import DynamoSessions, DynamoTokens
from workerflow.adapters.secrets import SecretTexts
from workerflow.domain.failure_limit import FailureLimit
from workerflow.runtime.http import Request
from workerflow.services.authenticate import Authenticate

if TYPE_CHECKING:
    from functions.dashboard.sessions import Sessions


class Access(Stores):
    """What each request needs is imported at once; what begins, finds and ends sessions, when a page is asked for."""

    @cached_property
    def keys(self) -> SecretAccessKeys:
        texts = SecretTexts(self.clients.secrets, self.clock)
        return SecretAccessKeys(texts, prefix=self.settings.secret_prefix, faults=self.telemetry)

    @cached_property
    def tokens(self) -> DynamoTokens:
        return DynamoTokens(self.database, operations=self.settings.operations)

    @cached_property
    def cursors(self) -> Cursors:
        return Cursors(self.keys)

    @cached_property
    def authenticate(self) -> Authenticate:
        return Authenticate(keys=self.keys, tokens=self.tokens, clock=self.clock)

    @cached_property
    def gate(self) -> Gate:
        of_token = AuthenticateCall(authenticate=self.authenticate, limit=FailureLimit(), clock=self.clock)
        return Gate(
            of_token=of_token,
            of_session=self._of_session,
            require_same_origin=self._require_same_origin,
            require_csrf=_require_csrf,
        )

    @cached_property
    def sessions(self) -> Sessions:
        from functions.dashboard.sessions import Sessions  # noqa: PLC0415
        from workerflow.adapters.dynamodb.rate_limits import DynamoRateLimits  # noqa: PLC0415
        from workerflow.services.sign_in import ReadSession, SignIn, SignOut  # noqa: PLC0415

        kept = DynamoSessions(self.database, operations=self.settings.operations, audit=self.settings.audit_events)
        sign_in = SignIn(
            authenticate=self.authenticate,
            limits=DynamoRateLimits(self.database, self.settings.rate_limits, self.ids),
            keys=self.keys,
            sessions=kept,
            clock=self.clock,
            ids=self.ids,
        )
        read_session = ReadSession(
            keys=self.keys, sessions=kept, tokens=self.tokens, clock=self.clock, faults=self.telemetry
        )
        sign_out = SignOut(keys=self.keys, sessions=kept, tokens=self.tokens, clock=self.clock, ids=self.ids)
        return Sessions(sign_in=sign_in, read_session=read_session, sign_out=sign_out, environment=self.environment)

    def _of_session(self, request: Request) -> Caller | None:
        return self.sessions.caller_of(request)

    def _require_same_origin(self, request: Request) -> None:
        from functions.dashboard.csrf import require_same_origin  # noqa: PLC0415

        require_same_origin(request, self.environment)


def _require_csrf(caller: Caller, shown: str) -> None:
    from functions.dashboard.csrf import require_csrf  # noqa: PLC0415

    require_csrf(shown, caller)
