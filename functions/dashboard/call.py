"""One request, as far as the door has looked at it: who asks, in the name of which tenant, for what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from workerflow.domain.access import Token
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A request that may be answered: the caller's token is live, of the right scope, and for this tenant.

    Attributes:
        tenant: from the query's `tenant`, else the token's own, else `default`.
        path: the values of the template's parts, by name.
        query: decoded values of the parameters that the endpoint declares, by name; those that did not come are absent.
        key: the order's idempotency key; empty for a read.
        nonce: of this answer's content security policy, for pages.
    """

    request: Request
    caller: Caller
    tenant: str
    path: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    key: str = ""
    nonce: str = ""
