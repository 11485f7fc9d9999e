"""Sessions: how a browser gets one for a token, what it is worth, and how it ends.

    token --SignIn: the client's limit first, then the token--> session, and the cookie that names it
    cookie --ReadSession: session and token, both read strongly--> LiveSession, or None
    cookie --SignOut--> no session

A session is worth what its token is worth at that moment: each request reads both, so that a revoked token's sessions
end with it. Of the cookie only a keyed digest is kept.

Who began a session and who ended it stands in the audit trail, by the same transaction. An attempt that failed does
not: whoever tries could fill the table. Nor does a session that time ends.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from workerflow.domain.access import SESSION_SEEN_EVERY_SECONDS, Session, Token, is_session_cookie
from workerflow.domain.access_keys import AccessKeys
from workerflow.domain.audit import AuditEvent
from workerflow.domain.errors import StoreUnavailableError
from workerflow.domain.identity import DEFAULT_TENANT
from workerflow.domain.source_address import client_of
from workerflow.domain.tenants import RateLimit
from workerflow.ports.operations import AccessKeySource, SessionStore, TokenStore
from workerflow.ports.tenants import RateLimits
from workerflow.ports.world import Clock, Faults, Ids
from workerflow.services.authenticate import Authenticate, Denial

SIGN_INS = RateLimit(requests=10, seconds=300, route="sign-in", per="client")
"""Attempts of one client, good ones and bad ones. `sign-in` is no route's name, which has no hyphen."""
SESSION_CREATED = "session.created"
SESSION_ENDED = "session.ended"
NAMED_BY = 12
"""Digits of a session's digest that name it in the audit trail: they tell two sessions apart, and let nobody in."""
NOBODYS_TENANT = ""
"""The sign-ins' buckets belong to no tenant: no tenant's id is empty."""


@dataclass(frozen=True, slots=True)
class LiveSession:
    """A session that is somebody's right now.

    Attributes:
        csrf: what its forms carry.
    """

    session: Session
    token: Token
    csrf: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A new session. `cookie` is told to the browser, and kept nowhere."""

    live: LiveSession
    cookie: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class TooManySignIns:
    """The client tried too often; the token was not looked at."""

    wait_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SignIn:
    """Begins sessions."""

    authenticate: Authenticate
    limits: RateLimits
    keys: AccessKeySource
    sessions: SessionStore
    clock: Clock
    ids: Ids

    def __call__(self, text: str, *, source_address: str) -> SignedIn | TooManySignIns | Denial:
        """Exchange a token for a session.

        Args:
            text: as it was typed.
            source_address: of the browser, as the platform saw it; IPv6 addresses count by their /64.

        Raises:
            StoreUnavailableError: unknown; try again. The attempt may have been counted.
        """
        now_ms = self.clock.now_ms()
        verdict = self.limits.take(NOBODYS_TENANT, SIGN_INS, client=client_of(source_address), now_ms=now_ms)
        if not verdict.allowed:
            return TooManySignIns(verdict.wait_seconds)
        token = self.authenticate(text)
        if isinstance(token, Denial):
            return token
        keys = self.keys.read()
        return Denial.INVALID if keys is None else self._begin(token, keys, now_ms, source_address)

    def _begin(self, token: Token, keys: AccessKeys, now_ms: int, address: str) -> SignedIn:
        cookie = self.ids.secret()
        session = Session(keys.session_digest(cookie), token.token_id, now_ms, now_ms)
        live = LiveSession(session, token, keys.csrf_token(session.digest))
        self.sessions.add_session(session, _event(live, SESSION_CREATED, now_ms, self.ids.nonce(), address))
        return SignedIn(live, cookie)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sessions:
    """Whose cookies are."""

    keys: AccessKeySource
    sessions: SessionStore
    tokens: TokenStore
    clock: Clock

    def _live(self, cookie: str) -> LiveSession | None:
        if not is_session_cookie(cookie):
            return None
        known = self.keys.read()
        live = self._find(cookie, known)
        if live is None and (newer := self.keys.refresh()) != known:
            live = self._find(cookie, newer)
        return live

    def _find(self, cookie: str, keys: AccessKeys | None) -> LiveSession | None:
        if keys is None:
            return None
        now_ms = self.clock.now_ms()
        session = self.sessions.get_session(keys.session_digest(cookie))
        if session is None or not session.is_live(now_ms):
            return None
        token = self.tokens.get_token(session.token_id)
        if token is None or not token.is_live(now_ms):
            return None
        return LiveSession(session, token, keys.csrf_token(session.digest))


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadSession(_Sessions):
    """Finds out whose a cookie is."""

    faults: Faults

    def __call__(self, cookie: str) -> LiveSession | None:
        """The session that a cookie names, or None if there is none, or it or its token has ended.

        Its use is written down, at most every SESSION_SEEN_EVERY_SECONDS. That this fails ends nothing.

        Raises:
            StoreUnavailableError: unknown; ask again.
        """
        live = self._live(cookie)
        return live if live is None else self._seen(live)

    def _seen(self, live: LiveSession) -> LiveSession:
        now_ms = self.clock.now_ms()
        if now_ms - live.session.seen_at_ms < SESSION_SEEN_EVERY_SECONDS * 1000:
            return live
        session = replace(live.session, seen_at_ms=now_ms)
        try:
            self.sessions.touch_session(session)
        except StoreUnavailableError as error:
            self.faults.failure("the last use of a session was not written", error)
            return live
        return replace(live, session=session)


@dataclass(frozen=True, slots=True, kw_only=True)
class SignOut(_Sessions):
    """Ends sessions."""

    ids: Ids

    def __call__(self, cookie: str, *, source_address: str) -> None:
        """Forget the session that a cookie names; one that has ended is none to worry about.

        Args:
            cookie: as it came, whatever it is.
            source_address: of the browser, as the platform saw it.

        Raises:
            StoreUnavailableError: it may live on; ask again.
        """
        live = self._live(cookie)
        if live is not None:
            event = _event(live, SESSION_ENDED, self.clock.now_ms(), self.ids.nonce(), source_address)
            self.sessions.end_session(live.session.digest, event)


def _event(live: LiveSession, action: str, at_ms: int, nonce: str, address: str) -> AuditEvent:
    """In the trail of the token's tenant; of a token for all, in that of `default`, as the token itself."""
    return AuditEvent(
        tenant=live.token.tenant or DEFAULT_TENANT,
        at_ms=at_ms,
        nonce=nonce,
        actor=live.token.actor,
        action=action,
        target=f"session:{live.session.digest[:NAMED_BY]}",
        details={"scope": live.token.scope.value, "tenant": live.token.tenant or "all"},
        address=address,
    )
