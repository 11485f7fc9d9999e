"""TokenStore and SessionStore on DynamoDB."""

from __future__ import annotations

from collections.abc import Sequence

from workerflow.adapters.dynamodb import conditions
from workerflow.adapters.dynamodb.audited import AuditTrail
from workerflow.adapters.dynamodb.database import Database, Refused
from workerflow.adapters.dynamodb.items import access as codec
from workerflow.adapters.dynamodb.requests import Change, Delete, Put, Query
from workerflow.domain.access import Session, Token
from workerflow.domain.audit import AuditEvent
from workerflow.ports.stores import Conflict, Written


class DynamoTokens:
    """Tokens in `operations`; who made or revoked one stands in `audit_events`, by the same transaction.

    `audit` is None where a function only reads: it is then not even told the table's name.
    """

    def __init__(self, database: Database, *, operations: str, audit: str | None = None) -> None:
        self._database = database
        self._operations = operations
        self._trail = AuditTrail(audit)

    def get_token(self, token_id: str) -> Token | None:
        item = self._database.get(self._operations, codec.token_key(token_id))
        return None if item is None else codec.token_from_item(item)

    def list_tokens(self) -> Sequence[Token]:
        items = self._database.query(Query(self._operations, ("pk", codec.TOKENS)))
        return [codec.token_from_item(item) for item in items]

    def add_token(self, token: Token, audit: AuditEvent) -> Written | Conflict[Token]:
        item = codec.token_to_item(token, audit.nonce)
        return self._write(Put(self._operations, item, conditions.NOT_THERE), audit)

    def revoke_token(self, token: Token, audit: AuditEvent) -> Written | Conflict[Token]:
        sets = {"revoked_ms": token.revoked_at_ms, "nonce": audit.nonce}
        key = codec.token_key(token.token_id)
        return self._write(Change(self._operations, key, sets=sets, condition=conditions.NOT_REVOKED), audit)

    def _write(self, write: Put | Change, audit: AuditEvent) -> Written | Conflict[Token]:
        refusals = self._trail.write(self._database, [write], audit)
        return Written() if refusals is None else _answer(refusals[0], audit.nonce)


def _answer(refused: Refused | None, nonce: str) -> Written | Conflict[Token]:
    """A condition did not hold: because of our own write, whose answer was lost, or of another's."""
    if refused is None or refused.old is None:
        return Conflict(None)
    return Written() if refused.old.get("nonce") == nonce else Conflict(codec.token_from_item(refused.old))


class DynamoSessions:
    """Sessions in `operations`; who began or ended one stands in `audit_events`, by the same transaction."""

    def __init__(self, database: Database, *, operations: str, audit: str) -> None:
        self._database = database
        self._operations = operations
        self._trail = AuditTrail(audit)

    def get_session(self, digest: str) -> Session | None:
        item = self._database.get(self._operations, codec.session_key(digest))
        return None if item is None else codec.session_from_item(item)

    def add_session(self, session: Session, audit: AuditEvent) -> None:
        self._trail.write(self._database, [Put(self._operations, codec.session_to_item(session))], audit)

    def touch_session(self, session: Session) -> None:
        seen = {"seen_ms": session.seen_at_ms}
        key = codec.session_key(session.digest)
        self._database.update(Change(self._operations, key, sets=seen, condition=conditions.STILL_THERE))

    def end_session(self, digest: str, audit: AuditEvent) -> None:
        gone = Delete(self._operations, codec.session_key(digest), conditions.STILL_THERE)
        self._trail.write(self._database, [gone], audit)
