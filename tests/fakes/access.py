"""Tokens, sessions and their keys in memory. The stores pass the same contract tests as the DynamoDB adapters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from operator import attrgetter

from tests.fakes.memory import Memory
from workerflow.domain.access import Session, Token
from workerflow.domain.access_keys import AccessKeys
from workerflow.domain.audit import AuditEvent
from workerflow.ports.stores import Conflict, Written

MASTER = bytes(range(32))


class FakeTokens:
    """TokenStore."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    def get_token(self, token_id: str) -> Token | None:
        with self._memory.call("tokens.get_token"):
            return self._memory.tokens.get(token_id)

    def list_tokens(self) -> Sequence[Token]:
        with self._memory.call("tokens.list_tokens"):
            return sorted(self._memory.tokens.values(), key=attrgetter("token_id"))

    def add_token(self, token: Token, audit: AuditEvent) -> Written | Conflict[Token]:
        with self._memory.call("tokens.add_token"):
            standing = self._memory.tokens.get(token.token_id)
            return self._answer(standing, audit) if standing is not None else self._write(token, audit)

    def revoke_token(self, token: Token, audit: AuditEvent) -> Written | Conflict[Token]:
        with self._memory.call("tokens.revoke_token"):
            standing = self._memory.tokens.get(token.token_id)
            if standing is None or standing.revoked_at_ms is not None:
                return self._answer(standing, audit)
            return self._write(replace(standing, revoked_at_ms=token.revoked_at_ms), audit)

    def _write(self, token: Token, audit: AuditEvent) -> Written:
        self._memory.tokens[token.token_id] = token
        self._memory.token_nonces[token.token_id] = audit.nonce
        self._memory.tell(audit)
        return Written()

    def _answer(self, standing: Token | None, audit: AuditEvent) -> Written | Conflict[Token]:
        if standing is not None and self._memory.token_nonces[standing.token_id] == audit.nonce:
            return Written()
        return Conflict(standing)


class FakeSessions:
    """SessionStore."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    def get_session(self, digest: str) -> Session | None:
        with self._memory.call("sessions.get_session"):
            return self._memory.sessions.get(digest)

    def add_session(self, session: Session, audit: AuditEvent) -> None:
        with self._memory.call("sessions.add_session"):
            self._memory.sessions[session.digest] = session
            self._memory.tell(audit)

    def touch_session(self, session: Session) -> None:
        with self._memory.call("sessions.touch_session"):
            standing = self._memory.sessions.get(session.digest)
            if standing is not None:
                self._memory.sessions[session.digest] = replace(standing, seen_at_ms=session.seen_at_ms)

    def end_session(self, digest: str, audit: AuditEvent) -> None:
        with self._memory.call("sessions.end_session"):
            if self._memory.sessions.pop(digest, None) is not None:
                self._memory.tell(audit)


@dataclass(slots=True)
class FakeAccessKeys:
    """AccessKeySource: `kept` is what a read brings, `newer` what a look for newer keys brings, if it is set."""

    kept: AccessKeys | None = field(default_factory=lambda: AccessKeys.derive(MASTER))
    newer: AccessKeys | None = None

    def read(self) -> AccessKeys | None:
        return self.kept

    def refresh(self) -> AccessKeys | None:
        self.kept = self.newer or self.kept
        return self.kept
