"""Who the tenants are, and what each may do: the validated file that operators publish.

Without a file there is one tenant, `default`, without limits. The file only ever adds: `default` stays, and may be
given a policy like any other. A tenant that the next file no longer names is retired: nobody is let in under its name,
while its tasks that were accepted go on to their end.

    operator's file --read_tenants--> Tenants --after(published)--> Tenants --to_text--> what is published
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from workerflow.domain.identity import DEFAULT_TENANT
from workerflow.domain.json_body import MAX_BODY_BYTES

ANY_ROUTE = "*"
MAX_IN_FLIGHT = 100
"""The largest cap: a tenant's slots are read in one query of at most a few read units."""
RETIRED_KEPT_DAYS = 45
"""Longer than a task's deadline, and longer than its run is remembered by default (30 and 7 days)."""
_DAY_MS = 24 * 3600 * 1000


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
class TenantsChange:
    """What one file changes of another: ids of tenants, sorted."""

    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Tenants:
    """All tenants with their policies.

    Attributes:
        policies: of the declared tenants, `default` among them.
        retired: those that were declared once, with the time since when they are not, epoch milliseconds.
        digest: changes when anything of the above does; empty where nothing was published.
    """

    policies: Mapping[str, TenantPolicy] = field(default_factory=lambda: {DEFAULT_TENANT: UNLIMITED})
    retired: Mapping[str, int] = field(default_factory=dict)
    digest: str = ""

    @classmethod
    def of(cls, policies: Mapping[str, TenantPolicy], retired: Mapping[str, int] | None = None) -> Tenants:
        """The declared tenants; `default` is added where it is not named."""
        tenants = cls({DEFAULT_TENANT: UNLIMITED, **policies}, dict(retired or {}))
        return replace(tenants, digest=hashlib.sha256(tenants.to_text().encode()).hexdigest())

    @property
    def published(self) -> bool:
        """Whether there is a file at all."""
        return bool(self.digest)

    @property
    def names(self) -> tuple[str, ...]:
        """Every declared tenant's id, sorted: who is let in, and whose schedules fire."""
        return tuple(sorted(self.policies))

    @property
    def looked_after(self) -> tuple[str, ...]:
        """The declared and the retired, sorted: whose accepted tasks are brought to an end."""
        return tuple(sorted({*self.policies, *self.retired}))

    def policy_of(self, tenant: str) -> TenantPolicy | None:
        """A tenant's policy, or None if there is no such tenant (any more)."""
        return self.policies.get(tenant)

    def shows(self, tenant: str, source: str) -> bool:
        """Whether a tenant's policy lets it call a route; one that it may not is not there for it.

        Schedules have no callers, and of who is not declared (any more) nothing is hidden.
        """
        policy, (kind, _, name) = self.policy_of(tenant), source.partition(":")
        return kind != "route" or policy is None or policy.routes is None or name in policy.routes

    def after(self, published: Tenants, *, now_ms: int) -> Tenants:
        """These tenants, as they follow on `published`: who is no longer declared is retired, for RETIRED_KEPT_DAYS.

        The latest of what is known counts: who is declared until now retires now, whatever an old file remembers.
        """
        before: dict[str, int] = {}
        for memory in (dict.fromkeys(published.policies, now_ms), published.retired, self.retired):
            before |= {name: max(since, before.get(name, 0)) for name, since in memory.items()}
        oldest_ms = now_ms - RETIRED_KEPT_DAYS * _DAY_MS
        return Tenants.of(
            self.policies,
            {name: since for name, since in before.items() if name not in self.policies and since > oldest_ms},
        )

    def change_from(self, published: Tenants) -> TenantsChange:
        """What these change of `published`."""
        both = self.policies.keys() & published.policies.keys()
        return TenantsChange(
            added=tuple(sorted(self.policies.keys() - both)),
            removed=tuple(sorted(published.policies.keys() - both)),
            changed=tuple(sorted(name for name in both if self.policies[name] != published.policies[name])),
        )

    def to_text(self) -> str:
        """The canonical file: sorted, and nothing in it that is so by default."""
        document: dict[str, Any] = {
            "tenants": {name: _policy_document(policy) for name, policy in self.policies.items()}
        }
        if self.retired:
            document["retired"] = dict(self.retired)
        return json.dumps(document, sort_keys=True, ensure_ascii=True, separators=(",", ":"))


def _policy_document(policy: TenantPolicy) -> dict[str, Any]:
    document: dict[str, Any] = {}
    if policy.routes is not None:
        document["routes"] = list(policy.routes)
    if policy.max_body_bytes != MAX_BODY_BYTES:
        document["maxBodyBytes"] = policy.max_body_bytes
    if policy.max_in_flight is not None:
        document["maxInFlight"] = policy.max_in_flight
    if policy.rate_limits:
        document["rateLimits"] = [_limit_document(limit) for limit in policy.rate_limits]
    return document


def _limit_document(limit: RateLimit) -> dict[str, Any]:
    return {"route": limit.route, "per": limit.per, "requests": limit.requests, "seconds": limit.seconds}
