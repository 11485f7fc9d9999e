"""Tokens and sessions as tests need them."""

from __future__ import annotations

from tests.fakes.access import MASTER
from tests.support.tasks import NOW_MS
from workerflow.domain.access import SESSION_IDLE_SECONDS, Scope, Session, Token
from workerflow.domain.access_keys import AccessKeys
from workerflow.domain.audit import AuditEvent

DAY_MS = 24 * 3600 * 1000
KEYS = AccessKeys.derive(MASTER)
SECRET = "s" * 43
COOKIE = "c" * 43
TOKEN_ID = "abcdefghij23"


def a_token(
    token_id: str = TOKEN_ID,
    *,
    scope: Scope = Scope.WRITE,
    tenant: str | None = None,
    now_ms: int = NOW_MS,
    revoked_at_ms: int | None = None,
) -> Token:
    """One that is live for 90 days, and whose text `text_of` tells."""
    return Token(
        token_id=token_id,
        name="ada",
        scope=scope,
        tenant=tenant,
        digest=KEYS.token_digest(token_id, SECRET),
        created_at_ms=now_ms,
        expires_at_ms=now_ms + 90 * DAY_MS,
        revoked_at_ms=revoked_at_ms,
    )


def text_of(token: Token, secret: str = SECRET) -> str:
    """What its holder shows."""
    return f"wfd_{token.token_id}_{secret}"


def an_audit(action: str = "token.created", nonce: str = "1" * 16, now_ms: int = NOW_MS) -> AuditEvent:
    """Of a token that an operator made."""
    return AuditEvent("default", now_ms, nonce, "ops", action, f"token:{TOKEN_ID}", "", {"name": "ada"})


def a_session(token_id: str = TOKEN_ID, *, now_ms: int = NOW_MS, cookie: str = COOKIE) -> Session:
    """One that began just now."""
    return Session(KEYS.session_digest(cookie), token_id, now_ms, now_ms)


def a_sign_in(nonce: str = "4" * 16, now_ms: int = NOW_MS) -> AuditEvent:
    """Of whoever began a session."""
    return AuditEvent(
        "default", now_ms, nonce, f"ada ({TOKEN_ID})", "session.created", "session:0", address="192.0.2.7"
    )


IDLE_MS = SESSION_IDLE_SECONDS * 1000
