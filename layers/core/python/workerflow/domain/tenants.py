"""Who the tenants are, and what each may do: the validated file that operators publish.

Without a file there is one tenant, `default`, without limits. The file only ever adds: `default` stays, and may be
given a policy like any other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from workerflow.domain.identity import DEFAULT_TENANT
from workerflow.domain.json_body import MAX_BODY_BYTES

ANY_ROUTE = "*"
MAX_IN_FLIGHT = 100
"""The largest cap: a tenant's slots are read in one query of at most a few read units."""


@dataclass(frozen=True, slots=True)
class RateLimit:
    """A bucket of `requests` that refills evenly within `seconds`.

    Attributes:
        route: the route that it is for, or ANY_ROUTE.
        per: `client` gives every source address a bucket of its own, `tenant` has one for all.
    """

    requests: int
    seconds: int
    route: str = ANY_ROUTE
    per: Literal["tenant", "client"] = "tenant"


@dataclass(frozen=True, slots=True)
class TenantPolicy:
    """What one tenant may do. The defaults limit nothing and cost nothing.

    Attributes:
        routes: names of the routes that it may call; None allows all.
        max_body_bytes: 1 to MAX_BODY_BYTES.
        max_in_flight: how many of its tasks run at once, 1 to MAX_IN_FLIGHT; None does not limit.
        rate_limits: the first one that fits a call counts.
    """

    routes: tuple[str, ...] | None = None
    max_body_bytes: int = MAX_BODY_BYTES
    max_in_flight: int | None = None
    rate_limits: tuple[RateLimit, ...] = ()


UNLIMITED = TenantPolicy()


@dataclass(frozen=True, slots=True)
class Tenants:
    """All tenants with their policies; `digest` changes when anything of them does."""

    policies: Mapping[str, TenantPolicy] = field(default_factory=lambda: {DEFAULT_TENANT: UNLIMITED})
    digest: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        """Every tenant's id, sorted."""
        return tuple(sorted(self.policies))

    def policy_of(self, tenant: str) -> TenantPolicy | None:
        """A tenant's policy, or None if there is no such tenant."""
        return self.policies.get(tenant)
