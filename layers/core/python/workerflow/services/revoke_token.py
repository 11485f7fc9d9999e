"""Revoke a token: it is worth nothing from the next request on, nor are the sessions that began with it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from workerflow.domain.access import Token
from workerflow.ports.operations import TokenStore
from workerflow.ports.stores import Conflict
from workerflow.ports.world import Clock, Ids
from workerflow.services.issue_token import token_event


@dataclass(frozen=True, slots=True)
class Revoked:
    """The token is worth nothing any more. `newly`: False if it was revoked before; nothing was written then."""

    token: Token
    newly: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RevokeToken:
    """Revokes tokens."""

    tokens: TokenStore
    clock: Clock
    ids: Ids

    def __call__(self, token_id: str, *, actor: str) -> Revoked | None:
        """Revoke a token, whether it has expired or not. None: there is no such token.

        Raises:
            StoreUnavailableError: unknown whether it was revoked; once more tells.
        """
        token = self.tokens.get_token(token_id)
        if token is None:
            return None
        revoked = replace(token, revoked_at_ms=self.clock.now_ms())
        event = token_event(
            token, self.ids.nonce(), self.clock.now_ms(), actor=actor, action="token.revoked", name=token.name
        )
        answer = self.tokens.revoke_token(revoked, event)
        if not isinstance(answer, Conflict):
            return Revoked(revoked, newly=True)
        return None if answer.current is None else Revoked(answer.current, newly=False)
