"""Make a token. The dashboard itself makes none: who got in once could let himself in for ever.

order --> the token's text, told once; its keyed digest, with an audit row in the same transaction
"""

from __future__ import annotations

import base64
from dataclasses import dataclass, field

from workerflow.domain.access import MAX_TOKEN_DAYS, PresentedToken, Scope, Token, is_token_name
from workerflow.domain.access_keys import AccessKeys
from workerflow.domain.audit import AuditEvent
from workerflow.domain.errors import IntegrityError, InvalidIdentifierError
from workerflow.domain.identity import DEFAULT_TENANT, require_tenant
from workerflow.domain.timestamp import timestamp
from workerflow.ports.operations import TokenStore
from workerflow.ports.stores import Conflict
from workerflow.ports.world import Clock, Ids

_DAY_MS = 24 * 3600 * 1000
_ID_CHARACTERS = 12


@dataclass(frozen=True, slots=True)
class TokenOrder:
    """What an operator asks for.

    Attributes:
        name: of whoever will hold the token; audit rows tell it.
        tenant: None for all.
        days: until it expires, 1 to MAX_TOKEN_DAYS.
        actor: who asks; never any part of a secret.
    """

    name: str
    scope: Scope
    tenant: str | None
    days: int
    actor: str


@dataclass(frozen=True, slots=True)
class IssuedToken:
    """A new token. `text` is kept nowhere: whoever loses it needs another one."""

    token: Token
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class NotIssued:
    """The order says what cannot be. Nothing was written; `faults` names all of it."""

    faults: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class IssueToken:
    """Makes tokens."""

    tokens: TokenStore
    keys: AccessKeys
    clock: Clock
    ids: Ids

    def __call__(self, order: TokenOrder) -> IssuedToken | NotIssued:
        """Make a token.

        Raises:
            StoreUnavailableError: unknown whether it was made; what was told nobody is worth nothing. Make another.
        """
        faults = tuple(_faults(order))
        if faults:
            return NotIssued(faults)
        shown = PresentedToken(_id_of(self.ids.nonce()), self.ids.secret())
        token = self._token(order, shown)
        if isinstance(self.tokens.add_token(token, self._audit(token, order.actor)), Conflict):
            raise IntegrityError(f"there is a token {token.token_id} already")
        return IssuedToken(token, f"wfd_{shown.token_id}_{shown.secret}")

    def _token(self, order: TokenOrder, shown: PresentedToken) -> Token:
        now_ms = self.clock.now_ms()
        return Token(
            token_id=shown.token_id,
            name=order.name,
            scope=order.scope,
            tenant=order.tenant,
            digest=self.keys.token_digest(shown.token_id, shown.secret),
            created_at_ms=now_ms,
            expires_at_ms=now_ms + order.days * _DAY_MS,
        )

    def _audit(self, token: Token, actor: str) -> AuditEvent:
        details = {"name": token.name, "scope": token.scope.value, "expires": timestamp(token.expires_at_ms)}
        return token_event(token, self.ids.nonce(), token.created_at_ms, actor=actor, action="token.created", **details)


def token_event(token: Token, nonce: str, at_ms: int, *, actor: str, action: str, **details: str) -> AuditEvent:
    """Whoever may read the token's tenant may read of the token; of one for all, whoever may read `default`."""
    return AuditEvent(
        tenant=token.tenant or DEFAULT_TENANT,
        at_ms=at_ms,
        nonce=nonce,
        actor=actor,
        action=action,
        target=f"token:{token.token_id}",
        details={"tenant": token.tenant or "all"} | details,
    )


def _faults(order: TokenOrder) -> list[str]:
    faults = []
    if not is_token_name(order.name):
        faults.append(f"the name {order.name!r:.80} is not 1 to 63 lower-case letters, digits, spaces or `._@+-`")
    if not 1 <= order.days <= MAX_TOKEN_DAYS:
        faults.append(f"{order.days} is not from 1 to {MAX_TOKEN_DAYS} days")
    try:
        require_tenant(order.tenant or DEFAULT_TENANT)
    except InvalidIdentifierError as error:
        faults.append(str(error))
    return faults


def _id_of(nonce: str) -> str:
    return base64.b32encode(bytes.fromhex(nonce)).decode("ascii").rstrip("=").lower()[-_ID_CHARACTERS:]
