"""Token and Session <-> items of `operations`."""

from __future__ import annotations

from workerflow.adapters.dynamodb.attributes import Item, reading
from workerflow.domain.access import SESSION_SECONDS, Scope, Session, Token

TOKENS = "#tokens"
"""Where all tokens stand: one query lists them. No tenant's id begins with `#`."""
KEPT_SECONDS = 90 * 24 * 3600
"""How long a token is told of after it has expired."""
_SESSIONS = "#session#"


def token_key(token_id: str) -> Item:
    """Where a token stands."""
    return {"pk": TOKENS, "sk": token_id}


def token_to_item(token: Token, nonce: str) -> Item:
    """The whole token. `nonce`: of the write."""
    return {
        **token_key(token.token_id),
        "name": token.name,
        "scope": token.scope.value,
        "tenant": token.tenant,
        "digest": bytes.fromhex(token.digest),
        "created_ms": token.created_at_ms,
        "expires_ms": token.expires_at_ms,
        "revoked_ms": token.revoked_at_ms,
        "nonce": nonce,
        "expires_at": token.expires_at_ms // 1000 + KEPT_SECONDS,
    }


def token_from_item(item: Item) -> Token:
    """Read what `token_to_item` wrote. Raises IntegrityError for anything else."""
    with reading("token", item):
        return Token(
            token_id=item["sk"],
            name=item["name"],
            scope=Scope(item["scope"]),
            tenant=item.get("tenant"),
            digest=item["digest"].hex(),
            created_at_ms=item["created_ms"],
            expires_at_ms=item["expires_ms"],
            revoked_at_ms=item.get("revoked_ms"),
        )


def session_key(digest: str) -> Item:
    """Where a session stands: in a partition of its own, as each request reads it."""
    return {"pk": f"{_SESSIONS}{digest}", "sk": "-"}


def session_to_item(session: Session) -> Item:
    """The whole session."""
    return {
        **session_key(session.digest),
        "token_id": session.token_id,
        "created_ms": session.created_at_ms,
        "seen_ms": session.seen_at_ms,
        "expires_at": session.created_at_ms // 1000 + SESSION_SECONDS,
    }


def session_from_item(item: Item) -> Session:
    """Read what `session_to_item` wrote. Raises IntegrityError for anything else."""
    with reading("session", item):
        return Session(
            digest=item["pk"].removeprefix(_SESSIONS),
            token_id=item["token_id"],
            created_at_ms=item["created_ms"],
            seen_at_ms=item["seen_ms"],
        )
