"""The snapshot: what a tenant's configuration was on a day, kept as an object, and what differs from the one before."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from workerflow.domain.enablement import Switch
from workerflow.domain.manifest import Manifest
from workerflow.domain.objects import snapshot_pointer, snapshot_prefix
from workerflow.domain.schedule_cursor import ScheduleCursor
from workerflow.domain.tenants import TenantPolicy
from workerflow.domain.timestamp import timestamp
from workerflow.ports.objects import ObjectStore
from workerflow.ports.schedules import ScheduleStore
from workerflow.ports.stores import SwitchStore
from workerflow.services.tenants import KnownTenants

SNAPSHOTS_LISTED = 1_000
"""One page; the bucket forgets snapshots after some weeks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotConfig:
    """Keeps one tenant's configuration of a day."""

    manifest: Manifest
    switches: SwitchStore
    schedules: ScheduleStore
    tenants: KnownTenants
    objects: ObjectStore

    def __call__(self, tenant: str, *, due_at_ms: int) -> dict[str, Any]:
        """Keep the snapshot of the day (UTC) of `due_at_ms`, unless there is one, and compare it with the one before.

        Returns:
            Its name, and the names that were `added`, `removed` and `changed` since `comparedWith`, the newest earlier
            snapshot; None and no names if there is none.

        Raises:
            StoreUnavailableError: ask again; a snapshot that was kept stands.
        """
        pointer = snapshot_pointer(tenant, timestamp(due_at_ms)[:10])
        kept = self.objects.find(pointer)
        if kept is None:
            kept = canonical(self._document(tenant))
            self.objects.put(pointer, kept)
        before = self._newest_before(tenant, pointer)
        return {"snapshot": pointer, "bytes": len(kept), **self._difference(before, json.loads(kept))}

    def _document(self, tenant: str) -> dict[str, Any]:
        cursors = self.schedules.list_cursors(tenant)
        return {
            "tenant": tenant,
            "manifest": json.loads(self.manifest.to_json()),
            "switches": {switch.source: _switch(switch) for switch in self.switches.list_switches(tenant)},
            "cursors": {cursor.name: _cursor(cursor) for cursor in cursors.readable},
            "unreadableCursors": sorted(cursors.unreadable),
            "policy": _policy(self.tenants().policy_of(tenant)),
        }

    def _newest_before(self, tenant: str, pointer: str) -> str | None:
        listed = self.objects.list_objects(snapshot_prefix(tenant), after="", limit=SNAPSHOTS_LISTED)
        return max((found.pointer for found in listed if found.pointer < pointer), default=None)

    def _difference(self, before: str | None, now: Mapping[str, Any]) -> dict[str, Any]:
        text = self.objects.find(before) if before else None
        if text is None:
            return {"comparedWith": None, "added": [], "removed": [], "changed": []}
        old, new = named(json.loads(text)), named(now)
        return {
            "comparedWith": before,
            "added": sorted(new.keys() - old.keys()),
            "removed": sorted(old.keys() - new.keys()),
            "changed": sorted(name for name in old.keys() & new.keys() if old[name] != new[name]),
        }


def canonical(document: Mapping[str, Any]) -> bytes:
    """Sorted keys and no white space: the same configuration is the same bytes."""
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def named(document: Mapping[str, Any]) -> dict[str, Any]:
    """What is compared, by name. Cursors move by themselves and are kept, but not compared."""
    return {
        **{f"route:{name}": value for name, value in document["manifest"]["routes"].items()},
        **{f"schedule:{name}": value for name, value in document["manifest"]["schedules"].items()},
        **{f"switch of {source}": value for source, value in document["switches"].items()},
        "policy": document["policy"],
    }


def _switch(switch: Switch) -> dict[str, Any]:
    return {
        "state": switch.state.value,
        "reason": switch.reason,
        "actor": switch.actor,
        "changedAt": timestamp(switch.changed_at_ms),
    }


def _cursor(cursor: ScheduleCursor) -> dict[str, Any]:
    return {
        "timing": cursor.timing,
        "since": timestamp(cursor.since_ms),
        "nextDue": None if cursor.next_due_ms is None else timestamp(cursor.next_due_ms),
        "lastDue": None if cursor.last_due_ms is None else timestamp(cursor.last_due_ms),
        "missed": {reason.value: count for reason, count in cursor.missed.items()},
    }


def _policy(policy: TenantPolicy | None) -> dict[str, Any] | None:
    if policy is None:
        return None
    return {
        "routes": None if policy.routes is None else sorted(policy.routes),
        "maxBodyBytes": policy.max_body_bytes,
        "maxInFlight": policy.max_in_flight,
        "rateLimits": [
            {"requests": limit.requests, "seconds": limit.seconds, "route": limit.route, "per": limit.per}
            for limit in policy.rate_limits
        ],
    }
