"""Whether any task was accepted within a stretch of time: asked where nothing was counted, which may be for none."""

from __future__ import annotations

from workerflow.domain.identity import SHARDS, first_trace_id_at
from workerflow.ports.stores import AcceptanceStore


def any_accepted(acceptances: AcceptanceStore, tenant: str, from_ms: int, until_ms: int) -> bool:
    """One entry of each shard is looked at; an entry that cannot be read is one of a task.

    Raises:
        StoreUnavailableError: ask again.
    """
    since, before = first_trace_id_at(max(0, from_ms)), first_trace_id_at(max(0, until_ms))
    for shard in range(SHARDS):
        found = acceptances.view_accepted(tenant, shard, since=since, before=before, limit=1)
        if found.entries or found.unreadable:
            return True
    return False
