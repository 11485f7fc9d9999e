"""One request, as far as the door has looked at it: who asks, in the name of which tenant, for what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

from workerflow.domain.access import Scope, Token
from workerflow.domain.identity import DEFAULT_TENANT
from workerflow.runtime.http import Request


@dataclass(frozen=True, slots=True)
class Caller:
    """Whoever showed a live token, or has a live session of one.

    Attributes:
        address: where the request came from, as the platform saw it.
        csrf: what this session's forms carry; empty for a call with a bearer token, which needs none.
    """

    token: Token
    address: str
    csrf: str = field(default="", repr=False)

    @classmethod
    def nobody(cls, address: str) -> Self:
        """Whoever asks for what needs no token. Its token is none: it has no id, and is not live."""
        token = Token(
            token_id="",
            name="nobody",
            scope=Scope.READ,
            tenant=None,
            digest="",
            created_at_ms=0,
            expires_at_ms=0,
        )
        return cls(token, address)

    @property
    def is_nobody(self) -> bool:
        """Whether nothing is known of the caller."""
        return not self.token.token_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A request that may be answered: the caller's token is live, of the right scope, and for this tenant.

    Attributes:
        tenant: from the query's `tenant`, else the token's own, else `default`.
        path: the values of the template's parts, by name.
        query: decoded values of the parameters that the endpoint declares, by name; those that did not come are absent.
        form: decoded fields of a page's form, by name, without `csrf` and `key`; empty for anything else.
        key: the order's idempotency key; empty for a read.
        nonce: of this answer's content security policy, for pages.
    """

    request: Request
    caller: Caller
    tenant: str = DEFAULT_TENANT
    path: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    form: Mapping[str, str] = field(default_factory=dict)
    key: str = ""
    nonce: str = ""
